"""Writes several runs as one Markdown page: ranked, tested, with the command that repeats each."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from fleeting.datasets import datasets
from fleeting.errors import FleetingError, OutputError, RunError
from fleeting.experiments.groups import unrun
from fleeting.experiments.recipe import Experiment, read_recipe, recipe_names
from fleeting.experiments.recipe_tables import Reported
from fleeting.experiments.run_folder import Run, read_json
from fleeting.files import write_atomically
from fleeting.reports.beside_paper import PRINTED, reported
from fleeting.reports.notes import EXPLANATIONS, ORACLE, choices, notes
from fleeting.reports.pages import compare_runs, write_page
from fleeting.reports.paired import paired_rows

KEPT = "<!-- what stands above stays; fleeting report writes the rest -->"
"""A line of a page: the text that people write above it is kept when the page is written again."""
WRITTEN = "Written by `fleeting report "
"""The text by which a page that this module wrote is recognised."""
BESIDE = {"name", "paper", "reported", "changed"}
"""Keys of an experiment that do not change what it computes."""


def write_results(
    runs: Sequence[Run], target: Path, *, names: Sequence[str] = (), replace: bool = False
) -> Path:
    """Write one Markdown page over several runs; return its path. The same runs give the same bytes.

    Runs that predict the same samples under the same rule share a table: the best first, and each tested
    against the one of them that comes first in ``runs``. The page ends with the other recipes of their groups
    and the commands that would run them. ``names`` stand for the runs in its tables; without them, each is
    called by its recipe and what it changes. If the page exists and has the line ``KEPT``, the text above
    that line is kept. Raises RunError on a run whose files are damaged, and on a page that somebody else
    wrote.
    """
    had = {run.experiment.data.dataset for run in runs}
    called = {id(run): _prose(name) for run, name in zip(runs, names, strict=True)} if names else {}
    waiting = sorted(unrun(runs), key=lambda experiment: experiment.data.dataset not in had)
    kept = _above(target, replace=replace)
    page = _template().render(
        headed=not kept,
        sections=[_section(alike, called) for alike in _alike(runs)],
        unrun=[{**_facts(experiment), "waits": experiment.data.dataset not in had} for experiment in waiting],
    )
    if kept:  # people may have changed it above the line
        write_atomically(target, kept + page)
        return target
    return write_page(target, page, replace=replace or target.is_file())


def _above(target: Path, *, replace: bool) -> str:
    """The part of an existing page that is kept, up to its line ``KEPT``; empty where it has no such line."""
    if not target.is_file():
        return ""
    try:
        text = target.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RunError(f"{target} is no text ({error.reason}); choose another --out") from error
    if line := re.search(rf"^{re.escape(KEPT)}[ \t]*$", text, re.MULTILINE):
        return f"{text[: line.start()]}{KEPT}\n\n"
    if text.strip() and WRITTEN not in text and not replace:
        raise OutputError(
            f"{target} was written by somebody else; choose another --out, put the line {KEPT} below what is"
            " to stay, or have it kept aside with --replace"
        )
    return ""


def command(experiment: Experiment, file: str) -> str:
    """The command that repeats this experiment, with PATH for the folders of its data and first weights.

    It names the experiment's recipe and its changes. Where no such command gives an equal experiment, because
    the recipe is a user's own or has changed since, it names ``file``, which holds the experiment.
    """
    changes = _changes(experiment)
    words = ["fleeting", "run", file if changes is None else experiment.name]
    dataset = experiment.data.dataset
    if datasets[dataset].needs_root:
        words += ["--data", f"{dataset}=PATH"]
    for change in changes or ():
        key, _, value = change.partition("=")
        options = {"quick": ["--quick"], "training.seeds": ["--seeds", value]}
        words += options.get(key, ["--set", change])
    return shlex.join(_without_folder(word, experiment) for word in words)


def _changes(experiment: Experiment) -> list[str] | None:
    """The changes that lead from the recipe of this name to the experiment; None where no changes do."""
    name, quick = experiment.name, "quick" in experiment.changed
    if name not in recipe_names():
        return None
    keys = {change: change.partition("=")[0].strip() for change in experiment.changed}
    changes = [change for change, key in keys.items() if key not in ("quick", "training.seeds")]
    try:
        wanted = _settings(experiment)
        begun = read_recipe(name, quick=quick, changes=changes)
        if begun.data.dataset != experiment.data.dataset:  # first, as it takes other keys along
            changes.append(f"data.dataset={experiment.data.dataset}")
        if begun.protocol.name != experiment.protocol.name:
            changes.append(f"protocol.name={experiment.protocol.name}")
        changes += _differing(_settings(read_recipe(name, quick=quick, changes=changes)), wanted)
        again = _settings(read_recipe(name, quick=quick, changes=changes))
    except FleetingError:
        return None
    return [*(["quick"] if quick else []), *changes] if again == wanted else None


def _settings(experiment: Experiment) -> dict[str, Any]:
    return experiment.completed().model_dump(mode="json", exclude=BESIDE)


def _differing(begun: Mapping[str, Any], wanted: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """KEY=VALUE for each key whose value in ``wanted`` differs from the one in ``begun``."""
    for key, value in wanted.items():
        if isinstance(value, dict):
            yield from _differing(begun.get(key, {}), value, f"{above}{key}.")
        elif begun.get(key) != value:
            bare = isinstance(value, str) and re.fullmatch(r"(?!(?:true|false|inf|nan)$)[a-z][\w-]*", value)
            yield f"{above}{key}={value if bare else json.dumps(value)}"


def _alike(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs that predict the same samples under the same rule, clean ones first."""
    groups: dict[Any, list[Run]] = {}
    for run in runs:
        samples = tuple((p.id, p.subject, p.truth) for p in run.by_seed[0])
        groups.setdefault((run.rule, run.classes, samples), []).append(run)
    return sorted(groups.values(), key=lambda alike: alike[0].rule != "clean")


def _section(runs: Sequence[Run], called: Mapping[int, str]) -> dict[str, Any]:
    """The page's section on runs over the same samples."""
    first = runs[0]
    usual = zip(_names(runs), runs, strict=True)
    rows = [_row(called.get(id(run), name), run) for name, run in usual]
    of_all = [note for note in rows[0]["notes"] if all(note in row["notes"] for row in rows)]
    for row in rows:
        row["notes"] = [note for note in row["notes"] if note not in of_all]
    found = [comparison for _, comparison in compare_runs(runs)] if len(runs) > 1 else []
    return {
        "data": sorted({f"{run.experiment.data.dataset}, {run.experiment.data.labels}" for run in runs}),
        "unit": first.experiment.data.unit,
        "people": first.scores["subjects"],
        "protocols": sorted({run.scores["protocol"] for run in runs}),
        "rule": first.rule,
        "explanation": EXPLANATIONS[first.rule] + (ORACLE if any(row["oracle"] for row in rows) else ""),
        "notes": of_all,
        "rankable": first.rule == "clean" and not first.scores["shuffled_labels"],
        "rows": sorted(rows, key=lambda row: (-row["own"]["uf1"], row["name"])),
        "parts": [_title(part) for part in first.scores[first.rule]["parts"]],
        "first": rows[0]["name"],
        "compared": paired_rows(list(zip([row["name"] for row in rows[1:]], found, strict=True))),
    }


def _row(name: str, run: Run) -> dict[str, Any]:
    """The page's row on one run."""
    own, oracle = run.scores[run.rule], run.scores["oracle"]
    parts = {
        "paper": {part: _paper(run, part).model_dump() for part in own["parts"]},
        "oracle": oracle["parts"] if oracle else {},
        run.rule: own["parts"],
    }
    again = command(run.experiment, f"{run.path.resolve().name}/experiment.toml")
    again += " --executor stacked" if run.scores["executor"] else ""  # only that executor leaves remarks
    return {
        "name": name,
        "paper": _paper(run),
        "note": "" if run.experiment.altered else _prose(run.experiment.reported.note),
        "own": own,
        "oracle": oracle,
        "null": run.scores["null"],
        "parts": {
            kind: list(scores.values())
            for kind, scores in parts.items()
            if any(score["uf1"] is not None for score in scores.values())
        },
        "command": again + (" --skip-damaged" if run.scores["incomplete"] else ""),
        "cost": _cost(run),
        "notes": [_prose(_without_folder(note, run.experiment)) for note in (choices(run), *notes(run))],
    }


def _facts(experiment: Experiment) -> dict[str, str]:
    """The page's row on a recipe that was not run."""
    dataset, printed = experiment.data.dataset, experiment.reported
    of_parts = (
        f"{_title(part)} {numbers}" for part, found in printed.parts.items() if (numbers := _printed(found))
    )
    own = printed.parts.get(dataset)
    return {
        "name": experiment.name,
        "dataset": dataset,
        "paper": _printed(own or printed) or (own is None and "; ".join(of_parts)) or "–",
        "command": command(experiment, ""),
    }


def _printed(paper: Reported) -> str:
    numbers = {name: getattr(paper, key) for key, name in PRINTED.items()}
    return ", ".join(f"{name} {value:.4f}" for name, value in numbers.items() if value is not None)


def _paper(run: Run, part: str = "") -> Reported:
    return Reported() if run.scores["drawn"] else reported(run, part)


def _cost(run: Run) -> str:
    cost, made = read_json(run.path / "cost.json"), read_json(run.path / "environment.json")
    device, commit = made.get("identity", {}).get("device"), made.get("commit")
    return (
        f"{_duration(cost['seconds'])}, {_duration(cost['cpu_seconds'])} of processor time,"
        f" {cost['peak_memory_mb']:.0f} MB at most"
        + (f", on {device}" if device else "")
        + (f", commit {commit[:7]}" if commit else "")
    )


def _duration(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


def _names(runs: Sequence[Run]) -> list[str]:
    """A name for each run: its recipe, its changes, and its folder where two names would be the same."""
    names = []
    for run in runs:
        changed = f" with {', '.join(run.experiment.altered)}" if run.experiment.altered else ""
        names.append(_without_folder(run.experiment.name + changed, run.experiment))
    return [
        _prose(f"{name} ({run.path.resolve().name})" if names.count(name) > 1 else name)
        for name, run in zip(names, runs, strict=True)
    ]


def _title(part: str) -> str:
    return datasets[part].title.partition(":")[0] if part in datasets else part


def _without_folder(text: str, experiment: Experiment) -> str:
    """The text with PATH for the folder of the weights that the experiment starts from."""
    path = experiment.model.pretrained
    return text.replace(path, f"PATH/{Path(path).name}") if path else text


def _prose(text: str) -> str:
    """Text escaped so that Markdown shows it unchanged, in a table too."""
    return re.sub(r"[&<`|\[]", lambda found: f"&#{ord(found[0])};", " ".join(text.split()))


def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("fleeting"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("results.md")
