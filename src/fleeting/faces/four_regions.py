"""Cuts HTNet's four regions out of a map: around both eyes and both corners of the mouth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fleeting.errors import OptionError
from fleeting.faces.landmarks import LEFT_EYE_AT, LEFT_MOUTH_AT, RIGHT_EYE_AT, RIGHT_MOUTH_AT
from fleeting.types import FloatArray

Place = tuple[float, float]
CENTRES: tuple[Place, Place, Place, Place] = (RIGHT_EYE_AT, LEFT_EYE_AT, RIGHT_MOUTH_AT, LEFT_MOUTH_AT)
"""The person's right and left eye, right and left corner of the mouth: x and y in shares of the side."""


def four_regions(maps: FloatArray, centres: Sequence[Place] = CENTRES) -> FloatArray:
    """Squares of half the map's side around four places, put together into a map of the same size.

    ``maps`` is (..., side, side) with an even side; ``centres`` are x and y in shares of the side, in the
    order top left, top right, bottom left, bottom right. A square that would reach beyond the map is moved
    inside. Raises OptionError on another shape or another number of centres.

    Wang et al. 2024 (HTNet). Their code swaps x and y (it takes x for the row and y for the column), and
    takes five fixed places where it finds no face; here every square lies around its own place. On the crop
    of `fleeting.faces.landmarks` the four squares are nearly the quarters of the map: they differ from them
    only within a row or two of the middle.
    """
    side = maps.shape[-1] if maps.ndim else 0
    if maps.ndim < 2 or maps.shape[-2] != side or side % 2 or not side:
        raise OptionError(f"a map is {maps.shape}, expected (..., side, side) with an even side; resize it")
    if np.shape(centres) != (4, 2):
        raise OptionError(f"the centres are {np.shape(centres)}, expected 4 places of x and y")
    squares = [_square(maps, x, y) for x, y in centres]
    return np.concatenate([np.concatenate(squares[row : row + 2], axis=-1) for row in (0, 2)], axis=-2)


def _square(maps: FloatArray, x: float, y: float) -> FloatArray:
    half = maps.shape[-1] // 2
    left, top = (min(max(round(2 * half * at - half / 2), 0), half) for at in (x, y))
    return maps[..., top : top + half, left : left + half]
