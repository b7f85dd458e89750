"""What several modalities take from a clip's frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fleeting.types import Clip, FloatArray


def movement(clip: Clip) -> npt.NDArray[np.uint8]:
    """The frames from onset to offset: (time, height, width, channels)."""
    return clip.frames[clip.onset : clip.offset + 1]


def stretched(picture: npt.NDArray[np.floating], flat: float) -> FloatArray:
    """A picture (height, width, channels) min-max scaled as a whole: (channels, height, width), 0 to 255.

    Colours keep their relation. A picture without any contrast is ``flat`` throughout.
    """
    low, high = float(picture.min()), float(picture.max())
    scaled = np.full_like(picture, flat) if high - low < 1e-6 else (picture - low) * (255 / (high - low))
    return np.ascontiguousarray(scaled.transpose(2, 0, 1), dtype=np.float32)
