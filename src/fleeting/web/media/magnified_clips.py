"""Films of one movement beside itself magnified: the face as it was filmed, and with its motion enlarged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fleeting.errors import FleetingError
from fleeting.faces.magnification import magnified
from fleeting.files import appearing
from fleeting.optional import cv2
from fleeting.types import Frame, Image
from fleeting.web.media.copies import container, encode
from fleeting.web.media.pictures import frames_of, make_room
from fleeting.web.media.recording import Recording
from fleeting.web.media.stills import KEPT, Movement, aligned, refuse_odd
from fleeting.web.service import MissingError, NotYetError

HEIGHT = 340
"""Height of the face in pixels."""
MORE = 0.25
"""Seconds before the onset and after the offset that are shown too, so that the movement begins at rest."""
BETWEEN = 6
"""Pixels between the two faces."""
TEXT_AT, FONT_SIZE = (8, 22), 0.6


def folder_of(recording: Recording, movement: Movement) -> Path:
    """The folder in which films of the movement are kept."""
    return recording.cache / "stills" / movement.name


def make_magnified(recording: Recording, movement: Movement, gain: int) -> Path:
    """Write the film of a movement magnified ``gain`` times, unless it is there, and return its path.

    Raises MissingError where it cannot be made, with the reason.
    """
    folder = folder_of(recording, movement)
    path = folder / f"magnified-{gain}.{container()}"
    if path.is_file():
        return path
    if recording.covered:
        raise MissingError("faces are covered in this analysis, so there is no such film")
    refuse_odd(movement)
    try:
        frames = _frames(recording, movement)
        filmed = aligned(recording, movement, frames, HEIGHT).frames
        bent = magnified(filmed, movement.onset - frames[0].number, gain)
    except (MissingError, NotYetError):
        raise
    except FleetingError as error:
        text = " ".join(str(error).split())
        raise MissingError(f"this movement cannot be magnified: {text}") from error
    shown = [
        (frame.time - frames[0].time, replace(frame, image=_beside(one, other, gain)))
        for frame, one, other in zip(frames, filmed, bent, strict=True)
    ]
    make_room(folder.parent, KEPT)
    folder.mkdir(exist_ok=True)
    with appearing(path) as partial:
        encode(None, shown, partial)
    return path


def _frames(recording: Recording, movement: Movement) -> Sequence[Frame]:
    """The frames of a movement, and those before and after it as far as they are there."""
    more = round(MORE * float(recording.summary.get("fps") or 0))
    for first, last in (
        (max(0, movement.onset - more), movement.offset + more),
        (max(0, movement.onset - more), movement.offset),
    ):
        try:
            return frames_of(recording, first, last)
        except MissingError:  # the recording ends, or what is played begins, in between
            continue
    return frames_of(recording, movement.onset, movement.offset)


def _beside(filmed: Image, bent: Image, gain: int) -> Image:
    """Two pictures side by side, the right one marked with its gain."""
    height, width = filmed.shape[:2]
    canvas = np.full((height, 2 * width + BETWEEN, 3), 20, np.uint8)
    canvas[:, :width], canvas[:, width + BETWEEN :] = filmed, bent
    at, font = (width + BETWEEN + TEXT_AT[0], TEXT_AT[1]), cv2().FONT_HERSHEY_SIMPLEX
    for colour, thick in (((0, 0, 0), 4), ((255, 255, 255), 1)):
        cv2().putText(canvas, f"x{gain}", at, font, FONT_SIZE, colour, thick, cv2().LINE_AA)
    return canvas
