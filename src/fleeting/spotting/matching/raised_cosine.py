"""How one movement went: the raised cosine that fits a course best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
EDGE_AT = float(np.arccos(2 * 0.05 - 1) / np.pi)
"""Where a raised cosine that falls from 1 to 0 at 1 passes 5 %: there onset and offset lie."""


@dataclass(frozen=True, slots=True)
class Course:
    """A movement there and back, in seconds; ``height`` at its peak; ``explained`` is 0 to 1."""

    onset: float
    apex: float
    offset: float
    height: float
    explained: float

    @property
    def seconds(self) -> float:
        """From onset to offset."""
        return self.offset - self.onset


def raised_cosine(times: Array, apex: Array | float, rise: Array | float, fall: Array | float) -> Array:
    """1 at ``apex``, 5 % ``rise`` seconds before it and ``fall`` seconds after; broadcast together."""
    since = times - apex
    reach = np.where(since < 0, rise, fall) / EDGE_AT
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * np.minimum(np.abs(since) / reach, 1)))


def fitted(times: Array, values: Array, apex: float, seconds: float) -> Course:
    """The movement in a course of ``values`` (n,), sought around an apex for about so many seconds.

    What drifts in a straight line is left aside.
    """
    basis = np.linalg.qr(np.column_stack([np.ones_like(times), times - apex]))[0]
    level = values - basis @ (basis.T @ values)
    rise = fall = seconds / 2
    shifts, widths = np.linspace(-0.3, 0.3, 7) * seconds, np.geomspace(0.55, 1.8, 9)
    for _ in range(3):
        a, r, f = (g.ravel()[:, None] for g in np.meshgrid(apex + shifts, rise * widths, fall * widths))
        bumps = raised_cosine(times, a, r, f)
        bumps = bumps - (bumps @ basis) @ basis.T
        energy = (bumps**2).sum(axis=1) + 1e-12
        gains = bumps @ level / energy
        best = int(np.argmax(gains * np.abs(gains) * energy))
        apex, rise, fall = float(a[best, 0]), float(r[best, 0]), float(f[best, 0])
        shifts, widths = shifts / 3, widths ** (1 / 3)
    explained = float(gains[best] ** 2 * energy[best] / max(float(level @ level), 1e-12))
    return Course(apex - rise, apex, apex + fall, float(gains[best]), explained)
