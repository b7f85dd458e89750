"""The default spotter: finds fast rises of the skin that stand out of the seconds around them.

A micro-movement rises fast and mostly stays, so its end is no part of what is looked for. Everything is
local in time: a rise is judged by the steps from three seconds before to two seconds after it, and by what
was learnt from real motion. Nothing before the first or after the last frame of a stretch counts as rest.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fleeting.faces.skin_motion import REGIONS, Motion
from fleeting.spotting import LONGEST_MICRO, Spotted, spotters
from fleeting.spotting.matching.macro import KEPT, MacroSearch
from fleeting.spotting.matching.patches import values as patch_values
from fleeting.spotting.matching.templates import HALF
from fleeting.spotting.matching.timeline import RATE, Timeline
from fleeting.spotting.rising.evidence import evidence
from fleeting.spotting.rising.features import SPAN, Rise, rises_in
from fleeting.spotting.rising.learnt import Learnt, learnt
from fleeting.spotting.rising.parts import values

Array = npt.NDArray[np.float64]
BLOCK = 50
"""Steps that are decided at once."""
APART = 35
"""Steps within which the likeliest rise is the only movement."""
BRIDGED = 0.15
"""Longest gap without places, in seconds, that is interpolated linearly; after a longer one, the search
starts anew."""
LEAST = 0.03
"""Smallest likelihood of a movement that is given back at all."""
BEGINS, PEAKS, FALLEN = 0.1, 0.95, 0.63
"""Shares of the rise: where it begins, where it has reached its apex, and where it counts as over (the median
share at which annotators call a micro-expression over)."""
USUAL = 0.3
"""Seconds from the onset after which a movement that stays counts as over: the fast change is."""


@spotters.register("rising")
class Rising:
    """Fast rises of the skin against the seconds around them, judged by what real motion taught (ours)."""

    def __init__(self, known: Learnt | None = None) -> None:
        self._known = known or learnt()
        self.latency = (SPAN[1] + BLOCK) / RATE + BRIDGED
        self._search: _Search | None = None

    def point(self, alarms_per_minute: float) -> float:
        """The likelihood from which on about so many false alarms a minute are to be expected."""
        return self._known.point(alarms_per_minute)

    def push(self, motion: Motion) -> list[Spotted]:
        """The movements that are certain once this frame is seen, by onset."""
        found = self.finish() if self._search and self._search.is_over(motion) else []
        if motion.places is None:
            return found
        if self._search is None:
            self._search = _Search(motion, self._known)
            return found
        return found + self._search.push(motion)

    def finish(self) -> list[Spotted]:
        """The movements that were still undecided when the frames ended."""
        if self._search is None:
            return []
        search, self._search = self._search, None
        return search.finish()


class _Search:
    """The search for movements in one stretch of frames."""

    def __init__(self, motion: Motion, known: Learnt) -> None:
        self._known, self._stretch = known, motion.stretch
        self.timeline = Timeline(
            motion.time, motion.frame, values(motion), lead=0, keep=SPAN[0] + 2 * sum(SPAN)
        )
        self._slow = Timeline(motion.time, motion.frame, patch_values(motion), lead=HALF, keep=KEPT)
        self._macro = MacroSearch(self._slow)
        self._decided = 0

    def is_over(self, motion: Motion) -> bool:
        """Whether the frame of this motion is in another stretch, or too long after the last one."""
        other = motion.places is not None and motion.stretch != self._stretch
        return other or motion.time - self.timeline.last_time > BRIDGED

    def push(self, motion: Motion) -> list[Spotted]:
        """The movements that are certain once this frame is seen, by onset."""
        self.timeline.add(motion.time, motion.frame, values(motion))
        self._slow.add(motion.time, motion.frame, patch_values(motion))
        found = self._macro.advance()
        while self.timeline.end >= self._decided + BLOCK + SPAN[1]:
            found += self._decide(self._decided + BLOCK)
        self.timeline.forget()
        self._slow.forget()
        return sorted(found, key=lambda spotted: spotted.onset)

    def finish(self) -> list[Spotted]:
        """The movements that were still undecided when the stretch ended."""
        found = [*self._macro.advance(), *self._macro.finish()]
        while self._decided < self.timeline.end:
            found += self._decide(min(self._decided + BLOCK, self.timeline.end))
        return sorted(found, key=lambda spotted: spotted.onset)

    def _decide(self, until: int) -> list[Spotted]:
        """The movements from the first undecided step up to, not including, ``until``."""
        first = max(self._decided - SPAN[0], self.timeline.first)
        last = min(until + SPAN[1], self.timeline.end)
        steps = self.timeline.steps[first - self.timeline.first : last - self.timeline.first]
        low, high = self._decided - first, until - first
        self._decided = until
        found = rises_in(steps, evidence(steps, self._known), self._known, low - APART, high + APART)
        if not found:
            return []
        likely = self._known.likelihoods(steps, found)
        movements = []
        for rise, likelihood in zip(found, likely, strict=True):
            if (
                low <= rise.step < high
                and likelihood >= LEAST
                and _is_likeliest(rise, likelihood, found, likely)
            ):
                movement = self._movement(rise, float(likelihood), first)
                movements += [movement] if movement else []
        return movements

    def _movement(self, rise: Rise, likelihood: float, first: int) -> Spotted | None:
        """The movement of a rise; None where its apex would be its first or last frame."""
        onset, apex, offset = (self.timeline.time(first + step) for step in interval(rise))
        period = 1.01 * self.timeline.period
        times = min(onset, apex - period), apex, max(offset, apex + period)
        numbers, seconds = self.timeline.frames(*times)
        if not numbers[0] < numbers[1] < numbers[2] or seconds[2] - seconds[0] > LONGEST_MICRO + 1e-9:
            return None
        order = np.argsort(-rise.regions, kind="stable")
        names = tuple(REGIONS[i] for i in order if rise.regions[i] >= rise.regions.max() / 2)
        return Spotted("micro", *numbers, *seconds, rise.strength, names, likelihood)


def _is_likeliest(rise: Rise, likelihood: float, found: list[Rise], likely: Array) -> bool:
    """Whether no other rise within APART steps is likelier; of equals the first one counts."""
    rivals = (
        (value, -other.step, -other.part)
        for other, value in zip(found, likely, strict=True)
        if abs(other.step - rise.step) <= APART
    )
    return (likelihood, -rise.step, -rise.part) == max(rivals)


def interval(rise: Rise) -> tuple[int, int, int]:
    """Steps of onset, apex and offset, counted as the rise's step is.

    The onset is where the face leaves, the apex where the rise ends; the offset is the last step of the fast
    change: where FALLEN of the rise is left, or USUAL after the onset where the skin stays.
    """
    course = np.convolve(np.pad(rise.course, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    at = min(rise.step - rise.first, len(course) - 1)
    start = max(at - rise.duration - 8, 0)
    high = min(at + 13, len(course))
    peak = float(course[max(at - 2, 0) : high].max())
    reached = np.flatnonzero(course[at - rise.duration // 2 : high] >= PEAKS * peak)
    apex = at - rise.duration // 2 + int(reached[0]) if len(reached) else at
    below = np.flatnonzero(course[start : apex + 1] < BEGINS * peak)
    onset = start + int(below[-1]) + 1 if len(below) else start
    onset = min(onset, apex)
    fallen = np.flatnonzero(course[apex:] < FALLEN * peak)
    latest = max(onset + round(USUAL * RATE), apex + 4)
    offset = min(
        apex + int(fallen[0]) if len(fallen) else latest, latest, onset + round(LONGEST_MICRO * RATE)
    )
    return rise.first + onset, rise.first + apex, rise.first + max(offset, apex)
