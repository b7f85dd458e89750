"""Curves across a face: the edges of lids, and the line along which lips part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from fleeting.types import FloatArray

FINE = 65


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve from left to right as a face's axes see it: how far down it lies at each place across.

    The rows of ``axes`` point to the face's right as seen and down.
    """

    axes: FloatArray
    across: FloatArray
    down: FloatArray

    def below(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """For points (..., 2): place along the curve, 0 to 1 between its ends, and pixels below it.

        Beyond its ends the curve goes on level.
        """
        across, down = points @ self.axes[0], points @ self.axes[1]
        along = (across - self.across[0]) / (self.across[-1] - self.across[0])
        return along, down - np.interp(across, self.across, self.down).astype(np.float32)

    def near(self, points: FloatArray, reach: float) -> npt.NDArray[np.bool_]:
        """Which points (..., 2) lie between its ends, at most so many pixels above or below all of it."""
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
        """The point half-way between the ends, x and y."""
        return np.asarray(self.points()[[0, -1]].mean(axis=0), dtype=np.float32)


def curve(points: FloatArray, axes: npt.NDArray[np.floating]) -> Curve:
    """The smooth curve through points (n, 2)."""
    across, down = axes @ points.T.astype(np.float64)
    order = np.argsort(across)
    fine = np.linspace(across[order[0]], across[order[-1]], FINE)
    smooth = PchipInterpolator(across[order], down[order])(fine)
    return Curve(axes.astype(np.float32), fine.astype(np.float32), smooth.astype(np.float32))
