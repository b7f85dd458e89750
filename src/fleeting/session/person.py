"""The state of one followed person: a spotter, recent pictures of the face, frames that cannot be judged."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from fleeting.faces.action_units import ActionUnits
from fleeting.faces.skin_motion import Motion
from fleeting.faces.tracking import Face
from fleeting.session.buffer import LONGEST, ClipBuffer
from fleeting.spotting import LONGEST_MICRO, Spotted, Spotter
from fleeting.types import Frame
from fleeting.video.later import FrameInFile

SMALL = 48.0
"""Pixels between the outer eye corners below which a face is too small to be sure of a movement's class."""
SMEARED = 2
"""Frames before and after a cut over which a codec may smear it."""


@dataclass(frozen=True)
class _Unjudged:
    """Frames that cannot be judged, from ``first`` to ``last``; ``time`` is when that was known."""

    first: int
    last: int
    time: float
    cut: bool


class Person:
    """The state of one followed face: its spotter, its recent pictures, and frames that cannot be judged."""

    def __init__(self, spotter: Spotter) -> None:
        self.spotter = spotter
        self.buffer, self.units = ClipBuffer(spotter.latency), ActionUnits(spotter.latency)
        self._doubtful: deque[tuple[int, float]] = deque()
        self._unjudged: deque[_Unjudged] = deque()

    def push(
        self, frame: Frame | FrameInFile, motion: Motion, face: Face | None, others: Sequence[Face]
    ) -> list[Spotted]:
        """The movements that are certain once this frame is seen.

        ``face`` is None where the person is not seen; a frame without a usable face is a gap.
        """
        usable = face if face and not face.reason else None
        if usable:
            self.buffer.add(frame, usable, others)
            self.units.add(frame, usable)
        if usable and usable.measures.size < SMALL:
            self._doubtful.append((frame.number, frame.time))
        while self._doubtful and self._doubtful[0][1] < frame.time - self.spotter.latency - LONGEST_MICRO:
            self._doubtful.popleft()
        if motion.places is None:
            first = frame.number if motion.since is None else motion.since - SMEARED
            last = first + 2 * SMEARED - 1 if motion.cut else frame.number
            self._unjudged.append(_Unjudged(first, last, frame.time, motion.cut))
        while self._unjudged and self._unjudged[0].time < frame.time - self.spotter.latency - LONGEST:
            self._unjudged.popleft()
        return self.spotter.push(motion)

    def is_unjudged(self, spotted: Spotted) -> bool:
        """Whether a movement rests on frames that cannot be judged, and is therefore none.

        A micro-movement does where it touches such a frame, a longer one where its onset, apex or offset
        does; both do across a cut.
        """
        marks = spotted.onset, spotted.apex, spotted.offset
        return any(
            one.first - 1 <= spotted.offset and spotted.onset <= one.last + 1
            if spotted.kind == "micro" or one.cut
            else any(one.first - 1 <= mark <= one.last + 1 for mark in marks)
            for one in self._unjudged
        )

    def doubt(self, spotted: Spotted) -> str:
        """Why no class of a micro-movement is to be relied on, whatever a recogniser says of it; else "".

        That is so where its apex is its first or last frame, and where the face was small (SMALL) in any
        frame of it.
        """
        if spotted.apex in (spotted.onset, spotted.offset):
            return "the movement is largest in its first or last frame"
        if any(spotted.onset <= number <= spotted.offset for number, _ in self._doubtful):
            return f"the face is small: its outer eye corners are less than {SMALL:g} pixels apart"
        return ""
