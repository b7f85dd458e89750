"""Names the parts of the face in which movements are sought, and the values of one frame that they read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fleeting.faces.skin_motion import REGIONS, Motion

Array = npt.NDArray[np.float64]
PLACES = 2 * len(REGIONS)
"""Values of a frame: x and y of each region, then these columns."""
SHUT, LIKENESS, MOUTH = PLACES, PLACES + 1, PLACES + 2
VALUES = PLACES + 3
_BROW, _EYE = ("brow", "forehead"), ("under eye", "eye corner", "nose root")
_LID = np.array(["lid" in name for name in REGIONS])


def _part(name: str) -> int:
    if any(word in name for word in _BROW):
        return 0
    upper_cheek = name.endswith("cheek") and "lower" not in name
    return 1 if upper_cheek or any(word in name for word in _EYE) else 2


_PART = np.array([_part(name) for name in REGIONS])
PARTS = tuple(np.flatnonzero((part == _PART) & ~_LID) for part in range(3))
"""Indices of the regions of each part: the brows, around the eyes, the lower face. Lids belong to none,
because blinks move them further than any movement that is sought."""


def values(motion: Motion) -> Array:
    """The values of one frame, (VALUES,); what the motion lacks is 0, or 1 for its likeness."""
    found = np.zeros(VALUES)
    found[:PLACES] = np.asarray(motion.places).ravel()
    found[SHUT:] = motion.shut, motion.likeness, motion.mouth
    found[SHUT:] = np.where(np.isfinite(found[SHUT:]), found[SHUT:], (0.0, 1.0, 0.0))
    return found


def columns(part: int) -> npt.NDArray[np.int64]:
    """Columns of `values` that hold the places of one of `PARTS`."""
    return np.asarray(2 * PARTS[part][:, None] + np.arange(2)).ravel()
