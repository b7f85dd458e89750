"""A frame of a file whose picture is decoded only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fleeting.types import Frame, Image

T = TypeVar("T")


@dataclass(frozen=True, eq=False, slots=True)
class FrameInFile:
    """A frame that lies in a file: ``picture`` decodes it, RGB uint8 of ``size`` (height, width).

    The other fields are as those of `fleeting.Frame`.
    """

    number: int
    time: float
    size: tuple[int, int]
    picture: Callable[[int], Image]
    file: str = ""


def size_of(frame: Frame | FrameInFile) -> tuple[int, int]:
    """Height and width of a frame's picture, in pixels."""
    if isinstance(frame, FrameInFile):
        return frame.size
    height, width = frame.image.shape[:2]
    return height, width


def made_of(frame: Frame | FrameInFile, make: Callable[[Image], T]) -> Callable[[], T]:
    """What ``make`` makes of a frame's picture: made now, or when asked where the picture lies in a file.

    Whoever keeps the result keeps only what was made, not the picture.
    """
    if isinstance(frame, FrameInFile):
        return lambda: make(frame.picture(frame.number))
    made = make(frame.image)
    return lambda: made
