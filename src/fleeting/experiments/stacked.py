"""Gives an experiment's folds to an executor, to be trained one by one or many as one computation."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fleeting.executors import Needs
from fleeting.experiments.fold import Cost, FoldResult, Job, Trace, evaluate, result
from fleeting.experiments.task import (
    Task,
    arrays_of,
    fold_seed,
    model_of,
    peak_memory_mb,
    rows_of,
    training_set,
)
from fleeting.models import is_network
from fleeting.optional import later
from fleeting.training.fitting import device_of
from fleeting.training.options import Diffusion, Pretraining
from fleeting.training.threads import threads

if TYPE_CHECKING:
    import torch

    from fleeting.training.side_by_side import PredictTogether
else:
    torch = later("torch", "train")

MEMORY_SHARE = 0.25
"""The share of a GPU's free memory that one group of folds may take.

The rest is for what vmap adds. Smaller groups also limit the loss when a run is stopped: one group, not all.
"""


class FoldWork:
    """The work that an executor does for a run: it evaluates one fold, or many folds together."""

    def __call__(self, task: Task, job: Job) -> FoldResult:
        """Train on the fold's training side, then predict its test side."""
        return evaluate(task, job)

    def needs(self, task: Task) -> Needs:
        """What one fold takes of a machine: the recipe's threads, and its device where anything uses it."""
        options, model = task.experiment.training, task.experiment.model.name
        computes = is_network(model) or options.diffusion.epochs > 0
        return Needs(options.threads, options.device if computes else "cpu")

    def together(self, task: Task, jobs: Sequence[Job]) -> Iterator[FoldResult]:
        """Yield every job's result, in groups that fit the GPU's memory or, where faster, one by one.

        The ``how`` of each result's cost says which was done, and why.
        """
        if why := why_alone(task):
            for job in jobs:
                done = evaluate(task, job)
                yield replace(done, cost=replace(done.cost, how=f"one by one ({why})"))
            return
        size = folds_at_once(task, jobs)
        for start in range(0, len(jobs), size):
            yield from evaluate_together(task, jobs[start : start + size])


def why_alone(task: Task) -> str:
    """The reason to train the task's folds one by one, in words; empty where they are trained together."""
    if task.experiment.choose.among:
        return "each fold chooses settings of its own"
    if not is_network(task.experiment.model.name):
        return "this model learns in one go, without epochs"
    from fleeting.training.side_by_side import why_apart

    return why_apart(model_of(task, seed=0), task.experiment.training) or _why_impossible(task)


def _why_impossible(task: Task) -> str:
    """Torch's error when it trains two folds of a few clips together; empty where that works."""
    from fleeting.training.side_by_side import fit_together

    few = training_set(task, np.arange(min(4, len(task.inputs.samples))))
    at_once = {"epochs": 1, "diffusion": Diffusion(), "pretraining": Pretraining()}
    plain = task.experiment.training.model_copy(update=at_once)
    try:
        fit_together([model_of(task, seed) for seed in (0, 1)], [few, few], plain, [0, 1])
    except RuntimeError as error:
        return f"torch cannot stack this network: {str(error).partition('. ')[0]}"
    return ""


def folds_at_once(task: Task, jobs: Sequence[Job]) -> int:
    """The number of folds in a group: as many as fit MEMORY_SHARE of the GPU's free memory; on a CPU, all."""
    if device_of(task.experiment.training).type == "cpu":
        return len(jobs)
    free, _ = torch.cuda.mem_get_info()
    return max(1, int(MEMORY_SHARE * free / fold_bytes(task, jobs[0])))


def fold_bytes(task: Task, job: Job) -> int:
    """The approximate memory that a fold takes while it is trained, in bytes."""
    from fleeting.training.side_by_side import bytes_in_training

    data = training_set(task, rows_of(task, job.fold.train))
    return bytes_in_training(model_of(task, job.seed), data, task.experiment.training, job.seed)


def evaluate_together(task: Task, jobs: Sequence[Job]) -> Iterator[FoldResult]:
    """Evaluate folds in one computation and yield what `fold.evaluate` gives for each job.

    The folds share the cost equally. Raises OptionError where the recipe or the model does not allow it, and
    ScoreError where a fold diverged, after the results of all other folds were yielded.
    """
    from fleeting.training.side_by_side import fit_together

    started, cpu = time.perf_counter(), time.process_time()
    options = task.experiment.training
    with threads(options.threads):
        tests = [rows_of(task, job.fold.test) for job in jobs]
        traces = [Trace(task, rows) for rows in tests] if options.traced else []

        def watch(epoch: int, predict: PredictTogether) -> None:
            found = predict([trace.arrays for trace in traces])
            for trace, probabilities in zip(traces, found, strict=True):
                trace.take(epoch, probabilities)

        seeds = [fold_seed(job.seed, job.fold.name) for job in jobs]
        sets = [training_set(task, rows_of(task, job.fold.train)) for job in jobs]
        models = [model_of(task, seed) for seed in seeds]
        folds = fit_together(models, sets, options, seeds, watch if traces else None)
        found = [fold.probabilities(arrays_of(task, rows)) for fold, rows in zip(folds, tests, strict=True)]
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    how = f"in a group of {len(jobs)} on {folds[0].means[0].device.type}"
    cost = Cost(seconds / len(jobs), cpu_seconds / len(jobs), os.getpid(), peak_memory_mb(), how)
    finite_first = sorted(range(len(jobs)), key=lambda fold: not np.isfinite(found[fold]).all())
    for fold in finite_first:
        yield result(task, jobs[fold], folds[fold], found[fold], traces[fold] if traces else None, cost)
