"""Sets the numbers that a paper printed beside the same numbers of a run."""

from __future__ import annotations

from typing import Any

from fleeting.experiments.recipe_tables import Reported
from fleeting.experiments.run_folder import Run

PRINTED = {
    "uf1": "UF1",
    "uar": "UAR",
    "f1": "F1",
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "auc": "AUC",
    "mse": "MSE",
    "mae": "MAE",
    "weighted_precision": "precision (weighted)",
    "weighted_recall": "recall (weighted)",
    "weighted_f1": "F1 (weighted)",
    "brier": "Brier",
    "probability_mae": "MAE of probabilities",
    "training_loss": "training loss",
    "test_loss": "test loss",
}
"""The names of scores that papers print, by their keys in a recipe's ``[reported]``."""
SAME_AS = {"f1": "uf1"}
"""Our key of a score that papers name otherwise, by the paper's key."""


def reported(run: Run, part: str = "") -> Reported:
    """The paper's numbers for all clips (part "") or a part; empty where the recipe was changed."""
    if run.experiment.altered:
        return Reported()
    printed = run.experiment.reported
    return printed.parts.get(part or run.experiment.data.dataset, Reported() if part else printed)


def beside_paper(run: Run) -> list[dict[str, Any]]:
    """A row for each score of a run beside the paper's: UF1, UAR, and all that was printed.

    UF1 and UAR stand there for each part, printed or not.

    Rows hold ``recipe``, ``dataset``, ``run`` (its folder's name), ``rule``, ``drawn``, ``part`` ("" for all
    clips), ``n``, ``score`` (its name), ``paper`` (None: not printed, or not comparable), ``oracle`` (None:
    not traced), ``own`` (by the run's rule), ``ci95`` (of UF1 and UAR).
    """
    facts = {
        "recipe": run.experiment.name,
        "dataset": run.experiment.data.dataset,
        "run": run.path.name,
        "rule": run.rule,
        "drawn": run.scores["drawn"],
    }
    whole, traced = run.scores[run.rule], run.scores["oracle"]
    rows = []
    for part, score in {"": whole, **whole["parts"]}.items():
        printed = reported(run, part)
        best = traced and (traced["parts"][part] if part else traced)
        for key, name in PRINTED.items():
            claimed = getattr(printed, key)
            if claimed is None and key not in ("uf1", "uar"):
                continue
            ours = SAME_AS.get(key, key)
            rows.append(
                {
                    **facts,
                    "part": part,
                    "n": score["n"],
                    "score": name,
                    "paper": None if facts["drawn"] else claimed,
                    "oracle": best and best.get(ours),
                    "own": score.get(ours),
                    "ci95": score["ci95"].get(ours),
                }
            )
    return rows
