"""Describes one rise by the numbers from which its likelihood is told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fleeting.spotting.matching.timeline import RATE
from fleeting.spotting.rising.evidence import AFTER, BEFORE, DURATIONS, FLOOR, Evidence
from fleeting.spotting.rising.learnt import Learnt
from fleeting.spotting.rising.parts import LIKENESS, MOUTH, PARTS, PLACES, SHUT, columns

Array = npt.NDArray[np.float64]
FEATURES = (
    *("explained", "brow gain", "eye gain", "shortest gain", "since", "shut", "late", "concentrated"),
    *("mouth", "likeness", "brow before"),
)
"""Names of a rise's features, in their order."""
PEAK = round(0.15 * RATE)
"""Steps to each side over which a rise must have the largest gain of its part."""
LEAST_GAIN, MOST_GAIN = -1.0, 300.0
"""Smallest gain of a rise that is looked at, and largest that makes a difference."""
EDGE = 2.0
"""Seconds from the first step beyond which it is of no account."""
COURSE = (180, 160)
"""Steps before and after a rise that its course is looked at."""


@dataclass(frozen=True, eq=False)
class Rise:
    """A rise that stands out: the ``step`` at which it has risen, its part of the face, its features.

    ``strength`` is how many times larger it is than what surrounds it.

    ``course`` is how far the face was along the rise, 0 before it and 1 after, from step ``first`` on;
    ``regions`` says how far each of the part's regions moved, in percent of the eye distance.
    """

    step: int
    part: int
    duration: int
    strength: float
    features: Array
    course: Array
    first: int
    regions: Array


def rises_in(steps: Array, found: Evidence, learnt: Learnt, low: int, high: int) -> list[Rise]:
    """The rises that peak from step ``low`` up to, not including, ``high``, counted from the first row."""
    rises = []
    for part in range(len(PARTS)):
        gains = found.gain[:, part].max(axis=0)
        for step in range(max(low, 0), min(high, len(steps))):
            around = gains[max(0, step - PEAK) : step + PEAK + 1]
            if gains[step] >= LEAST_GAIN and gains[step] == around.max():
                rises.append(_rise(steps, found, learnt, step, part))
    return rises


def _rise(steps: Array, found: Evidence, learnt: Learnt, step: int, part: int) -> Rise:
    k = int(found.gain[:, part, step].argmax())
    duration = int(DURATIONS[k])
    course, first = _course(steps, found, learnt, step, part, k)
    moved = np.linalg.norm(found.rises[k, step].reshape(-1, 2), axis=1)
    start = step - duration
    near = steps[max(0, start - 15) : step + 16]
    mouth = steps[max(0, step - 100) : step + 101, MOUTH]
    own = found.rises[k, step, columns(part)]
    along = found.moves[part][k, step]
    since_rise = course[step - first :]
    held = float(np.median(since_rise[:25]))
    late = since_rise[40:80]
    gains = np.clip(found.gain[:, :, step], LEAST_GAIN - 20, MOST_GAIN)
    features = (
        float((along**2).sum() / max((own**2).sum(), 1e-9)),
        float(gains[:, 0].max()),
        float(gains[:, 1].max()),
        float(gains[0, part]),
        min(step / RATE, EDGE),
        float(near[:, SHUT].max()),
        float(np.median(late)) if len(late) >= 20 else held,
        float(moved[PARTS[part]].max() ** 2 / max((moved[PARTS[part]] ** 2).sum(), 1e-9)),
        float(np.log(np.ptp(mouth) + 0.005)),
        float(near[:, LIKENESS].min()),
        _before(found, k, start),
    )
    regions = np.where(np.isin(np.arange(len(moved)), PARTS[part]), moved, 0.0)
    strength = float(np.sqrt(max(float(found.against[k, part, step]), 1e-6)))
    return Rise(step, part, duration, strength, np.array(features), course, first, regions)


def _before(found: Evidence, k: int, start: int) -> float:
    """Logarithm of the brows' mean energy, against its surroundings, before a rise; 0 where none was seen."""
    seen = found.against[k, 0, max(0, start - BEFORE[0] + 20) : max(0, start - 15)]
    seen = seen[np.isfinite(seen)]
    return float(np.log(seen.mean() + 0.05)) if len(seen) else 0.0


def _course(steps: Array, found: Evidence, learnt: Learnt, step: int, part: int, k: int) -> tuple[Array, int]:
    """How far along the rise the face was, step by step, and the first of these steps."""
    along = found.moves[part][k, step]
    noise = learnt.usual[part][k] + FLOOR**2 * np.eye(len(along))
    weights = np.linalg.solve(noise, along) @ learnt.directions[part]
    scale = weights @ found.rises[k, step, columns(part)]
    start = step - int(DURATIONS[k])
    first = max(0, start - COURSE[0] + 30)
    course = steps[first : step + COURSE[1], :PLACES][:, columns(part)] @ weights / max(abs(scale), 1e-9)
    course = course * np.sign(scale or 1.0)
    return course - course[max(0, start - 10 - first) : start + 1 - first].mean(), first


SPAN = (
    max(BEFORE) + int(DURATIONS.max()) + 50 + int(DURATIONS.max()) + 10,
    max(AFTER) + int(DURATIONS.max()) + 10 + 40,
)
"""Steps before and after a rise that its features depend on, with those over which it has rivals."""
