"""linear-flow: the line that every network on motion maps has to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from sklearn.linear_model import LogisticRegression

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.types import FloatArray, IntArray


@models.register("linear-flow")
class LinearFlow:
    """Logistic regression on blurred, shrunk, z-scored motion maps.

    The order matters: each channel of each map is z-scored, then blurred (sigma 1, out to 4 sigma), then
    shrunk to 14x14 by area; nothing is scaled afterwards.
    """

    inputs: ClassVar[dict[str, Shape]] = {"maps": (3, 28, 28)}
    paper: ClassVar[str] = "this project; a baseline, not a published system"

    def __init__(
        self, classes: int, *, strength: float = 0.01, sigma: float = 1.0, channels: int = 3
    ) -> None:
        if strength <= 0 or sigma < 0:
            raise OptionError(
                f"linear-flow: strength {strength} and sigma {sigma}; expected above 0, 0 or more"
            )
        self.classes, self.strength, self.sigma, self.channels = classes, strength, sigma, channels
        self.weight = np.zeros((classes, channels * 14 * 14))
        self.bias = np.zeros(classes)

    def _features(self, maps: FloatArray) -> npt.NDArray[np.float64]:
        values = maps.astype(np.float64)  # (n, channels, 28, 28)
        spread = values.std(axis=(2, 3), keepdims=True)
        values = (values - values.mean(axis=(2, 3), keepdims=True)) / np.where(spread > 0, spread, 1)
        values = gaussian_filter(values, self.sigma, mode="mirror", truncate=4, axes=(2, 3))
        shrunk = values.reshape(*values.shape[:2], 14, 2, 14, 2).mean(axis=(3, 5))
        return np.asarray(shrunk.reshape(len(maps), -1))  # (n, channels * 196)

    def fit(self, arrays: Sequence[FloatArray], labels: IntArray, seed: int) -> None:  # noqa: ARG002
        """Learn from maps (n, 3, 28, 28); the seed changes nothing. Raises OptionError on a single class."""
        present = np.unique(labels)
        if len(present) < 2:
            raise OptionError(f"linear-flow needs two classes to train on, found only class {present}")
        learner = LogisticRegression(C=self.strength, class_weight="balanced", max_iter=5000)
        learner.fit(self._features(arrays[0]), labels)
        self.weight = np.zeros_like(self.weight)
        self.bias = np.full(self.classes, -np.inf)  # a class never seen is never predicted
        if len(present) == 2:  # scikit-learn then keeps one row, for the second class
            self.weight[present[1]], self.bias[present] = learner.coef_[0], (0, learner.intercept_[0])
        else:
            self.weight[present], self.bias[present] = learner.coef_, learner.intercept_

    def probabilities(self, arrays: Sequence[FloatArray]) -> npt.NDArray[np.float64]:
        """Class probabilities (n, classes): the softmax of the linear scores."""
        scores = self._features(arrays[0]) @ self.weight.T + self.bias
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """The weight (classes, features) and the bias (classes,)."""
        return {"weight": self.weight, "bias": self.bias}

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take back what `state` gave."""
        self.weight, self.bias = np.array(state["weight"]), np.array(state["bias"])
