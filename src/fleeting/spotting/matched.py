"""A matched filter: finds movements there and back that stand out of the noise of their own video.

Micro-movements: a bank of raised cosines (60 to 700 ms, without their mean and linear trend) is correlated
with the course of every region and every pair of regions over time. The height that a template finds is
compared with what it usually finds in this video. This is a matched filter for noise of any colour, with no
setting to make for a camera. Macro-movements are large enough to be seen leaving rest and coming back.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fleeting.faces.skin_motion import Motion
from fleeting.spotting import Spotted, spotters
from fleeting.spotting.matching.confirm import Peak, confirmed
from fleeting.spotting.matching.macro import KEPT, MacroSearch
from fleeting.spotting.matching.noise import Noise
from fleeting.spotting.matching.patches import patches, values
from fleeting.spotting.matching.templates import BLOCK, DURATIONS, HALF, heights, shut
from fleeting.spotting.matching.timeline import RATE, Timeline

Array = npt.NDArray[np.float64]
LEAST, CLEAR = 8.0, 2.6
"""Smallest score of a movement: LEAST standard deviations of the noise, and CLEAR times the score that its
part of the face usually reaches (`Noise.usual`)."""
POOLED = 6
"""Exponent of the norm that joins the patches of a part into one score: all count, but the furthest counts
most."""
FRAMES = 2.5
"""Fewest frames that a template may last: noise comes in shorter spikes."""
NEAR: int = round(0.75 * DURATIONS[-1] * RATE)
"""Largest number of steps to each side over which peaks compete."""
FIRST = RATE
"""Steps that the first estimate of the noise is made from: one second."""
SIDES = 1.1
"""How far to each side a peak competes with others, as a multiple of its template's duration."""
SAME = 0.4
"""Intersection over union in time from which on movements of two parts of the face are one, and a
micro-movement is part of a macro-movement."""
OVERLAPPING = 4
"""How many of the last macro-movements a micro-movement is compared with."""
BRIDGED = 0.15
"""Longest gap without a face, in seconds, that is interpolated linearly; after a longer one, the search
starts anew."""


@spotters.register("matched")
class Matched:
    """A matched filter over all regions and durations, against the video's own noise (ours)."""

    def __init__(self) -> None:
        self.latency = (HALF + max(NEAR, FIRST) + 2 * BLOCK) / RATE + BRIDGED
        self._noise = Noise()
        self._search: _Search | None = None

    def push(self, motion: Motion) -> list[Spotted]:
        """The movements that are certain once this frame is seen, by onset."""
        found = self.finish() if self._search and self._search.is_over(motion) else []
        if motion.places is None:
            return found
        if self._search is None:
            self._search = _Search(motion, self._noise)
            return found
        self._search.timeline.add(motion.time, motion.frame, values(motion))
        return found + self._search.advance()

    def finish(self) -> list[Spotted]:
        """The movements that were still undecided when the frames ended."""
        if self._search is None:
            return []
        search, self._search = self._search, None
        return search.finish()

    def point(self, alarms_per_minute: float) -> float:  # noqa: ARG002
        """The likelihood from which on about so many false alarms a minute come on ordinary footage."""
        return 0.0


class _Search:
    """The search for movements in one stretch of frames: its peaks, and which of them are movements."""

    def __init__(self, motion: Motion, noise: Noise) -> None:
        self.timeline = Timeline(motion.time, motion.frame, values(motion), lead=HALF, keep=KEPT)
        self._macro_search = MacroSearch(self.timeline)
        self._macro: list[Spotted] = []
        self._stretch, self._noise = motion.stretch, noise
        self._waiting: list[tuple[Array, Array]] = []
        self._scored = self._known = self._decided = self._certain = HALF
        self._last = np.empty((0, len(DURATIONS), len(patches().names), 2))
        self._last_scores = np.empty((0, len(DURATIONS), patches().parts))
        self._peaks: list[Peak] = []
        self._movements: dict[Peak, Spotted | None] = {}

    def is_over(self, motion: Motion) -> bool:
        """Whether the frame of this motion is in another stretch, or too long after the last one."""
        other = motion.places is not None and motion.stretch != self._stretch
        return other or motion.time - self.timeline.last_time > BRIDGED

    def advance(self) -> list[Spotted]:
        """The movements that are certain from the steps so far, by onset."""
        macro = self._macro_search.advance()
        self._macro = [*self._macro, *macro][-OVERLAPPING:]
        found = [*macro, *self._micro()]
        self.timeline.forget()
        return sorted(found, key=lambda spotted: spotted.onset)

    def finish(self) -> list[Spotted]:
        """The movements that were still undecided when the stretch ended."""
        found = [*self.advance(), *self._macro_search.finish()]
        self._macro += found
        self.timeline.hold(HALF + max(NEAR, FIRST) + 2 * BLOCK)
        return sorted([*found, *self.advance()], key=lambda spotted: spotted.onset)

    def _micro(self) -> list[Spotted]:
        """The micro-movements that are certain and are not part of a macro-movement."""
        found = []
        while self.timeline.end >= self._scored + HALF + BLOCK:
            self._score()
            found += self._decide()
        return [one for one in found if all(_shared(one, macro) < SAME for macro in self._macro)]

    def _score(self) -> None:
        """Score the next block of steps; blocks of the first second wait until its noise is known."""
        first = self._scored - HALF - self.timeline.first
        steps = self.timeline.steps[first : first + BLOCK + 2 * HALF]
        self._waiting.append((heights(steps), shut(steps)))
        self._scored += BLOCK
        if self._noise.variance is None and len(self._waiting) * BLOCK < FIRST:
            return
        found, eyes = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting = []
        self._noise.learn(found, eyes)
        self._find_peaks(self._noise.standing_out(found, eyes))

    def _find_peaks(self, out: Array) -> None:
        """Add the peaks among the next steps; ``out`` (steps, templates, patches, 2) is in deviations."""
        power = (out**2).sum(axis=3) ** (POOLED / 2)
        parts = [power[:, :, patches().part == part].sum(axis=2) for part in range(patches().parts)]
        new = np.stack(parts, axis=2) ** (1 / POOLED)
        self._noise.learn_scores(new)
        long_enough = FRAMES * self.timeline.period <= DURATIONS
        scores = np.concatenate([self._last_scores, np.where(long_enough[:, None], new, 0.0)])
        out = np.concatenate([self._last, out])
        self._known += len(new)
        begin = self._known - len(out)
        padded = np.pad(scores, ((0, 0), (1, 1), (0, 0)))
        around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1)).max(axis=(3, 4))
        highest = (scores[1:-1] >= LEAST) & (scores[1:-1] == around)
        for i, k, part in zip(*np.nonzero(highest), strict=True):
            score = float(scores[i + 1, k, part])
            self._peaks.append(Peak(begin + int(i) + 1, int(k), int(part), score, out[i + 1, k]))
        self._last, self._last_scores = out[-2:], scores[-2:]

    def _decide(self) -> list[Spotted]:
        """The movements at those peaks for which all competing peaks are known by now."""
        self._certain = self._known - NEAR - 2
        found = []
        for peak in self._peaks:
            if self._decided <= peak.step < self._certain and (movement := self._movement(peak)):
                others = [self._movement(other) for other in self._peaks if other.part != peak.part]
                same = [other for other in others if other and _shared(movement, other) >= SAME]
                if all(other.strength < movement.strength for other in same):
                    regions = [name for one in (movement, *same) for name in one.regions]
                    found.append(replace(movement, regions=tuple(dict.fromkeys(regions))))
        self._decided = max(self._decided, self._certain)
        self._peaks = [peak for peak in self._peaks if peak.step >= self._certain - NEAR]
        self._movements = {peak: self._movements[peak] for peak in self._peaks if peak in self._movements}
        return found

    def _movement(self, peak: Peak) -> Spotted | None:
        """The movement at a peak, if it is one and no competing peak is higher."""
        if peak in self._movements:
            return self._movements[peak]
        usual = self._noise.usual[peak.template, peak.part]
        stands_out = peak.score >= CLEAR * usual and self._is_highest(peak)
        movement = confirmed(peak, self.timeline, self._noise) if stands_out else None
        if peak.step < self._certain:
            self._movements[peak] = movement
        return movement

    def _is_highest(self, peak: Peak) -> bool:
        rivals = (
            p
            for p in self._peaks
            if p.part == peak.part and abs(p.step - peak.step) <= max(_reach(p), _reach(peak))
        )
        return peak.score >= max(rival.score for rival in rivals)


def _shared(one: Spotted, other: Spotted) -> float:
    """Intersection over union of two movements in time."""
    both = min(one.offset_s, other.offset_s) - max(one.onset_s, other.onset_s)
    either = max(one.offset_s, other.offset_s) - min(one.onset_s, other.onset_s)
    return both / either if either > 0 else 1.0


def _reach(peak: Peak) -> int:
    """Steps to each side over which a peak competes with others."""
    return min(round(SIDES * peak.seconds * RATE), NEAR)
