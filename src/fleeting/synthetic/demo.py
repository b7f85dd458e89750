"""The demonstration: draws a video with known micro-expressions, analyses it, compares found with true."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fleeting.analysis.analyze import analyze
from fleeting.analysis.result_folder import Analysis
from fleeting.scoring.intervals import Interval, match
from fleeting.synthetic.draw import draw
from fleeting.types import Event, Progress, silent

SECONDS, FPS, PER_MINUTE, SEED = 40.0, 100.0, 9.0, 100_001
"""The drawn video: flat, default strength and disturbance, more movements per minute than usual, and a seed
that no threshold was tuned on."""


@dataclass(frozen=True)
class Row:
    """A true movement (None for a false alarm) and the event that found it (None for a miss)."""

    true: dict[str, Any] | None
    found: Event | None


@dataclass(frozen=True)
class Demonstration:
    """The result of the demonstration: the drawn video's true movements beside the events found in it."""

    video: Path
    analysis: Analysis
    people: str
    rows: tuple[Row, ...]

    @property
    def true(self) -> int:
        """The number of true movements."""
        return sum(row.true is not None for row in self.rows)

    @property
    def hits(self) -> int:
        """The number of true movements that were found."""
        return sum(row.true is not None and row.found is not None for row in self.rows)

    @property
    def false(self) -> int:
        """The number of events where there is no movement."""
        return sum(row.true is None for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """The result for JSON: video, report, people, counts, rows with ``true`` and ``found``."""
        rows = [{"true": row.true, "found": row.found and asdict(row.found)} for row in self.rows]
        paths = {"video": str(self.video), "report": str(self.analysis.folder / "report.html")}
        counts = {"true": self.true, "hits": self.hits, "false": self.false}
        return {**paths, "people": self.people, **counts, "rows": rows}


def demo(out: str | Path = "demo", *, replace: bool = False, progress: Progress = silent) -> Demonstration:
    """Draw a video into ``out``, analyse it there, and compare the events found with the true movements.

    A movement counts as found if an event and it share half of their union (IoU 0.5). The video and the
    results are the same every time. Raises OutputError if ``drawn`` or the folder of results in ``out`` holds
    anything else, unless ``replace`` is true.

    >>> fleeting.demo("taken")
    Traceback (most recent call last):
    fleeting.errors.OutputError: taken/drawn holds 'notes.txt', ...
    """
    out = Path(out)
    truth = draw(
        out / "drawn",
        videos=1,
        seconds=SECONDS,
        events_per_minute=PER_MINUTE,
        fps=FPS,
        seed=SEED,
        flows=0,
        style="flat",
        replace=replace,
        progress=progress,
    )
    (drawn,) = truth["videos"]
    video = out / "drawn" / drawn["file"]
    (analysis,) = analyze(video, out / "analysis", resume=True, replace=replace, progress=progress).done
    for event in drawn["events"]:
        event |= {f"{name}_s": event[f"{name}_frame"] / FPS for name in ("onset", "apex", "offset")}
    micro = [event for event in analysis.events if event.kind == "micro"]
    return Demonstration(video, analysis, truth["people"], tuple(_beside(drawn["events"], micro)))


def _beside(true: list[dict[str, Any]], found: list[Event]) -> list[Row]:
    """One row for each hit, miss and false alarm, in the order of their onsets."""
    truths = {Interval("", event["onset_frame"], event["offset_frame"]): event for event in true}
    events = {Interval("", event.onset_frame, event.offset_frame): event for event in found}
    hits = match(truths, events)
    rows = [Row(truths[one], events[other]) for one, other in hits]
    rows += [Row(truths[one], None) for one in truths.keys() - {hit[0] for hit in hits}]
    rows += [Row(None, events[other]) for other in events.keys() - {hit[1] for hit in hits}]
    return sorted(rows, key=lambda row: row.true["onset_frame"] if row.true else row.found.onset_frame)  # type: ignore[union-attr]
