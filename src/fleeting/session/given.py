"""Takes a frame as a program has it, a picture and its time or a `Frame`, and refuses anything else."""

from __future__ import annotations

import math

import numpy as np

from fleeting.errors import OptionError
from fleeting.types import Frame


def frame_of(given: object, time: float | None, last: Frame | None) -> Frame:
    """A frame that follows ``last``: a `Frame` as it is, or a picture with its time in seconds.

    A picture is uint8, RGB (height, width, 3) or gray (height, width) or (height, width, 1); it gets the next
    number. Raises OptionError on other pictures, on a time that is missing or no number, and on one with a
    `Frame`, which has its own.
    """
    if isinstance(given, Frame):
        if time is not None:
            raise OptionError(f"a time, {time}, was given with a Frame, which has its own; leave it out")
        refuse_unusable(given)
        return given
    if not isinstance(given, np.ndarray):
        found = f"a frame is {type(given).__name__}"
        raise OptionError(f"{found}, expected a Frame or a picture as an array; convert it")
    if time is None:
        raise OptionError("a picture came without its time; give time=, in seconds, later for each picture")
    gray = given.ndim == 2 or given.shape[2:] == (1,)
    image = np.repeat(given.reshape(*given.shape[:2], 1), 3, axis=2) if gray else given
    frame = Frame(last.number + 1 if last else 0, time, image)
    refuse_unusable(frame)
    return frame


def refuse_unusable(frame: Frame) -> None:
    """Raise OptionError where a frame's picture is not RGB uint8, or its time is no number of seconds."""
    image, time = frame.image, frame.time
    if (
        not isinstance(image, np.ndarray)
        or image.dtype != np.uint8
        or image.shape[2:] != (3,)
        or not image.size
    ):
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise OptionError(
            f"frame {frame.number} is {found}, expected RGB uint8 (height, width, 3); convert it"
        )
    if isinstance(time, bool) or not isinstance(time, int | float | np.number) or not math.isfinite(time):
        raise OptionError(f"frame {frame.number} has the time {time!r}, expected seconds; give a number")
