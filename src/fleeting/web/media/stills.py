"""Pictures of one movement: the face at onset, apex and offset, its flow, all of it merged, what counted."""

from __future__ import annotations

import base64
import shutil
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from fleeting.analysis.stills import stills
from fleeting.errors import FleetingError, OptionError
from fleeting.faces.clips import clip_of
from fleeting.files import write_atomically
from fleeting.types import Clip, Image
from fleeting.web.media.boxes import box_at
from fleeting.web.media.pictures import frames_of
from fleeting.web.media.recording import Recording
from fleeting.web.service import MissingError, NotYetError

MARGIN = 0.6
"""Share of a face's box around it within which the face is looked for again."""
LONGEST = 600
"""Most frames of a movement of which pictures are made."""
KEPT = 4000
"""Most movements whose pictures are kept for one recording."""
_one = Lock()
"""Faces are looked for in one movement at a time: a second one would only slow down the first."""


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
    folder = recording.cache / "stills" / movement.name
    path = folder / f"{what}.jpg"
    with _one:
        if not path.is_file():
            _make(recording, movement, folder)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise MissingError("faces are covered in this analysis, so there is no such picture") from None


def _make(recording: Recording, movement: Movement, folder: Path) -> None:
    if not movement.onset <= movement.apex <= movement.offset:
        raise OptionError("onset, apex and offset are not in this order; set them anew")
    if movement.offset - movement.onset >= LONGEST:
        raise MissingError(f"pictures are made of movements of up to {LONGEST} frames; this one is longer")
    try:
        pictures = stills(_clip(recording, movement), blur=recording.covered)
    except (MissingError, NotYetError):
        raise
    except FleetingError as error:
        text = " ".join(str(error).split())
        raise MissingError(f"no pictures can be made of this movement: {text}") from error
    if len([*folder.parent.glob("*")]) >= KEPT:
        shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    for name, address in pictures.items():
        if address.startswith("data:"):
            write_atomically(folder / f"{name}.jpg", base64.b64decode(address.partition(",")[2]))
    write_atomically(folder / "reach.txt", pictures["reach"])


def _clip(recording: Recording, movement: Movement) -> Clip:
    """The movement as `fleeting.analyze` cuts it: the face alone, aligned."""
    frames = frames_of(recording, movement.onset, movement.offset, covered=False)
    boxes = [box_at(recording, movement.face, frame.number) for frame in frames]
    seen = np.array([box for box in boxes if box is not None], np.float64).reshape(-1, 4)
    images = [_around(frame.image, seen) for frame in frames]
    moments = (place - movement.onset for place in (movement.onset, movement.apex, movement.offset))
    times = np.array([frame.time for frame in frames])
    clip, _ = clip_of(images, times, *moments, crop="face")
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
    path = recording.cache / "explained" / f"{number}.png"
    with _one:
        if not path.is_file():
            _explain(recording, number, path)
    return path.read_bytes()


def _explain(recording: Recording, number: int, path: Path) -> None:
    from fleeting.explanations.explain import explain  # needs torch where the model is a network

    try:
        drawn = explain(recording.results, path.parent / str(number), event=number, video=recording.source)
    except FleetingError as error:
        text = " ".join(str(error).split()).replace(str(recording.results), "the analysis")
        raise MissingError(text) from error
    drawn.pictures[0].replace(path)
    shutil.rmtree(path.parent / str(number), ignore_errors=True)
