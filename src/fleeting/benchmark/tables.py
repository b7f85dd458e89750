"""Runs every recipe of a group on the data at hand, and tabulates the scores beside the paper's."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

from fleeting.benchmark.execution import Execution
from fleeting.benchmark.run import run
from fleeting.datasets import datasets
from fleeting.errors import FleetingError, OptionError, UnknownNameError
from fleeting.experiments.groups import datasets_of, planned
from fleeting.experiments.recipe import Experiment, read_recipe, recipe_names
from fleeting.experiments.run_folder import Run, file_name
from fleeting.output.single import refuse_foreign, write_own
from fleeting.registry import changed
from fleeting.reports.beside_paper import beside_paper
from fleeting.reports.pages import write_tables
from fleeting.types import Progress

COLUMNS = ("recipe", "dataset", "part", "n", "score", "paper", "oracle", "clean", "shared", "low", "high")


@dataclass(frozen=True)
class Tables:
    """The result of `tables`: the runs in the order of recipes, and a line for each run that failed.

    ``folder`` holds ``tables.csv``, ``tables.html`` and a folder for each run.
    """

    folder: Path
    runs: tuple[Run, ...]
    failed: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """A row for each number of each run (see `fleeting.reports.beside_paper.beside_paper`)."""
        return [row for one in self.runs for row in beside_paper(one)]


def tables(
    group: str,
    data: Mapping[str, Path],
    out: Path | None = None,
    execution: Execution = Execution(),
    *,
    quick: bool = False,
    seeds: int | None = None,
    replace: bool = False,
    **changes: Any,
) -> Tables:
    """Run every recipe of a group on each of the datasets it can use, and write one table of all scores.

    ``data`` maps names of datasets to folders. A recipe runs on its own dataset and on those for which it
    reports numbers; finished runs are not repeated. A run that fails is listed and does not stop the others.
    With ``replace`` pages, tables and runs of others that are in the way are kept aside.
    Raises UnknownNameError on an unknown group or dataset, and OptionError where no recipe can use the data.
    """
    execution = changed(execution, changes, "tables")
    named = [name for name in recipe_names() if name.startswith(f"{group}/")]
    if not named:
        raise UnknownNameError("group of recipes", group, {name.partition("/")[0] for name in recipe_names()})
    for name in data:
        _ = datasets[name]  # no recipe would use a mistyped name, so it is refused here
    folder = out or Path("runs") / f"tables-{file_name(group)}"
    for name in ("tables.csv", "tables.html"):
        refuse_foreign(folder / name, replace=replace)
    experiments = list(planned(named, data, quick, [] if seeds is None else [f"training.seeds={seeds}"]))
    if not experiments:
        wanted = {d for name in named for d in datasets_of(read_recipe(name))}
        raise OptionError(
            f"no recipe of {group} can use {', '.join(data) or 'no data'}; add --data NAME=PATH for one of"
            f" {', '.join(sorted(wanted))}"
        )
    runs: list[Run] = []
    failed: list[str] = []
    for number, experiment in enumerate(experiments):
        execution.progress("recipes", number, len(experiments))
        place = folder / _folder(experiment, quick)
        try:
            runs.append(_carried_out(experiment, data, place, execution, replace))
        except (FleetingError, OSError, MemoryError, RuntimeError) as error:
            said = " ".join(str(error).split()) or type(error).__name__
            failed.append(f"{experiment.name} on {experiment.data.dataset}: {said}")
    execution.progress("recipes", len(experiments), len(experiments))
    found = Tables(folder, tuple(runs), tuple(failed))
    _write(found, group, replace)
    return found


def _carried_out(
    experiment: Experiment, data: Mapping[str, Path], out: Path, execution: Execution, over: bool
) -> Run:
    own = {name: path for name, path in data.items() if name == experiment.data.dataset}
    told = partial(_within, execution.progress, experiment.name)
    return run(experiment, own, out, dataclasses.replace(execution, progress=told), replace=over)


def _within(progress: Progress, recipe: str, what: str, done: int, of: int) -> None:
    progress(f"{recipe}: {what}", done, of)


def _folder(experiment: Experiment, quick: bool) -> str:
    recipe = experiment.name.partition("/")[2]
    return file_name(f"{recipe}-{experiment.data.dataset}{'-quick' if quick else ''}")


def _write(found: Tables, group: str, over: bool) -> None:
    rows = found.rows()
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        low, high = row["ci95"] or (None, None)
        paper = "drawn data: not comparable" if row["drawn"] else row["paper"]
        cells = {**row, row["rule"]: row["own"], "paper": paper, "low": low, "high": high}
        writer.writerow([cells.get(name) for name in COLUMNS])
    write_own(found.folder / "tables.csv", text.getvalue(), replace=over)
    write_tables(
        f"The tables of {group}", found.runs, rows, found.failed, found.folder / "tables.html", replace=over
    )
