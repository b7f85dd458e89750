"""Pictures of one movement: the face at onset, apex and offset, its flow, all of it merged, what counted."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fleeting.analysis.stills import stills
from fleeting.errors import FleetingError, OptionError
from fleeting.faces.clips import clip_of
from fleeting.files import write_atomically
from fleeting.types import Clip, Frame, Image
from fleeting.web.media.boxes import box_at
from fleeting.web.media.pictures import frames_of, make_room
from fleeting.web.media.recording import Recording
from fleeting.web.service import MissingError, NotYetError

MARGIN = 0.6
"""Share of a face's box around it within which the face is looked for again."""
LONGEST = 600
"""Most frames of a movement of which pictures are made."""
KEPT = 4000
"""Most movements whose pictures are kept for one recording."""


@dataclass(frozen=True)
class Movement:
    """A movement of one face: the numbers of its frames in ``frames.csv``."""

    face: int
    onset: int
    apex: int
    offset: int

    @property
    def name(self) -> str:
        """A name that no other movement of the recording has."""
        return f"{self.face}-{self.onset}-{self.apex}-{self.offset}"


def still(recording: Recording, movement: Movement, what: str) -> bytes:
    """One picture of `stills` as JPEG. Raises MissingError where it cannot be made, with the reason."""
    path = place_of_still(recording, movement, what)
    if not path.is_file():
        _make(recording, movement, path.parent)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise MissingError("faces are covered in this analysis, so there is no such picture") from None


def place_of_still(recording: Recording, movement: Movement, what: str) -> Path:
    """Where such a picture is kept, once it is made."""
    return recording.cache / "stills" / movement.name / f"{what}.jpg"


def _make(recording: Recording, movement: Movement, folder: Path) -> None:
    refuse_odd(movement)
    try:
        frames = frames_of(recording, movement.onset, movement.offset, covered=False)
        pictures = stills(aligned(recording, movement, frames), blur=recording.covered)
    except (MissingError, NotYetError):
        raise
    except FleetingError as error:
        text = " ".join(str(error).split())
        raise MissingError(f"no pictures can be made of this movement: {text}") from error
    make_room(folder.parent, KEPT)
    folder.mkdir(exist_ok=True)
    for name, address in pictures.items():
        if address.startswith("data:"):
            write_atomically(folder / f"{name}.jpg", base64.b64decode(address.partition(",")[2]))
    write_atomically(folder / "reach.txt", pictures["reach"])


def refuse_odd(movement: Movement) -> None:
    """Raise OptionError where the moments are in no order, MissingError where the movement is too long."""
    if not movement.onset <= movement.apex <= movement.offset:
        raise OptionError("onset, apex and offset are not in this order; set them anew")
    if movement.offset - movement.onset >= LONGEST:
        raise MissingError(f"pictures are made of movements of up to {LONGEST} frames; this one is longer")


def aligned(recording: Recording, movement: Movement, frames: Sequence[Frame], height: int = 170) -> Clip:
    """The face alone in ``frames``, aligned as `fleeting.analyze` cuts it, ``height`` pixels high."""
    boxes = [box_at(recording, movement.face, frame.number) for frame in frames]
    seen = np.array([box for box in boxes if box is not None], np.float64).reshape(-1, 4)
    images = [_around(frame.image, seen) for frame in frames]
    moments = (place - frames[0].number for place in (movement.onset, movement.apex, movement.offset))
    times = np.array([frame.time for frame in frames])
    clip, _ = clip_of(images, times, *moments, crop="face", height=height)
    return clip


def _around(image: Image, boxes: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Image:
    """The part of a picture around all ``boxes`` (n, 4), the same of each picture; the whole without any."""
    if not len(boxes):
        return image
    low = boxes[:, :2].min(axis=0) - MARGIN * boxes[:, 2:].max(axis=0)
    high = (boxes[:, :2] + boxes[:, 2:]).max(axis=0) + MARGIN * boxes[:, 2:].max(axis=0)
    (left, top), (right, bottom) = np.maximum(np.rint(low), 0).astype(int), np.rint(high).astype(int)
    return np.ascontiguousarray(image[top:bottom, left:right])


def explained(recording: Recording, number: int) -> bytes:
    """What the model looked at in event ``number`` as found, PNG. Raises MissingError if that fails."""
    path = place_of_explained(recording, number)
    if not path.is_file():
        _explain(recording, number, path)
    return path.read_bytes()


def place_of_explained(recording: Recording, number: int) -> Path:
    """Where that picture is kept, once it is made."""
    return recording.cache / "explained" / f"{number}.png"


def _explain(recording: Recording, number: int, path: Path) -> None:
    from fleeting.explanations.explain import explain  # needs torch where the model is a network

    try:
        drawn = explain(recording.results, path.parent / str(number), event=number, video=recording.source)
    except FleetingError as error:
        text = " ".join(str(error).split()).replace(str(recording.results), "the analysis")
        raise MissingError(text) from error
    drawn.pictures[0].replace(path)
    shutil.rmtree(path.parent / str(number), ignore_errors=True)
