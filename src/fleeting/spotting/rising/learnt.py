"""Reads what was learnt from real motion: how micro-expressions move, and how faces usually do.

`studies/real_likelihood.py` writes the file; its card says from what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load
from scipy.special import expit

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

    def likelihoods(self, features: Array) -> Array:
        """The likelihood, 0 to 1, for each row of features (n, features): (n,)."""
        rows, trees = np.arange(len(features))[:, None], np.arange(len(self.value))
        node = np.zeros((len(features), len(trees)), np.int64)
        for _ in range(DEEPEST):
            low = features[rows, self.feature[trees, node]] <= self.threshold[trees, node]
            node = np.where(low, self.left[trees, node], self.right[trees, node])
        return np.asarray(expit(self.base + self.value[trees, node].sum(axis=1)))


@dataclass(frozen=True, eq=False)
class Learnt:
    """What was learnt; lists have an entry for each part of the face.

    ``directions`` (directions, values of the part) are the main directions in which the part's skin moves in
    micro-expressions, ``sizes`` (directions, directions) their covariance there; ``usual`` (durations,
    directions, directions) is their covariance in ordinary footage. ``rates`` and ``points`` are false alarms
    a minute, ascending, and the likelihood from which on there were so many.
    """

    directions: tuple[Array, ...]
    sizes: tuple[Array, ...]
    usual: tuple[Array, ...]
    trees: Trees | None
    rates: Array
    points: Array

    def point(self, alarms_per_minute: float) -> float:
        """The likelihood from which on so many false alarms a minute are to be expected."""
        return float(np.interp(np.log(alarms_per_minute), np.log(self.rates), self.points))


@cache
def learnt() -> Learnt:
    """What ships with the package."""
    return learnt_of(load(files("fleeting").joinpath("assets", "spotter", "rising.safetensors").read_bytes()))


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
    return Learnt(directions, sizes, usual, trees, rates, points)
