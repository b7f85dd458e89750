"""Reads what was learnt from real motion: how micro-expressions move, and how faces usually do.

`studies/real_likelihood.py` writes the file; its card says from what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load
from scipy.special import expit

from fleeting.spotting.rising.network import Network, network_of, windows

if TYPE_CHECKING:
    from fleeting.spotting.rising.features import Rise

Array = npt.NDArray[np.float64]
DEEPEST = 12
"""Most steps from the root of a tree to a leaf."""


@dataclass(frozen=True, eq=False)
class Trees:
    """Boosted regression trees as arrays (trees, nodes); a leaf's children are itself."""

    feature: npt.NDArray[np.int64]
    threshold: Array
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    value: Array
    base: float

    def log_odds(self, features: Array) -> Array:
        """The log odds for each row of features (n, features): (n,)."""
        rows, trees = np.arange(len(features))[:, None], np.arange(len(self.value))
        node = np.zeros((len(features), len(trees)), np.int64)
        for _ in range(DEEPEST):
            low = features[rows, self.feature[trees, node]] <= self.threshold[trees, node]
            node = np.where(low, self.left[trees, node], self.right[trees, node])
        return np.asarray(self.base + self.value[trees, node].sum(axis=1))


@dataclass(frozen=True, eq=False)
class Learnt:
    """What was learnt; lists have an entry for each part of the face.

    ``directions`` (directions, values of the part) are the main directions in which the part's skin moves in
    micro-expressions, ``sizes`` (directions, directions) their covariance there; ``usual`` (durations,
    directions, directions) is their covariance in ordinary footage. ``trees`` and, where there is one, the
    ``network`` tell how likely a rise is. ``rates`` and ``points`` are false alarms
    a minute, ascending, and the likelihood from which on there were so many.
    """

    directions: tuple[Array, ...]
    sizes: tuple[Array, ...]
    usual: tuple[Array, ...]
    trees: Trees | None
    rates: Array
    points: Array
    network: Network | None = None

    def likelihoods(self, steps: Array, rises: Sequence[Rise]) -> Array:
        """The likelihood, 0 to 1, of each rise that was found in these steps: (rises,)."""
        if self.trees is None:
            return np.zeros(len(rises))
        features = np.stack([rise.features for rise in rises])
        odds = self.trees.log_odds(features)
        if self.network is not None:
            ends = np.array([rise.step for rise in rises])
            durations = np.array([rise.duration for rise in rises])
            seen = windows(steps, ends, durations, self.directions, self.network.whitening)
            trees, networks, shift = self.network.mixed
            odds = trees * odds + networks * self.network.corrections(seen, features) + shift
        return np.asarray(expit(odds))

    def point(self, alarms_per_minute: float) -> float:
        """The likelihood from which on so many false alarms a minute are to be expected."""
        return float(np.interp(np.log(alarms_per_minute), np.log(self.rates), self.points))


@cache
def learnt(name: str = "rising") -> Learnt:
    """What ships with the package for the spotter of this name."""
    file = files("fleeting").joinpath("assets", "spotter", f"{name}.safetensors")
    return learnt_of(load(file.read_bytes()))


def learnt_of(arrays: Mapping[str, npt.NDArray[Any]]) -> Learnt:
    """What the arrays of a file say."""
    directions, sizes, usual = (
        tuple(arrays[f"{name}.{part}"].astype(np.float64) for part in range(3))
        for name in ("directions", "sizes", "usual")
    )
    trees = Trees(
        feature=arrays["trees.feature"].astype(np.int64),
        threshold=arrays["trees.threshold"].astype(np.float64),
        left=arrays["trees.left"].astype(np.int64),
        right=arrays["trees.right"].astype(np.int64),
        value=arrays["trees.value"].astype(np.float64),
        base=float(arrays["trees.base"][0]),
    )
    rates, points = (arrays[name].astype(np.float64) for name in ("rates", "points"))
    return Learnt(directions, sizes, usual, trees, rates, points, network_of(arrays))
