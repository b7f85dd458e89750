"""Runs a recipe: opens its data, trains its folds with an executor, scores predictions, writes a report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleeting.benchmark.callbacks import Audience, told
from fleeting.benchmark.execution import Execution
from fleeting.errors import RunError, some
from fleeting.executors import executors
from fleeting.experiments import provenance
from fleeting.experiments.cost import Meter
from fleeting.experiments.fold import Job
from fleeting.experiments.recipe import Experiment, as_experiment
from fleeting.experiments.run_folder import (
    RESULTS,
    SETTINGS,
    Run,
    file_name,
    fold_folder,
    fold_folders,
    write_fold,
)
from fleeting.experiments.run_identity import open_folder, same_run, unmarked_run
from fleeting.experiments.run_scores import write_scores
from fleeting.experiments.samples import Prepared, folders_of, on_data, prepare
from fleeting.experiments.stacked import FoldWork
from fleeting.explanations.explain import keep_looks
from fleeting.files import path_of
from fleeting.output.owned import owned
from fleeting.registry import changed
from fleeting.reports.pages import write_report


def run(
    experiment: Experiment | str | Path,
    data: Mapping[str, str | Path] | None = None,
    out: str | Path | None = None,
    execution: Execution = Execution(),
    *,
    replace: bool = False,
    **changes: Any,
) -> Run:
    """Run an experiment, or the recipe of that name, and leave its results in the folder ``out``.

    Folds that an earlier start finished in that folder are not trained again. ``data`` maps the name of the
    experiment's dataset to its folder; an experiment on a dataset that draws its own maps takes any other
    dataset with frames instead. Without ``out``, the folder is below ``runs`` and named by the recipe and a
    digest of everything that decides its numbers, so that the same experiment finds it again. Fields of
    ``execution`` may be given by name: ``run(recipe, data, executor="processes")``. Raises DamagedDataError
    where clips cannot be used (unless they are to be skipped), RunError where ``out`` belongs to another
    experiment and OutputError where it holds something else or the data, and the errors of the recipe's
    parts. With ``replace`` whatever lies in ``out`` is kept aside instead.

    >>> done = fleeting.run("drawn/linear-flow", out="run")
    >>> done.scores["clean"]["n"], (done.path / "report.html").exists()
    (120, True)
    """
    execution, data = changed(execution, changes, "run"), folders_of(data)
    experiment, out = as_experiment(experiment), None if out is None else path_of(out, "out")
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
        with told(execution.callbacks, experiment, out, len(_missing(out, prepared))) as audience:
            jobs = _trained(out, prepared, execution, audience)
            own.give_way(RESULTS)
            own.begin(RESULTS)
            done = write_scores(out, prepared, jobs)
            if experiment.training.keep_weights:
                keep_looks(done, data)
            write_report(done)
            own.wrote([*RESULTS, *SETTINGS])
            own.save()
            audience.end(done)
    return done


def _jobs(prepared: Prepared) -> list[Job]:
    """Every fold with every seed."""
    options = prepared.task.experiment.training
    seeds = range(options.seed, options.seed + options.seeds)
    return [Job(fold, seed) for seed in seeds for fold in prepared.folds]


def _missing(out: Path, prepared: Prepared) -> list[Job]:
    """The folds that an opened folder lacks."""
    seeds = prepared.task.experiment.training.seeds
    return [j for j in _jobs(prepared) if not fold_folder(out, j.fold.name, j.seed, seeds).exists()]


def _trained(out: Path, prepared: Prepared, execution: Execution, audience: Audience) -> list[Job]:
    """Train the folds that an opened folder lacks; return all."""
    options, progress = prepared.task.experiment.training, execution.progress
    jobs, missing = _jobs(prepared), _missing(out, prepared)
    meter = Meter(out)
    done = len(jobs) - len(missing)
    progress("training", done, len(jobs))
    try:
        for result in executors[execution.executor](FoldWork(), prepared.task, missing, execution.workers):
            write_fold(out, result, options.seeds)
            meter.add(result)
            audience.fold(result)
            done += 1
            progress("training", done, len(jobs))
    except RunError as error:
        names = some(path.name for path in fold_folders(out)) or "none"
        raise RunError(f"{error}; {done} of {len(jobs)} folds are done in {out}: {names}") from error
    meter.save()
    return jobs
