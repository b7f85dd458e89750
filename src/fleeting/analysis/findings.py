"""Finds the movements of one input: segment by segment where its file can be read so, else in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from fleeting.analysis.frame_tables import FrameTables
from fleeting.analysis.left_out import left_out
from fleeting.analysis.segments import Plan, in_order
from fleeting.analysis.stills import Stills, stills
from fleeting.analysis.unit_tables import UnitTable, face_values
from fleeting.analysis.watch import facts
from fleeting.recognition.recogniser import Recogniser
from fleeting.session.one_thread import one_thread
from fleeting.session.session import Session
from fleeting.types import Event, FloatArray, Frame
from fleeting.video.frame_index import Pictures
from fleeting.video.later import FrameInFile
from fleeting.video.reader import Video, VideoReport, open_video

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Findings:
    """What was found in an input.

    ``facts`` are entries of ``summary.json``, ``pictures`` those of each event by its number, ``played`` is
    when players show the frames.
    """

    facts: Mapping[str, Any]
    events: Sequence[Event]
    candidates: Sequence[Event]
    pictures: Mapping[int, Stills]
    played: npt.NDArray[np.float64]


class _Finding:
    """Writes what a session sees into the tables of a folder, and collects the events that it gives."""

    def __init__(
        self, folder: Path, source: Path, settings: Mapping[str, Any], recogniser: Recogniser | None
    ) -> None:
        chosen = {name: settings[name] for name in ("spotter", "people", "alarms_per_minute")}
        self.session = Session(recogniser=recogniser.recognise if recogniser else None, **chosen)
        self._settings, self._files = settings, ExitStack()
        self._tables = FrameTables(folder, named=source.is_dir())
        self._units = UnitTable(folder) if "units" in settings["formats"] else None
        self._events: list[Event] = []
        self._candidates: list[Event] = []
        self._pictures: dict[int, Stills] = {}

    def __enter__(self) -> Self:
        self._files.enter_context(self._tables)
        if self._units:
            self._files.enter_context(self._units)
        return self

    def __exit__(self, *error: Any) -> None:
        self._files.__exit__(*error)

    def add(
        self, frame: Frame | FrameInFile, given: Sequence[Event], units: Sequence[FloatArray] | None = None
    ) -> None:
        """Add a frame that the session has just taken, the events it gave, and its faces' `face_values`."""
        session = self.session
        self.keep(given)
        self._tables.add(frame, session.faces, session.motions)
        if self._units:
            if units is None and isinstance(frame, Frame):
                units = [face_values(frame, face) for face in session.faces]
            self._units.add(frame, session.faces, session.motions, units or ())

    def keep(self, given: Sequence[Event]) -> None:
        """Keep the events that the session has just given."""
        self._events.extend(given)
        self._candidates.extend(self.session.candidates)
        if "html" in self._settings["formats"]:
            for number, clip in self.session.clips.items():
                self._pictures[number] = stills(clip, blur=self._settings["blur"])

    def findings(self, report: VideoReport, played: npt.NDArray[np.float64]) -> Findings:
        """All that was found, given the report of the video."""
        seen = facts(report, self._tables)
        seen["cuts"] = self.session.cuts
        doubts = _doubts(seen, self._events)
        warnings = [*seen["warnings"], *doubts, *left_out(self.session, self._tables)]
        found = {**seen, "warnings": warnings}
        return Findings(found, self._events, self._candidates, self._pictures, played)


def in_one_go(
    folder: Path,
    source: Path,
    settings: Mapping[str, Any],
    recogniser: Recogniser | None,
    tell: Callable[[int, int], None],
) -> Findings:
    """What is found while an input is read from its first frame to its last; its tables go into ``folder``.

    ``tell`` is called with the frames done and those that there should be. Raises the errors of
    `fleeting.open_video`.
    """
    with (
        one_thread,
        opened(source, settings) as video,
        _Finding(folder, source, settings, recogniser) as finding,
        closing(finding.session.read(video)) as read,
    ):
        for frame, given in told(read, video.report.header_frames or 0, tell):
            finding.add(frame, given)
        finding.keep(finding.session.finish())
    return finding.findings(video.report, video.played)


def by_segments(
    folder: Path,
    plan: Plan,
    settings: Mapping[str, Any],
    recogniser: Recogniser | None,
    tell: Callable[[int, int], None],
) -> Findings:
    """What `in_one_go` finds, to the last digit, from segments of a file: kept ones, and those found now.

    Raises SeekError where the file cannot be read from the middle.
    """
    promised = plan.promised
    frames = len(promised.index)
    with (
        one_thread,
        Pictures(plan.source, promised.index) as pictures,
        _Finding(folder, plan.source, settings, recogniser) as finding,
    ):
        for segment in in_order(plan, lambda done: tell(done, frames)):
            units: Sequence[Any] = segment.units or [None] * len(segment.sights)
            lead: Any = segment.lead
            for sight, values in zip(segment.sights, units, strict=True):
                frame = FrameInFile(sight.number, sight.time, promised.size, pictures)
                finding.add(frame, finding.session.take(frame, sight, lead), values)
                lead = None
        finding.keep(finding.session.finish())
    return finding.findings(promised.report, promised.played)


def _doubts(seen: Mapping[str, Any], events: Sequence[Event]) -> Iterator[str]:
    if not seen["frames_with_face"]:
        yield f"no face was found in any of {seen['frames_decoded']} frames, so there is nothing to read"
    elif not seen["frames_usable"]:
        yield "the face was nowhere seen well enough; frames.csv says why, frame by frame"
    unknown = [str(event.number) for event in events if event.unsure and not event.label]
    if unknown:
        yield f"no clip could be cut of event {', '.join(unknown)}, so its class is not known"


def opened(source: Path, settings: Mapping[str, Any]) -> Video:
    """The input, opened as the settings of its analysis say."""
    return open_video(source, **{name: settings[name] for name in ("fps", "start", "end")})


def told(frames: Iterable[T], promised: int, tell: Callable[[int, int], None]) -> Iterator[T]:
    """The same items, with a call of ``tell`` after each; ``promised`` is how many there should be."""
    for done, frame in enumerate(frames, start=1):
        yield frame
        tell(done, max(promised, done))
