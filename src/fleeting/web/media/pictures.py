"""Pictures of frames by their numbers in ``frames.csv``: never by a frame rate."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path

from PIL import Image as Pillow

from fleeting.errors import VideoError
from fleeting.files import write_atomically
from fleeting.types import Frame, Image
from fleeting.video.frame_index import part_frames
from fleeting.web.media.boxes import box_at
from fleeting.web.media.listing import listed
from fleeting.web.media.media import playable
from fleeting.web.media.recording import Recording
from fleeting.web.service import MissingError, NotYetError

MARGIN = 0.25
"""Share of a face's box that is shown around it, on each side."""
QUALITY = 85
SMALL = 256
"""Pictures up to so many pixels high are kept beside the results."""
KEPT = 4000
"""Most pictures of one recording that are kept."""


def frames_of(recording: Recording, first: int, last: int, *, covered: bool = True) -> Sequence[Frame]:
    """The frames from number ``first`` to ``last`` of ``frames.csv``.

    They are read from the recording; where it cannot be read from the middle, from the copy that the page
    plays, and so they are where the analysis covers faces, unless ``covered`` is false: then nothing that is
    made of them may show a face. Raises MissingError where there are none, NotYetError while that copy is
    being made.
    """
    source, offset, fps = recording.source, 0, recording.fps
    found = None if covered and recording.covered else listed(source, fps)
    if found is None:
        shown = playable(recording)
        if shown.path is None:
            raise NotYetError("pictures are there once the copy for the browser is made; wait for it")
        source, offset, fps = shown.path, shown.first, None
        found = listed(source, fps)
    if found is None or first < offset or last - offset >= len(found.index):
        raise MissingError(f"there is no frame {first} to {last} of this recording; see its frames")
    try:
        with closing(part_frames(source, found.index.part(first - offset, last - offset))) as frames:
            return list(frames)
    except VideoError as error:
        raise MissingError(f"frame {first} cannot be decoded again: {_plain(error, source)}") from error


def picture(recording: Recording, frame: int, size: int | None = None, face: int | None = None) -> bytes:
    """A frame as JPEG, at most ``size`` pixels high; with ``face`` only that face and what is around it."""
    place = place_of(recording, frame, size, face)
    if place is not None:
        with suppress(FileNotFoundError):
            return place.read_bytes()
    made = _made(recording, frame, size, face)
    if place is not None:
        make_room(place.parent, KEPT)
        write_atomically(place, made)
    return made


def place_of(recording: Recording, frame: int, size: int | None, face: int | None) -> Path | None:
    """Where the picture is kept, if it is there; None for one that is not kept."""
    name = f"{frame}-{size}{'' if face is None else f'-{face}'}.jpg"
    return recording.cache / "pictures" / name if size is not None and size <= SMALL else None


def make_room(folder: Path, most: int) -> None:
    """Have a folder that holds fewer than ``most`` things: one that is full is emptied."""
    folder.mkdir(exist_ok=True)
    if len([*folder.iterdir()]) >= most:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(exist_ok=True)


def _made(recording: Recording, frame: int, size: int | None, face: int | None) -> bytes:
    shown = Pillow.fromarray(frames_of(recording, frame, frame)[0].image)
    box = None if face is None else box_at(recording, face, frame)
    if box is not None:
        x, y, width, height = box
        across, down = MARGIN * width, MARGIN * height
        corners = x - across, y - down, x + width + across, y + height + down
        shown = shown.crop((round(corners[0]), round(corners[1]), round(corners[2]), round(corners[3])))
    if size is not None and shown.height > size:
        shown = shown.resize((max(1, round(shown.width * size / shown.height)), size), Pillow.Resampling.BOX)
    return jpeg(shown)


def jpeg(image: Pillow.Image | Image) -> bytes:
    """A picture as the bytes of a JPEG file."""
    written = BytesIO()
    shown = image if isinstance(image, Pillow.Image) else Pillow.fromarray(image)
    shown.save(written, format="JPEG", quality=QUALITY)
    return written.getvalue()


def _plain(error: Exception, source: Path) -> str:
    return " ".join(str(error).split()).replace(str(source), source.name)
