"""Smooth curves across a drawn face: the edges of the eyelids, and the line along which the lips part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from fleeting.types import FloatArray

FINE = 65
"""Points that a curve is stored with."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve from left to right in a face's own axes: ``down`` at each place ``across``, in pixels.

    The rows of ``axes`` are unit vectors: to the right in the picture and down, both tilted with the head.
    """

    axes: FloatArray
    across: FloatArray
    down: FloatArray

    def below(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """For points (..., 2): the place along the curve, 0 to 1 between its ends, and the pixels below it.

        Beyond its ends the curve continues horizontally.
        """
        across, down = points @ self.axes[0], points @ self.axes[1]
        along = (across - self.across[0]) / (self.across[-1] - self.across[0])
        return along, down - np.interp(across, self.across, self.down).astype(np.float32)

    def near(self, points: FloatArray, reach: float) -> npt.NDArray[np.bool_]:
        """A mask of the points (..., 2) between the curve's ends, at most ``reach`` pixels above or below it.

        Above and below are counted from the curve's highest and lowest place.
        """
        across, down = points @ self.axes[0], points @ self.axes[1]
        beside = (across <= self.across[0]) | (across >= self.across[-1])
        off = (down <= self.down.min() - reach) | (down >= self.down.max() + reach)
        return np.asarray(~(beside | off))

    def points(self) -> FloatArray:
        """Points along the curve, (FINE, 2)."""
        points = np.column_stack([self.across, self.down]) @ self.axes
        return np.asarray(points, dtype=np.float32)

    @property
    def middle(self) -> FloatArray:
        """The point half-way between the ends, (2,) x and y."""
        return np.asarray(self.points()[[0, -1]].mean(axis=0), dtype=np.float32)


def curve(points: FloatArray, axes: npt.NDArray[np.floating]) -> Curve:
    """The smooth curve through points (n, 2), x and y, that lie in any order."""
    across, down = axes @ points.T.astype(np.float64)
    order = np.argsort(across)
    fine = np.linspace(across[order[0]], across[order[-1]], FINE)
    smooth = PchipInterpolator(across[order], down[order])(fine)
    return Curve(axes.astype(np.float32), fine.astype(np.float32), smooth.astype(np.float32))
