"""Running an experiment: open the data, cut the folds, let an executor train them, score the predictions."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fleeting.datasets import Dataset, datasets
from fleeting.datasets._labels import labelled
from fleeting.errors import DamagedDataError, DatasetError, FleetingError, FoldError, OptionError, Problem
from fleeting.executors import executors
from fleeting.experiments import provenance
from fleeting.experiments.fold import (
    FoldResult,
    Job,
    Task,
    begins_with,
    peak_memory_mb,
    rehearse,
    rehearse_choice,
)
from fleeting.experiments.recipe import Experiment
from fleeting.experiments.run_folder import (
    Run,
    chosen_settings,
    epochs_trained,
    file_name,
    fold_folder,
    how_trained,
    open_folder,
    read_fold,
    read_json,
    table,
    write_fold,
)
from fleeting.experiments.stacked import FoldWork
from fleeting.files import sweep, write_atomically
from fleeting.inputs.loading import Input, View, frames_of, load, refuse_unsupplied
from fleeting.models import models
from fleeting.protocols import protocols
from fleeting.registry import options
from fleeting.reports.pages import write_report
from fleeting.scoring import megc_log
from fleeting.scoring.metrics import Scores, over_seeds
from fleeting.scoring.stats import lift, null_oracle
from fleeting.synthetic.draw import drawn_people
from fleeting.types import Fold, Prediction, Progress, Sample, silent


@dataclass(frozen=True, eq=False)
class Prepared:
    """An experiment with its data opened: ready to train, or refused before anything was written."""

    task: Task
    folds: tuple[Fold, ...]
    skipped: tuple[Problem, ...]
    ready_made: bool
    drawn_people: str


def run(
    experiment: Experiment,
    data: Mapping[str, Path],
    out: Path | None = None,
    *,
    executor: str = "serial",
    workers: int | None = None,
    skip_damaged: bool = False,
    progress: Progress = silent,
) -> Run:
    """Carry out an experiment into the folder ``out``; what a former start left there is not done again.

    ``data`` names the folder of the experiment's dataset; an experiment on the maps that draw themselves
    takes any other dataset with frames instead. Without ``out`` the folder is below ``runs``, named by the
    recipe and a digest of its settings, so that the same experiment finds it again. Raises
    DamagedDataError where clips cannot be used (unless they are to be skipped), RunError where ``out`` is
    another experiment's, and whatever the recipe's parts refuse.
    """
    experiment = on_data(experiment, data).completed()
    carry_out = executors[executor]
    if workers is not None and workers < 1:
        raise OptionError(f"{workers} workers cannot do anything; use 1 or more")
    prepared = prepare(experiment, data, skip_damaged=skip_damaged, progress=progress)
    environment = provenance.environment(prepared.task, data)
    out = out or Path("runs") / f"{file_name(experiment.name)}-{provenance.digest(experiment, environment)}"
    open_folder(out, experiment, environment)
    recipe = experiment.training
    seeds = range(recipe.seed, recipe.seed + recipe.seeds)
    jobs = [Job(fold, seed) for seed in seeds for fold in prepared.folds]
    missing = [j for j in jobs if not fold_folder(out, j.fold.name, j.seed, recipe.seeds).exists()]
    meter = _Meter(out)
    progress("training", len(jobs) - len(missing), len(jobs))
    count = workers or max(1, (os.cpu_count() or 1) // recipe.threads)
    for number, result in enumerate(carry_out(FoldWork(), prepared.task, missing, count), start=1):
        write_fold(out, result, recipe.seeds)
        meter.add(result)
        progress("training", len(jobs) - len(missing) + number, len(jobs))
    meter.save()
    done = _finish(out, prepared, jobs)
    if recipe.keep_weights:
        from fleeting.explanations.explain import keep_looks  # it imports what this module has

        keep_looks(done, data)
    write_report(done)
    return done


def on_data(experiment: Experiment, data: Mapping[str, Path]) -> Experiment:
    """The experiment on the dataset whose folder is named, where its own draws itself and has none."""
    name = next(iter(data), "")
    if len(data) != 1 or name == experiment.data.dataset or datasets[experiment.data.dataset].needs_root:
        return experiment
    _ = datasets[name]
    chosen = experiment.data.model_copy(update={"dataset": name})
    changed = (*experiment.changed, f"data.dataset={name}")
    return experiment.model_copy(update={"data": chosen, "changed": changed})


def prepare(
    experiment: Experiment, data: Mapping[str, Path], *, skip_damaged: bool, progress: Progress
) -> Prepared:
    """Open every clip and cut the folds; writes nothing. Raises as `run` does."""
    dataset = datasets[experiment.data.dataset]
    root = root_of(dataset, data)
    view = view_of(experiment)
    for item in view.inputs:
        refuse_unsupplied(dataset, item.modality)
    samples, classes, problems = samples_of(experiment, dataset, root)
    inputs = load(dataset, root, samples, view, progress)
    problems = sorted({*problems, *inputs.problems})
    if problems and not skip_damaged:
        raise DamagedDataError(problems)
    _require_classes(dataset, experiment.data.labels, classes, inputs.samples)
    folds = _folds(experiment, inputs.samples)
    _require_classes(dataset, experiment.data.labels, classes, [s for fold in folds for s in fold.test])
    task = Task(experiment, inputs, classes)
    rehearse(task)
    rehearse_choice(task, folds)
    ready_made = all(item.modality in dataset.ready for item in view.inputs)
    people = drawn_people(root) if dataset.needs_root else "Its people are drawn from one recipe of a face."
    return Prepared(task, folds, tuple(problems), ready_made, people)


def _folds(experiment: Experiment, samples: Sequence[Sample]) -> tuple[Fold, ...]:
    """The protocol's folds. Raises FoldError where it cannot cut the samples as asked."""
    name = experiment.protocol.name
    chosen = options(protocols[name], experiment.protocol.model_extra or {}, f"protocol {name}")
    try:
        folds = tuple(protocols[name](samples, **chosen))
    except FleetingError:
        raise
    except ValueError as error:
        raise FoldError(f"protocol {name} cannot cut these samples ({error}); change its options") from error
    if not folds:
        raise FoldError(f"protocol {name} made no folds of {len(samples)} samples; use another")
    folders = [file_name(fold.name) for fold in folds]
    if twice := [folder for folder in set(folders) if folders.count(folder) > 1]:
        raise FoldError(f"two folds are called {twice[0]!r} on disk; rename the subjects, or the folds")
    return folds


def _require_classes(
    dataset: Dataset, label_set: str, classes: Sequence[str], samples: Sequence[Sample]
) -> None:
    """Refuse a label set with a class of no clip: no score over it is defined. Raises DatasetError."""
    if missing := set(classes) - {sample.label for sample in samples}:
        raise DatasetError(
            f"{dataset.name} has no usable clip of {', '.join(sorted(missing))} ({label_set}), so no score"
            f" is defined; choose data.labels among {', '.join(dataset.label_sets)}, or run `fleeting check`"
        )


def root_of(dataset: Dataset, data: Mapping[str, Path]) -> Path:
    """The dataset's folder among those that are named. Raises OptionError or DatasetError."""
    for name in data:
        if name != dataset.name:
            raise OptionError(f"--data names {name!r}, the experiment uses {dataset.name!r}; name that one")
    if not dataset.needs_root:
        return Path()
    if dataset.name not in data:
        raise OptionError(f"{dataset.name} needs its folder; add --data {dataset.name}=PATH")
    root = Path(data[dataset.name])
    if not root.is_dir():
        raise DatasetError(f"{root} is no folder; --data {dataset.name}=PATH names the dataset's folder")
    return root


def view_of(experiment: Experiment) -> View:
    """How an experiment looks at clips. Raises OptionError where its model takes other inputs."""
    wanted = models[experiment.model.name].inputs
    side = experiment.model.size
    sizes = tuple((side, side) if side else (shape[1], shape[2]) for shape in wanted.values())
    names = experiment.model.inputs
    if len(names) != len(sizes):
        raise OptionError(
            f"model {experiment.model.name} takes {len(sizes)} inputs ({', '.join(wanted)}),"
            f" model.inputs names {len(names)}: {', '.join(names)}"
        )
    inputs = [Input(n, size, experiment.modality.get(n, {})) for n, size in zip(names, sizes, strict=True)]
    data = experiment.data
    return View(tuple(inputs), data.apex, data.color, data.crop, data.height, data.equalise)


def samples_of(
    experiment: Experiment, dataset: Dataset, root: Path
) -> tuple[list[Sample], tuple[str, ...], list[Problem]]:
    """The experiment's samples with class names for labels, the classes, and what blocks some of them."""
    everything = dataset.samples(root)
    if experiment.data.apex != "annotated":
        everything = [replace(sample, apex=None) for sample in everything]
    micro = [sample for sample in everything if sample.kind == "micro"]
    samples, classes = labelled(micro, experiment.data.labels)
    kept = {sample.id for sample in samples}
    as_written = [sample for sample in everything if sample.id in kept]
    blocking = [problem for problem in dataset.problems(root, as_written) if problem.blocks]
    blocked = {problem.clip for problem in blocking}
    samples = [sample for sample in samples if sample.id not in blocked]
    if experiment.data.unit == "frame":
        samples, unopened = frames_of(dataset, root, samples)
        blocking += unopened
    if experiment.data.shuffle_labels:
        samples = _shuffled(samples, experiment.training.seed)
    return samples, classes, blocking


def _shuffled(samples: Sequence[Sample], seed: int) -> list[Sample]:
    dealt = np.random.default_rng(seed).permutation([sample.label for sample in samples])
    return [replace(sample, label=str(label)) for sample, label in zip(samples, dealt, strict=True)]


class _Meter:
    """What the run has cost so far, over all its starts, kept in ``cost.json``."""

    def __init__(self, out: Path) -> None:
        self._path = out / "cost.json"
        nothing = {"seconds": 0.0, "cpu_seconds": 0.0, "peak_memory_mb": 0.0}
        self._before = {**nothing, **(read_json(self._path) if self._path.exists() else {})}
        self._started, self._cpu = time.perf_counter(), 0.0
        self._peaks: dict[int, float] = {}

    def add(self, result: FoldResult) -> None:
        """Take in one fold, and save."""
        cost = result.cost
        self._cpu += cost.cpu_seconds
        self._peaks[cost.process] = max(self._peaks.get(cost.process, 0.0), cost.peak_memory_mb)
        self.save()

    def save(self) -> None:
        """Write the cost up to now: seconds, and the peaks of all processes together."""
        peaks = {**self._peaks, os.getpid(): peak_memory_mb()}
        total = {
            "seconds": self._before["seconds"] + time.perf_counter() - self._started,
            "cpu_seconds": self._before["cpu_seconds"] + self._cpu,
            "peak_memory_mb": max(self._before["peak_memory_mb"], sum(peaks.values())),
        }
        if self._cpu or not self._path.exists():
            write_atomically(self._path, json.dumps(total) + "\n")


def _finish(out: Path, prepared: Prepared, jobs: Sequence[Job]) -> Run:
    """Pool all folds, score them, and only then write: predictions, log, scores."""
    sweep(out)
    sweep(out / "folds")
    seeds, oracle = (_pooled(out, which, prepared, jobs) for which in ("predictions", "oracle"))
    scores = _scores(out, prepared, seeds, oracle)
    everything = [p for of_seed in seeds.values() for p in of_seed]
    numbers = [seed for seed, of_seed in seeds.items() for _ in of_seed] if len(seeds) > 1 else []
    write_atomically(out / "predictions.csv", table(everything, numbers))
    write_atomically(out / "log.txt", megc_log.write(next(iter(seeds.values()))))
    write_atomically(out / "scores.json", json.dumps(scores, indent=2) + "\n")
    return Run.load(out)


def _pooled(
    out: Path, which: str, prepared: Prepared, jobs: Sequence[Job]
) -> dict[int, tuple[Prediction, ...]]:
    """Every job's predictions by seed, sorted by id; the oracle's are empty where it was not traced."""
    recipe = prepared.task.experiment.training
    if which == "oracle" and not recipe.trace_oracle:
        return {}
    pooled: dict[int, list[Prediction]] = {}
    for job in jobs:
        folder = fold_folder(out, job.fold.name, job.seed, recipe.seeds)
        pooled.setdefault(job.seed, []).extend(read_fold(folder, which, job.fold, prepared.task.classes))
    return {seed: tuple(sorted(found, key=lambda p: p.id)) for seed, found in pooled.items()}


def _scores(
    out: Path,
    prepared: Prepared,
    seeds: Mapping[int, Sequence[Prediction]],
    oracle: Mapping[int, Sequence[Prediction]],
) -> dict[str, Any]:
    """What scores.json holds. Raises ScoreError where a score would not mean what its name says."""
    experiment, classes = prepared.task.experiment, prepared.task.classes
    shared = any(fold.subjects_shared for fold in prepared.folds)
    score = over_seeds(list(seeds.values()), classes).as_dict()
    best = over_seeds(list(oracle.values()), classes) if oracle else None
    one = next(iter(seeds.values()))
    cost = read_json(out / "cost.json")
    return {
        "clean": None if shared else score,
        "shared": score if shared else None,
        "oracle": best.as_dict() if best else None,
        "protocol": experiment.protocol.name,
        "selection": experiment.training.selection,
        "apex": None if prepared.ready_made else experiment.data.apex,
        "apexes": None if prepared.ready_made else dict(prepared.task.inputs.apexes),
        "crops": None if prepared.ready_made else dict(prepared.task.inputs.crops),
        "subjects_shared": shared,
        "incomplete": bool(prepared.skipped),
        "skipped": [{"clip": p.clip, "what": p.what, "do": p.do} for p in prepared.skipped],
        "folds": len(prepared.folds),
        "subjects": len({p.subject for p in one}),
        "seeds": experiment.training.seeds,
        "classes": list(classes),
        "drawn": bool(prepared.drawn_people),
        "drawn_people": prepared.drawn_people,
        "shuffled_labels": experiment.data.shuffle_labels,
        "pretrained": begins_with(prepared.task),
        "null": _null(best, one, epochs_trained(out)) if best else None,
        "executor": how_trained(out),
        "chosen": _chosen(experiment, out),
        "seconds": round(cost["seconds"], 3),
        "peak_memory_mb": round(cost["peak_memory_mb"], 1),
        "cpu_percent": round(100 * cost["cpu_seconds"] / max(cost["seconds"], 1e-9), 1),
    }


def _chosen(experiment: Experiment, out: Path) -> list[dict[str, Any]] | None:
    """Each candidate with the number of folds that chose it; None where nothing was to be chosen."""
    if not experiment.choose.among:
        return None
    found = chosen_settings(out)
    return [{"settings": s, "folds": found.count(i)} for i, s in enumerate(experiment.choose.among)]


def _null(oracle: Scores, predictions: Sequence[Prediction], epochs: int) -> dict[str, Any]:
    """What guessing would score under the oracle, over as many epochs, and how far the oracle is above it."""
    truth, folds = [p.truth for p in predictions], [p.fold for p in predictions]
    null = null_oracle(truth, folds, oracle.classes, epochs)
    return {"epochs": epochs, "uf1": null.uf1, "uar": null.uar, "lift": lift(oracle, null)}
