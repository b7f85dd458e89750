"""LBP-TOP: how the texture of a face looks, and how it changes, in block histograms."""

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
"""The eight neighbours of a pixel in a plane, in the order of their bits, clockwise from the upper left."""
PLANES = ((1, 2), (0, 2), (0, 1))
"""The axes of (time, height, width) that make up each plane: XY, XT, YT."""


def _uniform() -> IntArray:
    """The bin of each code: one for every code whose ring changes twice or never, the last for all others."""
    codes = np.arange(256)
    changes = [bin(code ^ (code >> 1 | (code & 1) << 7)).count("1") for code in codes]
    kept = codes[np.array(changes) <= 2]
    table = np.full(256, len(kept))
    table[kept] = np.arange(len(kept))
    return table


BINS = _uniform()
"""Ojala et al. 2002: 58 uniform codes and one bin for the rest, by code."""


def codes(volume: FloatArray, axes: tuple[int, int], reach: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Local binary patterns of every inner voxel in the plane of two axes: like ``volume``, less its rim.

    ``volume`` is (time, height, width), ``reach`` says how far neighbours are along each axis; they lie on
    the square around the voxel. A bit is 1 where the neighbour is at least as bright.
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

    Each plane of the clip (XY, XT, YT) gives a histogram of uniform patterns in every block, and each
    histogram adds up to 1. ``radius`` is in pixels, ``pace`` in frames, ``blocks`` along each side. Our
    reading: eight neighbours on the square in every plane, nothing interpolated; a colour clip
    (``colours`` channels a frame) is made gray by the mean of its colours.
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
        """Clips (n, frames x colours, height, width) as (n, planes x blocks x 59)."""
        return np.stack([self._histograms(clip) for clip in arrays[0]])

    def _histograms(self, clip: FloatArray) -> Features:
        volume = clip.reshape(-1, self.colours, *clip.shape[1:]).mean(axis=1)  # (time, height, width)
        bins = int(BINS.max()) + 1
        found = []
        for axes in PLANES:
            patterns = BINS[codes(volume, axes, self.reach)]  # (time, height, width), less the rim
            place = block_of(patterns.shape, self.blocks) * bins + patterns
            counts = np.bincount(place.ravel(), minlength=self.blocks**2 * bins).reshape(-1, bins)
            found.append(counts / counts.sum(axis=1, keepdims=True))
        return np.concatenate(found).ravel()
