"""The arithmetic of the trained models linear-flow and linear-images, without torch, for camera programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from scipy.special import softmax

from fleeting.types import FloatArray

SIDE = 14
"""Rows and columns to which each channel is shrunk before its cells are weighed."""


def features(arrays: Sequence[FloatArray], sigma: float, side: int = SIDE) -> npt.NDArray[np.float64]:
    """The model's features: inputs (n, channels, 28, 28) to (n, channels of all inputs * side * side).

    The order matters: each channel of each map is z-scored, then blurred (Gaussian of ``sigma`` pixels, cut
    off at four sigma), then shrunk to ``side`` (a divisor of 28) by area; nothing is scaled afterwards.
    """
    values = np.concatenate(arrays, axis=1).astype(np.float64)  # (n, all channels, 28, 28)
    spread = values.std(axis=(2, 3), keepdims=True)
    values = (values - values.mean(axis=(2, 3), keepdims=True)) / np.where(spread > 0, spread, 1)
    values = gaussian_filter(values, sigma, mode="mirror", truncate=4, axes=(2, 3))
    cell = values.shape[2] // side
    shrunk = values.reshape(*values.shape[:2], side, cell, side, cell).mean(axis=(3, 5))
    return np.asarray(shrunk.reshape(len(values), -1))


def mirrored(
    seen: npt.NDArray[np.float64], sideways: Sequence[int], side: int = SIDE
) -> npt.NDArray[np.float64]:
    """The features that `features` would give for the mirrored inputs, (n, channels * side * side).

    Left and right are exchanged. The channels with the indices ``sideways`` (horizontal motion) change sign.
    """
    cells = seen.reshape(len(seen), -1, side, side)[..., ::-1].copy()
    cells[:, list(sideways)] *= -1
    return cells.reshape(seen.shape)


def probabilities(
    arrays: Sequence[FloatArray], state: Mapping[str, npt.NDArray[Any]], sigma: float
) -> npt.NDArray[np.float64]:
    """Class probabilities (n, classes): softmax of weight (classes, features) times features plus bias."""
    return np.asarray(softmax(features(arrays, sigma) @ state["weight"].T + state["bias"], axis=1))


def contributions(
    arrays: Sequence[FloatArray], state: Mapping[str, npt.NDArray[Any]], sigma: float
) -> npt.NDArray[np.float64]:
    """What each feature adds to each class's score before the softmax: (n, classes, channels, 14, 14).

    The contributions to a class and its bias sum to the score of that class.
    """
    parts = features(arrays, sigma)[:, None] * state["weight"]  # (n, classes, features)
    return np.asarray(parts.reshape(*parts.shape[:2], -1, SIDE, SIDE))
