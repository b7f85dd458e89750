"""Follows the faces and their skin through one segment of a video, without knowing of any other segment.

Segments begin at fixed presentation times, so that a camera's frames, a file's, and those that several
processes read of one file are cut alike. What is seen in a segment depends on its frames and on those of its
lead-in alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from fleeting.faces.skin_motion import FaceMotion, Motion
from fleeting.faces.tracking import Face, FaceTracker
from fleeting.session.one_thread import one_thread
from fleeting.types import Frame

MEMORY = 30
"""Frames for which a face may be gone and still keep its id when it comes back."""
LASTS = 30.0
"""Seconds that a segment lasts: segment k has the frames from k * LASTS to before (k + 1) * LASTS."""
LEAD = 2.5
"""Seconds before a segment that are looked at for its sake: by then what depends on the seconds before (two
for the sharpness of the picture) is as if the segment had no beginning."""


def segment_of(time: float) -> int:
    """The number of the segment that has a frame with this presentation time, in seconds."""
    return math.floor(time / LASTS)


def leads_to(time: float) -> int | None:
    """The number of the segment in whose lead-in a frame with this presentation time is, if in any."""
    segment = segment_of(time)
    return segment + 1 if segment_of(time + LEAD) > segment else None


@dataclass(frozen=True, eq=False)
class Sight:
    """The faces in one frame, how the skin of each moves, and whom the frame shows to be lost.

    ``motions`` are those of all who are known, by the id of the face; ``lost`` are the ids of those who were
    gone for too long (MEMORY), and are forgotten after this frame. ``left_out`` is how many faces the last
    search found besides those that are followed.
    """

    number: int
    time: float
    faces: tuple[Face, ...]
    motions: Mapping[int, Motion]
    lost: tuple[int, ...]
    left_out: int

    @property
    def replaced(self) -> tuple[int, ...]:
        """The ids of those who look like somebody else since a cut, and are forgotten after this frame."""
        return tuple(
            id_
            for id_, motion in self.motions.items()
            if motion.cut and motion.other and id_ not in self.lost
        )

    @property
    def known(self) -> tuple[int, ...]:
        """The ids of those who are known after this frame."""
        return tuple(self.motions.keys() - {*self.lost, *self.replaced})


@dataclass
class _Skin:
    """The motion of one person's skin, and for how many frames the person has been away."""

    motion: FaceMotion
    away: int = 0


class Follower:
    """Follows up to ``people`` faces, and the skin of each, through one segment and its lead-in.

    People are numbered from 0 as they appear. A tracker's face that looks otherwise behind a cut is another
    person. Raises OptionError where ``people`` is below 1.
    """

    def __init__(self, people: int) -> None:
        self._tracker = FaceTracker(most=people, memory=MEMORY)
        self._skins: dict[int, _Skin] = {}
        self._numbers: dict[int, int] = {}  # of the people, by the tracker's ids
        self._known = 0

    def look(self, frame: Frame) -> tuple[tuple[Face, ...], int]:
        """The faces in the next frame by the tracker's ids, and how many more were left out.

        May run ahead of `push`, in another thread. Raises OptionError on anything other than RGB uint8.
        """
        return self._tracker.push(frame.image, frame.time), self._tracker.left_out

    def push(self, frame: Frame, looked: tuple[tuple[Face, ...], int]) -> Sight:
        """What is seen in the next frame, of which `look` found ``looked``."""
        tracked, left_out = looked
        faces = {face.id: face for face in (replace(one, id=self._number(one.id)) for one in tracked)}
        for id_ in faces:
            self._skins.setdefault(id_, _Skin(FaceMotion()))
        motions = {}
        with one_thread:
            for id_, skin in self._skins.items():
                face = faces.get(id_)
                skin.away = 0 if face else skin.away + 1
                motions[id_] = skin.motion.push(frame, None if face is None or face.reason else face)
        lost = tuple(id_ for id_, skin in self._skins.items() if skin.away > MEMORY)
        sight = Sight(frame.number, frame.time, tuple(faces.values()), motions, lost, left_out)
        self._forget({*sight.lost, *sight.replaced})
        return sight

    def _number(self, tracked: int) -> int:
        """The number of the person whom the tracker knows by this id."""
        if tracked not in self._numbers:
            self._numbers[tracked], self._known = self._known, self._known + 1
        return self._numbers[tracked]

    def _forget(self, ids: set[int]) -> None:
        for id_ in ids:
            del self._skins[id_]
        self._numbers = {tracked: id_ for tracked, id_ in self._numbers.items() if id_ not in ids}
