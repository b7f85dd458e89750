"""Frames pushed in, events out: a camera is a session fed as it comes, a file is a session fed in a loop."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import closing
from typing import Any

from fleeting.errors import OptionError
from fleeting.faces.skin_motion import FaceMotion, Motion
from fleeting.faces.tracking import Face, FaceTracker
from fleeting.session.buffer import Past
from fleeting.spotting import DEFAULT, Spotted, Spotter, spotters
from fleeting.types import Clip, Event, Frame, Recognition
from fleeting.video.prefetch import ahead

MEMORY = 30
"""A face that was gone for more frames is a new one when it comes back."""


Recognise = Callable[[Clip], Recognition]
"""Which class the movement in a clip is of; `fleeting.Recogniser.recognise` is one."""


class Session:
    """Finds the movements in everybody's face, frame by frame, and has the short ones recognised.

    ``recogniser`` is whatever takes the clip of a micro event; without one, events have no label.
    ``spotter`` is one of `fleeting.spotting.spotters`; ``people`` is how many faces are followed at once.
    What is found depends on the frames alone, and memory does not grow with their number. Raises
    UnknownNameError on another spotter, OptionError on fewer people than one.
    """

    def __init__(
        self, *, recogniser: Recognise | None = None, spotter: str = DEFAULT, people: int = 4
    ) -> None:
        self._recogniser, self._new_spotter = recogniser, spotters[spotter]
        self._tracker = FaceTracker(most=people, memory=MEMORY)
        self._people: dict[int, _Person] = {}
        self._last: Frame | None = None
        self._count = 0
        self.latency = self._new_spotter().latency
        """Seconds after its offset by which an event is given out."""
        self.faces: tuple[Face, ...] = ()
        """The faces of the last frame."""
        self.motions: dict[int, Motion] = {}
        """How the skin moved up to the last frame, by the face's id."""
        self.clips: dict[int, Clip] = {}
        """Clips of the events that were given out last, by their number, where one could be cut."""

    def push(self, frame: Frame) -> list[Event]:
        """The events that are certain once this frame is seen, by person and onset.

        Frames may be missing in between. Raises OptionError on a picture that is not RGB uint8, and on a
        frame that is not later than the one before.
        """
        return self._taken(*self._looked_at(frame))

    def read(self, frames: Iterable[Frame]) -> Generator[tuple[Frame, list[Event]]]:
        """Each frame with what `push` gives for it, faster: faces of the next frames are found meanwhile.

        Close it before the frames, where it is not read to its end. Raises what `push` and the frames raise.
        """
        with closing(ahead(map(self._looked_at, frames))) as seen:
            for frame, faces in seen:
                yield frame, self._taken(frame, faces)

    def _looked_at(self, frame: Frame) -> tuple[Frame, tuple[Face, ...]]:
        self._refuse_earlier(frame)
        self._last = frame
        return frame, self._tracker.push(frame.image, frame.time)

    def _taken(self, frame: Frame, faces: tuple[Face, ...]) -> list[Event]:
        self.faces, self.clips = faces, {}
        for face in self.faces:
            if face.id not in self._people:
                self._people[face.id] = _Person(self._new_spotter())
        found = [
            self._event(id_, person, spotted)
            for id_, person in self._people.items()
            for spotted in person.push(frame, id_, self.faces)
        ]
        found += self._ended([id_ for id_, person in self._people.items() if person.away > MEMORY])
        self.motions = {id_: person.motion for id_, person in self._people.items() if person.motion}
        return found

    def finish(self) -> list[Event]:
        """The events that the last frames still held."""
        self.clips = {}
        return self._ended([*self._people])

    def _refuse_earlier(self, frame: Frame) -> None:
        last = self._last
        if last and (frame.number <= last.number or frame.time <= last.time):
            found = (
                f"frame {frame.number} at {frame.time:g} s came after frame {last.number} at {last.time:g} s"
            )
            raise OptionError(f"{found}, expected a later one; push frames in their order")

    def _ended(self, ids: Collection[int]) -> list[Event]:
        """What the spotters of these people still held; then they are forgotten."""
        gone = {id_: self._people.pop(id_) for id_ in ids}
        return [
            self._event(id_, one, spotted) for id_, one in gone.items() for spotted in one.spotter.finish()
        ]

    def _event(self, face: int, person: _Person, spotted: Spotted) -> Event:
        self._count += 1
        if (clip := person.past.clip(spotted)) is not None:
            self.clips[self._count] = clip
        return Event(
            number=self._count,
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
            **self._recognised(clip, spotted),
        )

    def _recognised(self, clip: Clip | None, spotted: Spotted) -> dict[str, Any]:
        """The fields of an event that say what it is."""
        if self._recogniser is None or spotted.kind == "macro":
            return {}
        if clip is None:
            return {"unsure": True}
        said = self._recogniser(clip)
        return {name: getattr(said, name) for name in ("label", "confidence", "unsure", "probabilities")}


class _Person:
    """One face that is followed: how its skin moves, what its spotter holds, its recent pictures."""

    def __init__(self, spotter: Spotter) -> None:
        self.spotter, self._skin = spotter, FaceMotion()
        self.past = Past(spotter.latency)
        self.motion: Motion | None = None
        self.away = 0

    def push(self, frame: Frame, id_: int, faces: Sequence[Face]) -> list[Spotted]:
        """What is certain once this frame is seen; where the face is not usable, it is a gap."""
        face = next((face for face in faces if face.id == id_), None)
        self.away = 0 if face else self.away + 1
        usable = face if face and not face.reason else None
        if usable:
            self.past.add(frame, usable, [other for other in faces if other.id != id_])
        self.motion = self._skin.push(frame, usable)
        return self.spotter.push(self.motion)
