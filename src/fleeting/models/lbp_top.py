"""LBP-TOP: block histograms of a face's texture and of its change over time, with a linear SVM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._histogram_svm import Features, HistogramSvm, block_of
from fleeting.types import FloatArray, IntArray

RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
"""Offsets of a pixel's eight neighbours in a plane, in bit order: clockwise from the upper left."""
PLANES = ((1, 2), (0, 2), (0, 1))
"""The two axes of (time, height, width) that span each plane: XY, XT, YT."""


def _uniform() -> IntArray:
    """The bin of each of the 256 codes.

    Each uniform code (at most two changes between 0 and 1 around the ring) has its own bin; all other codes
    share the last one.
    """
    codes = np.arange(256)
    changes = [bin(code ^ (code >> 1 | (code & 1) << 7)).count("1") for code in codes]
    kept = codes[np.array(changes) <= 2]
    table = np.full(256, len(kept))
    table[kept] = np.arange(len(kept))
    return table


BINS = _uniform()
"""The bin of each code: 58 bins for uniform codes and one for all others (Ojala et al. 2002)."""


def codes(volume: FloatArray, axes: tuple[int, int], reach: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Local binary patterns of every inner voxel in the plane of two axes.

    ``volume`` is (time, height, width); the result is smaller by ``reach`` at each end of each axis.
    ``reach`` is the distance of the neighbours along each axis; they lie on the square around the voxel. A
    bit is 1 where the neighbour is at least as bright as the voxel.
    """
    middle = [slice(r, size - r) for r, size in zip(reach, volume.shape, strict=True)]
    centre = volume[tuple(middle)]
    found = np.zeros(centre.shape, np.uint8)
    for bit, steps in enumerate(RING):
        window = list(middle)
        for axis, step in zip(axes, steps, strict=True):
            start = reach[axis] * (1 + step)
            window[axis] = slice(start, start + centre.shape[axis])
        found |= (volume[tuple(window)] >= centre).astype(np.uint8) << bit
    return found


@models.register("lbp-top")
class LbpTop(HistogramSvm):
    """Local binary patterns on three orthogonal planes with a linear SVM (Zhao and Pietikainen 2007).

    Each plane of the clip (XY, XT, YT) gives a histogram of uniform patterns for every block; each histogram
    adds up to 1. ``radius`` (pixels) and ``pace`` (frames) are the distances of the neighbours; ``blocks`` is
    the number of blocks along each side. Our reading: eight neighbours on the square in every plane, without
    interpolation; a colour clip (``colours`` channels a frame) is converted to gray by the mean of its
    colours.
    """

    inputs: ClassVar[dict[str, Shape]] = {"sequence": (10, 120, 120)}
    paper: ClassVar[str] = "Zhao and Pietikainen 2007, doi:10.1109/TPAMI.2007.1110"
    small: ClassVar[dict[str, Any]] = {"size": 20}

    def __init__(
        self,
        classes: int,
        *,
        blocks: int = 5,
        radius: int = 1,
        pace: int = 4,
        strength: float = 1e-3,
        colours: int = 1,
        channels: int = 10,
        size: int = 120,
    ) -> None:
        if min(blocks, radius, pace, colours) < 1 or channels % colours:
            raise OptionError(
                f"lbp-top: blocks {blocks}, radius {radius}, pace {pace}, {channels} channels of {colours}"
                " a frame; expected 1 or more each, and whole frames"
            )
        frames = channels // colours
        if frames <= 2 * pace or size < 2 * radius + blocks:
            raise OptionError(
                f"lbp-top: {frames} frames of {size} pixels are too few for pace {pace}, radius {radius} and"
                f" {blocks} blocks; expected more than {2 * pace} frames of {2 * radius + blocks} pixels"
            )
        super().__init__(classes, len(PLANES) * blocks**2 * (int(BINS.max()) + 1), strength)
        self.blocks, self.colours, self.reach = blocks, colours, (pace, radius, radius)

    def histograms(self, arrays: Sequence[FloatArray]) -> Features:
        """The histograms of clips (n, frames x colours, height, width): (n, planes x blocks^2 x 59)."""
        return np.stack([self._histograms(clip) for clip in arrays[0]])

    def _histograms(self, clip: FloatArray) -> Features:
        volume = clip.reshape(-1, self.colours, *clip.shape[1:]).mean(axis=1)  # (time, height, width)
        bins = int(BINS.max()) + 1
        found = []
        for axes in PLANES:
            patterns = BINS[codes(volume, axes, self.reach)]  # (time, height, width), without the rim
            place = block_of(patterns.shape, self.blocks) * bins + patterns
            counts = np.bincount(place.ravel(), minlength=self.blocks**2 * bins).reshape(-1, bins)
            found.append(counts / counts.sum(axis=1, keepdims=True))
        return np.concatenate(found).ravel()
