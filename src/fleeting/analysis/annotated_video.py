"""Writes a copy of a video with its faces and events drawn into it, and with faces covered if asked."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fleeting.analysis.event_files import describe
from fleeting.analysis.frame_tables import FaceRow, read_rows
from fleeting.analysis.overlay import Mark, covered, marked
from fleeting.faces.networks import detect
from fleeting.types import Event, Frame, Image
from fleeting.video.writer import VideoWriter

HELD = 1.0
"""Seconds for which a face's place stays covered before the face is seen and after it was last seen."""
LIKELY = 0.2
"""Detector score, 0 to 1, from which on a detection is covered, even if no face was followed there."""
Box = tuple[float, float, float, float]


def write_annotated(
    path: Path, frames: Iterable[Frame], faces: Path, events: Sequence[Event], *, blur: bool = False
) -> None:
    """Write frames as a video (H.264, without sound) with the faces of ``faces.csv`` and the events.

    With ``blur`` every face is covered: the faces that were followed, their place for a second before and
    after, and everything that the detector takes for a face.
    """
    tracks = _read(faces)
    with VideoWriter(path) as video:
        for frame in frames:
            picture = frame.image
            if blur:
                boxes = [box for track in tracks.values() for box in track.around(frame.time)]
                picture = covered(picture, [*boxes, *_likely(picture)])
            marks = list(_marks(frame, tracks, events))
            video.add(marked(picture, marks, f"{frame.time:.2f} s, frame {frame.number}"), frame.time)


class _Track:
    """One face over time: its boxes, and the reason in each frame where it was not used."""

    def __init__(self) -> None:
        self._times, self._numbers = array("d"), array("q")
        self._values = array("d")
        self._reasons: dict[int, str] = {}

    def add(self, row: FaceRow) -> None:
        """Add a row of ``faces.csv``; rows come in the order of their frames."""
        if row.reason:
            self._reasons[len(self._times)] = row.reason
        self._numbers.append(row.frame)
        self._times.append(row.time)
        self._values.extend(row.box or ())

    def at(self, number: int) -> tuple[Box, str] | None:
        """Box and reason in frame ``number``; None if the face was not seen there."""
        place = bisect_left(self._numbers, number)
        if place < len(self._numbers) and self._numbers[place] == number:
            return self._box(place), self._reasons.get(place, "")
        return None

    def around(self, time: float) -> Iterator[Box]:
        """The face's last box before ``time`` and its next one, if they are at most HELD seconds away."""
        place = bisect_left(self._times, time)
        for near in (place - 1, place):
            if 0 <= near < len(self._times) and abs(self._times[near] - time) <= HELD:
                yield self._box(near)

    def _box(self, place: int) -> Box:
        x, y, width, height = self._values[4 * place : 4 * place + 4]
        return x, y, width, height


def _read(path: Path) -> dict[int, _Track]:
    tracks: dict[int, _Track] = {}
    for row in read_rows(path):
        if row.face is not None:
            tracks.setdefault(row.face, _Track()).add(row)
    return tracks


def _marks(frame: Frame, tracks: dict[int, _Track], events: Sequence[Event]) -> Iterator[Mark]:
    for face, track in tracks.items():
        if (found := track.at(frame.number)) is not None:
            box, why = found
            now = [e for e in events if e.face == face and e.onset_frame <= frame.number <= e.offset_frame]
            text = " | ".join(f"{event.kind} {event.number}: {describe(event)}" for event in now)
            yield Mark(box, f"face {face}", why or text, not why)


def _likely(image: Image) -> list[Box]:
    return [found.box for margin in (0.0, 0.3) for found in detect(image, LIKELY, margin)]
