"""Reads frames from cameras and arrays; `containers` reads video files, `folders` pictures.

A source yields decoded frames one by one, and keeps its own facts and its faults in `Notes`.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fleeting.errors import OptionError, VideoError
from fleeting.optional import cv2
from fleeting.types import Image

FOLDER_FPS = 30.0
"""Frames per second that are assumed where nothing states them."""


class Decoded(NamedTuple):
    """A decoded frame, which `Notes.picture` turns into an RGB picture, and its time in seconds.

    ``time`` is None if it is not known. ``file`` is the name of a picture in a folder. ``played`` is the time
    in the file, where ``time`` is counted at a frame rate that was asked for instead.
    """

    time: float | None
    picture: Any
    file: str = ""
    played: float | None = None


Source = Generator[Decoded, None, None]


@dataclass
class Notes:
    """A source's facts about itself, and the faults that are met while it is read."""

    name: str
    size: tuple[int, int] = (0, 0)  # width, height
    header_frames: int | None = None
    header_fps: float | None = None
    tick: float = 0.0  # the smallest step of its clock, in seconds
    start: float = 0.0  # where its container begins on its clock, in seconds; players count from there
    assumed: bool = False  # whether its frame rate is assumed
    bits: int = 16  # that its greys of 16 bits use
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
            yield Decoded(now - started, image)
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
        yield Decoded(time, image)
