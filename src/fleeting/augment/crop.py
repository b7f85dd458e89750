"""Random crops: a window is cut out and enlarged to the original size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fleeting.augment import apart, augmentations, together
from fleeting.augment._sampling import sampled
from fleeting.types import ArrayKind, FloatArray

SMALLEST = 7 / 8
"""The smallest side of a window, as a share of the picture's side: 196 pixels of 224."""


@augmentations.register("crop")
def crop(
    arrays: Sequence[FloatArray], kinds: Sequence[ArrayKind], rng: np.random.Generator
) -> list[FloatArray]:
    """Cut a window of at least seven eighths of each side and enlarge it; arrows in pixels grow with it.

    Displacements in pixels are divided by the window's share of the side. Maps scaled to 0..255 keep their
    values, and so does strain, which is a change relative to length. Of an array of tiles, the window is cut
    out of each.
    """
    sides = rng.uniform(SMALLEST, 1, size=len(arrays[0]))
    corners = rng.random((len(sides), 2)) * (1 - sides)[:, None]  # (n, 2): x and y, as shares of the sides
    cropped = []
    for array, kind in zip(arrays, kinds, strict=True):
        tiles = apart(array, kind.tiles)
        extent = tiles.shape[:1:-1]
        windows = [
            sampled(a, side * np.eye(2), corner * extent)
            for a, side, corner in zip(tiles, sides, corners, strict=True)
        ]
        enlarged = together(np.stack(windows), kind.tiles)
        if kind.rest == 0:
            arrows = [name in ("u", "v") for name in kind.channels]
            enlarged[:, arrows] /= sides.astype(np.float32)[:, None, None, None]
        cropped.append(enlarged)
    return cropped
