"""Reads frames from folders of pictures, cameras and arrays; `containers` reads video files.

A source yields decoded frames one by one, and keeps its own facts and its faults in `Notes`.
"""

from __future__ import annotations

import math
import re
import time as clock
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fleeting.errors import DatasetError, OptionError, VideoError, some
from fleeting.optional import cv2
from fleeting.types import Image
from fleeting.video.pictures import damage, read_picture

Source = Generator[tuple[float | None, Any], None, None]
"""Yields each frame's time in seconds (None if unknown) and a decoded frame, which `Notes.picture` turns into
an RGB picture."""


FOLDER_FPS = 30.0
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})


@dataclass
class Notes:
    """A source's facts about itself, and the faults that are met while it is read."""

    name: str
    size: tuple[int, int] = (0, 0)  # width, height
    header_frames: int | None = None
    header_fps: float | None = None
    tick: float = 0.0  # the smallest step of its clock, in seconds
    rotation: int = 0
    truncated: bool = False
    damaged: int = 0
    damage: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    picture: Callable[[Any], Image | None] = np.asarray  # returns None where it fails

    def damages(self, what: str) -> None:
        """Count a damaged place, and keep the description of the first few."""
        self.damaged += 1
        if len(self.damage) < 5:
            self.damage.append(what)


def reason(error: BaseException) -> str:
    """The message of an error, in the operating system's words where it has any."""
    return str(getattr(error, "strerror", None) or error).lower()


def folder_frames(folder: Path, fps: float | None, notes: Notes) -> Source:
    """Pictures in the order of their names; a picture that is damaged or of another size is left out."""
    try:
        files = [p for p in folder.iterdir() if p.suffix.casefold() in PICTURES and p.name[0] != "."]
    except OSError as error:
        raise VideoError(f"{folder} cannot be listed ({reason(error)}); check its permissions") from error
    if len(files) < 2:
        found = f"holds {'one picture, and a movement needs time' if files else 'no pictures'}"
        raise VideoError(f"{folder} {found}; give a folder of frames as {', '.join(sorted(PICTURES))}")
    files.sort(key=_in_order)
    stems = [path.stem for path in files]
    if twice := sorted(stem for stem, count in Counter(stems).items() if count > 1):
        notes.warnings.append(f"several pictures are called {some(twice)}; each is taken for a frame")
    if fps is None:
        notes.warnings.append(f"{FOLDER_FPS:g} frames per second were assumed for a folder; state fps")
    notes.header_fps = fps or FOLDER_FPS
    for path, slot in zip(files, _slots(stems), strict=True):
        try:
            image = read_picture(path)
        except DatasetError as error:
            notes.damages(f"{path.name} ({damage(error.__cause__ or error)})")
            continue
        height, width = image.shape[:2]
        if notes.size == (0, 0):
            notes.size = width, height
        if notes.size != (width, height):
            notes.damages(f"{path.name} ({width}x{height}, expected {notes.size[0]}x{notes.size[1]})")
            continue
        yield slot / notes.header_fps, image


def _in_order(path: Path) -> list[tuple[str, int]]:
    """The key to sort pictures by: words and numbers of the name in turn, so that img2 is before img10."""
    parts = re.findall(r"(\D*)(\d*)", path.stem, re.ASCII)
    return [(word.casefold(), int(digits or -1)) for word, digits in parts]


def _slots(stems: Sequence[str]) -> list[int]:
    """The place of each picture in time, counted in frames from 0.

    Where the names differ in exactly one number, and no number repeats, a missing number leaves a gap.
    Otherwise the pictures follow one another without gaps.
    """
    names = [re.split(r"(\d+)", stem, flags=re.ASCII) for stem in stems]
    columns = list(zip(*names, strict=True)) if len({len(name) for name in names}) == 1 else []
    varying = [place for place, column in enumerate(columns) if len(set(column)) > 1]
    if len(varying) != 1 or not varying[0] % 2:  # numbers are at odd places
        return list(range(len(stems)))
    numbers = [int(digits) for digits in columns[varying[0]]]
    steps = [after - before for before, after in pairwise(numbers)]
    if not all(steps):
        return list(range(len(stems)))
    step = math.gcd(*steps)
    return [(number - numbers[0]) // step for number in numbers]


def camera_frames(number: int, notes: Notes) -> Source:
    """Frames as they arrive, with seconds since the first on a clock that never jumps."""
    capture = _capture(number)
    try:
        if not capture.isOpened():
            raise VideoError(f"camera {number} cannot be opened; see whether it is connected and not in use")
        started = None
        while (picture := capture.read()[1]) is not None:
            now = clock.monotonic()
            started = now if started is None else started
            image = cv2().cvtColor(picture, cv2().COLOR_BGR2RGB)
            notes.size = image.shape[1], image.shape[0]
            yield now - started, image
        notes.warnings.append(f"camera {number} stopped sending")
    finally:
        capture.release()


def _capture(number: int) -> Any:
    """OpenCV's camera, opened with its messages about missing cameras silenced."""
    log = cv2().utils.logging
    level = log.getLogLevel()
    log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        return cv2().VideoCapture(number)
    finally:
        log.setLogLevel(level)


def array_times(
    frames: Image, fps: float | None, times: Sequence[float] | npt.NDArray[np.float64] | None
) -> npt.NDArray[np.float64]:
    """The times of an array's frames in seconds, as given or from the frame rate.

    Raises OptionError unless exactly one of ``fps`` and ``times`` is given, and where times do not increase
    or do not match the frames.
    """
    if (fps is None) == (times is None):
        raise OptionError("an array of frames needs fps or times, one of them")
    found = np.arange(len(frames)) / fps if fps else np.asarray(times, dtype=np.float64)
    if found.shape != frames.shape[:1] or not np.isfinite(found).all() or (np.diff(found) <= 0).any():
        raise OptionError(f"times of shape {found.shape}, expected {len(frames)} that increase, in seconds")
    return found


def array_frames(frames: Image, times: npt.NDArray[np.float64], notes: Notes) -> Source:
    """The frames of an array. Raises OptionError where the array is not gray or RGB pictures in uint8."""
    gray = frames.ndim == 3 or frames.shape[3:] == (1,)
    color = frames.ndim == 4 and frames.shape[3] == 3
    if frames.dtype != np.uint8 or not (gray or color) or not frames.size:
        expected = "uint8 (time, height, width) or (time, height, width, 1 or 3)"
        raise OptionError(f"the array is {frames.dtype} {frames.shape}, expected {expected}")
    notes.size = frames.shape[2], frames.shape[1]
    for time, frame in zip(times.tolist(), frames, strict=True):
        image = np.repeat(frame.reshape(*frame.shape[:2], 1), 3, axis=2) if gray else frame
        yield time, image
