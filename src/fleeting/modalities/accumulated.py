"""Pictures that sum up all absolute changes in a clip: the active image and the affective image."""

from __future__ import annotations

import numpy as np

from fleeting.modalities import modalities
from fleeting.modalities._frames import movement, stretched
from fleeting.types import Clip, FloatArray


@modalities.register("active-image")
def active_image(clip: Clip) -> FloatArray:
    """How far the frames departed from the onset, summed (OrigiNet 2020): (1 or 3, height, width), 0 to 255.

    Our reading: the sum over t of |I_t - I_onset|, min-max scaled as a whole; movements that last count most.
    A clip without change is 0.
    """
    return _gathered(clip, against_onset=True)


@modalities.register("affective-image")
def affective_image(clip: Clip) -> FloatArray:
    """How much changed from frame to frame, summed (AffectiveNet 2021): (1 or 3, height, width), 0 to 255.

    Our reading: the sum over t of |I_t - I_t-1|, min-max scaled as a whole; quick movements back and forth
    count most, and so does the camera's noise. A clip without change is 0.
    """
    return _gathered(clip, against_onset=False)


def _gathered(clip: Clip, *, against_onset: bool) -> FloatArray:
    frames = movement(clip)
    before = frames[0]
    total = np.zeros(frames.shape[1:])
    for frame in frames[1:]:
        total += np.abs(frame.astype(np.int16) - before)
        before = before if against_onset else frame
    return stretched(total, flat=0)
