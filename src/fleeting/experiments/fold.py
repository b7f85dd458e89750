"""Evaluating one fold: the only place where a trained model meets the test side."""

from __future__ import annotations

import hashlib
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits
from torch import nn

from fleeting.augment import augmentations
from fleeting.errors import FoldError, OptionError, ScoreError
from fleeting.experiments.recipe import Experiment
from fleeting.inputs.loading import Inputs
from fleeting.models import build, head_is_fresh
from fleeting.scoring.metrics import class_measures, confusion
from fleeting.training.diffusion import refuse_undrawable
from fleeting.training.fitting import (
    Epoch,
    Fitted,
    TrainingSet,
    Watch,
    device_of,
    fit,
    refuse_epochs,
    refuse_removal,
)
from fleeting.training.selection import Chosen, inner_folds
from fleeting.types import FloatArray, Fold, Predict, Prediction, Sample


@dataclass(frozen=True, eq=False)
class Task:
    """What all folds of an experiment share."""

    experiment: Experiment
    inputs: Inputs
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """One fold with one seed."""

    fold: Fold
    seed: int


@dataclass(frozen=True)
class Cost:
    """What a fold took: wall and processor seconds, the process that did it and its peak memory (MB).

    ``how`` is what the executor says about the way it was done, where it had a choice.
    """

    seconds: float
    cpu_seconds: float
    process: int
    peak_memory_mb: float
    how: str = ""


@dataclass(frozen=True, eq=False)
class FoldResult:
    """What one fold leaves: predictions by the rule of its recipe, and beside them the traced oracle's.

    ``test_accuracy`` has one number an epoch where the oracle was traced; it never reached the training.
    """

    fold: str
    seed: int
    predictions: tuple[Prediction, ...]
    epoch: int
    cost: Cost
    curve: tuple[Epoch, ...] = ()
    test_accuracy: tuple[float, ...] = ()
    oracle: tuple[Prediction, ...] = ()
    oracle_epoch: int | None = None
    chosen: Chosen | None = None
    weights: dict[str, npt.NDArray[Any]] = field(default_factory=dict)


def evaluate(task: Task, job: Job) -> FoldResult:
    """Train on the fold's training side, then predict its test side."""
    started, cpu = time.perf_counter(), time.process_time()
    recipe = task.experiment.training
    with threads(recipe.threads):
        train, test = rows_of(task, job.fold.train), rows_of(task, job.fold.test)
        oracle = OracleTrace(task, test) if recipe.trace_oracle else None
        seed = fold_seed(job.seed, job.fold.name)
        settled, chosen = choose(task, train, seed)
        fitted = trained(settled, train, seed, watch=oracle)
        probabilities = fitted.probabilities(arrays_of(task, test))
    cost = Cost(time.perf_counter() - started, time.process_time() - cpu, os.getpid(), peak_memory_mb())
    return replace(result(task, job, fitted, probabilities, oracle, cost), chosen=chosen)


def result(
    task: Task,
    job: Job,
    fitted: Fitted,
    probabilities: npt.NDArray[np.float64],
    oracle: OracleTrace | None,
    cost: Cost,
) -> FoldResult:
    """What a trained fold leaves. Raises ScoreError where its probabilities are not finite."""
    if not np.isfinite(probabilities).all():
        raise ScoreError(
            f"fold {job.fold.name}: the training diverged, its probabilities are not finite after epoch"
            f" {fitted.epoch}; lower training.lr"
        )
    return FoldResult(
        fold=job.fold.name,
        seed=job.seed,
        predictions=_predictions(task, job, probabilities),
        epoch=fitted.epoch,
        cost=cost,
        curve=tuple(fitted.curve),
        test_accuracy=tuple(oracle.accuracies) if oracle else (),
        oracle=_predictions(task, job, oracle.best) if oracle else (),
        oracle_epoch=oracle.epoch if oracle else None,
        weights=fitted.state() if task.experiment.training.keep_weights else {},
    )


def choose(task: Task, rows: npt.NDArray[np.int64], seed: int) -> tuple[Task, Chosen | None]:
    """The task with the settings that these rows choose for themselves, by people held out among them.

    Nothing but these rows is looked at. A task without ``[choose]`` comes back as it is. Of candidates that
    score alike the first is taken. Raises FoldError on fewer people than inner folds.
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
        found = confusion(_labels(task)[rows], said, len(task.classes))
        scores.append(float(np.nanmean(class_measures(found)[2])))  # of the classes that these rows have
    best = int(np.argmax(scores))
    return candidates[best], Chosen(best, tuple(scores))


def candidates_of(task: Task) -> list[Task]:
    """The task with each of the settings that its folds choose among; itself where there is no choice."""
    return [replace(task, experiment=candidate.completed()) for candidate in task.experiment.candidates()]


def rehearse_choice(task: Task, folds: Sequence[Fold]) -> None:
    """Refuse, before anything is written, folds that could not choose. Raises FoldError."""
    choice, recipe = task.experiment.choose, task.experiment.training
    if not choice.among:
        return
    for fold, seed in product(folds, range(recipe.seed, recipe.seed + recipe.seeds)):
        subjects = [sample.subject for sample in fold.train]
        for learnt, _ in inner_folds(subjects, choice.folds, fold_seed(seed, fold.name)):
            if len({fold.train[row].label for row in learnt}) < 2:
                raise FoldError(
                    f"fold {fold.name}: with choose.folds={choice.folds} an inner fold learns from one class"
                    " only; choose more of them, or leave choose out"
                )


def trained(task: Task, rows: npt.NDArray[np.int64], seed: int, watch: Watch | None = None) -> Fitted:
    """The experiment's model, trained on these rows of its samples and on nothing else."""
    recipe = task.experiment.training
    with threads(recipe.threads):
        return fit(model_of(task, seed), training_set(task, rows), recipe, seed, watch)


def rehearse(task: Task) -> None:
    """Refuse, before anything is written, what training would refuse later.

    Raises OptionError: options that a model without epochs cannot take, an augmentation that would falsify an
    input, a device that is not there, inputs that the model cannot take; MissingExtraError.
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
    recipe, inputs = task.experiment.training, task.inputs
    model = model_of(task, seed=0)
    if recipe.diffusion.epochs:
        refuse_undrawable(inputs.arrays)
    if not isinstance(model, nn.Module):
        refuse_epochs(recipe)
        return
    device_of(recipe)
    refuse_removal(model, recipe)
    first: Sequence[FloatArray] = [array[:1] for array in inputs.arrays]
    for name in recipe.augment:
        first = augmentations[name](first, inputs.kinds, np.random.default_rng(0))
    try:
        with torch.inference_mode():
            model.eval()(*map(torch.from_numpy, first))
    except RuntimeError as error:
        shapes = ", ".join(str(array.shape[1:]) for array in first)
        raise OptionError(
            f"model {task.experiment.model.name} cannot take inputs {shapes} ({error}); choose others"
        ) from error


def begins_with(task: Task) -> dict[str, Any] | None:
    """The file whose weights the network starts from, and whether its head starts at random all the same."""
    file = task.experiment.model.pretrained
    if not file:
        return None
    return {"file": file, "fresh_head": head_is_fresh(model_of(task, seed=0, pretrained=False), Path(file))}


def fold_seed(seed: int, fold: str) -> int:
    """A fold's own seed: the same wherever and in whatever order the folds are done."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{fold}".encode()).digest()[:4], "big")


def peak_memory_mb() -> float:
    """The largest resident size of this process so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


class OracleTrace:
    """Follows the test side's accuracy over the epochs and keeps the best: the inflated second number."""

    def __init__(self, task: Task, test: npt.NDArray[np.int64]) -> None:
        self.arrays = arrays_of(task, test)
        self._labels = _labels(task)[test]
        self.accuracies: list[float] = []
        self.best: npt.NDArray[np.float64] = np.empty(0)
        self.epoch = 0

    def __call__(self, epoch: int, predict: Predict) -> None:
        """Ask for the test side's probabilities after an epoch, and take them in."""
        self.take(epoch, predict(self.arrays))

    def take(self, epoch: int, probabilities: npt.NDArray[np.float64]) -> None:
        """Take in the test side's probabilities (n, classes) after an epoch."""
        accuracy = float((probabilities.argmax(axis=1) == self._labels).mean())
        if accuracy > max(self.accuracies, default=-1.0):
            self.best, self.epoch = probabilities, epoch
        self.accuracies.append(accuracy)


def model_of(task: Task, seed: int, pretrained: bool = True) -> Any:
    """The experiment's model before training."""
    choice = task.experiment.model
    shapes = [array.shape[1:] for array in task.inputs.arrays]
    start = choice.pretrained if pretrained else ""
    return build(choice.name, len(task.classes), shapes, choice.model_extra or {}, seed, start)


def rows_of(task: Task, samples: Sequence[Sample]) -> npt.NDArray[np.int64]:
    """Where these samples lie in the task's arrays."""
    where = {sample.id: row for row, sample in enumerate(task.inputs.samples)}
    return np.array([where[sample.id] for sample in samples])


def training_set(task: Task, rows: npt.NDArray[np.int64]) -> TrainingSet:
    """What a model may learn from these rows."""
    subjects = tuple(task.inputs.samples[row].subject for row in rows)
    return TrainingSet(
        arrays_of(task, rows), task.inputs.kinds, _labels(task)[rows], subjects, len(task.classes)
    )


def arrays_of(task: Task, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float32], ...]:
    """The inputs of these rows: (n, channels, height, width) each."""
    return tuple(array[rows] for array in task.inputs.arrays)


def _labels(task: Task) -> npt.NDArray[np.int64]:
    return np.array([task.classes.index(sample.label) for sample in task.inputs.samples], dtype=np.int64)


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


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Fix the threads of torch and BLAS: sums in another order are other sums."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)
