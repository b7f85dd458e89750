"""Gives a paper's tables: what it published, and ours beside it, its recipes run on the data at hand."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

from fleeting.benchmark.execution import Execution
from fleeting.benchmark.run import run
from fleeting.datasets import datasets
from fleeting.errors import FleetingError, OptionError, UnknownNameError
from fleeting.experiments.groups import datasets_of, planned
from fleeting.experiments.network_cost import NetworkCost, costs_of
from fleeting.experiments.papers import Paper, paper_names, read_paper
from fleeting.experiments.recipe import Experiment, read_recipe, recipe_names
from fleeting.experiments.run_folder import Run, file_name
from fleeting.experiments.samples import folders_of
from fleeting.files import path_of
from fleeting.output.single import refuse_foreign, write_own
from fleeting.registry import changed
from fleeting.reports.beside_paper import beside_paper
from fleeting.reports.pages import write_tables
from fleeting.reports.paper_tables import Layout, cell_rows, lay_out
from fleeting.types import Progress

COLUMNS = (
    *("recipe", "dataset", "part", "n", "score", "paper", "oracle", "clean", "shared", "low", "high"),
    "tables",
)


@dataclass(frozen=True)
class Tables:
    """The result of `tables`: the paper, runs in the order of its tables, a line for each that failed.

    ``folder`` holds ``tables.csv``, ``tables.html`` and a folder for each run; it is None where nothing was
    run. ``paper`` is None for a group of recipes that is no paper's. ``costs`` are those of networks, by
    recipe, where they were asked for.
    """

    folder: Path | None
    runs: tuple[Run, ...]
    failed: tuple[str, ...]
    paper: Paper | None = None
    costs: Mapping[str, NetworkCost] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """A row for each number of each run (see `fleeting.reports.beside_paper.beside_paper`)."""
        return [row for one in self.runs for row in beside_paper(one)]

    def cells(self) -> list[dict[str, Any]]:
        """A row for each cell of the paper's tables (see `fleeting.reports.paper_tables.cell_rows`)."""
        return cell_rows(self.paper, self.runs, self.costs) if self.paper else []

    def layouts(self) -> list[Layout]:
        """The paper's tables as it printed them, ours below (see `fleeting.reports.paper_tables.lay_out`)."""
        return lay_out(self.paper, self.runs, self.costs) if self.paper else []

    def notes(self) -> list[str]:
        """Why our numbers must not be compared with the paper's, where they must not."""
        drawn = any(run.scores["drawn"] for run in self.runs)
        altered = any(run.experiment.altered for run in self.runs)
        return [
            *(["ours are of drawn data, comparable with no published number"] if drawn else []),
            *(["ours are of changed recipes, such as small ones by --quick"] if altered else []),
        ]


def tables(
    group: str,
    data: Mapping[str, str | Path] | None = None,
    out: str | Path | None = None,
    execution: Execution = Execution(),
    *,
    quick: bool = False,
    cost: bool = False,
    seeds: int | None = None,
    replace: bool = False,
    **changes: Any,
) -> Tables:
    """A paper's tables: all that it published, and ours of the data at hand, by its rule and clean.

    ``group`` names the paper by its recipes. ``data`` maps names of datasets to folders; without any, only
    what was published is given. A recipe runs on its own dataset and on those for which it reports numbers;
    finished runs are not repeated. A run that fails is listed and does not stop the others. With ``cost``
    each network's weights and operations are counted and its predictions timed. With ``replace`` pages,
    tables and runs of others that are in the way are kept aside.
    Raises UnknownNameError on an unknown group or dataset, and OptionError where no recipe can use the data.

    >>> paper = fleeting.tables("dfrnet")
    >>> paper.folder, len(paper.layouts()) > 0
    (None, True)
    """
    execution, data = changed(execution, changes, "tables"), folders_of(data)
    out = None if out is None else path_of(out, "out")
    paper = read_paper(group) if group in paper_names() else None
    named = [name for name in recipe_names() if name.startswith(f"{group}/")]
    if paper:
        named = [*paper.recipes(), *(name for name in named if name not in paper.recipes())]
    if not named:
        raise UnknownNameError("group of recipes", group, {name.partition("/")[0] for name in recipe_names()})
    for name in data or ():
        _ = datasets[name]  # no recipe would use a mistyped name, so it is refused here
    experiments = list(
        planned(named, data or {}, quick, [] if seeds is None else [f"training.seeds={seeds}"])
    )
    if not experiments and (data or not paper):
        wanted = {d for name in named for d in datasets_of(read_recipe(name))}
        raise OptionError(
            f"no recipe of {group} can use {', '.join(data or {}) or 'no data'}; add --data NAME=PATH for one"
            f" of {', '.join(sorted(wanted))}"
        )
    folder = (out or Path("runs") / f"tables-{file_name(group)}") if experiments else None
    found = Tables(folder, (), (), paper)
    if folder:
        found = _run_all(found, experiments, data or {}, folder, quick, execution, replace)
    if cost:
        costs = costs_of([read_recipe(name) for name in named], execution.progress)
        found = dataclasses.replace(found, costs=costs)
    if folder:
        _write(found, folder, group, replace)
    return found


def _run_all(
    begun: Tables,
    experiments: Sequence[Experiment],
    data: Mapping[str, Path],
    folder: Path,
    quick: bool,
    execution: Execution,
    replace: bool,
) -> Tables:
    """The tables with the runs of these experiments, each in a folder of its own below ``folder``."""
    for name in ("tables.csv", "tables.html"):
        refuse_foreign(folder / name, replace=replace)
    runs: list[Run] = []
    failed: list[str] = []
    for number, experiment in enumerate(experiments):
        execution.progress("recipes", number, len(experiments))
        place = folder / _folder(experiment, begun.paper, quick)
        try:
            runs.append(_carried_out(experiment, data, place, execution, replace))
        except (FleetingError, OSError, MemoryError, RuntimeError) as error:
            said = " ".join(str(error).split()) or type(error).__name__
            failed.append(f"{experiment.name} on {experiment.data.dataset}: {said}")
    execution.progress("recipes", len(experiments), len(experiments))
    return dataclasses.replace(begun, runs=tuple(runs), failed=tuple(failed))


def _carried_out(
    experiment: Experiment, data: Mapping[str, Path], out: Path, execution: Execution, over: bool
) -> Run:
    own = {name: path for name, path in data.items() if name == experiment.data.dataset}
    told = partial(_within, execution.progress, experiment.name)
    return run(experiment, own, out, dataclasses.replace(execution, progress=told), replace=over)


def _within(progress: Progress, recipe: str, what: str, done: int, of: int) -> None:
    progress(f"{recipe}: {what}", done, of)


def _folder(experiment: Experiment, paper: Paper | None, quick: bool) -> str:
    """The name of a run's folder: that of the recipe, with its group where the paper has it of another."""
    group, _, recipe = experiment.name.partition("/")
    if paper and group != paper.group:
        recipe = experiment.name
    return file_name(f"{recipe}-{experiment.data.dataset}{'-quick' if quick else ''}")


def _write(found: Tables, folder: Path, group: str, over: bool) -> None:
    rows = found.rows()
    where: dict[tuple[str, str, str], list[str]] = {}
    for table, _, cell in found.paper.cells() if found.paper else ():
        names = where.setdefault((cell.recipe, cell.dataset, cell.part), [])
        names.extend([table.name] if table.name not in names else [])
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        low, high = row["ci95"] or (None, None)
        paper = "drawn data: not comparable" if row["drawn"] else row["paper"]
        stands = "; ".join(where.get((row["recipe"], row["dataset"], row["part"]), ()))
        cells = {**row, row["rule"]: row["own"], "paper": paper, "low": low, "high": high, "tables": stands}
        writer.writerow([cells.get(name) for name in COLUMNS])
    write_own(folder / "tables.csv", text.getvalue(), replace=over)
    write_tables(
        f"The tables of {group}",
        found.runs,
        rows,
        found.failed,
        folder / "tables.html",
        layouts=found.layouts(),
        replace=over,
    )
