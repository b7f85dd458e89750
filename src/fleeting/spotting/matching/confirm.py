"""Decides whether a peak is a micro-movement, and if so, when it began, peaked and ended."""

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
"""Seconds before and after a movement in which its patches must be at rest."""
RESTLESS, FITS = 0.25, 0.5
"""RESTLESS: largest median deviation from rest in the QUIET seconds, as a share of the movement's peak. FITS:
smallest share of the patches' course that the fitted movement must explain."""
SHORTER = 0.5
"""Shortest duration of a movement, as a share of its template's: a blink must not pass for a longer one."""
BUSY, SYLLABLE = 0.6, 5
"""BUSY: percent of the eye distance. Where a tenth of the lower face goes to and fro by more in the QUIET
seconds, somebody talks, and a movement of the lower face is speech. SYLLABLE: steps that are averaged to
measure that; speech is slower, noise is not."""
BLINK = 0.9
"""Correlation with how far the eyes are shut above which a movement of the upper face belongs to a blink."""
TALL = 5.0
"""Largest height of a micro-movement, in percent of the eye distance. No skin moves further and back within
LONGEST_MICRO: a patch that does was lost."""
PATTERN = 0.5, 3.0
"""A patch belongs to a movement if it stands out at least half as far as the furthest one, and by at least
three deviations."""


@dataclass(frozen=True, eq=False)
class Peak:
    """A local maximum of the score over steps and templates, in one part of the face.

    ``score`` is in deviations of the noise; ``pattern`` (patches, 2) is how far each patch stands out.
    """

    step: int
    template: int
    part: int
    score: float
    pattern: Array

    @property
    def seconds(self) -> float:
        """Duration of the template's movement in seconds."""
        return float(DURATIONS[self.template])


def confirmed(peak: Peak, timeline: Timeline, noise: Noise) -> Spotted | None:
    """The micro-movement at a peak.

    None where the fit is poor, the patches do not rest before and after, somebody talks or blinks, or it
    lasts longer than LONGEST_MICRO.
    """
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
    """Times, places of the patches, and how far the eyes are shut, at the steps around a peak."""
    reach = round((0.75 * peak.seconds + QUIET) * RATE)
    first = max(peak.step - reach - timeline.first, 0)
    rows = timeline.steps[first : peak.step + reach + 1 - timeline.first]
    times = timeline.time(timeline.first + first) + np.arange(len(rows)) / RATE
    return times, rows[:, :-1], rows[:, -1]


def _is_sized(fit: Course, height: float, peak: Peak) -> bool:
    """Whether the fit explains enough of the course, is long enough, and no higher than skin can move."""
    return fit.explained >= FITS and fit.seconds >= SHORTER * peak.seconds and height <= TALL


def _sides(fit: Course, times: Array) -> list[npt.NDArray[np.bool_]]:
    """Masks of the steps shortly before and shortly after the movement, each where there are enough."""
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
    """Whether the eyes shut or open during the movement, and the skin moves with them or against them."""
    return bool(np.ptp(shut) > SHUTS and abs(np.corrcoef(course, shut)[0, 1]) > BLINK)


def _is_speech(rows: Array) -> bool:
    """Whether the lower face goes to and fro in these steps; averages over SYLLABLE steps suppress noise."""
    whole = len(rows) // SYLLABLE * SYLLABLE
    lower = rows[:whole].reshape(-1, SYLLABLE, len(patches().part), 2)[:, :, patches().part == LOWER]
    moves = np.ptp(np.percentile(lower.mean(axis=1), (10, 90), axis=0), axis=0).max(axis=1)
    return bool(np.percentile(moves, 90) > BUSY)
