"""Tells when something, a hand for example, covers a part of a face that was seen until then."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

HIDDEN, SHOWN, SHOWN_LASTS, AGAIN = 0.4, 0.9, 0.4, 0.7
"""A region may be covered whose likeness is below HIDDEN, and was above SHOWN in most frames of the last
SHOWN_LASTS seconds; it is until its likeness is above AGAIN."""
FEWEST, STILL = 3, 1.5
"""Regions that have to be covered at once, and how far, in percent of the eye distance, three quarters of the
others may have moved meanwhile: expressions change the looks of skin, too, but they move more of it."""


class Cover:
    """Watches which regions of a face are covered; those that ``change`` by themselves do not count."""

    def __init__(self, change: Sequence[bool]) -> None:
        self._steady = ~np.array(change)
        self._before: deque[tuple[float, npt.NDArray[np.floating]]] = deque()
        self._covered = np.zeros(len(self._steady), bool)

    @property
    def is_there(self) -> bool:
        """Whether regions are covered in the last frame."""
        return int(self._covered.sum()) >= FEWEST

    def push(self, likeness: npt.NDArray[np.floating], moved: npt.NDArray[np.floating], time: float) -> None:
        """Take the next frame: each region's likeness, and how far it moved in the last 0.2 seconds."""
        while self._before and self._before[0][0] < time - SHOWN_LASTS:
            self._before.popleft()
        if self._before:
            shown = np.median([alike for _, alike in self._before], axis=0) > SHOWN
            hidden = shown & (likeness < HIDDEN) & self._steady
            if hidden.sum() >= FEWEST and np.percentile(moved[~hidden], 75) < STILL:
                self._covered |= hidden
        self._covered &= likeness < AGAIN
        self._before.append((time, likeness))
