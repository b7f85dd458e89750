"""Training one model on the training side of a fold; no function here ever gets the test side."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fleeting.augment import augmentations
from fleeting.errors import OptionError
from fleeting.models import Model, is_torch
from fleeting.optional import later
from fleeting.training.diffusion import drawn
from fleeting.training.episodes import drawn_episodes
from fleeting.training.fitted import Epoch, Fitted, logits_of
from fleeting.training.optimisation import class_weights, optimizer_of, schedule_of, weighted_loss
from fleeting.training.options import Training
from fleeting.training.pretraining import pretrain, unlabelled
from fleeting.training.selection import BestEpoch, validation_mask
from fleeting.training.training_set import TrainingSet
from fleeting.types import ArrayKind, FloatArray, Predict

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from fleeting.training.attention_removal import Fading
    from fleeting.training.objective import Objective
else:
    torch = later("torch", "train")

Watch = Callable[[int, Predict], None]
"""Called after each epoch with its number and a function that predicts; nothing it sees affects training."""


def fit(model: Model, data: TrainingSet, options: Training, seed: int, watch: Watch | None = None) -> Fitted:
    """Train ``model`` in place on ``data``.

    The same seed and number of threads give the same weights, bit for bit. Raises OptionError where the
    recipe asks for epochs of a model that has none, or where an augmentation refuses an input.
    """
    if is_torch(model):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return _fit_network(model, data, options, seed, watch)
    refuse_epochs(options)
    data = _filled(data, options, seed)
    model.fit(data.arrays, data.labels, seed)
    return Fitted(model, [], [], None)


def refuse_epochs(options: Training) -> None:
    """Raise OptionError where the recipe uses an option that needs a model trained in epochs."""
    more = options.augment or options.units or options.episodes.count or options.pretraining.epochs
    if options.selection == "inner" or options.traced or more:
        raise OptionError(
            "this model learns in one go, without epochs; leave selection=inner, trace_oracle, trace_loss,"
            " augment, units, episodes and pretraining out"
        )


def _filled(data: TrainingSet, options: Training, seed: int) -> TrainingSet:
    """The training set, with drawn samples of its rare classes added where the recipe asks for them."""
    if not options.diffusion.epochs:
        return data
    more, labels = drawn(data.arrays, data.labels, data.classes, options.diffusion, seed, device_of(options))
    return data.with_more(more, labels, ["drawn/nobody"] * len(labels))


def _copied(data: TrainingSet, options: Training, rng: np.random.Generator) -> TrainingSet:
    """The training set, with as many augmented copies of each sample as the recipe asks for."""
    count = options.augmented_copies
    if not count:
        return data
    copies = [_augmented(data.arrays, data.kinds, options.augment, rng) for _ in range(count)]
    arrays = [np.concatenate(column) for column in zip(*copies, strict=True)]
    units = None if data.units is None else np.tile(data.units, (count, 1))
    return data.with_more(arrays, np.tile(data.labels, count), data.subjects * count, units)


def _augmented(
    arrays: Sequence[FloatArray], kinds: Sequence[ArrayKind], names: Sequence[str], rng: np.random.Generator
) -> Sequence[FloatArray]:
    """Samples changed by these augmentations, one after another."""
    for name in names:
        arrays = augmentations[name](arrays, kinds, rng)
    return arrays


def _fit_network(
    model: nn.Module, data: TrainingSet, options: Training, seed: int, watch: Watch | None
) -> Fitted:
    from fleeting.training.objective import objective_of

    validation: TrainingSet | None = None
    refuse_removal(model, options)
    if options.selection == "inner":
        held = validation_mask(data.subjects, data.labels, options.validation_share, seed)
        data, validation = data.only(~held), data.only(held)
    fitted, batches = begun(model, data, options, seed)
    data = batches.data
    loss_of = _loss(options, data, device_of(options))
    objective = objective_of(model, loss_of, data, options, device_of(options))
    optimizer = optimizer_of([model], options, objective.added())
    schedule = schedule_of(optimizer, options)
    best, kept = BestEpoch(options.patience), None
    removal = _Removal(model, options, seed)
    for epoch in range(1, options.epochs + 1):
        removal.begin(epoch, fitted, data)
        loss, accuracy = _train_epoch(objective, batches, optimizer, options.autocast)
        schedule.step()
        if watch is not None or validation is not None or epoch == options.epochs:
            objective.settle(fitted, data)
        held_loss = None
        if validation is not None:
            held_loss = _validation_loss(fitted, validation, loss_of)
            if best.improves(epoch, held_loss):
                kept = copy.deepcopy(model.state_dict())
        fitted.curve.append(Epoch(epoch, loss, accuracy, held_loss))
        fitted.epoch = epoch
        if watch is not None:
            with torch.random.fork_rng(devices=[]):
                watch(epoch, fitted.probabilities)
        if validation is not None and best.exhausted:
            break
    objective.end()
    if kept is not None:
        model.load_state_dict(kept)
        fitted.epoch = best.epoch
    return fitted


def begun(model: nn.Module, data: TrainingSet, options: Training, seed: int) -> tuple[Fitted, Batches]:
    """Prepare a network for training: move it to its device, scale its inputs, cut its batches, pretrain it.

    Raises OptionError where the recipe asks for pretraining and the network has none.
    """
    device = device_of(options)
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    fitted = Fitted(model, *_scaling(data.arrays, options, device), device)
    rng = np.random.default_rng(seed)
    data = _copied(_filled(data, options, seed), options, rng)
    if (before := options.pretraining).epochs:
        rows = Batches(data, unlabelled(options), fitted, np.random.default_rng(seed))
        pretrain(model, rows, before, seed, options.autocast)
    return fitted, Batches(data, options, fitted, rng)


def refuse_removal(model: nn.Module, options: Training) -> None:
    """Raise OptionError where attention layers cannot be removed as the recipe asks."""
    from fleeting.training.attention_removal import refuse_too_many, refuse_waiting

    if not options.remove_attention:
        refuse_waiting(model)
        return
    refuse_too_many(model, options.remove_attention, options.remove_among)
    if options.selection == "inner":
        raise OptionError(
            "an inner choice could keep an epoch with layers that are to go; use selection=fixed with"
            " remove_attention"
        )
    if options.remove_from + options.remove_over > 1:
        raise OptionError(
            f"remove_from {options.remove_from:g} and remove_over {options.remove_over:g} add up to more than"
            " 1, so layers would not be gone at the end; lower one"
        )


class _Removal:
    """Removes the attention layers with the least transfer entropy by fading them out during training."""

    SEEN = 256
    """The most training samples on which entropies are measured."""

    def __init__(self, model: nn.Module, options: Training, seed: int) -> None:
        self._model, self._count, self._seed = model, options.remove_attention, seed
        self._among = options.remove_among
        self._start = 1 + int(options.epochs * options.remove_from)
        self._last = max(self._start, int(options.epochs * (options.remove_from + options.remove_over)))
        self._fading: Fading | None = None

    def begin(self, epoch: int, fitted: Fitted, data: TrainingSet) -> None:
        """Call before each epoch: in the first epoch of removal choose the layers, from then on fade them."""
        if not self._count or not self._start <= epoch <= self._last:
            return
        from fleeting.training.attention_removal import Fading, least_telling

        if self._fading is None:
            some = np.random.default_rng(self._seed).permutation(len(data.labels))[: self.SEEN]
            seen = fitted.scaled([array[some] for array in data.arrays])
            leaving = least_telling(self._model, seen, self._count, self._among)
            self._fading = Fading(self._model, leaving)
        self._fading.fade((self._last - epoch) / (self._last - self._start + 1))


class Batches:
    """Batches of one training set, augmented and scaled, in the recipe's order; an iteration is an epoch."""

    def __init__(
        self, data: TrainingSet, options: Training, fitted: Fitted, rng: np.random.Generator
    ) -> None:
        self.data, self.size, self.fitted, self.rng = data, options.batch, fitted, rng
        self.augment = () if options.augmented_copies else options.augment
        self.order, self.episodes = options.order, options.episodes
        self.labels = torch.from_numpy(data.labels).to(fitted.device)
        self.ready = None if self.augment else fitted.scaled(data.arrays)

    def __iter__(self) -> Any:
        for inputs, labels, _ in self.placed():
            yield inputs, labels

    def placed(self) -> Iterator[tuple[list[Tensor], Tensor, Tensor]]:
        """Inputs and labels of each batch, and where its samples stand in the training set."""
        for chosen in self._chosen():
            index = torch.from_numpy(chosen).to(self.fitted.device)
            yield self._inputs(chosen, index), self.labels[index], index

    def _chosen(self) -> Iterable[npt.NDArray[np.int64]]:
        """The rows of each batch."""
        if self.episodes.count:
            return drawn_episodes(self.data.labels, self.episodes, self.rng)
        order = self._order()
        cuts = list(range(self.size, len(order), self.size))
        if cuts and len(order) - cuts[-1] == 1:
            cuts.pop()  # batch norm needs more than one sample: a last batch of one joins the one before
        return np.split(order, cuts)

    def _order(self) -> npt.NDArray[np.int64]:
        """The rows of one epoch; balanced, they are as many as there are samples, some of them repeated."""
        labels = self.data.labels
        if self.order != "balanced":
            by_class = self.order == "by-class"
            return np.argsort(labels, kind="stable") if by_class else self.rng.permutation(len(labels))
        rarity = 1 / np.bincount(labels)[labels]
        return self.rng.choice(len(labels), len(labels), p=rarity / rarity.sum())

    def _inputs(self, chosen: npt.NDArray[np.int64], index: Tensor) -> list[Tensor]:
        if self.ready is not None:
            return [array[index] for array in self.ready]
        arrays = [array[chosen] for array in self.data.arrays]
        return self.fitted.scaled(_augmented(arrays, self.data.kinds, self.augment, self.rng))


def _train_epoch(
    objective: Objective, batches: Batches, optimizer: torch.optim.Optimizer, autocast: bool
) -> tuple[float, float]:
    objective.train()
    total, right, seen = 0.0, 0, 0
    for inputs, labels, rows in batches.placed():
        optimizer.zero_grad(set_to_none=True)
        cast = autocast and labels.is_cuda
        with torch.autocast(labels.device.type, dtype=torch.bfloat16, enabled=cast):
            step = objective(inputs, labels, rows)
        step.loss.backward()
        optimizer.step()
        total += float(step.loss.detach()) * step.asked
        right += int(step.right)
        seen += step.asked
    return total / seen, right / seen


def _validation_loss(fitted: Fitted, held: TrainingSet, loss_of: Callable[[Tensor, Tensor], Tensor]) -> float:
    if not is_torch(fitted.model):
        raise OptionError("only a network has a validation loss")
    logits = logits_of(fitted.model, fitted.scaled(held.arrays)).float()
    return float(loss_of(logits, torch.from_numpy(held.labels).to(fitted.device)))


def device_of(options: Training) -> torch.device:
    """The device a recipe trains on: a GPU if there is one, unless the recipe asks for the CPU.

    Raises OptionError where the recipe asks for a GPU and none is visible.
    """
    if options.device == "cuda" and not torch.cuda.is_available():
        raise OptionError("training.device is cuda and no GPU is visible; use auto or cpu")
    return torch.device("cuda" if options.device != "cpu" and torch.cuda.is_available() else "cpu")


def _scaling(
    arrays: Sequence[FloatArray], options: Training, device: torch.device
) -> tuple[list[Tensor], list[Tensor]]:
    means, deviations = [], []
    for array in arrays:
        mean = array.mean(axis=(0, 2, 3), keepdims=True, dtype=np.float64)  # (1, channels, 1, 1)
        deviation = array.std(axis=(0, 2, 3), keepdims=True, dtype=np.float64)
        if options.normalize != "train":
            mean = np.zeros_like(mean)
            deviation = np.full_like(deviation, 255 if options.normalize == "unit" else 1)
        deviation[deviation == 0] = 1
        means.append(torch.from_numpy(mean).float().to(device))
        deviations.append(torch.from_numpy(deviation).float().to(device))
    return means, deviations


def _loss(options: Training, data: TrainingSet, device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
    weight, loss = class_weights(options, data, device), weighted_loss(options)
    return lambda logits, labels: loss(logits, labels, weight)
