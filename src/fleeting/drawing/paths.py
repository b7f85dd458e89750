"""Smooth paths through time: how a head drifts, light changes and a jaw speaks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline

Array = npt.NDArray[np.float64]
KNOT = 0.8
"""Seconds between the steps of the walk: nothing moves faster than about 0.6 Hz."""
LEAST = 60.0
"""A path is a piece of one at least so many seconds long, so that a short clip drifts like a long video."""
SYLLABLES = (3.0, 6.0)
"""Openings of the jaw a second, least and most."""
STRETCH, PAUSE = (1.0, 4.0), (2.0, 8.0)
"""Seconds that a stretch of speech lasts, and seconds of silence before it."""


def smooth_path(rng: np.random.Generator, times: Array, axes: int) -> Array:
    """A random walk that keeps coming home, (times, axes), of mean 0 and a root mean square of 1 an axis.

    ``times`` are seconds from 0. Mean and root mean square hold over the whole path, LEAST seconds or more.
    """
    seconds = max(LEAST, float(times[-1]) if len(times) else 0.0)
    steps = rng.standard_normal((int(seconds / KNOT) + 3, axes))
    walk = np.zeros_like(steps)
    for k in range(1, len(steps)):
        walk[k] = 0.7 * walk[k - 1] + steps[k]
    spline = CubicSpline(KNOT * np.arange(len(walk)), walk)
    whole = spline(np.arange(0, seconds, KNOT / 16))
    return np.asarray((spline(times) - whole.mean(axis=0)) / whole.std(axis=0))


def within(path: Array) -> Array:
    """A path of root mean square 1 bent smoothly so that it never leaves -1 to 1."""
    return np.asarray(np.tanh(path / 2))


def jaw_path(rng: np.random.Generator, times: Array) -> Array:
    """How far speech opens the mouth at ``times`` (seconds from 0), 0 to 1: syllables, in stretches."""
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
    """One stretch: the rate and the width of the openings wander, and the stretch begins and ends shut."""
    knots = np.linspace(0, length, max(4, int(length / 0.3)))
    rate = CubicSpline(knots, rng.uniform(*SYLLABLES, len(knots)), bc_type="natural")
    phase = 2 * np.pi * rate.antiderivative()(since)
    width = np.clip(CubicSpline(knots, rng.uniform(0.5, 1.0, len(knots)), bc_type="natural")(since), 0.3, 1.0)
    ends = np.clip(np.minimum(since, length - since) / 0.15, 0, 1)
    return np.asarray(width * (0.5 - 0.5 * np.cos(phase)) * ends**2 * (3 - 2 * ends))
