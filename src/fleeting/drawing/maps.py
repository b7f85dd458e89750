"""Draws motion maps: how a brow raise, a frown or a smile moves the skin, with noise added.

A map is a sum of displacement bumps at the places where the action units of a class move the skin. Each
person has proportions and habits of their own; the head shifts as a whole, and an error is added to the flow.
Drawn maps are for trying things out: scores on them say nothing about real faces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from fleeting.faces.optical_flow import motion_map
from fleeting.types import FloatArray

GRID = 56
"""Side of the square, in pixels, on which displacements are drawn before they are shrunk to the map."""

BUMPS: dict[str, tuple[tuple[float, float, float, float, float], ...]] = {
    # row, column, rightwards, downwards, width, as shares of the face, for the half with small columns
    "AU1+2": ((0.26, 0.32, -0.1, -1.0, 0.11),),
    "AU4": ((0.28, 0.36, 0.7, 0.8, 0.08),),
    "AU6+12": ((0.74, 0.33, -0.7, -0.9, 0.09), (0.55, 0.28, 0.0, -0.4, 0.09)),
    "AU15": ((0.78, 0.34, -0.2, 0.9, 0.08),),
    "AU26": ((0.86, 0.45, 0.0, 0.9, 0.12),),
}
"""The bumps by which an action unit moves one half of the face; the other half is its mirror image."""

CLASSES: dict[str, tuple[str, ...]] = {
    "negative": ("AU4", "AU4", "AU15"),
    "positive": ("AU6+12",),
    "surprise": ("AU1+2", "AU1+2", "AU26"),
}
"""The action units of each class; a clip draws one of them, so that a repeated one is drawn more often."""


@dataclass(frozen=True)
class DrawnMap:
    """One drawn map with its truth."""

    subject: int
    label: str
    action_unit: str
    array: FloatArray  # (3, 28, 28), 0 to 255


def draw_maps(subjects: int, clips: int, seed: int, noise: float = 0.55) -> Iterator[DrawnMap]:
    """Draw ``clips`` maps for each of ``subjects`` people.

    ``noise`` is the standard deviation of the flow's error; a movement peaks at about 1 in the same unit.
    """
    for subject in range(1, subjects + 1):
        rng = np.random.default_rng([seed, subject])
        habit = _Habit(rng.normal(0, 0.03, size=(2,)), rng.uniform(0.5, 1.5), rng.uniform(-0.35, 0.35))
        labels = rng.permutation(np.resize(list(CLASSES), clips))
        for label in labels:
            unit = str(rng.choice(CLASSES[str(label)]))
            yield DrawnMap(subject, str(label), unit, _draw(unit, habit, noise, rng))


@dataclass(frozen=True)
class _Habit:
    """How one person's face moves: the offset of its parts, the strength, the difference of its halves."""

    place: npt.NDArray[np.float64]
    strength: float
    lopsided: float


def _draw(unit: str, habit: _Habit, noise: float, rng: np.random.Generator) -> FloatArray:
    rows, columns = (np.mgrid[0:GRID, 0:GRID] + 0.5) / GRID
    u, v = rng.normal(0, 0.25, size=(2, 1, 1)) * np.ones((2, GRID, GRID))  # the head's own shift
    strength = habit.strength * rng.uniform(0.6, 1.4)
    for row, column, right, down, width in BUMPS[unit]:
        row, column = habit.place + rng.normal((row, column), 0.015)
        for side in (1, -1):
            center = column if side == 1 else 1 - column
            bump = np.exp(-((rows - row) ** 2 + (columns - center) ** 2) / (2 * width**2))
            weight = strength * (1 + side * habit.lopsided)
            u, v = u + side * weight * right * bump, v + weight * down * bump
    wrong = gaussian_filter(rng.standard_normal((2, GRID, GRID)), (0, 4, 4), mode="nearest")
    wrong *= noise / wrong.std()
    return motion_map((u + wrong[0]).astype(np.float32), (v + wrong[1]).astype(np.float32))
