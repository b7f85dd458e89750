"""Runs a recipe: opens its data, trains its folds with an executor, scores predictions, writes a report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleeting.benchmark.execution import Execution
from fleeting.executors import executors
from fleeting.experiments import provenance
from fleeting.experiments.cost import Meter
from fleeting.experiments.fold import Job
from fleeting.experiments.recipe import Experiment
from fleeting.experiments.run_folder import Run, file_name, fold_folder, open_folder, write_fold
from fleeting.experiments.run_scores import write_scores
from fleeting.experiments.samples import on_data, prepare
from fleeting.experiments.stacked import FoldWork
from fleeting.explanations.explain import keep_looks
from fleeting.registry import changed
from fleeting.reports.pages import write_report


def run(
    experiment: Experiment,
    data: Mapping[str, Path],
    out: Path | None = None,
    execution: Execution = Execution(),
    **changes: Any,
) -> Run:
    """Run an experiment and leave its results in the folder ``out``.

    Folds that an earlier start finished in that folder are not trained again. ``data`` maps the name of the
    experiment's dataset to its folder; an experiment on a dataset that draws its own maps takes any other
    dataset with frames instead. Without ``out``, the folder is below ``runs`` and named by the recipe and a
    digest of everything that decides its numbers, so that the same experiment finds it again. Fields of
    ``execution`` may be given by name: ``run(recipe, data, executor="processes")``. Raises DamagedDataError
    where clips cannot be used (unless they are to be skipped), RunError where ``out`` belongs to another
    experiment, and the errors of the recipe's parts.
    """
    execution = changed(execution, changes, "run")
    experiment = on_data(experiment, data).completed()
    carry_out, progress = executors[execution.executor], execution.progress
    prepared = prepare(experiment, data, skip_damaged=execution.skip_damaged, progress=progress)
    environment = provenance.environment(prepared.task, data)
    out = out or Path("runs") / f"{file_name(experiment.name)}-{provenance.digest(experiment, environment)}"
    open_folder(out, experiment, environment)
    options = experiment.training
    seeds = range(options.seed, options.seed + options.seeds)
    jobs = [Job(fold, seed) for seed in seeds for fold in prepared.folds]
    missing = [j for j in jobs if not fold_folder(out, j.fold.name, j.seed, options.seeds).exists()]
    meter = Meter(out)
    progress("training", len(jobs) - len(missing), len(jobs))
    count = execution.workers or max(1, (os.cpu_count() or 1) // options.threads)
    for number, result in enumerate(carry_out(FoldWork(), prepared.task, missing, count), start=1):
        write_fold(out, result, options.seeds)
        meter.add(result)
        progress("training", len(jobs) - len(missing) + number, len(jobs))
    meter.save()
    done = write_scores(out, prepared, jobs)
    if options.keep_weights:
        keep_looks(done, data)
    write_report(done)
    return done
