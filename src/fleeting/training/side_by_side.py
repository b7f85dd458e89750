"""Training many copies of one network, one for each fold, as one batched computation.

The parameters of all copies are stacked and the network is mapped over them (`torch.vmap`). Each copy keeps
its own batches, class weights, batch statistics, random numbers and optimiser state, so it learns the same
as it would alone, except that sums in another order round differently. Batches of different lengths are
never padded: at each step, copies whose batches are equally long are computed together.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call

from fleeting.errors import OptionError
from fleeting.training.fitted import Epoch, Fitted
from fleeting.training.fitting import Batches, begun, device_of
from fleeting.training.optimisation import class_weights, optimizer_of, schedule_of, weighted_loss
from fleeting.training.options import Diffusion, Pretraining, Training
from fleeting.training.training_set import TrainingSet
from fleeting.training.vmapped import InTheirPlace, RandomNumbers
from fleeting.types import FloatArray

Probabilities = npt.NDArray[np.float64]
PredictTogether = Callable[[Sequence[Sequence[FloatArray]]], list[Probabilities]]
"""A function that takes the arrays of each fold and returns the class probabilities of each fold."""


def why_apart(model: Any, options: Training) -> str:
    """The reason why copies of this model should be trained one by one; empty where they train together."""
    return _why_never(model, options) or _why_slower(options)


def _why_never(model: Any, options: Training) -> str:
    if not isinstance(model, nn.Module):
        return "this model learns in one go, without epochs"
    if options.selection == "inner":
        return "with selection=inner each fold ends at an epoch of its own"
    if options.remove_attention:
        return "with remove_attention each fold loses other layers"
    if options.units or options.episodes.count or hasattr(model, "objective"):
        return "with a loss beside that of the classes each network needs layers or batches of its own"
    return ""


def _why_slower(options: Training) -> str:
    return "on a CPU convolutions are faster one after another" if device_of(options).type == "cpu" else ""


def bytes_in_training(model: nn.Module, data: TrainingSet, options: Training, seed: int) -> int:
    """Estimate the bytes of memory that one copy needs during training.

    Counted are its clips, each parameter with its gradient and two moments, and twice the tensors that one
    batch saves for the backward pass.
    """
    plain = options.model_copy(update={"diffusion": Diffusion(), "pretraining": Pretraining()})
    fitted, batches = begun(model, data, plain, seed)
    inputs, _ = next(iter(batches))
    left: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        left[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    network = _network(fitted).train()
    with torch.random.fork_rng(devices=[]), saved_tensors_hooks(note, lambda tensor: tensor):
        kept = network(*inputs)  # keeps the saved tensors alive, so that no address is used twice
    parameters = sum(parameter.nbytes for parameter in network.parameters())
    del kept
    return sum(array.nbytes for array in batches.data.arrays) + 4 * parameters + 2 * sum(left.values())


def fit_together(
    models: Sequence[nn.Module],
    sets: Sequence[TrainingSet],
    options: Training,
    seeds: Sequence[int],
    watch: Callable[[int, PredictTogether], None] | None = None,
) -> list[Fitted]:
    """Train each of the ``models`` in place on its set with its seed, all of them as one computation.

    ``watch`` is called after each epoch with its number and a function that predicts with all models. Raises
    OptionError where the recipe or the models cannot be trained together.
    """
    if why := _why_never(models[0], options):
        raise OptionError(f"folds cannot be trained together: {why}; use another executor")
    given = zip(models, sets, seeds, strict=True)
    both = [begun(model, data, options, seed) for model, data, seed in given]
    folds, batches = [fitted for fitted, _ in both], [seen for _, seen in both]
    stack = _Stack(folds, [seen.data for seen in batches], options, seeds)
    optimizer = optimizer_of(models, options)
    schedule = schedule_of(optimizer, options)
    for epoch in range(1, options.epochs + 1):
        with warnings.catch_warnings():
            # a pooling layer is done copy by copy, which takes nothing beside the rest
            warnings.filterwarnings("ignore", message="There is a performance drop", category=UserWarning)
            lines = _train_epoch(stack, batches, optimizer)
        schedule.step()
        for fitted, (loss, accuracy) in zip(folds, lines, strict=True):
            fitted.curve.append(Epoch(epoch, loss, accuracy))
            fitted.epoch = epoch
        if watch is not None:
            watch(epoch, stack.probabilities)
    return folds


def _train_epoch(
    stack: _Stack, batches: Sequence[Batches], optimizer: torch.optim.Optimizer
) -> list[tuple[float, float]]:
    """Train one epoch and return loss and accuracy of each fold; a finished fold waits for the others."""
    totals = torch.zeros(2, len(batches), dtype=torch.float64, device=stack.device)  # losses, correct answers
    for step in zip_longest(*batches):
        together: dict[int, list[int]] = {}
        for fold, batch in enumerate(step):
            if batch is not None:
                together.setdefault(len(batch[1]), []).append(fold)
        for length, chosen in together.items():
            losses, right = stack.learn(chosen, [step[fold] for fold in chosen])
            totals[:, chosen] += torch.stack([losses * length, right])
        optimizer.step()  # a waiting fold has no gradients, so it is not changed
        optimizer.zero_grad(set_to_none=True)
    counts = [len(seen.labels) for seen in batches]
    return [(loss / n, right / n) for (loss, right), n in zip(totals.T.tolist(), counts, strict=True)]


class _Stack:
    """Copies of one network side by side: each tensor of a copy is a row of a larger tensor."""

    def __init__(
        self, folds: Sequence[Fitted], sets: Sequence[TrainingSet], options: Training, seeds: Sequence[int]
    ) -> None:
        networks = [_network(fitted) for fitted in folds]
        self.device, self._folds, self._options = folds[0].means[0].device, folds, options
        self._network = copy.deepcopy(networks[0])
        self._own = [dict(network.named_parameters()) for network in networks]
        self._parameters = _side_by_side(self._own)
        self._buffers = _side_by_side([dict(network.named_buffers()) for network in networks])
        self._halves = _halves(options, self.device)
        self._random = RandomNumbers(self._network, seeds, self.device, self._halves)
        self._loss = weighted_loss(options)
        weights = [w for data in sets if (w := class_weights(options, data, self.device)) is not None]
        self._class_weights = torch.stack(weights) if weights else None

    def learn(
        self, chosen: Sequence[int], batches: Sequence[tuple[list[Tensor], Tensor]]
    ) -> tuple[Tensor, Tensor]:
        """Compute the gradients of equally long batches and store them in the parameters of their folds.

        Returns the loss and the number of correct answers of each fold: (folds,).
        """
        self._network.train()
        inputs = [torch.stack(arrays) for arrays in zip(*(arrays for arrays, _ in batches), strict=True)]
        labels = torch.stack([labels for _, labels in batches])  # (folds, batch)
        whole = len(chosen) == len(self._folds)
        rows = slice(None) if whole else torch.tensor(chosen, device=self.device)
        parameters = {name: t[rows].requires_grad_() for name, t in self._parameters.items()}
        buffers = {name: t[rows] for name, t in self._buffers.items()}
        numbers = self._random.numbers(chosen, batches[0][0])
        logits = torch.vmap(partial(self._forward, halves=self._halves))(parameters, buffers, inputs, numbers)
        weights = None if self._class_weights is None else self._class_weights[rows]
        in_dims = (0, 0, None if weights is None else 0)
        losses = torch.vmap(self._loss, in_dims=in_dims)(logits, labels, weights)  # (folds,)
        gradients: Sequence[Tensor | None] = torch.autograd.grad(
            losses.sum(), list(parameters.values()), allow_unused=True
        )
        for name, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                for fold, row in zip(chosen, gradient.contiguous(), strict=True):  # laid out like parameters
                    self._own[fold][name].grad = row
        if not whole:
            for name, buffer in buffers.items():
                self._buffers[name][rows] = buffer
        return losses.detach(), (logits.argmax(dim=2) == labels).sum(dim=1)

    def probabilities(self, arrays: Sequence[Sequence[FloatArray]]) -> list[Probabilities]:
        """Class probabilities of each fold for its own arrays.

        Shorter arrays are padded with zeros. That changes nothing: in evaluation no clip affects another.
        """
        self._network.eval()
        lengths = [len(of_fold[0]) for of_fold in arrays]
        scaled = [fitted.scaled(of_fold) for fitted, of_fold in zip(self._folds, arrays, strict=True)]
        inputs = [_filled_up(tensors) for tensors in zip(*scaled, strict=True)]
        with torch.inference_mode():
            pieces = [
                torch.vmap(self._forward)(self._parameters, self._buffers, list(piece), [])
                for piece in zip(*(torch.split(t, self._options.batch, dim=1) for t in inputs), strict=True)
            ]
        found = torch.softmax(torch.cat(pieces, dim=1).double(), dim=2).cpu().numpy()
        return [rows[:length] for rows, length in zip(found, lengths, strict=True)]

    def _forward(
        self,
        parameters: Mapping[str, Tensor],
        buffers: Mapping[str, Tensor],
        inputs: list[Tensor],
        numbers: list[Tensor],
        halves: bool = False,
    ) -> Tensor:
        with InTheirPlace(numbers, halves):
            logits: Tensor = functional_call(self._network, ({**parameters, **buffers},), tuple(inputs))
        return logits


def _network(fitted: Fitted) -> nn.Module:
    if not isinstance(fitted.model, nn.Module):
        raise OptionError("only networks are trained together; use another executor")
    return fitted.model


def _halves(options: Training, device: torch.device) -> bool:
    """Whether products are computed in bfloat16: on a GPU, if the recipe allows it, as in training alone."""
    return options.autocast and device.type == "cuda"


def _side_by_side(of_folds: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Stack each tensor of all folds into one (folds, ...); a fold's own tensor becomes a view of its row."""
    stacked = {}
    for name in of_folds[0]:
        rows = torch.stack([own[name].detach().contiguous() for own in of_folds])
        for own, row in zip(of_folds, rows, strict=True):
            own[name].data = row
        stacked[name] = rows
    return stacked


def _filled_up(tensors: Sequence[Tensor]) -> Tensor:
    """Arrays (n, ...) of all folds as one (folds, largest n, ...), with zeros where a fold has fewer."""
    longest = max(len(tensor) for tensor in tensors)
    filled = tensors[0].new_zeros(len(tensors), longest, *tensors[0].shape[1:])
    for row, tensor in zip(filled, tensors, strict=True):
        row[: len(tensor)] = tensor
    return filled
