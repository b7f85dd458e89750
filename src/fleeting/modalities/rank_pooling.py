"""A clip as one weighted sum of its frames: the dynamic and the active image, and MESTI."""

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


@modalities.register("active-image")
def active_image(clip: Clip) -> FloatArray:
    """All differences of frames but neighbours, summed (OrigiNet 2020): (1 or 3, height, width), 0 to 255.

    As in the authors' code: the sum of I_j - I_k over all frames at least two apart, of which what is
    negative becomes 0. So the weights are those of the linear dynamic image but for both ends, whose are
    smaller by one. Scaled so that the largest value is 255 (our reading), in the colours of the clip, where
    the authors have gray; a clip without change is 0.
    """
    frames = movement(clip)
    time = np.arange(1, len(frames) + 1, dtype=np.float64)
    weights = np.maximum(time - 2, 0) - np.maximum(len(frames) - time - 1, 0)
    return stretched(np.maximum(_total(frames, weights), 0), flat=0)


@modalities.register("mesti")
def mesti(clip: Clip, *, pairs: str = "each side") -> FloatArray:
    """The frames summed by their rank up to the apex and back (MEGANet 2025): (1 or 3, height, width).

    With the apex at frame a of T, frame t has the weight 2t - a - 1 up to the apex and T - 2t + a + 1 after
    it, as equation 4 has it: it ranks pairs of frames on ``each side`` of the apex. With ``pairs`` of
    ``all``, which equation 3 ranks, a frame has the number of frames further from the apex less that of
    nearer ones (our reading). The sum is min-max scaled to 0..255 as a whole (our reading). A clip without
    change is 127.5. Raises UnknownNameError on other pairs.
    """
    if pairs not in PAIRS:
        raise UnknownNameError("pairs of mesti", pairs, PAIRS)
    ahead, behind = clip.apex - clip.onset + 1, clip.offset - clip.apex
    if pairs == "all":
        return _summed(clip, nearness_ranks(ahead, behind))
    return _summed(clip, np.concatenate([linear_ranks(ahead), -linear_ranks(behind)]))


def nearness_ranks(ahead: int, behind: int) -> Weights:
    """For each frame the number of frames further from the apex, less that of those nearer to it.

    The apex is the last of ``ahead`` frames, before ``behind`` further ones.
    """
    away = np.abs(np.arange(ahead + behind) - (ahead - 1))
    return np.asarray(np.sign(away[None] - away[:, None]).sum(axis=1), dtype=np.float64)


def linear_ranks(count: int) -> Weights:
    """The weights 2t - T - 1 for t from 1 to T: the number of earlier frames minus that of later frames."""
    return 2 * np.arange(1, count + 1, dtype=np.float64) - count - 1


def harmonic_ranks(count: int) -> Weights:
    """The weights of the frames that result from giving `linear_ranks` to the frames' running means."""
    time = np.arange(1, count + 1)
    later = np.cumsum((1 / time)[::-1])[::-1]  # H_T - H_t-1
    return np.asarray(2 * (count - time + 1) - (count + 1) * later, dtype=np.float64)


RANKS = {"linear": linear_ranks, "harmonic": harmonic_ranks}
PAIRS = ("each side", "all")
"""Which pairs of frames MESTI ranks: those on one side of the apex, or all."""


def _summed(clip: Clip, weights: Weights) -> FloatArray:
    return stretched(_total(movement(clip), weights), flat=127.5)


def _total(frames: npt.NDArray[np.uint8], weights: Weights) -> npt.NDArray[np.float64]:
    total = np.zeros(frames.shape[1:])
    for frame, weight in zip(frames, weights, strict=True):
        total += weight * frame
    return total
