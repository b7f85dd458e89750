"""The 28x28 motion map of the MEGC2019 composite."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fleeting.modalities import means, modalities
from fleeting.motion import motion_map, shrink, tvl1_flow
from fleeting.types import Clip, FloatArray

HEIGHT = 141
"""Rows of the tight gray face crop on which the flow is computed; a smaller crop stays as it is."""


@modalities.register("flow-map")
@means("u", "v", "strain", rest=127.5)
def flow_map(clip: Clip) -> FloatArray:
    """Horizontal and vertical flow and strain from onset to apex: (3, 28, 28), each channel 0 to 255.

    TV-L1 flow on the tight gray face crop, shrunk by area, each channel min-max scaled, as the published maps
    of the composite were made. A still clip is 127.5 in u and v and 0 in strain.
    """
    onset, apex = (_gray_crop(clip.frames[i]) for i in (clip.onset, clip.apex))
    return motion_map(*tvl1_flow(onset, apex))


def _gray_crop(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    gray = frame.mean(axis=2, dtype=np.float32)
    if len(gray) > HEIGHT:
        gray = shrink(gray, (HEIGHT, max(1, round(gray.shape[1] * HEIGHT / len(gray)))))
    return np.asarray(np.rint(gray), dtype=np.uint8)
