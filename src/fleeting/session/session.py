"""Turns frames into events: a camera's frames are pushed into a session as they come, a file's in a loop."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from fleeting.errors import OptionError
from fleeting.faces.skin_motion import FaceMotion, Motion
from fleeting.faces.tracking import Face, FaceTracker
from fleeting.session.buffer import LONGEST, ClipBuffer
from fleeting.session.one_thread import one_thread
from fleeting.spotting import DEFAULT, LONGEST_MICRO, Spotted, Spotter, spotters
from fleeting.types import Clip, Event, Frame, Recognition
from fleeting.video.prefetch import ahead

MEMORY = 30
"""Frames for which a face may be gone and still keep its id when it comes back."""
ALARMS_PER_MINUTE = 1.0
"""False alarms a minute that are put up with on ordinary footage, unless something else is asked for."""
SMALL = 48.0
"""Pixels between the outer eye corners below which a face is too small to be sure of a movement's class."""


SMEARED = 2
"""Frames before and after a cut over which a codec may smear it."""

Recognise = Callable[[Clip], Recognition]
"""A function that says which class the movement in a clip is of, as `fleeting.Recogniser.recognise` does."""


class Session:
    """Finds the movements in every face, frame by frame, and has the micro-movements recognised.

    ``recogniser`` is called with the clip of each micro event; without one, events have no label. ``spotter``
    is the name of one of `fleeting.spotting.spotters`; ``people`` is how many faces are followed at most.
    A micro-movement is an event where its likelihood reaches the spotter's point for so many false
    ``alarms_per_minute`` of ordinary footage; below it, it is a candidate, which gets no class. The events
    depend on the frames alone, and memory does not grow with the number of frames. Native linear algebra
    (BLAS) has one thread while a session works. Raises UnknownNameError on another spotter, OptionError where
    ``people`` is below 1 or ``alarms_per_minute`` is not a number above 0.
    """

    def __init__(
        self,
        *,
        recogniser: Recognise | None = None,
        spotter: str = DEFAULT,
        people: int = 4,
        alarms_per_minute: float = ALARMS_PER_MINUTE,
    ) -> None:
        refuse_no_alarms(alarms_per_minute)
        self.people = people
        """How many faces are followed at most; the largest are."""
        self._recogniser, self._new_spotter = recogniser, spotters[spotter]
        self._tracker = FaceTracker(most=people, memory=MEMORY)
        self._people: dict[int, _Person] = {}
        self._numbers: dict[int, int] = {}  # of the people, by the tracker's ids
        self._known = 0
        self._last: Frame | None = None
        self._last_cut = -SMEARED
        self._events = self._candidates = 0
        asked = self._new_spotter()
        self._point = asked.point(alarms_per_minute)
        self.latency = asked.latency
        """Seconds after its offset by which an event is given out at the latest."""
        self.faces: tuple[Face, ...] = ()
        """The faces of the last frame."""
        self.motions: dict[int, Motion] = {}
        """The motion of each face's skin in the last frame, by the face's id."""
        self.clips: dict[int, Clip] = {}
        """Clips of the events that the last call gave out, by the event's number, where one could be cut."""
        self.candidates: list[Event] = []
        """Micro-movements that the last call found too unlikely for events, numbered on their own from 1."""
        self.cuts = 0
        """Cuts so far: each begins a stretch, and a face that looks otherwise behind it is another person."""
        self.unjudged = 0
        """Movements so far that rested on frames that cannot be judged, and were left out."""
        self.unfollowed = 0
        """Most faces that were in the picture at once besides those that are followed."""

    def push(self, frame: Frame) -> list[Event]:
        """The events that are certain once this frame is seen, by person and onset.

        Frames may be missing between two pushes. Raises OptionError on a picture that is not RGB uint8, and
        on a frame that is not later than the one before.
        """
        return self._taken(*self._looked_at(frame))

    def read(self, frames: Iterable[Frame]) -> Generator[tuple[Frame, list[Event]]]:
        """Each frame with the events that `push` gives for it, but faster.

        The faces of the next frames are found in a second thread meanwhile. Where the generator is not read
        to its end, close it before ``frames`` is closed. Raises what `push` and ``frames`` raise.
        """
        with closing(ahead(map(self._looked_at, frames))) as seen:
            for frame, faces in seen:
                yield frame, self._taken(frame, faces)

    def _looked_at(self, frame: Frame) -> tuple[Frame, tuple[Face, ...]]:
        self._refuse_earlier(frame)
        self._last = frame
        faces = self._tracker.push(frame.image, frame.time)
        self.unfollowed = max(self.unfollowed, self._tracker.left_out)
        return frame, faces

    def _taken(self, frame: Frame, faces: tuple[Face, ...]) -> list[Event]:
        self.faces = tuple(replace(face, id=self._number(face.id)) for face in faces)
        self.clips, self.candidates = {}, []
        for face in self.faces:
            if face.id not in self._people:
                self._people[face.id] = _Person(self._new_spotter())
        with one_thread:
            found = [
                event
                for id_, person in self._people.items()
                for event in self._given(id_, person, person.push(frame, id_, self.faces))
            ]
            found += self._ended([id_ for id_, person in self._people.items() if person.away > MEMORY])
        self.motions = {id_: person.motion for id_, person in self._people.items() if person.motion}
        return found + self._cut()

    def _number(self, tracked: int) -> int:
        """The number of the person whom the tracker knows by this id."""
        if tracked not in self._numbers:
            self._numbers[tracked], self._known = self._known, self._known + 1
        return self._numbers[tracked]

    def _cut(self) -> list[Event]:
        """Count a cut; the events of those who look otherwise behind it, and who get another number."""
        cuts = {id_: motion for id_, motion in self.motions.items() if motion.cut}
        firsts = [motion.since or 0 for motion in cuts.values()]
        self.cuts += bool(firsts) and min(firsts) > self._last_cut + SMEARED
        self._last_cut = max([self._last_cut, *firsts])
        with one_thread:
            return self._ended([id_ for id_, motion in cuts.items() if motion.other])

    def finish(self) -> list[Event]:
        """The events that were still undecided when the frames ended."""
        self.clips, self.candidates = {}, []
        with one_thread:
            return self._ended([*self._people])

    def _refuse_earlier(self, frame: Frame) -> None:
        last = self._last
        if last and (frame.number <= last.number or frame.time <= last.time):
            found = (
                f"frame {frame.number} at {frame.time:g} s came after frame {last.number} at {last.time:g} s"
            )
            raise OptionError(f"{found}, expected a later one; push frames in their order")

    def _ended(self, ids: Collection[int]) -> list[Event]:
        """The events that these people's spotters still held; the people are then forgotten."""
        gone = {id_: self._people.pop(id_) for id_ in ids}
        self._numbers = {tracked: id_ for tracked, id_ in self._numbers.items() if id_ not in gone}
        return [event for id_, one in gone.items() for event in self._given(id_, one, one.spotter.finish())]

    def _given(self, face: int, person: _Person, found: Iterable[Spotted]) -> list[Event]:
        """The events among these movements; those that are too unlikely become candidates."""
        events = []
        for spotted in found:
            if person.is_unjudged(spotted):
                self.unjudged += spotted.likelihood is None or spotted.likelihood >= self._point
                continue
            likelihood = spotted.likelihood
            if spotted.kind == "micro" and likelihood is not None and likelihood < self._point:
                self._candidates += 1
                self.candidates.append(_event(self._candidates, face, spotted))
                continue
            self._events += 1
            if (clip := person.buffer.clip(spotted)) is not None:
                self.clips[self._events] = clip
            events.append(_event(self._events, face, spotted, **self._recognised(clip, person, spotted)))
        return events

    def _recognised(self, clip: Clip | None, person: _Person, spotted: Spotted) -> dict[str, Any]:
        """The fields of an event that come from the recogniser."""
        if self._recogniser is None or spotted.kind == "macro":
            return {}
        if clip is None:
            return {"unsure": True}
        said = self._recogniser(clip)
        fields = {name: getattr(said, name) for name in ("label", "confidence", "probabilities")}
        return {**fields, "unsure": said.unsure or person.is_doubtful(spotted)}


def refuse_no_alarms(alarms_per_minute: float) -> None:
    """Raise OptionError unless the false alarms a minute that are put up with are a finite number above 0."""
    if not 0 < alarms_per_minute < math.inf:
        found = f"alarms_per_minute is {alarms_per_minute}, expected a number above 0"
        raise OptionError(f"{found}; 1 is usual, fewer give fewer events")


def _event(number: int, face: int, spotted: Spotted, **recognised: Any) -> Event:
    return Event(
        number=number,
        face=face,
        kind=spotted.kind,
        onset_frame=spotted.onset,
        apex_frame=spotted.apex,
        offset_frame=spotted.offset,
        onset_s=spotted.onset_s,
        apex_s=spotted.apex_s,
        offset_s=spotted.offset_s,
        strength=spotted.strength,
        regions=spotted.regions,
        likelihood=spotted.likelihood,
        **recognised,
    )


@dataclass(frozen=True)
class _Unjudged:
    """Frames that cannot be judged, from ``first`` to ``last``; ``time`` is when that was known."""

    first: int
    last: int
    time: float
    cut: bool


class _Person:
    """The state of one followed face: its skin's motion, its spotter and its recent pictures."""

    def __init__(self, spotter: Spotter) -> None:
        self.spotter, self._skin = spotter, FaceMotion()
        self.buffer = ClipBuffer(spotter.latency)
        self.motion: Motion | None = None
        self.away = 0
        self._doubtful: deque[tuple[int, float]] = deque()
        self._unjudged: deque[_Unjudged] = deque()

    def push(self, frame: Frame, id_: int, faces: Sequence[Face]) -> list[Spotted]:
        """The movements that are certain once this frame is seen; a frame without a usable face is a gap."""
        face = next((face for face in faces if face.id == id_), None)
        self.away = 0 if face else self.away + 1
        usable = face if face and not face.reason else None
        if usable:
            self.buffer.add(frame, usable, [other for other in faces if other.id != id_])
        self.motion = self._skin.push(frame, usable)
        if usable and usable.measures.size < SMALL:
            self._doubtful.append((frame.number, frame.time))
        while self._doubtful and self._doubtful[0][1] < frame.time - self.spotter.latency - LONGEST_MICRO:
            self._doubtful.popleft()
        if self.motion.places is None:
            first = frame.number if self.motion.since is None else self.motion.since - SMEARED
            last = first + 2 * SMEARED - 1 if self.motion.cut else frame.number
            self._unjudged.append(_Unjudged(first, last, frame.time, self.motion.cut))
        while self._unjudged and self._unjudged[0].time < frame.time - self.spotter.latency - LONGEST:
            self._unjudged.popleft()
        return self.spotter.push(self.motion)

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

    def is_doubtful(self, spotted: Spotted) -> bool:
        """Whether no class of a micro-movement is to be relied on, whatever a recogniser says of it.

        That is so where its apex is its first or last frame, and where the face was small (SMALL) in any
        frame of it.
        """
        at_edge = spotted.apex in (spotted.onset, spotted.offset)
        return at_edge or any(spotted.onset <= number <= spotted.offset for number, _ in self._doubtful)
