"""Holds what all folds of an experiment share, and trains its model on some rows of the arrays."""

from __future__ import annotations

import hashlib
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fleeting.datasets import unit_targets
from fleeting.experiments.recipe import Experiment
from fleeting.files import utf8
from fleeting.inputs.loading import Inputs
from fleeting.models import build, head_is_fresh, weights_file
from fleeting.training.fitted import Fitted
from fleeting.training.fitting import Watch, fit
from fleeting.training.threads import threads
from fleeting.training.training_set import TrainingSet
from fleeting.types import Sample


@dataclass(frozen=True, eq=False)
class Task:
    """The values that all folds of an experiment share.

    ``moments`` are the same clips with other frames for their apexes, ``clip#frame``: a training side learns
    from those of its own clips too, and nothing is tested on them.
    """

    experiment: Experiment
    inputs: Inputs
    classes: tuple[str, ...]
    moments: Inputs | None = None


def trained(task: Task, rows: npt.NDArray[np.int64], seed: int, watch: Watch | None = None) -> Fitted:
    """Train the experiment's model on these rows of its samples and on nothing else."""
    options = task.experiment.training
    with threads(options.threads):
        return fit(model_of(task, seed), training_set(task, rows), options, seed, watch)


def begins_with(task: Task) -> dict[str, Any] | None:
    """The weights file that the network starts from, and whether its head is random; None without a file."""
    choice = task.experiment.model
    if not choice.pretrained:
        return None
    path = weights_file(choice.name, choice.pretrained)
    fresh = head_is_fresh(model_of(task, seed=0, pretrained=False), path)
    return {"file": path.name if choice.pretrained == "imagenet" else choice.pretrained, "fresh_head": fresh}


def fold_seed(seed: int, fold: str) -> int:
    """A fold's own seed, the same wherever and in whatever order the folds are trained."""
    return int.from_bytes(hashlib.sha256(utf8(f"{seed}/{fold}")).digest()[:4], "big")


def peak_memory_mb() -> float:
    """The largest resident size of this process so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def model_of(task: Task, seed: int, pretrained: bool = True) -> Any:
    """The experiment's model before training; without ``pretrained``, its file of weights is ignored."""
    choice = task.experiment.model
    shapes = [array.shape[1:] for array in task.inputs.arrays]
    start = choice.pretrained if pretrained else ""
    return build(choice.name, len(task.classes), shapes, choice.model_extra or {}, seed, start)


def rows_of(task: Task, samples: Sequence[Sample]) -> npt.NDArray[np.int64]:
    """The rows of these samples in the task's arrays, (n,)."""
    where = {sample.id: row for row, sample in enumerate(task.inputs.samples)}
    return np.array([where[sample.id] for sample in samples])


def training_set(task: Task, rows: npt.NDArray[np.int64]) -> TrainingSet:
    """The arrays, labels, subjects and action units of these rows, for a model to learn from.

    Where the task has moments, those of the same clips follow.
    """
    own = _learnt_from(task, task.inputs, rows)
    if task.moments is None:
        return own
    clips = {task.inputs.samples[row].id for row in rows}
    of_clip = [sample.id.rpartition("#")[0] for sample in task.moments.samples]
    more = _learnt_from(task, task.moments, np.flatnonzero([clip in clips for clip in of_clip]))
    return own.with_more(more.arrays, more.labels, more.subjects, more.units)


def _learnt_from(task: Task, inputs: Inputs, rows: npt.NDArray[np.int64]) -> TrainingSet:
    samples, asked = [inputs.samples[row] for row in rows], task.experiment.training.units
    return TrainingSet(
        tuple(array[rows] for array in inputs.arrays),
        task.inputs.kinds,
        np.array([task.classes.index(sample.label) for sample in samples], dtype=np.int64),
        tuple(sample.subject for sample in samples),
        len(task.classes),
        unit_targets([sample.action_units for sample in samples], asked) if asked else None,
    )


def arrays_of(task: Task, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float32], ...]:
    """The inputs of these rows: (n, channels, height, width) each."""
    return tuple(array[rows] for array in task.inputs.arrays)


def labels_of(task: Task) -> npt.NDArray[np.int64]:
    """The class index of each of the task's samples, (n,)."""
    return np.array([task.classes.index(sample.label) for sample in task.inputs.samples], dtype=np.int64)
