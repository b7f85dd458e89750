"""The affective image, which sums up all changes from frame to frame."""

from __future__ import annotations

import numpy as np

from fleeting.modalities import modalities
from fleeting.modalities._frames import movement, stretched
from fleeting.types import Clip, FloatArray


@modalities.register("affective-image")
def affective_image(clip: Clip) -> FloatArray:
    """How much changed from frame to frame, summed (AffectiveNet 2021): (1 or 3, height, width), 0 to 255.

    Our reading: the sum over t of |I_t - I_t-1|, min-max scaled as a whole; quick movements back and forth
    count most, and so does the camera's noise. A clip without change is 0.
    """
    frames = movement(clip).astype(np.int16)
    return stretched(np.abs(np.diff(frames, axis=0)).sum(axis=0, dtype=np.float64), flat=0)
