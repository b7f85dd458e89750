"""Affine resampling of pictures, which the augmentations rotate, turn and crop share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from fleeting.types import FloatArray


def sampled(array: FloatArray, linear: npt.ArrayLike, origin: npt.ArrayLike) -> FloatArray:
    """Resample each channel of (channels, height, width) bilinearly; the edge is repeated beyond the picture.

    The new pixel at ``p`` takes its value from ``linear @ p + origin``. Positions are (x right, y down) in
    pixels from the upper left corner, so the centre of the first pixel is (0.5, 0.5).
    """
    height, width = array.shape[1:]
    matrix = np.column_stack([linear, origin]).astype(np.float64)  # (2, 3)
    seen = matrix @ [(0, width, 0, width), (0, 0, height, height), (1, 1, 1, 1)]  # (2, 4), corners' sources
    beyond = int(np.ceil(max(-seen.min(), (seen - [[width], [height]]).max(), 0)))
    padded = np.pad(array, ((0, 0), (beyond, beyond), (beyond, beyond)), mode="edge") if beyond else array
    places = (*(matrix[0] + (0, 0, beyond)), *(matrix[1] + (0, 0, beyond)))
    bilinear, affine = Pillow.Resampling.BILINEAR, Pillow.Transform.AFFINE
    return np.stack(
        [
            np.asarray(Pillow.fromarray(channel).transform((width, height), affine, places, bilinear))
            for channel in padded
        ]
    )
