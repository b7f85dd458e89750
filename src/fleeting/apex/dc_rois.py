"""Finds the apex by D&C-RoIs: divide and conquer over how much the texture of three regions changes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fleeting.apex import apex_finders
from fleeting.apex._places import LEFT_EYE_AND_BROW, MOUTH, RIGHT_EYE_AND_BROW
from fleeting.faces import optical_flow
from fleeting.optional import skimage_feature
from fleeting.types import Clip

REGIONS = RIGHT_EYE_AND_BROW, LEFT_EYE_AND_BROW, MOUTH
NEIGHBOURS, CODES = 8, 59
"""Local binary patterns of eight neighbours at radius 1: 58 uniform patterns, and one code for all others."""

Signal = npt.NDArray[np.float64]


@apex_finders.register("dc-rois")
def dc_rois(clip: Clip) -> int:
    """The peak of texture change that halving the clip leads to (Liong et al. 2015, as in DFR-Net).

    The change of a frame is 1 - d, averaged over three regions: each eye with its brow, and the mouth. d is
    the cosine similarity of the region's histogram of uniform local binary patterns to the onset's (our
    reading: the papers call d itself the difference). Raises MissingExtraError without scikit-image.
    """
    frames = clip.frames[clip.onset : clip.offset + 1]
    histograms = np.stack([_histograms(optical_flow.gray(frame)) for frame in frames])  # (time, region, code)
    return clip.onset + divide_and_conquer(1 - _cosine(histograms, histograms[0]).mean(axis=1))


def divide_and_conquer(change: Signal) -> int:
    """The index of one local maximum, found by halving.

    The range is halved, and the half whose local maxima have the larger sum is kept, until one maximum is
    left. Where there is no local maximum inside the range, it is the index of the largest value.
    """
    peaks = [t for t in range(1, len(change) - 1) if change[t - 1] < change[t] >= change[t + 1]]
    low, high = 0, len(change)
    while len(peaks) > 1:
        middle = (low + high) // 2
        early, late = [t for t in peaks if t < middle], [t for t in peaks if t >= middle]
        if change[early].sum() >= change[late].sum():
            peaks, high = early, middle
        else:
            peaks, low = late, middle
    return peaks[0] if peaks else int(np.argmax(change))


def _histograms(picture: npt.NDArray[np.uint8]) -> Signal:
    codes = skimage_feature().local_binary_pattern(picture, NEIGHBOURS, 1, method="nri_uniform")
    of_regions = [region.of(codes).astype(np.int64).ravel() for region in REGIONS]
    return np.stack([np.bincount(of_one, minlength=CODES) for of_one in of_regions]).astype(np.float64)


def _cosine(one: Signal, other: Signal) -> Signal:
    lengths = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    return np.asarray((one * other).sum(axis=-1) / lengths)
