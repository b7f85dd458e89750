"""How results of videos are shown in a notebook: a table of events, the curve of motion, a few lines."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from fleeting.analysis.event_files import describe, event_row
from fleeting.analysis.motion_curves import clock, read_main
from fleeting.analysis.result_folder import Analysis
from fleeting.display.figures import CLEAN, INK, OTHER, STYLE, shown
from fleeting.display.html import card, grid
from fleeting.display.tables import table_of
from fleeting.types import Event


def events_table(analyses: Sequence[Analysis]) -> Any:
    """A pandas table with a row for each event of each video: the columns of events.csv after ``video``.

    Raises MissingExtraError without pandas.
    """
    columns: dict[str, None] = {"video": None}
    rows: list[dict[str, Any]] = []
    for analysis in analyses:
        own = _columns(analysis.folder / "events.csv")
        columns |= dict.fromkeys(own)
        classes = [name.removeprefix("p_") for name in own if name.startswith("p_")]
        rows += _rows(analysis.folder.name, analysis.events, classes)
    return table_of(rows, [*columns])


def _columns(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as lines:
        return next(csv.reader(lines))


def _rows(video: str, events: Iterable[Event], classes: Sequence[str]) -> Iterable[dict[str, Any]]:
    for event in events:
        row = event_row(event, classes)
        plain = {name: "; ".join(row[name]) for name in ("regions", "action_units")}
        yield {"video": video, **row, **plain}


def analysis_html(analysis: Analysis) -> str:
    """What was analysed and how, its warnings, and its first events; no picture."""
    summary = analysis.summary
    facts = [
        ("folder", analysis.folder),
        ("model", summary.get("model")),
        ("frames", f"{summary.get('frames_decoded')}, {summary.get('frames_with_face')} with a face"),
        *(("warning", warning) for warning in summary.get("warnings", ())),
    ]
    heads = ("event", "kind", "onset", "apex", "offset", "what")
    rows = [
        (e.number, e.kind, *(clock(t) for t in (e.onset_s, e.apex_s, e.offset_s)), describe(e))
        for e in analysis.events
    ]
    return card(repr(analysis), facts, grid(heads, rows))


def curve_figure(analysis: Analysis) -> Figure:
    """How much the main face moved over time; events are bands, their apexes lines.

    The curve is broken where the motion is not known. Green events are micro, gray ones macro.
    """
    track = read_main(analysis.folder / "frames.csv")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 2.4), layout="constrained")
        axes = figure.subplots()
        axes.plot(track.times, track.moved, color=INK, linewidth=0.8)
        for event in analysis.events:
            color = CLEAN if event.kind == "micro" else OTHER
            axes.axvspan(event.onset_s, event.offset_s, color=color, alpha=0.25, linewidth=0)
            axes.axvline(event.apex_s, color=color, linewidth=1)
        axes.set_xlabel("seconds")
        axes.set_ylabel("motion")
        axes.set_title(shown(analysis.folder.name), fontsize=10)
        return figure
