"""Turns frames into events: a camera's frames are pushed into a session as they come, a file's in a loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import closing
from typing import Any

from fleeting.errors import OptionError
from fleeting.faces.skin_motion import Motion
from fleeting.faces.tracking import Face
from fleeting.session.following import Follower, Sight, leads_to, segment_of
from fleeting.session.given import frame_of, refuse_unusable
from fleeting.session.joining import Joiner
from fleeting.session.one_thread import one_thread
from fleeting.session.person import SMEARED, Person
from fleeting.spotting import DEFAULT, Spotted, spotters
from fleeting.types import Clip, Event, Frame, Image, Recognition
from fleeting.video.later import FrameInFile
from fleeting.video.prefetch import ahead

ALARMS_PER_MINUTE = 1.0
"""False alarms a minute that are put up with on ordinary footage, unless something else is asked for."""
Looked = list[tuple[int, Follower, tuple[tuple[Face, ...], int]]]
"""The faces that each segment's follower found in one frame, the segment that has the frame first."""

Recognise = Callable[[Clip], Recognition]
"""A function that says which class the movement in a clip is of, as `fleeting.Recogniser.recognise` does."""


class Session:
    """Finds the movements in every face, frame by frame, and has the micro-movements recognised.

    ``recogniser`` is called with the clip of each micro event; without one, events have no label. ``spotter``
    is the name of one of `fleeting.spotting.spotters`; ``people`` is how many faces are followed at most.
    A micro-movement is an event where its likelihood reaches the spotter's point for so many false
    ``alarms_per_minute`` of ordinary footage; below it, it is a candidate, which gets no class. The events
    depend on the frames alone, and memory does not grow with the number of frames. Faces are followed anew in
    each segment (`fleeting.session.following`), and joined to those of the one before. Native linear algebra
    (BLAS) has one thread while a session works. Raises UnknownNameError on another spotter, OptionError where
    ``people`` is below 1 or ``alarms_per_minute`` is not a number above 0.

    >>> session = fleeting.Session()
    >>> with fleeting.open_video("interview.mp4", end=0.2) as video:
    ...     found = [event for frame in video for event in session.push(frame.image, frame.time)]
    >>> found + session.finish()
    []
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
        _ = Follower(people)  # which refuses fewer people than one
        self._followers: dict[int, Follower] = {}  # by the segment, or the one whose lead-in has begun
        self._segment: int | None = None
        self._leads: dict[int, list[Sight]] = {}  # what lead-ins have shown so far, by the segment
        self._joiner = Joiner()
        self._people: dict[int, Person] = {}
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

    def push(self, frame: Frame | Image, time: float | None = None) -> list[Event]:
        """The events that are certain once this frame is seen, by person and onset.

        A picture, uint8 (height, width, 3) or gray (height, width), comes with its ``time`` in seconds; it
        gets the next number. Frames may be missing between two pushes. Raises OptionError on another picture,
        and on a frame that is not later than the one before; the session is then as it was.
        """
        return self._taken(*self._looked_at(frame_of(frame, time, self._last)))

    def read(self, frames: Iterable[Frame]) -> Generator[tuple[Frame, list[Event]]]:
        """Each frame with the events that `push` gives for it, but faster.

        The faces of the next frames are found in a second thread meanwhile. Where the generator is not read
        to its end, close it before ``frames`` is closed. Raises what `push` and ``frames`` raise.
        """
        with closing(ahead(map(self._looked_at, frames))) as seen:
            for frame, faces in seen:
                yield frame, self._taken(frame, faces)

    def _looked_at(self, frame: Frame) -> tuple[Frame, Looked]:
        self._refuse_earlier(frame)
        self._last = frame
        segment, following = segment_of(frame.time), leads_to(frame.time)
        kept = {number: one for number, one in self._followers.items() if number >= segment}
        for number in (segment, following):
            if number is not None and number not in kept:
                kept[number] = Follower(self.people)
        self._followers = kept
        return frame, [(number, one, one.look(frame)) for number, one in sorted(kept.items())]

    def _taken(self, frame: Frame, looked: Looked) -> list[Event]:
        (segment, follower, faces), *following = looked
        sight = follower.push(frame, faces)
        lead = None
        if segment != self._segment:
            lead = self._leads.get(segment, [])
            self._segment, self._leads = segment, {}
        for number, other, theirs in following:
            self._leads.setdefault(number, []).append(other.push(frame, theirs))
        return self.take(frame, sight, lead)

    def take(
        self, frame: Frame | FrameInFile, sight: Sight, lead: Sequence[Sight] | None = None
    ) -> list[Event]:
        """The events that are certain once it is known what is seen in this frame.

        `push` and `read` call it; by itself it is for frames in a file that a
        `fleeting.session.following.Follower` saw before. ``lead`` is what the lead-in of its segment showed,
        and has to be given with the first frame of each segment.
        """
        self.clips, self.candidates, found = {}, [], list[Event]()
        if lead is not None:
            found += self._ended(self._joiner.begin(lead))
        sight = self._joiner.joined(sight)
        self.faces, self.unfollowed = sight.faces, max(self.unfollowed, sight.left_out)
        seen = {face.id: face for face in self.faces}
        with one_thread:
            for id_, motion in sight.motions.items():
                others = [face for face in self.faces if face.id != id_]
                person = self._people.get(id_) or Person(self._new_spotter())
                self._people[id_] = person
                found += self._given(id_, person, person.push(frame, motion, seen.get(id_), others))
        found += self._ended(sight.lost)
        self.motions = {id_: motion for id_, motion in sight.motions.items() if id_ not in sight.lost}
        return found + self._cut()

    def _cut(self) -> list[Event]:
        """Count a cut; the events of those who look otherwise behind it, and who get another number."""
        cuts = {id_: motion for id_, motion in self.motions.items() if motion.cut}
        firsts = [motion.since or 0 for motion in cuts.values()]
        self.cuts += bool(firsts) and min(firsts) > self._last_cut + SMEARED
        self._last_cut = max([self._last_cut, *firsts])
        return self._ended([id_ for id_, motion in cuts.items() if motion.other])

    def finish(self) -> list[Event]:
        """The events that were still undecided when the frames ended."""
        self.clips, self.candidates = {}, []
        return self._ended([*self._people])

    def _refuse_earlier(self, frame: Frame) -> None:
        refuse_unusable(frame)
        last = self._last
        if last and (frame.number <= last.number or frame.time <= last.time):
            found = (
                f"frame {frame.number} at {frame.time:g} s came after frame {last.number} at {last.time:g} s"
            )
            raise OptionError(f"{found}, expected a later one; push frames in their order")

    def _ended(self, ids: Collection[int]) -> list[Event]:
        """The events that these people's spotters still held; the people are then forgotten."""
        gone = {id_: self._people.pop(id_) for id_ in ids}
        with one_thread:
            return [e for id_, one in gone.items() for e in self._given(id_, one, one.spotter.finish())]

    def _given(self, face: int, person: Person, found: Iterable[Spotted]) -> list[Event]:
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
            moved = person.units.changed(spotted.onset_s, spotted.apex_s)
            said = self._recognised(clip, person, spotted)
            events.append(_event(self._events, face, spotted, action_units=moved, **said))
        return events

    def _recognised(self, clip: Clip | None, person: Person, spotted: Spotted) -> dict[str, Any]:
        """The fields of an event that come from the recogniser."""
        if self._recogniser is None or spotted.kind == "macro":
            return {}
        if clip is None:
            return {"unsure": True, "doubt": "no clip of the face could be cut out of these pictures"}
        said = self._recogniser(clip)
        fields = {name: getattr(said, name) for name in ("label", "confidence", "probabilities")}
        doubt = person.doubt(spotted) or (said.doubt if said.unsure else "")
        return {**fields, "unsure": said.unsure or bool(doubt), "doubt": doubt}


def refuse_no_alarms(alarms_per_minute: float) -> None:
    """Raise OptionError unless the false alarms a minute that are put up with are a finite number above 0."""
    if not 0 < alarms_per_minute < math.inf:
        found = f"alarms_per_minute is {alarms_per_minute}, expected a number above 0"
        raise OptionError(f"{found}; 1 is usual, fewer give fewer events")


def _event(number: int, face: int, spotted: Spotted, **said: Any) -> Event:
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
        **said,
    )
