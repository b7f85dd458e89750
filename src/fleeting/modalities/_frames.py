"""Steps that several modalities share: a clip's frames, gray crops and the flow between them, scaling."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from fleeting.faces.optical_flow import flow, gray, shrink
from fleeting.types import Clip, FloatArray

HEIGHT, TALLEST = 141, 170
"""Before flow is computed, a face crop of more than TALLEST rows (pixels) is shrunk to HEIGHT rows: the
published maps were made from crops of 141 to 170 rows."""
KEPT = 8
"""How many flows are kept: TV-L1 is slow, and a report draws what a recogniser has just asked for."""


def movement(clip: Clip) -> npt.NDArray[np.uint8]:
    """The frames from onset to offset: (time, height, width, channels)."""
    return clip.frames[clip.onset : clip.offset + 1]


def gray_crop(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """One frame in gray, shrunk by area to HEIGHT rows where it has more than TALLEST rows."""
    picture = gray(frame)
    if len(picture) <= TALLEST:
        return picture
    size = HEIGHT, max(1, round(picture.shape[1] * HEIGHT / len(picture)))
    return np.asarray(np.rint(shrink(picture.astype(np.float32), size)), dtype=np.uint8)


def flow_between(clip: Clip, before: int, after: int, backend: str) -> tuple[FloatArray, FloatArray]:
    """The flow between the gray crops of two frames of a clip, by `fleeting.faces.optical_flow.flow`."""
    one, other = (gray_crop(clip.frames[i]) for i in (before, after))
    u, v = _kept(one.tobytes(), other.tobytes(), one.shape, backend)
    return u.copy(), v.copy()


@lru_cache(KEPT)
def _kept(before: bytes, after: bytes, shape: tuple[int, ...], backend: str) -> tuple[FloatArray, FloatArray]:
    one, other = (np.frombuffer(pixels, np.uint8).reshape(shape) for pixels in (before, after))
    return flow(one, other, backend)


def stretched(picture: npt.NDArray[np.floating], flat: float) -> FloatArray:
    """A picture (height, width, channels) min-max scaled as a whole: (channels, height, width), 0 to 255.

    All channels share one scale, so colours keep their relation. A picture without contrast becomes ``flat``
    everywhere.
    """
    low, high = float(picture.min()), float(picture.max())
    scaled = np.full_like(picture, flat) if high - low < 1e-6 else (picture - low) * (255 / (high - low))
    return np.ascontiguousarray(scaled.transpose(2, 0, 1), dtype=np.float32)
