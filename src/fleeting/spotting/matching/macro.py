"""Finds macro-movements: large ones that last more than half a second, up to ten seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fleeting.faces.warping import quantile
from fleeting.spotting import LONGEST_MICRO, Spotted
from fleeting.spotting.matching.patches import LOWER, UPPER, patches
from fleeting.spotting.matching.templates import BLOCK
from fleeting.spotting.matching.timeline import RATE, Timeline

Array = npt.NDArray[np.float64]
PARTS = UPPER, LOWER
"""The parts that are searched. Around the eyes, blinks and lasting gazes would be found."""
SHARE = 0.9
"""Quantile of the distances of its patches from rest that counts as a part's distance: the furthest tenth is
ignored, since some of them may be lost."""
LEAVES, RETURNS = 0.8, 0.35
"""LEAVES: percent of the eye distance from rest at which a movement begins. RETURNS: share of its peak below
which it ends."""
CLEAR = 6.0
"""Smallest peak of a movement, as a multiple of the face's usual distance from rest without a movement."""
ENDED = 3
"""Blocks in a row for which a movement must stay below RETURNS to have ended."""
LONGEST = 10.0
"""Seconds after which it is not a movement, but how the face is held from then on."""
WANDERS = 1.5
"""Longest path of a movement, as a multiple of the way to its peak and back: speech, which goes to and fro,
has a longer one."""
SETTLES = 1.5
"""Seconds over which the place of rest is averaged (time constant)."""
EDGE = 0.1
"""Share of its peak at which the onset and offset of a movement are placed."""
KEPT = round((LONGEST + 2) * RATE)
"""Most steps of the past that are looked at."""


@dataclass(frozen=True, eq=False)
class _Away:
    """A block of steps away from rest: its first step, where its patches were, how far its PARTS were."""

    step: int
    places: Array
    sizes: list[float]


class MacroSearch:
    """The search for macro-movements in one stretch of frames, as its timeline grows."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._next = timeline.end
        self._rest = _patches_at(timeline.steps[-1:])
        self._away: list[_Away] = []
        self._usual = 0.1

    def advance(self) -> list[Spotted]:
        """The movements that are certain from the steps so far."""
        found = []
        while self._timeline.end >= self._next + BLOCK:
            first = self._next - self._timeline.first
            found.append(self._take(_patches_at(self._timeline.steps[first : first + BLOCK])))
        return [movement for movement in found if movement]

    def finish(self) -> list[Spotted]:
        """The movement that is under way when the frames end, as far as it was seen."""
        movement = self._movement() if self._away else None
        if self._away:
            self._rest, self._away = self._away[-1].places, []
        return [movement] if movement else []

    def _take(self, level: Array) -> Spotted | None:
        """Take in the patches' mean places in the next block; return a movement that ended in it."""
        self._next += BLOCK
        sizes = _distances(level - self._rest)
        if not self._away and (size := max(sizes)) < LEAVES:
            self._usual += 0.05 * (size - self._usual)
            self._rest = self._rest + BLOCK / RATE / SETTLES * (level - self._rest)
            return None
        self._away.append(_Away(self._next - BLOCK, level, sizes))
        largest = [max(block.sizes) for block in self._away]
        ended = max(largest[-ENDED:]) < max(RETURNS * max(largest), LEAVES / 2)
        if not ended and len(largest) * BLOCK / RATE < LONGEST:
            return None
        movement = self._movement() if ended else None
        self._rest, self._away = level, []
        return movement

    def _movement(self) -> Spotted | None:
        """The movement of the blocks away from rest, or None where it was unclear, too short, or speech."""
        sizes = np.array([block.sizes for block in self._away])
        block, part = np.unravel_index(np.argmax(sizes), sizes.shape)
        peak = float(sizes[block, part])
        way = float(np.abs(np.diff(np.pad(sizes[:, part], 1))).sum())
        if peak < CLEAR * self._usual or way > WANDERS * 2 * peak:
            return None
        step = self._away[block].step
        pattern = (self._away[block].places - self._rest) * (patches().part == PARTS[part])[:, None]
        frames, seconds = self._timeline.frames(*self._curve(pattern, step))
        if seconds[2] - seconds[0] <= LONGEST_MICRO:
            return None
        return Spotted("macro", *frames, *seconds, peak / self._usual, _moving(pattern))

    def _curve(self, pattern: Array, step: int) -> tuple[float, float, float]:
        """Times of onset, apex and offset: it passes EDGE of its peak, near ``step``, at onset and offset."""
        timeline = self._timeline
        first = max(self._away[0].step - RATE, timeline.first)
        away = _patches_at(timeline.steps[first - timeline.first : self._next - timeline.first], mean=False)
        share = np.einsum("tpc,pc->t", away - self._rest, pattern) / (pattern**2).sum()
        share = np.convolve(np.pad(share, 2, mode="edge"), np.full(5, 0.2), mode="valid")
        low, middle = np.flatnonzero(share < EDGE), step + BLOCK // 2 - first
        onset = low[low < middle].max(initial=-1) + 1
        offset = low[low > middle].min(initial=len(share)) - 1
        apex = onset + np.argmax(share[onset : offset + 1])
        return timeline.time(first + onset), timeline.time(first + apex), timeline.time(first + offset)


def _patches_at(steps: Array, *, mean: bool = True) -> Array:
    """Places of the patches, averaged over the steps or in each of them: (..., patches, 2)."""
    places = steps[:, :-1].reshape(len(steps), -1, 2)
    return np.asarray(places.mean(axis=0) if mean else places)


def _distances(moved: Array) -> list[float]:
    """How far each of the PARTS has moved, in percent of the eye distance, for patches (patches, 2)."""
    lengths = np.linalg.norm(moved, axis=1)
    return [quantile(lengths[patches().part == part], SHARE) for part in PARTS]


def _moving(pattern: Array) -> tuple[str, ...]:
    """Names of the regions that moved at least half as far as the furthest one, the furthest first."""
    lengths = np.linalg.norm(pattern, axis=1)
    order = [i for i in np.argsort(-lengths, kind="stable") if lengths[i] >= lengths.max() / 2]
    return tuple(dict.fromkeys(name for i in order for name in patches().names[i]))
