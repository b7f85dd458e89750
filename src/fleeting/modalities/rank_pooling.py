"""A clip as one weighted sum of its frames: the dynamic image, and MESTI, whose weights turn at the apex."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fleeting.errors import UnknownNameError
from fleeting.modalities import modalities
from fleeting.modalities._frames import movement, stretched
from fleeting.types import Clip, FloatArray

Weights = npt.NDArray[np.float64]


@modalities.register("dynamic-image")
def dynamic_image(clip: Clip, *, weights: str = "linear") -> FloatArray:
    """The frames summed by their rank in time (Bilen et al. 2016): (1 or 3, height, width), 0 to 255.

    Frame t of T has the weight 2t - T - 1 (``linear``) or 2(T - t + 1) - (T + 1)(H_T - H_t-1) with H the
    harmonic numbers (``harmonic``, which ranks running means of the frames). The sum is min-max scaled as a
    whole; a clip without change is 127.5. Raises UnknownNameError on other weights.
    """
    if weights not in RANKS:
        raise UnknownNameError("weighting of dynamic-image", weights, RANKS)
    return _summed(clip, RANKS[weights](clip.offset - clip.onset + 1))


@modalities.register("mesti")
def mesti(clip: Clip) -> FloatArray:
    """The frames summed by their rank up to the apex and back (MEGANet 2025): (1 or 3, height, width).

    With the apex at frame a of T, frame t has the weight 2t - a - 1 up to the apex and T - 2t + a + 1 after
    it; the sum is min-max scaled to 0..255 as a whole (our reading). A clip without change is 127.5.
    """
    apex = clip.apex - clip.onset + 1
    behind = clip.offset - clip.apex
    return _summed(clip, np.concatenate([linear_ranks(apex), -linear_ranks(behind)]))


def linear_ranks(count: int) -> Weights:
    """The weights 2t - T - 1 for t from 1 to T: the number of earlier frames minus that of later frames."""
    return 2 * np.arange(1, count + 1, dtype=np.float64) - count - 1


def harmonic_ranks(count: int) -> Weights:
    """The weights of the frames that result from giving `linear_ranks` to the frames' running means."""
    time = np.arange(1, count + 1)
    later = np.cumsum((1 / time)[::-1])[::-1]  # H_T - H_t-1
    return np.asarray(2 * (count - time + 1) - (count + 1) * later, dtype=np.float64)


RANKS = {"linear": linear_ranks, "harmonic": harmonic_ranks}


def _summed(clip: Clip, weights: Weights) -> FloatArray:
    total = np.zeros(clip.frames.shape[1:])
    for frame, weight in zip(movement(clip), weights, strict=True):
        total += weight * frame
    return stretched(total, flat=127.5)
