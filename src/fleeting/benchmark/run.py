"""Runs a recipe: opens its data, trains its folds with an executor, scores predictions, writes a report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleeting.benchmark.execution import Execution
from fleeting.errors import RunError, some
from fleeting.executors import executors
from fleeting.experiments import provenance
from fleeting.experiments.cost import Meter
from fleeting.experiments.fold import Job
from fleeting.experiments.recipe import Experiment
from fleeting.experiments.run_folder import (
    RESULTS,
    SETTINGS,
    Run,
    file_name,
    fold_folder,
    fold_folders,
    open_folder,
    same_run,
    unmarked_run,
    write_fold,
)
from fleeting.experiments.run_scores import write_scores
from fleeting.experiments.samples import Prepared, on_data, prepare
from fleeting.experiments.stacked import FoldWork
from fleeting.explanations.explain import keep_looks
from fleeting.output.owned import owned
from fleeting.registry import changed
from fleeting.reports.pages import write_report


def run(
    experiment: Experiment,
    data: Mapping[str, Path],
    out: Path | None = None,
    execution: Execution = Execution(),
    *,
    replace: bool = False,
    **changes: Any,
) -> Run:
    """Run an experiment and leave its results in the folder ``out``.

    Folds that an earlier start finished in that folder are not trained again. ``data`` maps the name of the
    experiment's dataset to its folder; an experiment on a dataset that draws its own maps takes any other
    dataset with frames instead. Without ``out``, the folder is below ``runs`` and named by the recipe and a
    digest of everything that decides its numbers, so that the same experiment finds it again. Fields of
    ``execution`` may be given by name: ``run(recipe, data, executor="processes")``. Raises DamagedDataError
    where clips cannot be used (unless they are to be skipped), RunError where ``out`` belongs to another
    experiment and OutputError where it holds something else or the data, and the errors of the recipe's
    parts. With ``replace`` whatever lies in ``out`` is kept aside instead.
    """
    execution = changed(execution, changes, "run")
    experiment = on_data(experiment, data).completed()
    _ = executors[execution.executor]  # an unknown one is refused before anything is read
    prepared = prepare(experiment, data, skip_damaged=execution.skip_damaged, progress=execution.progress)
    environment = provenance.environment(prepared.task, data)
    out = out or Path("runs") / f"{file_name(experiment.name)}-{provenance.digest(experiment, environment)}"
    with owned(
        out,
        "run",
        {"experiment": experiment.name},
        inputs=list(data.values()),
        same=lambda _: same_run(out, experiment, environment, replace=replace),
        earlier=lambda _: {} if unmarked_run(out, experiment, environment, replace=replace) else None,
        replace=replace,
    ) as own:
        open_folder(own, experiment, environment)
        jobs = _trained(out, prepared, execution)
        own.give_way(RESULTS)
        own.begin(RESULTS)
        done = write_scores(out, prepared, jobs)
        if experiment.training.keep_weights:
            keep_looks(done, data)
        write_report(done)
        own.wrote([*RESULTS, *SETTINGS])
        own.save()
    return done


def _trained(out: Path, prepared: Prepared, execution: Execution) -> list[Job]:
    """Train the folds that an opened folder lacks; return all."""
    options, progress = prepared.task.experiment.training, execution.progress
    seeds = range(options.seed, options.seed + options.seeds)
    jobs = [Job(fold, seed) for seed in seeds for fold in prepared.folds]
    missing = [j for j in jobs if not fold_folder(out, j.fold.name, j.seed, options.seeds).exists()]
    meter = Meter(out)
    done = len(jobs) - len(missing)
    progress("training", done, len(jobs))
    count = execution.workers or max(1, (os.cpu_count() or 1) // options.threads)
    try:
        for result in executors[execution.executor](FoldWork(), prepared.task, missing, count):
            write_fold(out, result, options.seeds)
            meter.add(result)
            done += 1
            progress("training", done, len(jobs))
    except RunError as error:
        names = some(path.name for path in fold_folders(out)) or "none"
        raise RunError(f"{error}; {done} of {len(jobs)} folds are done in {out}: {names}") from error
    meter.save()
    return jobs
