"""Judges a rise by the course of the face around it: a small convolutional network, in numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fleeting.spotting.rising.parts import LIKENESS, MOUTH, PARTS, PLACES, SHUT, columns

Array = npt.NDArray[np.float64]
BACK, AHEAD, POOLED = 156, 128, 4
"""Steps before and after a rise that the network sees, and how many of them are averaged to one sample."""
BASE = 5
"""Steps before the rise whose mean place is where its course is counted from."""
MOST = 1.0
"""Most by which a network corrects log odds: what it has never seen, it cannot turn over."""
KERNELS = 5, 5, 3
"""Samples that each convolution spans; the first two are followed by a maximum over pairs."""


@dataclass(frozen=True, eq=False)
class Network:
    """Several networks of the same shape, whose corrections of log odds, up to MOST either way, are averaged.

    ``whitening`` has a matrix for each part of the face, (directions, directions), by which its coordinates
    are brought to unit size and apart; ``mean`` and ``spread`` (features,) are those of a rise's features.
    ``weights`` holds, by layer name, weights with a leading axis for the networks. ``mixed`` are the trees'
    share, the networks' share and the shift of the log odds that are told.
    """

    whitening: tuple[Array, ...]
    mean: Array
    spread: Array
    weights: Mapping[str, Array]
    mixed: tuple[float, float, float]

    def corrections(self, seen: Array, features: Array) -> Array:
        """What is added to the log odds of each rise, (n,).

        ``seen`` are windows (n, channels, samples), ``features`` (n, features) those of the trees.
        """
        told = (features - self.mean) / self.spread
        count = len(self.weights["out.bias"])
        return np.asarray(np.mean([self._one(i, seen, told) for i in range(count)], axis=0))

    def _one(self, i: int, seen: Array, told: Array) -> Array:
        course = seen
        for k in range(len(KERNELS)):
            course = np.maximum(
                _convolved(course, self.weights[f"conv{k}.weight"][i], self.weights[f"conv{k}.bias"][i]), 0
            )
            course = _halved(course) if k < len(KERNELS) - 1 else course
        joined = np.hstack([course.mean(axis=2), course.max(axis=2), told])
        hidden = np.maximum(joined @ self.weights["hidden.weight"][i].T + self.weights["hidden.bias"][i], 0)
        said = hidden @ self.weights["out.weight"][i] + self.weights["out.bias"][i]
        return np.asarray(MOST * np.tanh(said / MOST))


def _convolved(course: Array, weight: Array, bias: Array) -> Array:
    """Valid cross-correlation of (n, channels, samples) with (filters, channels, kernel)."""
    near = np.lib.stride_tricks.sliding_window_view(course, weight.shape[2], axis=2)
    return np.asarray(np.einsum("nctk,fck->nft", near, weight, optimize=True) + bias[:, None])


def _halved(course: Array) -> Array:
    """The maximum over pairs of samples; an odd last one is left out."""
    even = course[:, :, : course.shape[2] // 2 * 2]
    return np.asarray(even.reshape(*course.shape[:2], -1, 2).max(axis=3))


def windows(
    steps: Array,
    ends: npt.NDArray[np.int64],
    durations: npt.NDArray[np.int64],
    directions: Sequence[Array],
    whitening: Sequence[Array],
) -> Array:
    """What the network sees of each rise: (rises, channels, samples), the rise's end always in one place.

    ``ends`` are the steps at which they have risen, ``durations`` how many steps that took. Channels are
    each part's coordinates from before the rise on, compressed (inverse hyperbolic sine), how far the eyes
    are shut, how unlike its reference the skin is, how open the mouth is, and whether the stretch had a frame
    there; where it had none, all are 0.
    """
    parts = range(len(PARTS))
    along = np.hstack([steps[:, :PLACES][:, columns(p)] @ directions[p].T @ whitening[p] for p in parts])
    at = ends[:, None] + np.arange(-BACK, AHEAD)
    inside = (at >= 0) & (at < len(steps))
    at = np.clip(at, 0, len(steps) - 1)
    bases = np.stack([along[max(0, start - BASE) : max(start, 1)].mean(axis=0) for start in ends - durations])
    course = np.arcsinh(along[at] - bases[:, None])
    state = steps[at][:, :, [SHUT, LIKENESS, MOUTH]]
    mouth = 10 * (state[:, :, 2] - np.median(state[:, :, 2], axis=1, keepdims=True))
    others = np.stack([state[:, :, 0], 5 * (1 - state[:, :, 1]), mouth, np.ones_like(mouth)], axis=2)
    seen = np.concatenate([course, others], axis=2) * inside[:, :, None]
    pooled = seen.reshape(len(ends), -1, POOLED, seen.shape[2]).mean(axis=2)
    return np.asarray(pooled.transpose(0, 2, 1))


def network_of(arrays: Mapping[str, npt.NDArray[Any]]) -> Network | None:
    """The network of a file's arrays; None where the file has none."""
    own = {
        name.removeprefix("network."): a.astype(np.float64)
        for name, a in arrays.items()
        if name.startswith("network.")
    }
    if not own:
        return None
    whitening = tuple(own.pop(f"whitening.{part}") for part in range(len(PARTS)))
    trees, networks, shift = own.pop("mixed")
    return Network(
        whitening, own.pop("mean"), own.pop("spread"), own, (float(trees), float(networks), float(shift))
    )
