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

INK, CLEAN, ORACLE, OTHER = "#1f2933", "#0b6e4f", "#c2410c", "#6b7280"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "fleeting",
    "svg.fonttype": "path",
    "text.parse_math": False,  # a name may hold a $
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "axes.labelcolor": INK,
}


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
    counts = np.array(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with mpl.rc_context(STYLE):
        side = 1.7 + 0.62 * len(classes)
        figure = Figure(figsize=(side + 0.5, side), layout="constrained")
        axes = figure.subplots()
        axes.imshow(shares, cmap="Greens", vmin=0, vmax=1)
        for row in range(len(classes)):
            for column in range(len(classes)):
                color = "white" if shares[row, column] > 0.55 else INK
                text = f"{counts[row, column]}\n{100 * shares[row, column]:.0f} %"
                axes.text(column, row, text, ha="center", va="center", color=color, fontsize=9)
        names = [shown(name, 16) for name in classes]
        axes.set_xticks(range(len(classes)), names, rotation=35, ha="right")
        axes.set_yticks(range(len(classes)), names)
        axes.set_xlabel("predicted")
        axes.set_ylabel("truth")
        axes.set_title(title, fontsize=10)
        return _svg(figure)


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


def learning_curves(curves: Mapping[str, npt.NDArray[np.float64]]) -> str:
    """Draw medians over folds, the middle half shaded; ``curves`` maps a name to values (folds, epochs)."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 2.9), layout="constrained")
        loss, accuracy = figure.subplots(1, 2)
        for name, values in curves.items():
            axes = loss if "loss" in name else accuracy
            epochs = np.arange(1, values.shape[1] + 1)
            low, middle, high = np.nanquantile(values, [0.25, 0.5, 0.75], axis=0)
            (line,) = axes.plot(epochs, middle, linewidth=1.6, label=name)
            axes.fill_between(epochs, low, high, color=line.get_color(), alpha=0.18, linewidth=0)
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


def shown(name: str, longest: int = 40) -> str:
    """A name as a figure can show it: printable, in short lines, not hidden from the legend by a "_"."""
    lines = ["".join(mark if mark.isprintable() else " " for mark in line) for line in name.split("\n")]
    short = [line if len(line) <= longest else f"{line[: longest - 1]}…" for line in lines]
    return "\n".join(f" {line}" if line.startswith("_") else line for line in short)


def _svg(figure: Figure) -> str:
    text = StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # the font lacks the script of some names
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]
