"""Bi-WOOF: histograms of the directions of optical flow, weighted twice, with a linear SVM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from fleeting.errors import OptionError
from fleeting.faces.optical_flow import optical_strain
from fleeting.models import Shape, models
from fleeting.models._histogram_svm import Features, HistogramSvm, block_of
from fleeting.types import FloatArray


@models.register("bi-woof")
class BiWoof(HistogramSvm):
    """Bi-weighted oriented optical flow with a linear SVM (Liong et al. 2018).

    Each block has a histogram of flow orientations, in which each pixel counts by the length of its arrow
    (the local weight); the histogram is multiplied by the block's mean optical strain (the global weight). A
    clip's histograms are divided by their sum, so that weak and strong movements look alike (our reading).
    With three channels the input is a map of u, v and strain; its scaling hides which value means rest, so
    the medians of u and of v are taken as rest (our reading).
    """

    inputs: ClassVar[dict[str, Shape]] = {"flow": (2, 120, 120)}
    paper: ClassVar[str] = "Liong et al. 2018, Signal Processing: Image Communication 62; arXiv:1606.01721"
    small: ClassVar[dict[str, Any]] = {"size": 20, "blocks": 5}

    def __init__(
        self,
        classes: int,
        *,
        blocks: int = 8,
        orientations: int = 8,
        strength: float = 1e-3,
        channels: int = 2,
        size: int = 120,
    ) -> None:
        if channels not in (2, 3):
            raise OptionError(f"bi-woof takes u and v, or u, v and strain; found {channels} channels")
        if blocks < 1 or orientations < 2 or size < max(2, blocks):
            raise OptionError(
                f"bi-woof: {blocks} blocks and {orientations} orientations on {size} pixels; expected 1 block"
                " or more, 2 orientations or more and a pixel for each block"
            )
        super().__init__(classes, blocks**2 * orientations, strength)
        self.blocks, self.orientations = blocks, orientations

    def histograms(self, arrays: Sequence[FloatArray]) -> Features:
        """The histograms of flow (n, 2 or 3, height, width): (n, blocks^2 x orientations)."""
        return np.stack([self._histograms(flow.astype(np.float64)) for flow in arrays[0]])

    def _histograms(self, flow: Features) -> Features:
        if len(flow) == 2:
            (u, v), strain = flow, optical_strain(flow[0], flow[1])
        else:
            u, v, strain = flow[0] - np.median(flow[0]), flow[1] - np.median(flow[1]), flow[2]
        turn = (np.arctan2(v, u) + np.pi) / (2 * np.pi)  # 0 to 1, a full circle from left over up
        oriented = np.minimum((turn * self.orientations).astype(int), self.orientations - 1)
        block = block_of(u.shape, self.blocks)
        pixels = np.bincount(block.ravel(), minlength=self.blocks**2)
        strained = np.bincount(block.ravel(), strain.ravel(), self.blocks**2) / pixels  # (blocks,)
        place = block * self.orientations + oriented
        moved = np.bincount(place.ravel(), np.hypot(u, v).ravel(), self.blocks**2 * self.orientations)
        weighed = moved.reshape(-1, self.orientations) * strained[:, None]  # (blocks, orientations)
        return weighed.ravel() / max(float(weighed.sum()), 1e-12)
