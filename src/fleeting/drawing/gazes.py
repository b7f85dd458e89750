"""Where the eyes look, as fields of displacement: the iris moves within the open eye, the lids stay."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fleeting.drawing.people import Identity
from fleeting.drawing.portrait import portrait
from fleeting.drawing.units import Field, pixels, soft
from fleeting.types import FloatArray

GAZES = ("gaze across", "gaze down")
WIDTH = 0.075
"""Standard deviation of the movement around the middle of each eye, in eye distances."""


@lru_cache(maxsize=8)
def gaze(person: Identity, name: str) -> Field:
    """The field of one of GAZES on a person's eyes, with a peak of 1 pixel to the right, or down."""
    rest = portrait(person)
    flow = np.zeros((*pixels().shape[:2], 2), np.float32)
    way = rest.axes[GAZES.index(name)]
    for upper, lower in rest.eyes:
        outline = np.concatenate([upper.points(), lower.points()[::-1]])
        middle = outline.mean(axis=0)
        off = ((pixels() - middle) @ rest.axes.T) / (WIDTH * rest.unit)
        flow += (soft(rest, outline, 0.008) * np.exp(-0.5 * (off**2).sum(axis=2)))[..., None] * way
    flow /= np.hypot(flow[..., 0], flow[..., 1]).max()
    return Field(flow, _box(flow))


def _box(flow: FloatArray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(np.abs(flow).max(axis=2) > 1e-3)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
