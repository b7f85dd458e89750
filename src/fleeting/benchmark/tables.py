"""The tables of a paper: every recipe of a group, run on the data at hand, beside what the paper printed."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

from fleeting.benchmark.run import run
from fleeting.datasets import datasets
from fleeting.errors import FleetingError, OptionError, UnknownNameError
from fleeting.experiments.recipe import Experiment, read_recipe, recipe_names
from fleeting.experiments.run_folder import Run, file_name
from fleeting.files import write_atomically
from fleeting.reports.pages import beside_paper, write_tables
from fleeting.types import Progress, silent

COLUMNS = ("recipe", "dataset", "part", "n", "score", "paper", "oracle", "clean", "shared", "low", "high")


@dataclass(frozen=True)
class Tables:
    """What running a group gave: its runs in the order of recipes, and a line for each that failed.

    ``folder`` holds ``tables.csv``, ``tables.html`` and a folder for each run.
    """

    folder: Path
    runs: tuple[Run, ...]
    failed: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """A row for each number of each run (see `fleeting.reports.pages.beside_paper`)."""
        return [row for one in self.runs for row in beside_paper(one)]


def tables(
    group: str,
    data: Mapping[str, Path],
    out: Path | None = None,
    *,
    quick: bool = False,
    executor: str = "serial",
    workers: int | None = None,
    seeds: int | None = None,
    skip_damaged: bool = False,
    progress: Progress = silent,
) -> Tables:
    """Run every recipe of a group on each of the datasets it can use, and write one table of them all.

    ``data`` names folders by dataset. A recipe uses its own dataset and those by which it reports; runs that
    are finished are found again. What fails is named and does not stop the others. Raises UnknownNameError
    on a group or dataset there is none of, and OptionError where no recipe can use the data.
    """
    named = [name for name in recipe_names() if name.startswith(f"{group}/")]
    if not named:
        raise UnknownNameError("group of recipes", group, {name.partition("/")[0] for name in recipe_names()})
    for name in data:
        _ = datasets[name]  # a name that is mistyped would be left out without a word
    folder = out or Path("runs") / f"tables-{file_name(group)}"
    changes = [] if seeds is None else [f"training.seeds={seeds}"]
    planned = list(_planned(named, data, quick, changes))
    if not planned:
        wanted = {d for name in named for d in _datasets(read_recipe(name))}
        raise OptionError(
            f"no recipe of {group} can use {', '.join(data) or 'no data'}; add --data NAME=PATH for one of"
            f" {', '.join(sorted(wanted))}"
        )
    runs: list[Run] = []
    failed: list[str] = []
    for number, experiment in enumerate(planned):
        where = experiment.data.dataset
        progress("recipes", number, len(planned))
        try:
            done = run(
                experiment,
                {name: path for name, path in data.items() if name == where},
                folder / _folder(experiment, quick),
                executor=executor,
                workers=workers,
                skip_damaged=skip_damaged,
                progress=partial(_within, progress, experiment.name),
            )
        except (FleetingError, OSError, MemoryError, RuntimeError) as error:
            failed.append(
                f"{experiment.name} on {where}: {' '.join(str(error).split()) or type(error).__name__}"
            )
        else:
            runs.append(done)
    progress("recipes", len(planned), len(planned))
    found = Tables(folder, tuple(runs), tuple(failed))
    _write(found, group)
    return found


def unrun(runs: Sequence[Run]) -> list[Experiment]:
    """The recipes of these runs' groups, on each dataset by which they report, that none of the runs is."""
    done = {(run.experiment.name, run.experiment.data.dataset) for run in runs if not run.experiment.altered}
    groups = {run.experiment.name.partition("/")[0] for run in runs}
    named = [name for name in recipe_names() if name.partition("/")[0] in groups]
    planned = _planned(named, dict.fromkeys(datasets, Path()), quick=False, changes=[])
    return [e for e in planned if not e.altered and (e.name, e.data.dataset) not in done]


def _within(progress: Progress, recipe: str, what: str, done: int, of: int) -> None:
    progress(f"{recipe}: {what}", done, of)


def _planned(
    named: Sequence[str], data: Mapping[str, Path], quick: bool, changes: Sequence[str]
) -> Iterator[Experiment]:
    for name in named:
        recipe = read_recipe(name)
        own, *others = _datasets(recipe)
        for dataset in (own, *others):
            if dataset in data or not datasets[dataset].needs_root:
                other = [] if dataset == own else [f"data.dataset={dataset}"]
                part = recipe.reported.parts.get(dataset)
                if other and part and part.labels and not quick:  # [quick] has labels of its own
                    other.append(f"data.labels={part.labels}")
                yield read_recipe(name, quick=quick, changes=[*changes, *other])


def _datasets(recipe: Experiment) -> list[str]:
    """The datasets a recipe can be run on: its own, and the others by which it reports."""
    own, reported = recipe.data.dataset, recipe.reported.parts
    return [own, *(name for name in reported if name != own)]


def _folder(experiment: Experiment, quick: bool) -> str:
    recipe = experiment.name.partition("/")[2]
    return file_name(f"{recipe}-{experiment.data.dataset}{'-quick' if quick else ''}")


def _write(found: Tables, group: str) -> None:
    rows = found.rows()
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        low, high = row["ci95"] or (None, None)
        paper = "drawn data: not comparable" if row["drawn"] else row["paper"]
        cells = {**row, row["rule"]: row["own"], "paper": paper, "low": low, "high": high}
        writer.writerow([cells.get(name) for name in COLUMNS])
    found.folder.mkdir(parents=True, exist_ok=True)
    write_atomically(found.folder / "tables.csv", text.getvalue())
    write_tables(f"The tables of {group}", found.runs, rows, found.failed, found.folder / "tables.html")
