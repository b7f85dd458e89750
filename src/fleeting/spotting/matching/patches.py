"""Defines the patches in which movements are sought: every region of the face, and every pair as one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from fleeting.faces.skin_motion import MIDDLE, PAIRS, REGIONS, Motion

Array = npt.NDArray[np.float64]
LIDS = "upper lid", "lower lid"
"""Regions that are left out, because blinks move them further than any movement that is sought."""
PARTS = (
    ("inner brow", "middle brow", "outer brow", "inner forehead", "outer forehead", "between the brows"),
    ("under eye", "eye corner", "cheek", "inner cheek", "nose root"),
)
"""Regions of the brows, and regions around the eyes; the rest is the lower face. Parts that move at different
times have separate movements."""
UPPER, LOWER = 0, len(PARTS)
"""Indices of the brows and of the lower face among the parts."""


@dataclass(frozen=True, eq=False)
class Patches:
    """The patches of a face, each a weighted mean of regions.

    ``shares`` (patches, regions, 2) are the weights in x and y; in a pair, x of the left region is mirrored.
    ``names`` are the regions of each patch, ``part`` (patches,) the part of the face that it lies in:
    0 brows, 1 around the eyes, 2 lower face.
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
    """The values of one frame: x and y of each patch in turn, and last how far the eyes are shut."""
    moved = (patches().shares * np.asarray(motion.places)).sum(axis=1)
    return np.append(moved.ravel(), motion.shut)
