"""Where apex finders look in the canonical crop: rectangles, and places of skin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from fleeting.faces.landmarks import LEFT_EYE_AT, LEFT_MOUTH_AT, RIGHT_EYE_AT, RIGHT_MOUTH_AT

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

RIGHT_EYE_AND_BROW, LEFT_EYE_AND_BROW = (
    _around(eye, 0.36, above=0.20, below=0.08) for eye in (RIGHT_EYE_AT, LEFT_EYE_AT)
)
MOUTH = _around(_MOUTH_AT, 0.64, above=0.12, below=0.16)

_ON_THE_RIGHT = (
    (0.24, 0.08),  # inner, middle and outer brow
    (0.13, 0.08),
    (0.05, 0.11),
    (0.32, 0.51),  # side of the nose, nose fold
    (0.23, 0.63),
    (0.04, 0.40),  # cheek: outer, inner and lower, smile fold, jaw
    (0.20, 0.46),
    (0.15, 0.58),
    (0.11, 0.66),
    (0.16, 0.79),
    (0.43, 0.65),  # above the lip, upper lip, mouth corner and below it
    (0.44, 0.71),
    (0.28, 0.78),
    (0.26, 0.90),
)
SKIN = (*_ON_THE_RIGHT, *((1 - x, y) for x, y in _ON_THE_RIGHT), (0.50, 0.11), (0.50, 0.87))
"""Places of skin that move in expressions, x and y in shares of the crop; the last two lie between the brows
and on the lower lip. They are the regions of `fleeting.faces.skin_motion` that lie in the crop, but for the
lids and what lies around and between them, which a blink moves; the median of six faces' meshes."""
