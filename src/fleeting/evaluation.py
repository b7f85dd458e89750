"""Evaluating one fold: the only place where a trained model meets the test side."""

from __future__ import annotations

import hashlib
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits
from torch import nn

from fleeting.augment import augmentations
from fleeting.errors import OptionError, ScoreError
from fleeting.experiment import Experiment
from fleeting.inputs import Inputs
from fleeting.models import build
from fleeting.training import Epoch, Fitted, Predict, TrainingSet, Watch, device_of, fit, refuse_epochs
from fleeting.types import FloatArray, Fold, Prediction


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
    """What a fold took: wall and processor seconds, the process that did it and its peak memory (MB)."""

    seconds: float
    cpu_seconds: float
    process: int
    peak_memory_mb: float


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
    weights: dict[str, npt.NDArray[Any]] = field(default_factory=dict)


def evaluate(task: Task, job: Job) -> FoldResult:
    """Train on the fold's training side, then predict its test side."""
    started, cpu = time.perf_counter(), time.process_time()
    recipe = task.experiment.training
    with _threads(recipe.threads):
        where = {sample.id: row for row, sample in enumerate(task.inputs.samples)}
        train = np.array([where[sample.id] for sample in job.fold.train])
        test = np.array([where[sample.id] for sample in job.fold.test])
        oracle = _OracleTrace(task, test) if recipe.trace_oracle else None
        fitted = trained(task, train, fold_seed(job.seed, job.fold.name), watch=oracle)
        probabilities = fitted.probabilities(_rows(task, test))
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
        cost=Cost(time.perf_counter() - started, time.process_time() - cpu, os.getpid(), peak_memory_mb()),
        curve=tuple(fitted.curve),
        test_accuracy=tuple(oracle.accuracies) if oracle else (),
        oracle=_predictions(task, job, oracle.best) if oracle else (),
        oracle_epoch=oracle.epoch if oracle else None,
        weights=fitted.state() if recipe.keep_weights else {},
    )


def trained(task: Task, rows: npt.NDArray[np.int64], seed: int, watch: Watch | None = None) -> Fitted:
    """The experiment's model, trained on these rows of its samples and on nothing else."""
    recipe = task.experiment.training
    with _threads(recipe.threads):
        return fit(_model(task, seed), _training_set(task, rows), recipe, seed, watch)


def rehearse(task: Task) -> None:
    """Refuse, before anything is written, what training would refuse later.

    Raises OptionError: options that a model without epochs cannot take, an augmentation that would falsify an
    input, a device that is not there, inputs that the model cannot take.
    """
    recipe, inputs = task.experiment.training, task.inputs
    model = _model(task, seed=0)
    if not isinstance(model, nn.Module):
        refuse_epochs(recipe)
        return
    device_of(recipe)
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


def fold_seed(seed: int, fold: str) -> int:
    """A fold's own seed: the same wherever and in whatever order the folds are done."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{fold}".encode()).digest()[:4], "big")


def peak_memory_mb() -> float:
    """The largest resident size of this process so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


class _OracleTrace:
    """Follows the test side's accuracy over the epochs and keeps the best: the inflated second number."""

    def __init__(self, task: Task, test: npt.NDArray[np.int64]) -> None:
        self._arrays = _rows(task, test)
        self._labels = _labels(task)[test]
        self.accuracies: list[float] = []
        self.best: npt.NDArray[np.float64] = np.empty(0)
        self.epoch = 0

    def __call__(self, epoch: int, predict: Predict) -> None:
        probabilities = predict(self._arrays)
        accuracy = float((probabilities.argmax(axis=1) == self._labels).mean())
        if accuracy > max(self.accuracies, default=-1.0):
            self.best, self.epoch = probabilities, epoch
        self.accuracies.append(accuracy)


def _model(task: Task, seed: int) -> Any:
    choice = task.experiment.model
    shapes = [array.shape[1:] for array in task.inputs.arrays]
    return build(choice.name, len(task.classes), shapes, choice.model_extra or {}, seed)


def _training_set(task: Task, rows: npt.NDArray[np.int64]) -> TrainingSet:
    subjects = tuple(task.inputs.samples[row].subject for row in rows)
    return TrainingSet(_rows(task, rows), task.inputs.kinds, _labels(task)[rows], subjects, len(task.classes))


def _rows(task: Task, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float32], ...]:
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
def _threads(count: int) -> Iterator[None]:
    """Fix the threads of torch and BLAS: sums in another order are other sums."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)
