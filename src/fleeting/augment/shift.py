"""Random shifts by a few pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fleeting.augment import apart, augmentations, together
from fleeting.types import ArrayKind, FloatArray

SHARE = 1 / 14
"""The largest shift, as a share of the picture's side: 2 pixels of 28, or 16 of 224."""


@augmentations.register("shift")
def shift(
    arrays: Sequence[FloatArray],
    kinds: Sequence[ArrayKind],
    rng: np.random.Generator,
) -> list[FloatArray]:
    """Shift each sample by up to a fourteenth of its side; what comes in repeats the edge.

    Of an array of tiles, each tile is shifted so, all of a sample alike.
    """
    by = rng.uniform(-SHARE, SHARE, size=(len(arrays[0]), 2))
    return [
        together(_shifted(apart(array, kind.tiles), by), kind.tiles)
        for array, kind in zip(arrays, kinds, strict=True)
    ]


def _shifted(array: FloatArray, by: npt.NDArray[np.float64]) -> FloatArray:
    height, width = array.shape[2:]
    moved = np.rint(by * (height, width)).astype(int)  # (n, 2) pixels down and right
    rows = np.clip(np.arange(height) - moved[:, :1], 0, height - 1)  # (n, height)
    columns = np.clip(np.arange(width) - moved[:, 1:], 0, width - 1)  # (n, width)
    return np.stack(
        [
            a.take(down, axis=1).take(right, axis=2)
            for a, down, right in zip(array, rows, columns, strict=True)
        ]
    )
