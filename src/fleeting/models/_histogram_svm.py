"""A linear support vector machine over histograms of a picture's blocks: what the classical systems share."""

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
    """An estimator that z-scores a clip's histograms and weighs them, one class against the others.

    Classes weigh alike however many clips they have. Probabilities are the softmax of the decision values:
    a scale without calibration, which needs no held-out clips (our reading).
    """

    def __init__(self, classes: int, features: int, strength: float) -> None:
        if strength <= 0:
            raise OptionError(f"the strength of a linear SVM is {strength}, expected above 0; 1e-3 is usual")
        self.classes, self.strength = classes, strength
        self.mean, self.deviation = np.zeros(features), np.ones(features)
        self.weight, self.bias = np.zeros((classes, features)), np.zeros(classes)

    @abstractmethod
    def histograms(self, arrays: Sequence[FloatArray]) -> Features:
        """Arrays (n, channels, height, width) as the numbers that are weighed: (n, features)."""

    def fit(self, arrays: Sequence[FloatArray], labels: IntArray, seed: int) -> None:
        """Learn from training arrays; the solver draws nothing. Raises OptionError on a single class."""
        present = np.unique(labels)
        if len(present) < 2:
            raise OptionError(f"a linear SVM needs two classes to train on, found only class {present}")
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
        self.bias = np.full(self.classes, -np.inf)  # a class never seen is never predicted
        self.weight[present], self.bias[present] = rows, offsets

    def probabilities(self, arrays: Sequence[FloatArray]) -> npt.NDArray[np.float64]:
        """Class probabilities (n, classes): the softmax of the decision values."""
        decision = self._scaled(self.histograms(arrays)) @ self.weight.T + self.bias
        return np.asarray(softmax(decision, axis=1))

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Scaling (features,), weight (classes, features) and bias (classes,)."""
        return {"mean": self.mean, "deviation": self.deviation, "weight": self.weight, "bias": self.bias}

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take back what `state` gave."""
        self.mean, self.deviation = np.array(state["mean"]), np.array(state["deviation"])
        self.weight, self.bias = np.array(state["weight"]), np.array(state["bias"])

    def _scaled(self, found: Features) -> Features:
        return (found - self.mean) / self.deviation


def block_of(shape: tuple[int, ...], count: int) -> IntArray:
    """Which of ``count`` x ``count`` blocks each pixel lies in: (height, width) of ``shape``, from 0."""
    rows, columns = (np.arange(side) * count // side for side in shape[-2:])
    return np.asarray(rows[:, None] * count + columns)
