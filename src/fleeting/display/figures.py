"""Matplotlib figures of single values, and the look of all figures; none touches pyplot's global state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from fleeting.types import Clip, Event

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


def confusions(matrices: Mapping[str, Sequence[Sequence[int]]], classes: Sequence[str]) -> Figure:
    """Confusion matrices side by side, by title: truth down, prediction across.

    Each cell has its count and its share of the row.
    """
    with mpl.rc_context(STYLE):
        side = 1.7 + 0.62 * len(classes)
        figure = Figure(figsize=((side + 0.5) * len(matrices), side), layout="constrained")
        places = figure.subplots(1, len(matrices), squeeze=False)[0]
        for axes, (title, matrix) in zip(places, matrices.items(), strict=True):
            _confusion(axes, matrix, [shown(name, 16) for name in classes])
            axes.set_title(shown(title), fontsize=10)
        return figure


def _confusion(axes: Axes, matrix: Sequence[Sequence[int]], names: Sequence[str]) -> None:
    counts = np.array(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Greens", vmin=0, vmax=1)
    for row in range(len(names)):
        for column in range(len(names)):
            color = "white" if shares[row, column] > 0.55 else INK
            text = f"{counts[row, column]}\n{100 * shares[row, column]:.0f} %"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=9)
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("truth")


def of_clip(clip: Clip) -> Figure:
    """The frames of a clip's onset, apex and offset, each with its number and its time in seconds."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 2.9), layout="constrained")
        for axes, name in zip(figure.subplots(1, 3), ("onset", "apex", "offset"), strict=True):
            number = getattr(clip, name)
            axes.imshow(clip.frames[number].squeeze(), cmap="gray", vmin=0, vmax=255)
            axes.set_title(f"{name}, frame {number}, {clip.times[number]:.3f} s", fontsize=9)
            axes.set_axis_off()
        return figure


def of_event(event: Event) -> Figure:
    """An event as a bar from its onset to its offset, its apex marked, above its class probabilities."""
    with mpl.rc_context(STYLE):
        chances = dict(event.probabilities)
        figure = Figure(figsize=(5.2, 1.4 + 0.32 * len(chances)), layout="constrained")
        heights = [1.0, max(len(chances), 1) * 0.4]
        above, *below = figure.subplots(2, 1, height_ratios=heights) if chances else [figure.subplots()]
        above.barh(0, event.offset_s - event.onset_s, left=event.onset_s, color=CLEAN, alpha=0.35)
        above.plot([event.apex_s, event.apex_s], [-0.4, 0.4], color=CLEAN, linewidth=2)
        above.set_yticks([])
        above.set_xlabel("seconds; the line is the apex")
        above.set_title(shown(repr(event), 80), fontsize=10)
        for axes in below:
            axes.barh([shown(name, 16) for name in chances], list(chances.values()), color=OTHER)
            axes.set_xlim(0, 1)
            axes.invert_yaxis()
            axes.set_xlabel("probability")
        return figure


def shown(name: str, longest: int = 40) -> str:
    """A name as a figure can show it: printable, in short lines, not hidden from the legend by a "_"."""
    lines = ["".join(mark if mark.isprintable() else " " for mark in line) for line in name.split("\n")]
    short = [line if len(line) <= longest else f"{line[: longest - 1]}…" for line in lines]
    return "\n".join(f" {line}" if line.startswith("_") else line for line in short)
