"""Correlates motion with templates of movements there and back, which differ in duration."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from fleeting.spotting.matching.raised_cosine import raised_cosine
from fleeting.spotting.matching.timeline import RATE

Array = npt.NDArray[np.float64]
DURATIONS = 0.06 * 1.42 ** np.arange(8)
"""Seconds from onset to offset: 0.06 to 0.70."""
BLOCK = 10
"""Steps of a timeline that are processed at once."""


def _templates() -> list[Array]:
    """Weights over steps, of odd length, whose product with a movement is its height, and with a drift is 0.

    Drift is a constant plus a linear trend. A template extends by 0.3 of its duration plus 40 ms beyond the
    movement on each side.
    """
    found = []
    for seconds in DURATIONS:
        half = round((0.8 * seconds + 0.04) * RATE)
        times = np.arange(-half, half + 1) / RATE
        bump = raised_cosine(times, 0.0, seconds / 2, seconds / 2)
        basis = np.linalg.qr(np.column_stack([np.ones_like(times), times]))[0]
        left = bump - basis @ (basis.T @ bump)
        found.append(left / (left @ bump))
    return found


TEMPLATES = _templates()
HALF = len(TEMPLATES[-1]) // 2
"""Steps that the longest template covers to each side of its middle."""


@cache
def _matrix() -> Array:
    """Every template at every step of a block: (block * templates, steps that they cover)."""
    rows = np.zeros((BLOCK, len(TEMPLATES), BLOCK + 2 * HALF))
    for step in range(BLOCK):
        for k, weights in enumerate(TEMPLATES):
            first = step + HALF - len(weights) // 2
            rows[step, k, first : first + len(weights)] = weights
    return rows.reshape(-1, BLOCK + 2 * HALF)


def heights(steps: Array) -> Array:
    """The height of the movement that each template finds at each step: (block, templates, patches, 2).

    ``steps`` (block + 2 HALF, values) begin HALF steps before the block.
    """
    return np.asarray((_matrix() @ steps[:, :-1]).reshape(BLOCK, len(TEMPLATES), -1, 2))


def shut(steps: Array) -> Array:
    """How far the eyes shut or open within each template's steps: (block, templates)."""
    found = np.empty((BLOCK, len(TEMPLATES)))
    for k, weights in enumerate(TEMPLATES):
        half = len(weights) // 2
        seen = steps[HALF - half : HALF + half + BLOCK, -1]
        found[:, k] = np.ptp(np.lib.stride_tricks.sliding_window_view(seen, len(weights)), axis=1)
    return found
