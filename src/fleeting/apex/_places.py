"""Rectangles of the canonical crop in which apex finders look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from fleeting.faces.landmarks import LEFT_EYE_AT, LEFT_MOUTH_AT, NOSE_AT, RIGHT_EYE_AT, RIGHT_MOUTH_AT

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class Rectangle:
    """A rectangle given by its left, top, right and bottom edge in shares of the crop's width and height."""

    left: float
    top: float
    right: float
    bottom: float

    def of(self, pictures: npt.NDArray[T]) -> npt.NDArray[T]:
        """The part of pictures (..., height, width) inside the rectangle, at least one pixel."""
        height, width = pictures.shape[-2:]
        rows, columns = _span(self.top, self.bottom, height), _span(self.left, self.right, width)
        return pictures[..., rows, columns]


def _span(low: float, high: float, side: int) -> slice:
    start = min(max(round(low * side), 0), side - 1)
    return slice(start, max(round(high * side), start + 1))


def _around(place: tuple[float, float], width: float, above: float, below: float) -> Rectangle:
    x, y = place
    return Rectangle(x - width / 2, y - above, x + width / 2, y + below)


_MOUTH_AT = (RIGHT_MOUTH_AT[0] + LEFT_MOUTH_AT[0]) / 2, (RIGHT_MOUTH_AT[1] + LEFT_MOUTH_AT[1]) / 2

RIGHT_BROW, LEFT_BROW = (_around(eye, 0.36, above=0.20, below=-0.06) for eye in (RIGHT_EYE_AT, LEFT_EYE_AT))
RIGHT_EYE_AND_BROW, LEFT_EYE_AND_BROW = (
    _around(eye, 0.36, above=0.20, below=0.08) for eye in (RIGHT_EYE_AT, LEFT_EYE_AT)
)
NOSE = _around(NOSE_AT, 0.36, above=0.17, below=0.03)
MOUTH = _around(_MOUTH_AT, 0.64, above=0.12, below=0.16)
