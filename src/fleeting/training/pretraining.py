"""Pretraining: a network first learns without labels, from the clips of the same training side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fleeting.errors import OptionError
from fleeting.optional import later
from fleeting.training.options import Episodes, Pretraining, Training

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
else:
    torch = later("torch", "train")


def unlabelled(options: Training) -> Training:
    """A recipe's training as its pretraining cuts batches: they know no labels."""
    changed = {"order": "shuffled", "batch": options.pretraining.batch, "episodes": Episodes()}
    return options.model_copy(update=changed)


def refuse_pretraining(model: Any, options: Pretraining) -> None:
    """Raise OptionError where the recipe asks for pretraining and the model has no task without labels."""
    if options.epochs and not hasattr(model, "pretext"):
        raise OptionError(
            f"{type(model).__name__} has no task without labels, found training.pretraining.epochs"
            f" {options.epochs}; leave it out, or give the model a `pretext`"
        )


def pretrain(
    model: nn.Module,
    batches: Iterable[tuple[list[Tensor], Tensor]],
    options: Pretraining,
    seed: int,
    autocast: bool,
) -> list[float]:
    """Train a network's own `pretext` in place, and return the loss of each epoch.

    ``batches`` gives an epoch's inputs whenever it is iterated; their labels are not looked at. AdamW with a
    cosine schedule (our reading: no paper here says it). Raises OptionError as `refuse_pretraining` does.
    """
    refuse_pretraining(model, options)
    losses: list[float] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        device = next(model.parameters()).device
        pretext: Any = model.pretext().to(device).train()  # type: ignore[operator]
        follow = getattr(pretext, "follow", lambda: None)
        learnt = [weight for weight in pretext.parameters() if weight.requires_grad]
        optimizer = torch.optim.AdamW(learnt, options.lr, weight_decay=options.weight_decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs)
        for _ in range(options.epochs):
            total, steps = 0.0, 0
            for inputs, _ in batches:
                optimizer.zero_grad(set_to_none=True)
                cast = autocast and device.type == "cuda"
                with torch.autocast(device.type, dtype=torch.bfloat16, enabled=cast):
                    loss = pretext(*inputs)
                loss.backward()
                optimizer.step()
                follow()
                total, steps = total + float(loss.detach()), steps + 1
            schedule.step()
            losses.append(total / steps)
        optimizer.zero_grad(set_to_none=True)
    return losses
