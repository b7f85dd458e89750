"""How a notebook shows a run: a table of its predictions, its confusion matrices, its scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fleeting.display.figures import confusions
from fleeting.display.html import card, grid
from fleeting.display.tables import table_of
from fleeting.experiments.run_folder import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def predictions_table(run: Run) -> Any:
    """A pandas table with a row for each prediction of each seed, classes by their names.

    Raises MissingExtraError without pandas.
    """
    first = run.experiment.training.seed
    several = ["seed"] if len(run.by_seed) > 1 else []
    chances = [f"p_{name}" for name in run.classes]
    rows = [
        {
            "seed": seed,
            **{name: getattr(one, name) for name in ("id", "dataset", "subject", "fold")},
            "truth": run.classes[one.truth],
            "predicted": run.classes[one.predicted],
            **dict(zip(chances, one.probabilities, strict=True)),
        }
        for seed, predictions in enumerate(run.by_seed, start=first)
        for one in predictions
    ]
    columns = [*several, "id", "dataset", "subject", "fold", "truth", "predicted", *chances]
    return table_of(rows, columns)


def confusion_figure(run: Run) -> Figure:
    """The confusion matrix by the run's own rule; the oracle's, which is inflated, beside it if traced."""
    found = {run.rule: run.scores[run.rule]["confusion"]}
    if run.scores["oracle"]:
        found["oracle (inflated)"] = run.scores["oracle"]["confusion"]
    return confusions(found, run.classes)


def run_html(run: Run) -> str:
    """A run's data, protocol and scores, with what must be known before they are read."""
    scores = run.scores
    facts = (
        ("folder", run.path),
        ("data", f"{run.experiment.data.dataset}, {', '.join(run.classes)}"),
        ("protocol", f"{scores['protocol']}, {scores['folds']} folds"),
        ("changed", ", ".join(run.experiment.altered)),
        ("drawn", "no published score compares with these" if scores["drawn"] else ""),
        ("left out", f"{len(scores['skipped'])} damaged clips" if scores["incomplete"] else ""),
        ("not clean", "folds share subjects" if scores["subjects_shared"] else ""),
        ("oracle", "the epoch best on the test side: inflated" if scores["oracle"] else ""),
    )
    rows = [
        (rule, part or "all", score["n"], *(score[name] for name in ("uf1", "uar", "accuracy")))
        for rule in (run.rule, "oracle")
        if scores[rule]
        for part, score in {"": scores[rule], **scores[rule]["parts"]}.items()
    ]
    return card(repr(run), facts, grid(("rule", "part", "clips", "UF1", "UAR", "accuracy"), rows))
