"""From a template that stands out to a movement: how it went, and whether it was one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fleeting.spotting import LONGEST_MICRO, Spotted
from fleeting.spotting.matching.noise import SHUTS, Noise
from fleeting.spotting.matching.patches import LOWER, patches
from fleeting.spotting.matching.raised_cosine import Course, fitted
from fleeting.spotting.matching.templates import DURATIONS
from fleeting.spotting.matching.timeline import RATE, Timeline

Array = npt.NDArray[np.float64]
QUIET = 0.75
"""Seconds before and after a movement in which its patches have to be at rest."""
RESTLESS, FITS = 0.25, 0.5
"""Share of its peak at which its patches may be in half of that time; share of their course it explains."""
SHORTER = 0.5
"""Share of its template's duration that it takes, at least: a blink is no long movement."""
BUSY, SYLLABLE = 0.6, 5
"""Percent of the eye distance by which a tenth of the lower face moves in that time where somebody talks: a
movement there is speech. Steps that speech is slower than, and noise is not."""
BLINK = 0.9
"""Correlation with how far the eyes are shut from which on a movement of the upper face is a blink's."""
TALL = 5.0
"""Percent of the eye distance by which no patch moves there and back in so short a time: it was lost."""
PATTERN = 0.5, 3.0
"""Patches take part that stand out half as far as the first of them, and by three deviations."""


@dataclass(frozen=True, eq=False)
class Peak:
    """A template that stands out most at a step: by ``score`` deviations, in that part of the face.

    ``pattern`` (patches, 2) is how far each patch stands out.
    """

    step: int
    template: int
    part: int
    score: float
    pattern: Array

    @property
    def seconds(self) -> float:
        """How long the template's movement takes."""
        return float(DURATIONS[self.template])


def confirmed(peak: Peak, timeline: Timeline, noise: Noise) -> Spotted | None:
    """The movement at that peak, or None where the patches drift, talk, or do not come back."""
    sizes = np.linalg.norm(peak.pattern, axis=1) * (patches().part == peak.part)
    chosen = sizes >= max(PATTERN[0] * sizes.max(), PATTERN[1])
    deviation = noise.deviation[peak.template]
    times, rows, shut = _around(peak, timeline)
    course = rows @ (chosen[:, None] * peak.pattern / deviation).ravel()
    apex = timeline.time(peak.step)
    near = np.abs(times - apex) <= max(0.12, peak.seconds)
    fit = fitted(times[near], course[near], apex, peak.seconds)
    height = float((np.linalg.norm(peak.pattern * deviation, axis=1) * chosen).max())
    sides = _sides(fit, times)
    if not (_is_sized(fit, height, peak) and _is_alone(fit, times, course, sides)):
        return None
    if peak.part == LOWER and any(_is_speech(rows[side]) for side in sides):
        return None
    if peak.part != LOWER and _is_blink(course[near], shut[near]):
        return None
    frames, seconds = timeline.frames(fit.onset, fit.apex, fit.offset)
    if seconds[2] - seconds[0] > LONGEST_MICRO:
        return None
    order = [i for i in np.argsort(-sizes, kind="stable") if chosen[i]]
    names = dict.fromkeys(name for i in order for name in patches().names[i])
    return Spotted("micro", *frames, *seconds, peak.score, tuple(names))


def _around(peak: Peak, timeline: Timeline) -> tuple[Array, Array, Array]:
    """Times, patches and how far the eyes are shut at the steps around a peak."""
    reach = round((0.75 * peak.seconds + QUIET) * RATE)
    first = max(peak.step - reach - timeline.first, 0)
    rows = timeline.steps[first : peak.step + reach + 1 - timeline.first]
    times = timeline.time(timeline.first + first) + np.arange(len(rows)) / RATE
    return times, rows[:, :-1], rows[:, -1]


def _is_sized(fit: Course, height: float, peak: Peak) -> bool:
    """Whether the movement takes about as long as its template, and is no larger than skin goes in that."""
    return fit.explained >= FITS and fit.seconds >= SHORTER * peak.seconds and height <= TALL


def _sides(fit: Course, times: Array) -> list[npt.NDArray[np.bool_]]:
    """Which steps lie shortly before the movement, and shortly after, where there are enough."""
    gap = max(0.03, 0.1 * fit.seconds)
    before = (times < fit.onset - gap) & (times > fit.onset - gap - QUIET)
    after = (times > fit.offset + gap) & (times < fit.offset + gap + QUIET)
    return [side for side in (before, after) if side.sum() >= 0.2 * RATE]


def _is_alone(fit: Course, times: Array, course: Array, sides: list[npt.NDArray[np.bool_]]) -> bool:
    """Whether the patches rest before and after the movement, and come back to where they were."""
    if not sides:
        return True
    rest = np.mean([np.median(course[side]) for side in sides])
    peak = np.interp(fit.apex, times, course) - rest
    return all(np.median(np.abs(course[side] - rest)) <= RESTLESS * peak for side in sides)


def _is_blink(course: Array, shut: Array) -> bool:
    """Whether the eyes shut and open meanwhile, and the skin moves as they do, or against."""
    return bool(np.ptp(shut) > SHUTS and abs(np.corrcoef(course, shut)[0, 1]) > BLINK)


def _is_speech(rows: Array) -> bool:
    """Whether the lower face goes to and fro in these steps, noise averaged over SYLLABLE of them."""
    whole = len(rows) // SYLLABLE * SYLLABLE
    lower = rows[:whole].reshape(-1, SYLLABLE, len(patches().part), 2)[:, :, patches().part == LOWER]
    moves = np.ptp(np.percentile(lower.mean(axis=1), (10, 90), axis=0), axis=0).max(axis=1)
    return bool(np.percentile(moves, 90) > BUSY)
