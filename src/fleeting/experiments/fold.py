"""Trains and tests a model on one fold.

A trained model meets the test side here and in `experiments.stacked` (many folds at once), nowhere else.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fleeting.augment import augmentations
from fleeting.datasets import units_in
from fleeting.errors import FoldError, OptionError, ScoreError
from fleeting.experiments.task import (
    Task,
    arrays_of,
    fold_seed,
    labels_of,
    model_of,
    peak_memory_mb,
    rows_of,
    trained,
)
from fleeting.models import is_torch
from fleeting.optional import later
from fleeting.scoring.metrics import class_measures, confusion
from fleeting.training.diffusion import refuse_undrawable
from fleeting.training.fitted import Epoch, Fitted
from fleeting.training.fitting import device_of, refuse_epochs, refuse_removal
from fleeting.training.optimisation import layer_rates, mean_loss
from fleeting.training.pretraining import refuse_pretraining
from fleeting.training.selection import Chosen, inner_folds
from fleeting.training.threads import threads
from fleeting.types import FloatArray, Fold, Predict, Prediction

if TYPE_CHECKING:
    import torch
else:
    torch = later("torch", "train")


@dataclass(frozen=True)
class Job:
    """One fold with one seed."""

    fold: Fold
    seed: int


@dataclass(frozen=True)
class Cost:
    """The cost of one fold: wall and processor seconds, process id, and peak memory of that process (MB).

    ``how`` is the executor's remark on how the fold was trained, where it had a choice.
    """

    seconds: float
    cpu_seconds: float
    process: int
    peak_memory_mb: float
    how: str = ""


@dataclass(frozen=True, eq=False)
class FoldResult:
    """The result of one fold: predictions by the rule of its recipe, and the oracle's where it was traced.

    ``test_accuracy`` has one number per epoch where the oracle or the loss was traced, ``test_loss`` where
    the loss was; they never reached the training.
    """

    fold: str
    seed: int
    predictions: tuple[Prediction, ...]
    epoch: int
    cost: Cost
    curve: tuple[Epoch, ...] = ()
    test_accuracy: tuple[float, ...] = ()
    test_loss: tuple[float, ...] = ()
    oracle: tuple[Prediction, ...] = ()
    oracle_epoch: int | None = None
    chosen: Chosen | None = None
    weights: dict[str, npt.NDArray[Any]] = field(default_factory=dict)


def evaluate(task: Task, job: Job) -> FoldResult:
    """Train on the fold's training side, then predict its test side."""
    started, cpu = time.perf_counter(), time.process_time()
    options = task.experiment.training
    with threads(options.threads):
        train, test = rows_of(task, job.fold.train), rows_of(task, job.fold.test)
        seed = fold_seed(job.seed, job.fold.name)
        settled, chosen = choose(task, train, seed)
        trace = Trace(settled, test) if options.traced else None
        fitted = trained(settled, train, seed, watch=trace)
        probabilities = fitted.probabilities(arrays_of(task, test))
    cost = Cost(time.perf_counter() - started, time.process_time() - cpu, os.getpid(), peak_memory_mb())
    return replace(result(task, job, fitted, probabilities, trace, cost), chosen=chosen)


def result(
    task: Task,
    job: Job,
    fitted: Fitted,
    probabilities: npt.NDArray[np.float64],
    trace: Trace | None,
    cost: Cost,
) -> FoldResult:
    """The result of a trained fold. Raises ScoreError where its probabilities are not finite."""
    if not np.isfinite(probabilities).all():
        raise ScoreError(
            f"fold {job.fold.name}: the training diverged, its probabilities are not finite after epoch"
            f" {fitted.epoch}; lower training.lr"
        )
    options = task.experiment.training
    oracle = trace if options.trace_oracle else None
    return FoldResult(
        fold=job.fold.name,
        seed=job.seed,
        predictions=_predictions(task, job, probabilities),
        epoch=fitted.epoch,
        cost=cost,
        curve=tuple(fitted.curve),
        test_accuracy=tuple(trace.accuracies) if trace else (),
        test_loss=tuple(trace.losses) if trace and options.trace_loss else (),
        oracle=_predictions(task, job, oracle.best) if oracle else (),
        oracle_epoch=oracle.epoch if oracle else None,
        weights=fitted.state() if options.keep_weights else {},
    )


def choose(task: Task, rows: npt.NDArray[np.int64], seed: int) -> tuple[Task, Chosen | None]:
    """Choose settings for these rows by testing the candidates on people held out among them.

    No other rows are looked at. A task without ``[choose]`` is returned as it is. Of candidates with equal
    scores the first is taken. Raises FoldError where there are fewer people than inner folds.
    """
    if not task.experiment.choose.among:
        return task, None
    candidates = candidates_of(task)
    subjects = [task.inputs.samples[row].subject for row in rows]
    folds = list(inner_folds(subjects, task.experiment.choose.folds, seed))
    scores = []
    for candidate in candidates:
        said = np.empty(len(rows), np.int64)
        for learnt, held in folds:
            fitted = trained(candidate, rows[learnt], seed)
            said[held] = fitted.probabilities(arrays_of(task, rows[held])).argmax(axis=1)
        found = confusion(labels_of(task)[rows], said, len(task.classes))
        scores.append(float(np.nanmean(class_measures(found)[2])))  # over the classes that these rows have
    best = int(np.argmax(scores))
    return candidates[best], Chosen(best, tuple(scores))


def candidates_of(task: Task) -> list[Task]:
    """The task with the settings of each candidate; only itself where its recipe has no ``[choose]``."""
    return [replace(task, experiment=candidate.completed()) for candidate in task.experiment.candidates()]


def rehearse_choice(task: Task, folds: Sequence[Fold]) -> None:
    """Refuse folds that could not choose their settings, before the run is written. Raises FoldError."""
    choice, options = task.experiment.choose, task.experiment.training
    if not choice.among:
        return
    for fold, seed in product(folds, range(options.seed, options.seed + options.seeds)):
        subjects = [sample.subject for sample in fold.train]
        for learnt, _ in inner_folds(subjects, choice.folds, fold_seed(seed, fold.name)):
            if len({fold.train[row].label for row in learnt}) < 2:
                raise FoldError(
                    f"fold {fold.name}: with choose.folds={choice.folds} an inner fold learns from one class"
                    " only; choose more of them, or leave choose out"
                )


def rehearse(task: Task) -> None:
    """Refuse a task that training would refuse later, before the run is written.

    Raises OptionError on options that a model without epochs cannot take, pretraining or rates by layer that
    the model does not know, an augmentation that would falsify an input, a device that is not there, and
    inputs that the model cannot take; MissingExtraError where diffusion is asked for without its extra.
    """
    if task.experiment.choose.among:
        if task.experiment.training.keep_weights:
            raise OptionError(
                "folds that choose their settings would keep different models; leave out keep_weights or"
                " choose"
            )
        for candidate in candidates_of(task):
            rehearse(candidate)
        return
    options, inputs = task.experiment.training, task.inputs
    model = model_of(task, seed=0)
    if options.diffusion.epochs:
        refuse_undrawable(inputs.arrays)
    if not is_torch(model):
        refuse_epochs(options)
        return
    from fleeting.training.objective import refuse_objective

    device_of(options)
    refuse_removal(model, options)
    refuse_pretraining(model, options.pretraining)
    layer_rates(model, options)
    refuse_objective(model, len(task.classes), options)
    if options.units and not any(units_in(sample.action_units) for sample in inputs.samples):
        raise OptionError(
            f"training.units asks for action units, and no sheet of {task.experiment.data.dataset} names any;"
            " set training.units=[]"
        )
    first: Sequence[FloatArray] = [array[:1] for array in inputs.arrays]
    for name in options.augment:
        first = augmentations[name](first, inputs.kinds, np.random.default_rng(0))
    try:
        with torch.inference_mode():
            model.eval()(*map(torch.from_numpy, first))
    except RuntimeError as error:
        shapes = ", ".join(str(array.shape[1:]) for array in first)
        raise OptionError(
            f"model {task.experiment.model.name} cannot take inputs {shapes} ({error}); choose others"
        ) from error


class Trace:
    """Records the test side's accuracy and loss after every epoch, and its predictions at the best epoch.

    The best is that of highest accuracy. It gives the inflated score of the oracle and the curves of papers;
    nothing of it reaches the training.
    """

    def __init__(self, task: Task, test: npt.NDArray[np.int64]) -> None:
        self.arrays = arrays_of(task, test)
        self._labels = labels_of(task)[test]
        self._options = task.experiment.training
        self.accuracies: list[float] = []
        self.losses: list[float] = []
        self.best: npt.NDArray[np.float64] = np.empty(0)
        self.epoch = 0

    def __call__(self, epoch: int, predict: Predict) -> None:
        """Predict the test side after an epoch, and record the result."""
        self.take(epoch, predict(self.arrays))

    def take(self, epoch: int, probabilities: npt.NDArray[np.float64]) -> None:
        """Record the test side's probabilities (n, classes) after an epoch."""
        accuracy = float((probabilities.argmax(axis=1) == self._labels).mean())
        best = max(self.accuracies, default=-1.0)
        if accuracy > best or (accuracy == best and self._options.oracle_ties == "last"):
            self.best, self.epoch = probabilities, epoch
        self.accuracies.append(accuracy)
        self.losses.append(mean_loss(self._options, probabilities, self._labels))


def _predictions(task: Task, job: Job, probabilities: npt.NDArray[np.float64]) -> tuple[Prediction, ...]:
    return tuple(
        Prediction(
            id=sample.id,
            dataset=sample.dataset,
            subject=sample.subject,
            fold=job.fold.name,
            truth=task.classes.index(sample.label),
            predicted=int(row.argmax()),
            probabilities=tuple(float(p) for p in row),
        )
        for sample, row in zip(job.fold.test, probabilities, strict=True)
    )
