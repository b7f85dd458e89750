"""The onset frame as an input: the face before it moves."""

from __future__ import annotations

import numpy as np

from fleeting.modalities import modalities
from fleeting.types import Clip, FloatArray


@modalities.register("onset")
def onset(clip: Clip) -> FloatArray:
    """The frame where the movement starts: (1 or 3, height, width), 0 to 255.

    It shows the person, but not the expression.
    """
    return np.asarray(clip.frames[clip.onset].transpose(2, 0, 1), dtype=np.float32)
