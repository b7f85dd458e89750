"""Measures how far the skin rises around each step of time, and how that stands out of the steps around it.

A rise is the mean place of a region shortly after some time less its mean place shortly before. What counts
is not its size alone: a rise that follows and precedes calm is told from one of many.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fleeting.spotting.matching.timeline import RATE
from fleeting.spotting.rising.learnt import Learnt
from fleeting.spotting.rising.parts import PLACES, columns

Array = npt.NDArray[np.float64]
DURATIONS = np.array([4, 10, 18, 30])
"""Steps (of 1 / RATE seconds) from the end of the mean before to the start of the mean after."""
MEAN = round(0.1 * RATE)
"""Steps that are averaged before and after."""
BEFORE, AFTER = (150, 25), (25, 120)
"""Steps before a rise begins, and after it ended, between which its surroundings lie: furthest and nearest,
nearest and furthest."""
FLOOR = 0.06
"""Deviation of a direction's place, in percent of the eye distance, that is noise on the calmest face."""
LEAST_LEVEL, FEWEST = 0.005, 10
"""Lowest level of the surroundings, as a share of what is usual, and fewest steps that make a level."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What rises at each step: the axes are the duration, the part of the face, and the step.

    ``rises`` (durations, steps, places) are in percent of the eye distance, NaN where not all steps were
    seen; ``moves`` are their parts' coordinates along the learnt directions, one array for each part.
    ``energy`` is a rise's mean square in units of what is usual, ``against`` the same in units of its
    surroundings, ``gain`` the logarithm of how much likelier it is as a micro-expression than as more of its
    surroundings.
    """

    rises: Array
    moves: tuple[Array, ...]
    energy: Array
    against: Array
    gain: Array


def evidence(steps: Array, learnt: Learnt) -> Evidence:
    """What rises in these steps (steps, values)."""
    rises = np.stack([risen(steps[:, :PLACES], duration) for duration in DURATIONS])
    moves = tuple(
        rises[..., columns(part)] @ directions.T for part, directions in enumerate(learnt.directions)
    )
    energy = np.stack([_energy(move, usual) for move, usual in zip(moves, learnt.usual, strict=True)], axis=1)
    level = np.stack([_level(energy[k], int(duration)) for k, duration in enumerate(DURATIONS)])
    against, gain = np.full_like(energy, np.nan), np.full_like(energy, -np.inf)
    for part, move in enumerate(moves):
        for k in range(len(DURATIONS)):
            seen = np.isfinite(move[k, :, 0])
            noise = level[k, part, seen, None, None] * learnt.usual[part][k] + FLOOR**2 * np.eye(
                move.shape[-1]
            )
            against[k, part, seen], gain[k, part, seen] = _gain(move[k, seen], noise, learnt.sizes[part])
    return Evidence(rises, moves, energy, against, gain)


def risen(places: Array, duration: int) -> Array:
    """The rise of each place (steps, places) at each step: MEAN steps from it on, against those before."""
    found = np.full_like(places, np.nan)
    sums = np.vstack([np.zeros(places.shape[1]), np.cumsum(places - places[:1], axis=0)])
    at = np.arange(duration + MEAN, len(places) - MEAN + 1)
    if len(at):
        after, start = sums[at + MEAN] - sums[at], at - duration
        found[at] = (after - (sums[start] - sums[start - MEAN])) / MEAN
    return found


def _energy(move: Array, usual: Array) -> Array:
    """Mean square of moves (durations, steps, directions) in units of what is usual: (durations, steps)."""
    white = np.linalg.solve(usual + 1e-6 * np.eye(usual.shape[-1]), np.moveaxis(move, 1, 2))
    return np.asarray((np.moveaxis(white, 2, 1) * move).mean(axis=-1))


def _level(energy: Array, duration: int) -> Array:
    """The mean energy before and after each step (parts, steps), or 1 where neither side was seen."""
    at = np.arange(energy.shape[1])
    sides = (
        (at - duration - BEFORE[0], at - duration - BEFORE[1]),
        (at + duration + AFTER[0], at + duration + AFTER[1]),
    )
    sums, seen = (_sums(values) for values in (np.nan_to_num(energy), np.isfinite(energy).astype(float)))
    means = []
    for low, high in sides:
        first, last = (np.clip(edge, 0, len(at)) for edge in (low, high))
        count = seen[:, last] - seen[:, first]
        enough = count > FEWEST
        total = sums[:, last] - sums[:, first]
        means.append(np.where(enough, total / np.maximum(count, 1), np.nan))
    before, after = means
    both = np.where(np.isfinite(before), np.where(np.isfinite(after), (before + after) / 2, before), after)
    return np.asarray(np.where(np.isfinite(both), np.maximum(both, LEAST_LEVEL), 1.0))


def _sums(values: Array) -> Array:
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)


def _gain(move: Array, noise: Array, sizes: Array) -> tuple[Array, Array]:
    """Mean square in units of the noise, and the log-likelihood ratio, of each move (n, directions)."""
    signal = noise + sizes
    as_noise, as_signal = (
        (move * np.linalg.solve(covariance, move[..., None])[..., 0]).sum(axis=1)
        for covariance in (noise, signal)
    )
    wider = np.linalg.slogdet(signal)[1] - np.linalg.slogdet(noise)[1]
    return as_noise / move.shape[1], (as_noise - as_signal - wider) / 2
