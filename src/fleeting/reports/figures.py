"""Draws pictures of results, each as SVG text to be put into a page."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from fleeting.display.figures import CLEAN, INK, ORACLE, OTHER, STYLE, confusions, shown


def headline(rows: Sequence[Mapping[str, Any]]) -> str:
    """Draw a dot for each row: ``uf1`` with its interval ``ci``, labelled ``name``.

    Rows with ``honest`` True are green, with False orange, with None gray.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.55 * len(rows) + 0.8), layout="constrained")
        axes = figure.subplots()
        for place, row in enumerate(reversed(rows)):
            color = CLEAN if row["honest"] else ORACLE if row["honest"] is False else OTHER
            if row["ci"]:
                axes.plot(
                    row["ci"], [place, place], color=color, linewidth=3, alpha=0.45, solid_capstyle="round"
                )
            axes.plot(row["uf1"], place, "o", color=color, markersize=9)
            axes.annotate(
                f"{row['uf1']:.3f}",
                (row["uf1"], place),
                xytext=(0, 8),
                textcoords="offset points",
                ha="center",
                color=color,
                fontweight="bold",
            )
        axes.set_yticks(range(len(rows)), [shown(row["name"]) for row in reversed(rows)])
        axes.set_ylim(-0.5, len(rows) - 0.3)
        axes.set_xlim(0, 1)
        axes.set_xlabel("UF1 (0 to 1), bars: 95 % bootstrap over subjects")
        axes.grid(axis="x", alpha=0.25)
        return _svg(figure)


def confusion_matrix(matrix: Sequence[Sequence[int]], classes: Sequence[str], title: str) -> str:
    """Draw a confusion matrix: truth down, prediction across, each cell with count and share of the row."""
    with mpl.rc_context(STYLE):  # its salt makes the same picture the same bytes
        return _svg(confusions({title: matrix}, classes))


def roc_curves(curves: Sequence[Any]) -> str:
    """Draw one ROC curve for each class against all others, with its area."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.9, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=OTHER, linewidth=1, linestyle=":")
        for curve in curves:
            if curve.auc is not None:
                label = f"{shown(curve.name)} {curve.auc:.2f}"
                axes.plot(curve.false_positive, curve.true_positive, linewidth=1.8, label=label)
        axes.set_xlabel("false positive rate")
        axes.set_ylabel("true positive rate")
        axes.set_aspect("equal")
        axes.legend(title="area under curve", frameon=False, fontsize=8, title_fontsize=8, loc="lower right")
        return _svg(figure)


FEW = 10
"""Up to this many folds each has a line of its own in the learning curves."""


def learning_curves(curves: Mapping[str, npt.NDArray[np.float64]]) -> str:
    """Draw the medians over folds of ``curves``, which maps a name to values (folds, epochs).

    Up to FEW folds are drawn as thin lines beside it; of more the middle half is shaded.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 2.9), layout="constrained")
        loss, accuracy = figure.subplots(1, 2)
        for name, values in curves.items():
            axes = loss if "loss" in name else accuracy
            epochs = np.arange(1, values.shape[1] + 1)
            low, middle, high = np.nanquantile(values, [0.25, 0.5, 0.75], axis=0)
            (line,) = axes.plot(epochs, middle, linewidth=1.6, label=name)
            if len(values) > FEW:
                axes.fill_between(epochs, low, high, color=line.get_color(), alpha=0.18, linewidth=0)
            else:
                axes.plot(epochs, values.T, color=line.get_color(), alpha=0.4, linewidth=0.6)
        for axes, what in ((loss, "loss"), (accuracy, "accuracy")):
            axes.set_xlabel("epoch")
            axes.set_ylabel(what)
            if axes.lines:
                axes.legend(frameon=False, fontsize=8)
        return _svg(figure)


def paired_differences(names: Sequence[str], values: Sequence[float], intervals: Sequence[Any]) -> str:
    """Draw differences in UF1 from a first run, with their intervals, around zero."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.5 * len(names) + 0.9), layout="constrained")
        axes = figure.subplots()
        axes.axvline(0, color=OTHER, linewidth=1)
        for place, (value, limits) in enumerate(zip(reversed(values), reversed(intervals), strict=True)):
            if limits:
                axes.plot(limits, [place, place], color=INK, linewidth=3, alpha=0.4, solid_capstyle="round")
            axes.plot(value, place, "o", color=INK)
        axes.set_yticks(range(len(names)), [shown(name) for name in reversed(names)])
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.set_xlabel("difference in UF1, 95 % paired bootstrap over subjects")
        return _svg(figure)


def _svg(figure: Figure) -> str:
    text = StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # the font lacks the script of some names
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]
