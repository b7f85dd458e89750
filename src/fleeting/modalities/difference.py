"""The difference between apex and onset frame, with and without its sign."""

from __future__ import annotations

import numpy as np

from fleeting.modalities import means, modalities
from fleeting.types import Clip, FloatArray


@modalities.register("signed-difference")
@means("change")
def signed_difference(clip: Clip) -> FloatArray:
    """Apex minus onset: (1 or 3, height, width), -255 to 255; a still clip is 0."""
    onset, apex = (clip.frames[i].transpose(2, 0, 1).astype(np.float32) for i in (clip.onset, clip.apex))
    return np.asarray(apex - onset)


@modalities.register("difference")
@means("change")
def difference(clip: Clip) -> FloatArray:
    """How much apex and onset differ, in either direction (DFR-Net): (1 or 3, height, width), 0 to 255."""
    return np.abs(signed_difference(clip))
