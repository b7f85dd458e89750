"""The plot of how much a face moved over time, as shapes: a line, bands for events and gaps, ticks.

The template ``analysis.html`` draws the shapes as plain SVG without a script: plotly's script would add
4.8 MB to every report, a curve is 20 kB.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fleeting.analysis.frame_tables import MEASURED, FaceRow, read_rows
from fleeting.types import Event

Floats = npt.NDArray[np.float64]
WIDTH, HEIGHT = 1000.0, 120.0
"""Size of the plot, in units of its SVG."""
POINTS = 1000
"""Most points of a line: longer tracks are cut into this many stretches, each drawn as its largest value."""
NARROW = 4.0
"""Least width of a band, in units of the SVG."""
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
"""Possible seconds between two ticks; the first that gives eleven ticks or fewer is used."""
ABSENT = "not seen"
KINDS = {
    "cut": ("cut",),
    "light": ("the light", "badly lit", "too dark"),
    "unsharp": ("out of focus", "too blurred", "too flat", "the picture was coded anew"),
    "covered": ("a part of the face",),
}
"""Kinds of reasons for which a face was not used, each with the beginnings of its reasons; else "gap"."""


@dataclass(frozen=True, eq=False)
class Track:
    """One face over time: seconds, how much it moved (NaN: not known), why it was not used ("": it was)."""

    times: Floats
    moved: Floats
    reasons: tuple[str, ...]

    def between(self, start: float, end: float) -> Track:
        """The rows from ``start`` to ``end`` seconds."""
        low, high = np.searchsorted(self.times, [start, end + 1e-9]).tolist()
        return Track(self.times[low:high], self.moved[low:high], self.reasons[low:high])

    def counted_from(self, start: float) -> Track:
        """The same rows with times that count from ``start`` seconds."""
        return Track(self.times - start, self.moved, self.reasons)


@dataclass(frozen=True)
class Gap:
    """A stretch of ``frames`` frames, from ``start`` until ``end`` seconds, in which a face was not used."""

    start: float
    end: float
    reason: str
    frames: int


@dataclass(frozen=True)
class Band:
    """The band of an event or a gap in the plot: its left edge and its width, in units of the SVG."""

    x: float
    width: float
    name: str
    kind: str
    number: int = 0


@dataclass(frozen=True)
class Plot:
    """The shapes of one plot: the line as an SVG path, bands of events and gaps, ticks and marks (x, text).

    ``top`` is the motion that the upper edge of the plot stands for.
    """

    line: str
    events: tuple[Band, ...]
    gaps: tuple[Band, ...]
    ticks: tuple[tuple[float, str], ...]
    top: float
    marks: tuple[tuple[float, str], ...] = ()


def read_main(path: Path) -> Track:
    """The main face over time, from a ``frames.csv``; which face that is may change from frame to frame."""
    return _track(list(read_rows(path)))


def read_people(path: Path) -> dict[int, Track]:
    """Each face over time, by its id, from a ``faces.csv``."""
    rows: dict[int, list[FaceRow]] = {}
    for row in read_rows(path):
        if row.face is not None:
            rows.setdefault(row.face, []).append(row)
    return {face: _track(listed) for face, listed in rows.items()}


def _track(rows: Sequence[FaceRow]) -> Track:
    times, moved = np.array([row.time for row in rows]), np.array([row.motion for row in rows])
    return Track(times, moved, tuple(row.reason for row in rows))


def spread(track: Track, times: Floats) -> Track:
    """The same face over all of a video's ``times``; where it has no row, its reason is ABSENT."""
    places = np.searchsorted(times, track.times)
    moved, reasons = np.full(len(times), np.nan), [ABSENT] * len(times)
    moved[places] = track.moved
    for place, reason in zip(places.tolist(), track.reasons, strict=True):
        reasons[place] = reason
    return Track(times, moved, tuple(reasons))


def gaps(track: Track) -> Iterator[Gap]:
    """Stretches of frames in which the face was not used for one reason; each ends at the next frame.

    What was measured, the part after a colon with a number in it, is left out of the reason.
    """
    kinds = [MEASURED.sub("", reason) for reason in track.reasons]
    start = 0
    for kind, group in groupby(kinds):
        end = start + len([*group])
        if kind:
            stop = track.times[min(end, len(kinds) - 1)]
            yield Gap(float(track.times[start]), float(stop), kind, end - start)
        start = end


def kind_of(reason: str) -> str:
    """The kind, one of KINDS or "gap", of a reason for which a face was not used."""
    return next((kind for kind, begins in KINDS.items() if reason.startswith(begins)), "gap")


def plot(track: Track, events: Sequence[Event], *, marks: Sequence[tuple[float, str]] = ()) -> Plot:
    """The shapes of a track and its events; ``marks`` (seconds, name) are vertical lines."""
    start, end = float(track.times[0]), float(track.times[-1])
    span = max(end - start, 1e-3)

    def across(time: float) -> float:
        return round(WIDTH * (time - start) / span, 1)

    def band(first: float, last: float, name: str, kind: str, number: int = 0) -> Band:
        width = max(across(last) - across(first), NARROW)
        return Band(min(across(first), WIDTH - width), width, name, kind, number)

    top = _top(track.moved)
    return Plot(
        line=_line(track, across, top),
        events=tuple(band(e.onset_s, e.offset_s, clock(e.onset_s), e.kind, e.number) for e in events),
        gaps=tuple(band(gap.start, gap.end, gap.reason, kind_of(gap.reason)) for gap in gaps(track)),
        ticks=tuple((across(time), text) for time, text in _ticks(start, end)),
        marks=tuple((across(time), name) for time, name in marks),
        top=top,
    )


def clock(seconds: float, digits: int = 2) -> str:
    """Seconds as text for people: 12.34 s, 1:02.34, 1:01:02.34."""
    sign, seconds = ("-" if seconds < 0 else ""), round(abs(seconds), digits)
    minutes, rest = divmod(seconds, 60)
    if not minutes:
        return f"{sign}{rest:.{digits}f} s"
    hours, minutes = divmod(int(minutes), 60)
    last = f"{rest:0{3 + digits if digits else 2}.{digits}f}"
    return sign + (f"{hours}:{minutes:02d}:{last}" if hours else f"{minutes}:{last}")


def _top(moved: Floats) -> float:
    known = moved[np.isfinite(moved)]
    return float(known.max()) * 1.05 if len(known) and known.max() > 0 else 1.0


def _line(track: Track, across: Callable[[float], float], top: float) -> str:
    """An SVG path through the largest value of each stretch, broken where the motion is not known."""
    stretches = np.array_split(np.arange(len(track.times)), min(POINTS, len(track.times)))
    steps, pen = [], "M"
    for stretch in stretches:
        moved = track.moved[stretch]
        if not np.isfinite(moved).any():
            pen = "M"
            continue
        place = stretch[int(np.nanargmax(moved))]
        high = HEIGHT * (1 - track.moved[place] / top)
        steps.append(f"{pen}{across(track.times[place]):g} {high:.1f}")
        pen = "L"
    return "".join(steps)


def _ticks(start: float, end: float) -> Iterator[tuple[float, str]]:
    step = next((step for step in STEPS if (end - start) / step <= 10), STEPS[-1])
    for count in range(math.ceil(start / step - 1e-6), math.floor(end / step + 1e-6) + 1):
        yield count * step, clock(count * step, 0 if step >= 1 else 1)
