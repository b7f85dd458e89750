"""Random histogram equalisation of pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fleeting.augment import augmentations, shows_pictures
from fleeting.errors import OptionError
from fleeting.types import ArrayKind, FloatArray

LEVELS = 256
"""The number of bins of a brightness histogram."""


@augmentations.register("equalise")
def equalise(
    arrays: Sequence[FloatArray], kinds: Sequence[ArrayKind], rng: np.random.Generator
) -> list[FloatArray]:
    """Spread the brightness of half of the samples evenly from their darkest to their brightest value.

    All channels of a sample share one curve, so that colours, and the pictures of a sequence, keep their
    order. Raises OptionError on motion and on differences of pictures, because it would move their zero.
    """
    if not all(map(shows_pictures, kinds)):
        raise OptionError("equalise spreads brightness, and an input shows motion or change; leave it out")
    chosen = np.flatnonzero(rng.random(len(arrays[0])) < 0.5)
    spread = [array.copy() for array in arrays]
    for array in spread:
        for row in chosen:
            array[row] = _spread(array[row])
    return spread


def _spread(picture: FloatArray) -> FloatArray:
    low, high = picture.min(), picture.max()
    if low == high:
        return picture
    level = np.rint((picture - low) * ((LEVELS - 1) / (high - low))).astype(np.uint8)
    below = np.bincount(level.ravel(), minlength=LEVELS).cumsum()
    share = (below - below[0]) / (below[-1] - below[0])  # 0 for the darkest level, 1 for the brightest
    curve = (low + (high - low) * share).astype(np.float32)
    spread: FloatArray = curve[level]
    return spread
