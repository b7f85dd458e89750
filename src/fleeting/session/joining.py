"""Joins what was seen in one segment of a video to what was seen in the segment before it.

The frames of a segment's lead-in were seen twice: as the last of the segment before, and for the sake of this
one. Who is in the same place in both is the same person, and the places of the skin go on from where they
were, as they do where a reference is renewed (`fleeting.faces.skin_motion`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from fleeting.faces.head_fit import Array
from fleeting.faces.skin_motion import HANDOVER, Motion
from fleeting.faces.tracking import Face
from fleeting.session.following import LEAD, Sight

SAME = 0.5
"""Intersection over union of two boxes in one frame from which on they are the same face."""
Pair = tuple[Sight, Sight]
"""One frame of a lead-in as the segment before saw it, with numbers that are final, and as this one did."""


@dataclass(frozen=True, eq=False)
class _Moved:
    """The final number of a stretch, and how far its places and the head's turn go on from others."""

    stretch: int
    away: Array | None = None

    def of(self, motion: Motion) -> Motion:
        """The motion, counted in the final stretch."""
        if self.away is None or motion.places is None or motion.head is None:
            return replace(motion, stretch=self.stretch)
        places = (motion.places + self.away[:-4].reshape(-1, 2)).astype(np.float32)
        head = (motion.head + self.away[-4:]).astype(np.float32)
        return replace(motion, stretch=self.stretch, places=places, head=head)


@dataclass
class _Joined:
    """The final number of a person, and of the stretches of the segment in which the person is followed."""

    number: int
    stretches: dict[int, _Moved] = field(default_factory=dict)
    begun: int = 0
    """How many stretches the person has had, in all segments."""

    def motion(self, motion: Motion) -> Motion:
        """The motion with the final number of its stretch."""
        if motion.stretch not in self.stretches:
            self.stretches[motion.stretch] = _Moved(self.begun)
            self.begun += 1
        return self.stretches[motion.stretch].of(motion)


class Joiner:
    """Gives the people, and the stretches of their motion, numbers that go on from segment to segment."""

    def __init__(self) -> None:
        self._joined: dict[int, _Joined] = {}  # by the number that a person has in this segment
        self._people = 0
        self._recent: deque[Sight] = deque()

    def begin(self, lead: Sequence[Sight]) -> tuple[int, ...]:
        """Go on with the next segment, whose lead-in shows ``lead``.

        Returns the final numbers of those who are not known any more: nobody is in their place.
        """
        seen = {sight.number: sight for sight in self._recent}
        pairs = [(seen[sight.number], sight) for sight in lead if sight.number in seen]
        before = {one.number: one for one in self._joined.values()}
        self._joined = {
            theirs: _continued(before[ours], pairs, theirs)
            for theirs, ours in _same(pairs, before.keys()).items()
        }
        self._recent.clear()
        return tuple(sorted(before.keys() - {one.number for one in self._joined.values()}))

    def joined(self, sight: Sight) -> Sight:
        """What is seen in the next frame of the segment, with final numbers."""
        for face in sight.faces:
            if face.id not in self._joined:
                self._joined[face.id] = _Joined(self._people)
                self._people += 1
        final = {id_: one.number for id_, one in self._joined.items()}
        result = replace(
            sight,
            faces=tuple(replace(face, id=final[face.id]) for face in sight.faces),
            motions={
                final[id_]: self._joined[id_].motion(motion)
                for id_, motion in sight.motions.items()
                if id_ in final
            },
            lost=tuple(final[id_] for id_ in sight.lost if id_ in final),
        )
        for id_ in (*sight.lost, *sight.replaced):
            self._joined.pop(id_, None)
        self._recent.append(result)
        while self._recent[0].time < sight.time - LEAD:
            self._recent.popleft()
        return result


def _same(pairs: Sequence[Pair], ours: Collection[int]) -> dict[int, int]:
    """The final numbers of the people of a segment by the numbers that they have in it.

    The last frame of the lead-in that shows somebody in both decides, and in it the boxes that overlap most.
    """
    found: dict[int, int] = {}
    known = pairs[-1][1].known if pairs else ()
    for before, after in reversed(pairs):
        both = [
            (_overlap(old, new), old.id, new.id)
            for old in before.faces
            for new in after.faces
            if old.id in ours and new.id in known
        ]
        for overlap, old, new in sorted(both, key=lambda one: (-one[0], *one[1:])):
            if overlap >= SAME and new not in found and old not in found.values():
                found[new] = old
    return found


def _continued(before: _Joined, pairs: Sequence[Pair], theirs: int) -> _Joined:
    """A person in the next segment, whose motion goes on where both segments could follow the skin."""
    after = _Joined(before.number, begun=before.begun)
    motions = [(old.motions.get(before.number), new.motions.get(theirs)) for old, new in pairs]
    both = [(old, new) for old, new in motions if old and new and _is_followed(old) and _is_followed(new)]
    if both and (last := both[-1])[0].stretch == before.begun - 1:
        near = [
            (_course(old), _course(new))
            for old, new in both
            if old.time >= last[0].time - HANDOVER
            and (old.stretch, new.stretch) == (last[0].stretch, last[1].stretch)
        ]
        away = np.mean([old - new for old, new in near], axis=0)
        after.stretches[last[1].stretch] = _Moved(last[0].stretch, away)
    return after


def _is_followed(motion: Motion) -> bool:
    return motion.places is not None and motion.head is not None


def _course(motion: Motion) -> Array:
    """The places and, behind them, the turn of the head: (regions * 2 + 4,)."""
    return np.concatenate([np.ravel(motion.places), motion.head]).astype(np.float64)  # type: ignore[arg-type]


def _overlap(one: Face, other: Face) -> float:
    """Intersection over union of the boxes of two faces."""
    (left, top, width, height), (x, y, across, down) = one.box, other.box
    shared = max(0.0, min(left + width, x + across) - max(left, x)) * max(
        0.0, min(top + height, y + down) - max(top, y)
    )
    return shared / max(width * height + across * down - shared, 1e-9)
