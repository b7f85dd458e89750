"""Still frames as inputs: the apex alone, and the pair of onset and apex."""

from __future__ import annotations

import numpy as np

from fleeting.modalities import modalities
from fleeting.types import Clip, FloatArray


@modalities.register("apex")
def apex(clip: Clip) -> FloatArray:
    """The frame of largest movement: (1 or 3, height, width), 0 to 255."""
    return np.asarray(clip.frames[clip.apex].transpose(2, 0, 1), dtype=np.float32)


@modalities.register("onset-apex")
def onset_apex(clip: Clip) -> FloatArray:
    """The frames where the movement starts and peaks, one above the other: (2 or 6, height, width).

    The channels of the onset come first; values are 0 to 255.
    """
    return np.concatenate([clip.frames[i].transpose(2, 0, 1) for i in (clip.onset, clip.apex)]).astype(
        np.float32
    )
