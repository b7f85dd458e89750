"""One table over runs, for papers and spreadsheets: a row for each run and part, as CSV or LaTeX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fleeting.experiments.run_folder import Run
from fleeting.reports.paper_tables import as_csv, latex_text

SCORES = {"uf1": "UF1", "uar": "UAR", "accuracy": "accuracy"}
COLUMNS = (
    *("run", "recipe", "dataset", "part", "rule", "n"),
    *(name for score in ("uf1", "uar") for name in (score, f"{score}_low", f"{score}_high")),
    *("accuracy", "auc", "drawn"),
)


def run_rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A row for each run and each of its parts ("" for all clips), by the run's own rule.

    ``uf1_low`` to ``uf1_high`` is the 95 % interval over people, None where there is none.
    """
    rows = []
    for run in runs:
        whole = run.scores[run.rule]
        facts = {"run": run.path.name, "recipe": run.experiment.name, "dataset": run.experiment.data.dataset}
        for part, score in {"": whole, **whole["parts"]}.items():
            row = {**facts, "part": part, "rule": run.rule, "n": score["n"]}
            for name in ("uf1", "uar"):
                low, high = score["ci95"].get(name) or (None, None)
                row |= {name: score[name], f"{name}_low": low, f"{name}_high": high}
            rows.append(
                {
                    **row,
                    "accuracy": score["accuracy"],
                    "auc": score["auc"],
                    "drawn": bool(run.scores["drawn"]),
                }
            )
    return rows


def rows_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of `run_rows` as CSV."""
    return as_csv(rows, COLUMNS)


def rows_latex(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of `run_rows` as a table in LaTeX, for the package booktabs."""
    heads = ("recipe", "data", "clips", "UF1", r"95\,\%", "UAR", r"95\,\%", "accuracy")
    lines = [" & ".join(heads) + r" \\", r"\midrule"]
    for row in rows:
        data = " ".join(filter(None, (row["dataset"], row["part"], "(drawn)" if row["drawn"] else "")))
        rule = "" if row["rule"] == "clean" else f" ({row['rule']})"
        cells = [latex_text(row["recipe"] + rule), latex_text(data), str(row["n"])]
        for name in ("uf1", "uar"):
            cells += [_number(row[name]), _interval(row[f"{name}_low"], row[f"{name}_high"])]
        lines.append(" & ".join((*cells, _number(row["accuracy"]))) + r" \\")
    body = "\n".join((r"\toprule", *lines, r"\bottomrule"))
    return f"\\begin{{table}}\n\\begin{{tabular}}{{llrrrrrr}}\n{body}\n\\end{{tabular}}\n\\end{{table}}\n"


def _number(value: float | None) -> str:
    return "--" if value is None else f"{value:.4f}"


def _interval(low: float | None, high: float | None) -> str:
    return "--" if low is None or high is None else f"{low:.3f}--{high:.3f}"
