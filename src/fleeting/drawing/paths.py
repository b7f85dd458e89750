"""Draws smooth random curves over time: the drift of a head, the change of light, the jaw of a speaker."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline

Array = npt.NDArray[np.float64]
KNOT = 0.8
"""Seconds between the steps of the random walk, so that nothing moves faster than about 0.6 Hz."""
LEAST = 60.0
"""Seconds: a path is cut from one of at least this length, so that a short clip drifts like a long video."""
SYLLABLES = (3.0, 6.0)
"""Least and most openings of the jaw per second."""
STRETCH, PAUSE = (1.0, 4.0), (2.0, 8.0)
"""Seconds that a stretch of speech lasts, and seconds of silence before it, each least and most."""


def smooth_path(rng: np.random.Generator, times: Array, axes: int, knot: float = KNOT) -> Array:
    """A mean-reverting random walk, (times, axes); each axis has mean 0 and root mean square 1.

    ``times`` are seconds from 0. Mean and root mean square are those of the whole path of LEAST seconds or
    more, of which a shorter clip sees the beginning. ``knot`` is the seconds between the walk's steps.
    """
    seconds = max(LEAST, float(times[-1]) if len(times) else 0.0)
    steps = rng.standard_normal((int(seconds / knot) + 3, axes))
    walk = np.zeros_like(steps)
    for k in range(1, len(steps)):
        walk[k] = 0.7 * walk[k - 1] + steps[k]
    spline = CubicSpline(knot * np.arange(len(walk)), walk)
    whole = spline(np.arange(0, seconds, knot / 16))
    return np.asarray((spline(times) - whole.mean(axis=0)) / whole.std(axis=0))


def within(path: Array) -> Array:
    """A path of root mean square 1, limited smoothly to -1 to 1."""
    return np.asarray(np.tanh(path / 2))


def spans(
    rng: np.random.Generator, seconds: float, per_minute: float, lengths: tuple[float, float]
) -> list[tuple[float, float]]:
    """Start and end, in seconds, of something that happens so often and lasts so long; none overlap."""
    found, time = list[tuple[float, float]](), 0.0
    while per_minute > 0:
        length = float(rng.uniform(*lengths))
        time += float(rng.exponential(max(60 / per_minute - sum(lengths) / 2, 1.0)))
        if time + length > seconds:
            break
        found.append((time, time + length))
        time += length
    return found


def held(times: Array, start: float, end: float, ease: float) -> Array:
    """1 from ``start`` to ``end``, 0 before and after; up and down take ``ease`` seconds, or half of it."""
    share = np.clip(np.minimum(times - start, end - times) / min(ease, (end - start) / 2), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def jaw_path(rng: np.random.Generator, times: Array) -> Array:
    """How far speech opens the mouth at ``times`` (seconds from 0), 0 to 1: syllables between pauses."""
    opening = np.zeros(len(times))
    seconds = float(times[-1]) if len(times) else 0.0
    start = rng.uniform(0, PAUSE[0])
    while start < seconds:
        end = start + rng.uniform(*STRETCH)
        inside = (times >= start) & (times < end)
        opening[inside] = _syllables(rng, times[inside] - start, end - start)
        start = end + rng.uniform(*PAUSE)
    return opening


def _syllables(rng: np.random.Generator, since: Array, length: float) -> Array:
    """One stretch of speech: rate and width of the openings vary, and the mouth is shut at both ends."""
    knots = np.linspace(0, length, max(4, int(length / 0.3)))
    rate = CubicSpline(knots, rng.uniform(*SYLLABLES, len(knots)), bc_type="natural")
    phase = 2 * np.pi * rate.antiderivative()(since)
    width = np.clip(CubicSpline(knots, rng.uniform(0.5, 1.0, len(knots)), bc_type="natural")(since), 0.3, 1.0)
    ends = np.clip(np.minimum(since, length - since) / 0.15, 0, 1)
    return np.asarray(width * (0.5 - 0.5 * np.cos(phase)) * ends**2 * (3 - 2 * ends))
