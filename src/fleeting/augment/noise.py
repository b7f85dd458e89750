"""Random noise, like that of a camera's sensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fleeting.augment import augmentations
from fleeting.types import ArrayKind, FloatArray

SHARE = 0.05
"""The standard deviation of the noise, as a share of each channel's standard deviation over the batch."""


@augmentations.register("noise")
def noise(
    arrays: Sequence[FloatArray],
    kinds: Sequence[ArrayKind],  # noqa: ARG001 - noise means the same for pictures and for motion
    rng: np.random.Generator,
) -> list[FloatArray]:
    """Add Gaussian noise of a twentieth of each channel's deviation."""
    return [
        array
        + SHARE
        * array.std(axis=(0, 2, 3), keepdims=True)
        * rng.standard_normal(array.shape, dtype=np.float32)
        for array in arrays
    ]
