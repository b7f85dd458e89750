"""Reads a folder of pictures, or one TIFF file with many pages, as the frames of a video."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fleeting.errors import DatasetError, VideoError, some
from fleeting.video.name_clocks import usual_step
from fleeting.video.picture_names import Arranged, arranged
from fleeting.video.pictures import (
    UNREADABLE,
    damage,
    grey_bits,
    is_picture,
    opened_picture,
    page_count,
    read_picture,
    upright_size,
)
from fleeting.video.sources import FOLDER_FPS, Decoded, Notes, Source, reason

SAMPLED = 64
"""Most pictures, evenly spread, of which the usual size and the greys in use are taken."""
INTERVAL = re.compile(r"^finterval=([\d.eE+-]+)", re.MULTILINE)
"""Seconds between two pages, as ImageJ describes them in a TIFF file."""


def folder_frames(folder: Path, fps: float | None, notes: Notes) -> Source:
    """The pictures of one recording in the order of time, each with its file's name.

    Without ``fps`` times that the names state are taken, otherwise 30 frames per second are assumed. What is
    damaged or has another size than most pictures is left out.
    """
    found = arranged(_pictures(folder, notes))
    notes.warnings += found.remarks
    times = _clock(found, fps, notes)
    sample = _spread(found.files)
    usual, notes.bits = _usual_size(sample), _bits(sample, notes)
    for path, time in zip(found.files, times, strict=True):
        try:
            image = read_picture(path, notes.bits)
        except DatasetError as error:
            notes.damages(f"{path.name} ({damage(error.__cause__ or error)})")
            continue
        if _fits(image.shape[1::-1], usual, path.name, notes):
            yield Decoded(time, image, path.name)


def stack_frames(path: Path, fps: float | None, notes: Notes) -> Source:
    """The pages of a TIFF file, at ``fps``, at the interval that ImageJ noted, or at 30 a second."""
    if fps is None and (interval := _interval(path)):
        notes.header_fps = 1 / interval
    else:
        _assume(fps, "a TIFF file with many pages", notes)
    rate, usual = notes.header_fps or FOLDER_FPS, _usual_size([path])
    notes.header_frames, notes.bits = page_count(path), _bits([path], notes)
    for page in range(notes.header_frames):
        try:
            image = read_picture(path, notes.bits, page)
        except DatasetError as error:
            notes.damages(f"page {page} ({damage(error.__cause__ or error)})")
            continue
        if _fits(image.shape[1::-1], usual, f"page {page}", notes):
            yield Decoded(page / rate, image)


def _interval(path: Path) -> float:
    """Seconds between two pages of a TIFF file as ImageJ noted them; 0 where it did not."""
    with opened_picture(path) as picture:
        stated = INTERVAL.search(str(getattr(picture, "tag_v2", {}).get(270, "")))
    try:
        return float(stated[1]) if stated else 0.0
    except ValueError:
        return 0.0


def _pictures(folder: Path, notes: Notes) -> list[Path]:
    """The single pictures in a folder. Raises VideoError where there are fewer than two."""
    try:
        files = sorted(path for path in folder.iterdir() if is_picture(path))
    except OSError as error:
        raise VideoError(f"{folder} cannot be listed ({reason(error)}); check its permissions") from error
    pages = {path: page_count(path) for path in files}
    stacks = [path for path in files if pages[path] > 1]
    single = [path for path in files if pages[path] == 1]
    if len(single) < 2:
        found = f"holds {'one picture, and a movement needs time' if files else 'no pictures'}"
        if stacks:
            found = f"holds files with many pages ({some(path.name for path in stacks)}), each a video"
        raise VideoError(f"{folder} {found}; give such a file, or a folder of frames as .png or .jpg")
    if stacks:
        named = some(path.name for path in stacks)
        notes.warnings.append(f"{named} left out: a file with many pages is a video of its own")
    return single


def _clock(found: Arranged, fps: float | None, notes: Notes) -> list[float]:
    """The time of each picture in seconds from the first, and the frame rate into the notes."""
    if found.times is None or fps is not None:
        if found.times is not None:
            notes.warnings.append(f"times are counted at {fps:g} frames per second as asked, not the names'")
        _assume(fps, "a folder of pictures", notes)
        rate = notes.header_fps or FOLDER_FPS
        return [slot / rate for slot in found.slots]
    notes.tick, notes.assumed = found.tick, found.assumed
    notes.header_fps = 1 / usual_step(np.diff(found.times).tolist()) if len(found.times) > 1 else None
    return found.times


def _assume(fps: float | None, what: str, notes: Notes) -> None:
    """Take the frame rate that was stated, or else assume one and say so."""
    notes.header_fps, notes.assumed = fps or FOLDER_FPS, fps is None
    if fps is None:
        notes.warnings.append(
            f"{FOLDER_FPS:g} frames per second were assumed for {what}; state the true rate (--fps)"
        )


def _spread(files: Sequence[Path]) -> list[Path]:
    """At most SAMPLED of the files, evenly spread."""
    places = np.linspace(0, len(files) - 1, min(SAMPLED, len(files))).round().astype(int)
    return [files[place] for place in places]


def _usual_size(files: Sequence[Path]) -> tuple[int, int] | None:
    """The most frequent width and height; of equals the first picture's. None where no picture opens."""
    counted = Counter(_sizes(files))
    return counted.most_common(1)[0][0] if counted else None


def _sizes(files: Sequence[Path]) -> Iterator[tuple[int, int]]:
    for path in files:
        try:
            with opened_picture(path) as picture:
                yield upright_size(picture)
        except UNREADABLE:
            continue


def _fits(size: tuple[int, ...], usual: tuple[int, int] | None, name: str, notes: Notes) -> bool:
    """Whether a picture has the usual size; the first one decides where none is known."""
    if notes.size == (0, 0):
        notes.size = usual or (size[0], size[1])
    if size == notes.size:
        return True
    notes.damages(f"{name} ({size[0]}x{size[1]}, expected {notes.size[0]}x{notes.size[1]})")
    return False


def _bits(files: Sequence[Path], notes: Notes) -> int:
    """The bits of 16-bit greys that are in use; a remark says where they are fewer than 16."""
    bits, largest = grey_bits(files)
    if bits < 16:
        notes.warnings.append(
            f"pictures of 16 bits whose values end at {largest}: taken for {bits} bits and scaled to 8"
        )
    return bits


def is_stack(path: Path) -> bool:
    """Whether a file is a picture with several pages of one size."""
    return is_picture(path) and path.is_file() and page_count(path) > 1
