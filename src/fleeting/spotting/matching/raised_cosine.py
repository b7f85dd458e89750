"""Finds the course of one movement: the raised cosine that fits values over time best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
EDGE_AT = float(np.arccos(2 * 0.05 - 1) / np.pi)
"""Where a raised cosine that is 1 at 0 and falls to 0 at 1 passes 5 %: onset and offset are placed there."""


@dataclass(frozen=True, slots=True)
class Course:
    """The course of one movement there and back; times are in seconds.

    ``height`` is its value at the apex, ``explained`` the share of the values that it explains, 0 to 1.
    """

    onset: float
    apex: float
    offset: float
    height: float
    explained: float

    @property
    def seconds(self) -> float:
        """Seconds from onset to offset."""
        return self.offset - self.onset


def raised_cosine(times: Array, apex: Array | float, rise: Array | float, fall: Array | float) -> Array:
    """A raised cosine: 1 at ``apex``, 0.05 at ``rise`` seconds before it and at ``fall`` seconds after it.

    The arguments broadcast together.
    """
    since = times - apex
    reach = np.where(since < 0, rise, fall) / EDGE_AT
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * np.minimum(np.abs(since) / reach, 1)))


def fitted(times: Array, values: Array, apex: float, seconds: float) -> Course:
    """The movement that fits ``values`` (n,) best, with a peak near ``apex`` and a length near ``seconds``.

    A linear trend of the values is left out.
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
