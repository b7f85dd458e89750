"""How a recipe optimises a network: its loss, class weights, optimiser and learning rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax

from fleeting.errors import OptionError
from fleeting.optional import later
from fleeting.training.options import Training
from fleeting.training.training_set import TrainingSet
from fleeting.types import IntArray

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor, nn
else:
    F = later("torch.nn.functional", "train")
    torch = later("torch", "train")


def optimizer_of(
    models: Sequence[nn.Module], options: Training, more: Sequence[nn.Parameter] = ()
) -> torch.optim.Optimizer:
    """The recipe's optimiser over the weights of these networks, and ``more`` that learn beside them.

    Raises OptionError as `layer_rates` does.
    """
    groups = [group for model in models for group in layer_rates(model, options)]
    groups += [{"params": [*more]}] if more else []
    chosen: Mapping[str, Callable[[], torch.optim.Optimizer]] = {
        "adam": lambda: torch.optim.Adam(groups, options.lr, weight_decay=options.weight_decay, fused=True),
        "adamw": lambda: torch.optim.AdamW(groups, options.lr, weight_decay=options.weight_decay, fused=True),
        "sgd": lambda: torch.optim.SGD(
            groups, options.lr, options.momentum, weight_decay=options.weight_decay, fused=True
        ),
    }
    return chosen[options.optimizer]()


def layer_rates(model: nn.Module, options: Training) -> list[dict[str, Any]]:
    """A network's weights as an optimiser's parameter groups, a layer each, with the layer's learning rate.

    A layer has ``layer_decay`` times the rate of the layer behind it; weights that the ``layer_order`` of the
    model does not name (its head, its last norm) have the whole rate. Raises OptionError where the rates are
    to differ and the model has no ``layer_order``.
    """
    if options.layer_decay == 1:
        return [{"params": list(model.parameters())}]
    order: Sequence[str | tuple[str, ...]] = getattr(model, "layer_order", ())
    if not order:
        raise OptionError(
            f"{type(model).__name__} does not say in which order its layers lie, found layer_decay"
            f" {options.layer_decay:g}; leave it out, or give the model a `layer_order`"
        )
    layers = [(layer,) if isinstance(layer, str) else layer for layer in order]
    groups: list[dict[str, Any]] = [
        {"params": [], "lr": options.lr * options.layer_decay ** (len(layers) - number)}
        for number in range(len(layers) + 1)
    ]
    for name, weight in model.named_parameters():
        inside = (any(f"{name}.".startswith(f"{part}.") for part in layer) for layer in layers)
        groups[next((number for number, found in enumerate(inside) if found), -1)]["params"].append(weight)
    return [group for group in groups if group["params"]]


def schedule_of(optimizer: torch.optim.Optimizer, options: Training) -> torch.optim.lr_scheduler.LRScheduler:
    """The recipe's schedule of the learning rate, stepped once per epoch: a rise, then its formula."""
    rising = min(round(options.warm_up * options.epochs), options.epochs - 1)
    formula: Mapping[str, Callable[[int], float]] = {
        "constant": lambda _: 1.0,
        "exponential": lambda epoch: options.decay**epoch,
        "step": lambda epoch: float(options.decay ** (epoch // options.step_epochs)),
        "cosine": lambda epoch: 0.5 * (1 + float(np.cos(np.pi * epoch / (options.epochs - rising)))),
    }

    def factor(epoch: int) -> float:
        return (epoch + 1) / (rising + 1) if epoch < rising else formula[options.schedule](epoch - rising)

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def class_weights(options: Training, data: TrainingSet, device: torch.device) -> Tensor | None:
    """The weight of a sample of each class in the loss: (classes,), or None where all weigh the same."""
    if options.class_weights == "none":
        return None
    counts = np.bincount(data.labels, minlength=data.classes)
    return torch.from_numpy(len(data.labels) / (data.classes * np.maximum(counts, 1))).float().to(device)


LEAST_PROBABILITY = 1e-15
"""The probability that one of 0 counts as in a loss, which would be infinite."""


def mean_loss(options: Training, probabilities: npt.NDArray[np.float64], labels: IntArray) -> float:
    """The recipe's loss of class probabilities (n, classes), the mean over samples without class weights.

    It is `weighted_loss` without weights, in numpy: models that learn without torch have a loss too.
    """
    logs = log_softmax(np.log(np.maximum(probabilities, LEAST_PROBABILITY)), axis=1)
    of_truth = logs[np.arange(len(labels)), labels]
    smoothing = options.label_smoothing
    losses = -(1 - smoothing) * of_truth - smoothing * logs.mean(axis=1)
    if options.loss == "focal":
        losses *= (1 - np.exp(of_truth)) ** options.focal_gamma
    return float(losses.mean())


def weighted_loss(options: Training) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    """The recipe's loss: cross-entropy, or focal loss (Lin et al. 2017), weighted by class if asked.

    Focal loss is cross-entropy times (1 - p)^gamma, p being the probability of the true class. The loss takes
    logits (n, classes), labels (n,) and class weights (classes,) or None.
    """
    gamma = options.focal_gamma if options.loss == "focal" else 0.0

    def loss(logits: Tensor, labels: Tensor, weight: Tensor | None) -> Tensor:
        if gamma == 0:
            return F.cross_entropy(logits, labels, weight, label_smoothing=options.label_smoothing)
        plain = F.cross_entropy(
            logits, labels, weight, label_smoothing=options.label_smoothing, reduction="none"
        )
        sure = torch.softmax(logits, dim=1).gather(1, labels[:, None])[:, 0]
        scale = weight[labels].sum() if weight is not None else len(labels)
        return ((1 - sure) ** gamma * plain).sum() / scale

    return loss
