"""What a movement is sought in: every region of the face, and every pair of regions as one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from fleeting.faces.skin_motion import MIDDLE, PAIRS, REGIONS, Motion

Array = npt.NDArray[np.float64]
LIDS = "upper lid", "lower lid"
"""Regions that are left out: blinks move them further than any movement that is sought."""
PARTS = (
    ("inner brow", "middle brow", "outer brow", "inner forehead", "outer forehead", "between the brows"),
    ("under eye", "eye corner", "cheek", "inner cheek", "nose root"),
)
"""Regions of the brows, and around the eyes; the rest is the lower face. What moves in one part of the face
at its own time is a movement of its own."""
UPPER, LOWER = 0, len(PARTS)
"""The numbers of the brows and of the lower face among the parts."""


@dataclass(frozen=True, eq=False)
class Patches:
    """``shares`` (patches, regions, 2) says of what each patch is the mean, in x and y; a pair is mirrored.

    ``names`` are the regions of each, ``part`` (patches,) the part of the face that it lies in: 0 brows,
    1 around the eyes, 2 lower face.
    """

    shares: Array
    names: tuple[tuple[str, ...], ...]
    part: npt.NDArray[np.int64]

    @property
    def parts(self) -> int:
        """How many parts of the face there are."""
        return len(PARTS) + 1


@cache
def patches() -> Patches:
    """The patches of `fleeting.faces.skin_motion.REGIONS`."""
    found: list[tuple[str, dict[str, tuple[float, float]]]] = []
    for name in PAIRS:
        right, left = f"right {name}", f"left {name}"
        if name not in LIDS:
            found += [(name, {right: (1, 1)}), (name, {left: (1, 1)})]
            found += [(name, {right: (0.5, 0.5), left: (-0.5, 0.5)})]
    found += [(name, {name: (1, 1)}) for name in MIDDLE]
    shares = np.zeros((len(found), len(REGIONS), 2))
    for row, (_, regions) in enumerate(found):
        for region, share in regions.items():
            shares[row, REGIONS.index(region)] = share
    part = [next((i for i, names in enumerate(PARTS) if name in names), len(PARTS)) for name, _ in found]
    return Patches(shares, tuple(tuple(regions) for _, regions in found), np.array(part))


def values(motion: Motion) -> Array:
    """Where the patches are, x and y one after another, and last how far the eyes are shut."""
    moved = (patches().shares * np.asarray(motion.places)).sum(axis=1)
    return np.append(moved.ravel(), motion.shut)
