"""Drawn people: each is one of two photographs with its own proportions, skin, tone and place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fleeting.errors import OptionError

Photograph = Literal["astronaut", "grace-hopper"]
PHOTOGRAPHS: tuple[Photograph, ...] = ("astronaut", "grace-hopper")
TWO_PEOPLE = (
    "All drawn subjects come from two photographs: two people, warped, are still two people, so a score over"
    " drawn subjects says nothing about people that a model has not seen."
)
"""The sentence that every report on drawn subjects has to contain."""
EYE_DISTANCE = (100.0, 140.0)
"""Least and most pixels between the outer corners of the eyes."""


@dataclass(frozen=True)
class Identity:
    """One drawn person; these values determine the portrait at rest to the bit.

    ``number`` counts subjects from 1. ``eye_distance`` is pixels between the outer eye corners, ``place`` the
    point between the eyes (x, y) in the 640x480 picture, ``tilt`` the head's angle in radians (clockwise in
    the picture). ``tone`` is gamma and the gains of red, green and blue; ``habits`` is how much more the
    person's left half of the face moves than the right, in the upper and in the lower face, -0.2 to 0.2.
    ``seed`` draws the proportions and the texture of the skin. Two people, warped, are still two people: see
    ``TWO_PEOPLE``.
    """

    number: int
    photograph: Photograph
    mirrored: bool
    eye_distance: float
    place: tuple[float, float]
    tilt: float
    tone: tuple[float, float, float, float]
    habits: tuple[float, float]
    seed: int


def identity(number: int, seed: int = 0) -> Identity:
    """Person ``number`` (1, 2, ...) of the population that ``seed`` draws; the photographs take turns.

    Raises OptionError on a number below 1 and on a seed below 0.
    """
    if number < 1 or seed < 0:
        found = f"person {number} of seed {seed}"
        raise OptionError(f"{found}: people are counted from 1, seeds from 0; ask for those")
    rng = np.random.default_rng([seed, number, 1])
    red, green, blue = (float(gain) for gain in rng.uniform(0.94, 1.06, 3))
    return Identity(
        number=number,
        photograph=PHOTOGRAPHS[number % 2 - 1],
        mirrored=bool(rng.integers(2)),
        eye_distance=float(rng.uniform(*EYE_DISTANCE)),
        place=(float(rng.uniform(290, 350)), float(rng.uniform(195, 225))),
        tilt=float(np.radians(rng.uniform(-4, 4))),
        tone=(float(rng.uniform(0.8, 1.25)), red, green, blue),
        habits=(float(rng.uniform(-0.2, 0.2)), float(rng.uniform(-0.2, 0.2))),
        seed=int(rng.integers(2**31)),
    )
