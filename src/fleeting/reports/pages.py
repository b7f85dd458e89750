"""Writes HTML reports: one run, or several beside each other, as one page that works without a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from fleeting.errors import RunError
from fleeting.experiments.run_folder import Run, fold_folders, read_curve, read_json
from fleeting.files import write_atomically
from fleeting.output.single import write_own
from fleeting.reports import figures
from fleeting.reports.beside_paper import PRINTED, beside_paper, reported
from fleeting.reports.notes import EXPLANATIONS, ORACLE, choices, notes
from fleeting.reports.paired import paired_rows
from fleeting.reports.paper_tables import LEGEND, Layout
from fleeting.scoring.metrics import per_subject
from fleeting.scoring.roc import roc
from fleeting.scoring.stats import Comparison, compare

CURVE_NAMES = {
    "loss": "training loss",
    "validation_loss": "validation loss",
    "test_loss_traced": "test loss (traced)",
    "accuracy": "training accuracy",
    "test_accuracy_traced": "test accuracy (traced)",
}

MORE = (
    *("weighted_precision", "weighted_recall", "weighted_f1"),
    *("brier", "probability_mae", "training_loss", "test_loss"),
)
"""The scores of a report's second table, which some papers report."""


def write_report(run: Run) -> Path:
    """Write ``report.html`` into the run's folder; return its path."""
    scores = run.scores
    page = (
        _templates()
        .get_template("run.html")
        .render(
            title=run.experiment.name,
            run=run,
            notes=notes(run),
            boxes=_boxes(run),
            explanation=f"{EXPLANATIONS[run.rule]} {choices(run)}" + (ORACLE if scores["oracle"] else ""),
            headline=headline(run),
            rows=_score_rows(run),
            more=MORE,
            printed=PRINTED,
            beside=beside_paper(run),
            reported=run.experiment.reported,
            confusions=[
                figures.confusion_matrix(scores[rule]["confusion"], run.classes, rule)
                for rule in (run.rule, "oracle")
                if scores[rule]
            ],
            roc=figures.roc_curves(roc(run.by_seed[0], run.classes)) if scores[run.rule]["auc"] else "",
            curves=_curves(run),
            curve_names=CURVE_NAMES,
            folds=_fold_rows(run),
            few=figures.FEW,
            looks=_looks(run),
            subjects=per_subject(run.by_seed, run.classes),
            recipe=run.experiment.toml(),
            environment=(run.path / "environment.json").read_text(encoding="utf-8"),
        )
    )
    target = run.path / "report.html"
    write_atomically(target, page)
    return target


def headline(run: Run) -> str:
    """One picture of a run, as SVG text: UF1 under each rule, of guessing, and as the paper reports it."""
    return figures.headline(_dots(run))


def compare_runs(runs: Sequence[Run]) -> list[tuple[Run, Comparison]]:
    """Compare every other run with the first, over all seeds; runs scored by another rule are left out.

    Raises RunError on fewer than two runs and ScoreError where they do not predict the same samples.
    """
    if len(runs) < 2:
        raise RunError(f"{len(runs)} run cannot be compared; name two or more run folders")
    first = runs[0]
    alike = [run for run in runs[1:] if run.rule == first.rule]
    return [(run, compare(first.by_seed, run.by_seed, first.classes)) for run in alike]


def write_comparison(runs: Sequence[Run], target: Path, *, replace: bool = False) -> Path:
    """Write one page over several runs; return its path.

    It holds a table of all runs, and tests against the first run of each other run that has the same rule.
    Raises OutputError where ``target`` is a file of others, unless ``replace`` is true.
    """
    names, rule = _distinct_names(runs), runs[0].rule
    found = [comparison for _, comparison in compare_runs(runs)] if len(runs) > 1 else []
    named = list(zip(names, runs, strict=True))
    tested = [name for name, run in named[1:] if run.rule == rule]
    untested = [
        f"{name}: not tested against {names[0]}; one score is {run.rule}, the other {rule}, and a difference"
        " would speak of the rules."
        for name, run in named[1:]
        if run.rule != rule
    ]
    compared = list(zip(tested, found, strict=True))
    page = (
        _templates()
        .get_template("comparison.html")
        .render(
            title=f"{len(runs)} runs",
            notes=[*(f"{name}: {note}" for name, run in named for note in notes(run)), *untested],
            rows=[_run_row(name, run) for name, run in named],
            headline=figures.headline(
                [{**_dots(run)[0], "name": f"{name}\n{run.rule}"} for name, run in named]
            ),
            comparisons=paired_rows(compared),
            test_notes=[f"{name}: {note}." for name, comparison in compared for note in comparison.notes],
            differences=figures.paired_differences(
                tested, [c.difference["uf1"] for c in found], [c.ci95["uf1"] for c in found]
            )
            if compared
            else "",
        )
    )
    return write_page(target, page, replace=replace)


def write_page(target: Path, page: str, *, replace: bool = False) -> Path:
    """Write a page to ``target``; return its path.

    Raises RunError where ``target`` is a folder, OutputError where it is a file of others, unless ``replace``
    is true.
    """
    if target.is_dir():
        page_in_it = target / f"comparison{target.suffix or '.html'}"
        raise RunError(f"{target} is a folder; name the page, for example {page_in_it}")
    write_own(target, page, replace=replace)
    return target


def write_tables(
    title: str,
    runs: Sequence[Run],
    rows: Sequence[dict[str, Any]],
    failed: Sequence[str],
    target: Path,
    *,
    layouts: Sequence[Layout] = (),
    replace: bool = False,
) -> None:
    """Write one page: a paper's tables, a row for each number of several runs, and the runs that failed."""
    noted: dict[str, list[str]] = {}
    for run in runs:
        for note in notes(run):
            noted.setdefault(note, []).append(f"{run.experiment.name} on {run.experiment.data.dataset}")
    told = [note if len(who) == len(runs) else f"{note} ({', '.join(who)})" for note, who in noted.items()]
    page = (
        _templates()
        .get_template("tables.html")
        .render(title=title, notes=told, rows=rows, failed=failed, layouts=layouts, legend=LEGEND)
    )
    write_own(target, page, replace=replace)


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("fleeting"), autoescape=select_autoescape(), undefined=StrictUndefined
    )


def _boxes(run: Run) -> list[dict[str, Any]]:
    boxes = []
    for rule in (run.rule, "oracle"):
        if score := run.scores[rule]:
            std = score.get("std", {}).get("uf1")
            boxes.append({**score, "name": rule, "kind": rule, "std": std, "ci": score["ci95"]["uf1"]})
    if null := run.scores["null"]:
        name = f"guessing, oracle of {null['epochs']} epochs"
        boxes.append({**null, "name": name, "kind": "null", "std": None, "ci": None})
    return boxes


def _dots(run: Run) -> list[dict[str, Any]]:
    dots = [
        {"name": box["name"], "uf1": box["uf1"], "ci": box["ci"], "honest": honest}
        for box in _boxes(run)
        for honest in [{"clean": True, "null": None}.get(box["kind"], False)]
    ]
    if (claimed := reported(run).uf1) is not None and not run.scores["drawn"]:
        dots.append({"name": "the paper reports", "uf1": claimed, "ci": None, "honest": None})
    return dots


def _score_rows(run: Run) -> list[dict[str, Any]]:
    return [
        {"rule": rule, "part": part or "all", "s": s}
        for rule in (run.rule, "oracle")
        if (score := run.scores[rule])
        for part, s in {"": score, **score["parts"]}.items()
    ]


def _looks(run: Run) -> dict[str, Any] | None:
    """What the run's models looked at, if `fleeting.explanations.explain.keep_looks` kept it."""
    path = run.path / "looks.json"
    return read_json(path) if path.exists() else None


def _curves(run: Run) -> str:
    """The picture of the learning curves as SVG text; empty where nothing was trained in epochs."""
    columns: dict[str, list[list[float]]] = {}
    for folder in fold_folders(run.path):
        path = folder / "curve.csv"
        if not path.exists():
            return ""
        for name, values in read_curve(path).items():
            columns.setdefault(name, []).append(values)
    named = {label: _padded(columns[name]) for name, label in CURVE_NAMES.items() if name in columns}
    return figures.learning_curves(named)


def _fold_rows(run: Run) -> list[dict[str, Any]]:
    """What each fold came to at the epoch that it kept; empty where nothing was trained in epochs."""
    rows = []
    for folder in fold_folders(run.path):
        facts = read_json(folder / "fold.json")
        if not facts["epoch"]:
            return []
        curve = read_curve(folder / "curve.csv")
        ends = {name: values[facts["epoch"] - 1] for name, values in curve.items()}
        rows.append({**dict.fromkeys(CURVE_NAMES), **ends, "fold": folder.name, "epoch": facts["epoch"]})
    return rows


def _padded(folds: Sequence[Sequence[float]]) -> npt.NDArray[np.float64]:
    """Curves of different lengths as (folds, epochs): a curve that ends early keeps its last value."""
    longest = max(len(fold) for fold in folds)
    return np.array([[*fold, *[fold[-1]] * (longest - len(fold))] for fold in folds])


def _distinct_names(runs: Sequence[Run]) -> list[str]:
    names = [run.experiment.name for run in runs]
    return [
        f"{name} ({run.path.name})" if names.count(name) > 1 else name
        for name, run in zip(names, runs, strict=True)
    ]


def _run_row(name: str, run: Run) -> dict[str, Any]:
    score, oracle = run.scores[run.rule], run.scores["oracle"]
    claimed = reported(run).uf1
    return {
        "name": name,
        "protocol": run.scores["protocol"],
        "rule": run.rule,
        **{key: score[key] for key in ("n", "uf1", "uar")},
        **{f"{key}_ci": _limits(score["ci95"][key]) for key in ("uf1", "uar")},
        "oracle": oracle["uf1"] if oracle else None,
        "reported": "–" if claimed is None or run.scores["drawn"] else f"{claimed:.4f}",
    }


def _limits(limits: Sequence[float] | None) -> str:
    return f"{limits[0]:.3f} to {limits[1]:.3f}" if limits else "–"
