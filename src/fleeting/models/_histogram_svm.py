"""A linear support vector machine on block histograms, which the models bi-woof and lbp-top share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn.svm import LinearSVC

from fleeting.errors import OptionError
from fleeting.types import FloatArray, IntArray

Features = npt.NDArray[np.float64]


class HistogramSvm(ABC):
    """An estimator: block histograms are z-scored and classified by a linear SVM, one class against the rest.

    All classes have the same weight, however many clips they have. Probabilities are the softmax of the
    decision values (our reading): they are not calibrated, which would need held-out clips.
    """

    def __init__(self, classes: int, features: int, strength: float) -> None:
        if strength <= 0:
            raise OptionError(f"the strength of a linear SVM is {strength}, expected above 0; 1e-3 is usual")
        self.classes, self.strength = classes, strength
        self.mean, self.deviation = np.zeros(features), np.ones(features)
        self.weight, self.bias = np.zeros((classes, features)), np.zeros(classes)

    @abstractmethod
    def histograms(self, arrays: Sequence[FloatArray]) -> Features:
        """The features of arrays (n, channels, height, width): (n, features)."""

    def fit(self, arrays: Sequence[FloatArray], labels: IntArray, seed: int) -> None:
        """Learn from training arrays; the solver uses no random numbers.

        Raises OptionError on a single class.
        """
        present = np.unique(labels)
        if len(present) < 2:
            fault = f"a linear SVM needs two classes to train on, found only class {present}"
            raise OptionError(f"{fault}; add clips of another class to the training side")
        found = self.histograms(arrays)
        self.mean, self.deviation = found.mean(axis=0), found.std(axis=0)
        self.deviation[self.deviation == 0] = 1
        learner = LinearSVC(
            C=self.strength, class_weight="balanced", dual=False, max_iter=5000, random_state=seed
        )
        learner.fit(self._scaled(found), labels)
        rows, offsets = learner.coef_, learner.intercept_
        if len(present) == 2:  # scikit-learn then keeps one row, for the second class
            rows, offsets = np.concatenate([-rows, rows]), np.concatenate([-offsets, offsets])
        self.weight = np.zeros_like(self.weight)
        self.bias = np.full(self.classes, -np.inf)  # classes without clips are never predicted
        self.weight[present], self.bias[present] = rows, offsets

    def probabilities(self, arrays: Sequence[FloatArray]) -> npt.NDArray[np.float64]:
        """Class probabilities (n, classes): the softmax of the decision values."""
        decision = self._scaled(self.histograms(arrays)) @ self.weight.T + self.bias
        return np.asarray(softmax(decision, axis=1))

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Scaling (features,), weight (classes, features) and bias (classes,)."""
        return {"mean": self.mean, "deviation": self.deviation, "weight": self.weight, "bias": self.bias}

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Restore what was learnt from the arrays that `state` returned."""
        self.mean, self.deviation = np.array(state["mean"]), np.array(state["deviation"])
        self.weight, self.bias = np.array(state["weight"]), np.array(state["bias"])

    def _scaled(self, found: Features) -> Features:
        return (found - self.mean) / self.deviation


def block_of(shape: tuple[int, ...], count: int) -> IntArray:
    """The number, from 0, of the block that contains each pixel: (height, width).

    The last two axes of ``shape`` are cut into ``count`` x ``count`` blocks, numbered row by row.
    """
    rows, columns = (np.arange(side) * count // side for side in shape[-2:])
    return np.asarray(rows[:, None] * count + columns)
