"""Computes ROC curves: how well one class is told from the others at every threshold on its probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fleeting.scoring.probabilities import DoubleArray, are_answers, probabilities
from fleeting.types import Prediction


@dataclass(frozen=True, eq=False)
class Roc:
    """One class against the rest: both rates start at 0 and end at 1, (points,) each.

    Without a sample of the class, or without one of the rest, the curve is empty and its area None.
    """

    name: str
    false_positive: DoubleArray
    true_positive: DoubleArray
    auc: float | None


def roc(predictions: Sequence[Prediction], classes: Sequence[str]) -> tuple[Roc, ...]:
    """The ROC curve of each class. Raises ScoreError where a probability is not a finite number."""
    truth, chances = np.array([p.truth for p in predictions]), probabilities(predictions)
    return tuple(_curve(name, truth == i, chances[:, i]) for i, name in enumerate(classes))


def area(predictions: Sequence[Prediction]) -> float:
    """AUC, the mean area under the classes' curves (macro, one class against the rest).

    NaN where a class has no curve, and where every probability is 0 or 1, as in a log without probabilities.
    Raises ScoreError where a probability is not a finite number.
    """
    if are_answers(probabilities(predictions)):
        return float("nan")
    curves = roc(predictions, [str(i) for i in range(len(predictions[0].probabilities))])
    return float(np.mean([np.nan if curve.auc is None else curve.auc for curve in curves]))


def _curve(name: str, positive: npt.NDArray[np.bool_], chance: DoubleArray) -> Roc:
    if positive.all() or not positive.any():
        return Roc(name, np.empty(0), np.empty(0), None)
    from sklearn.metrics import auc, roc_curve  # takes a second, which other scores can do without

    false_positive, true_positive, _ = roc_curve(positive, chance, drop_intermediate=False)
    return Roc(name, false_positive, true_positive, float(auc(false_positive, true_positive)))
