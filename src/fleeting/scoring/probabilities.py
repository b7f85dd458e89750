"""Scores the probabilities themselves: how far they are from the truth, before a class is chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fleeting.errors import ScoreError
from fleeting.types import Prediction

DoubleArray = npt.NDArray[np.float64]


def probabilities(predictions: Sequence[Prediction]) -> DoubleArray:
    """Every sample's probabilities, (samples, classes). Raises ScoreError where one is not finite."""
    found = np.array([p.probabilities for p in predictions], dtype=np.float64)
    finite = np.isfinite(found).all(axis=1)
    if not finite.all():
        name = predictions[int(np.argmin(finite))].id
        raise ScoreError(f"{name}: a probability is not a finite number; did the training diverge?")
    return found


def are_answers(chances: DoubleArray) -> bool:
    """Whether every probability is 0 or 1, as in a log without probabilities: classes, no more."""
    return bool(np.isin(chances, (0.0, 1.0)).all())


def probability_errors(predictions: Sequence[Prediction]) -> dict[str, float]:
    """The errors of the probabilities against 1 for the true class and 0 for the others.

    ``brier`` is the mean over samples of the squared errors summed over classes, 0 to 2 (Brier 1950);
    ``probability_mae`` is the mean absolute error over samples and classes. NaN where `are_answers`. Raises
    ScoreError where a probability is not finite.
    """
    chances = probabilities(predictions)
    if are_answers(chances):
        return {"brier": float("nan"), "probability_mae": float("nan")}
    off = chances - np.eye(chances.shape[1])[[p.truth for p in predictions]]
    return {"brier": float((off**2).sum(axis=1).mean()), "probability_mae": float(np.abs(off).mean())}
