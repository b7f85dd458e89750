"""linear-flow: logistic regression on motion maps, the baseline that every network on them has to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from fleeting import linear_maps
from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.types import FloatArray, IntArray


@models.register("linear-flow")
class LinearFlow:
    """Logistic regression on z-scored, blurred, shrunk motion maps (`fleeting.linear_maps`).

    With ``symmetric`` the weights are averaged with their mirror image, so that a face and its mirror image
    get the same answer; this requires horizontal motion as the first channel.
    """

    inputs: ClassVar[dict[str, Shape]] = {"maps": (3, 28, 28)}
    paper: ClassVar[str] = "this project; a baseline, not a published system"
    sideways: ClassVar[tuple[int, ...]] = (0,)

    def __init__(
        self,
        classes: int,
        *,
        strength: float = 0.01,
        sigma: float = 1.0,
        symmetric: bool = False,
        channels: int = 3,
    ) -> None:
        if strength <= 0 or sigma < 0:
            raise OptionError(
                f"linear-flow: strength {strength} and sigma {sigma}; expected above 0, 0 or more"
            )
        self.classes, self.strength, self.sigma, self.channels = classes, strength, sigma, channels
        self.symmetric = symmetric
        self.weight = np.zeros((classes, channels * 14 * 14))
        self.bias = np.zeros(classes)

    def fit(self, arrays: Sequence[FloatArray], labels: IntArray, seed: int) -> None:  # noqa: ARG002
        """Learn from maps (n, 3, 28, 28); the seed has no effect. Raises OptionError on a single class."""
        present = np.unique(labels)
        if len(present) < 2:
            found = f"linear-flow needs two classes to train on, found only class {present}"
            raise OptionError(f"{found}; add clips of another class to the training side")
        learner = LogisticRegression(C=self.strength, class_weight="balanced", max_iter=5000)
        learner.fit(linear_maps.features(arrays, self.sigma), labels)
        self.weight = np.zeros_like(self.weight)
        self.bias = np.full(self.classes, -np.inf)  # classes without clips are never predicted
        if len(present) == 2:  # scikit-learn then keeps one row, for the second class
            self.weight[present[1]], self.bias[present] = learner.coef_[0], (0, learner.intercept_[0])
        else:
            self.weight[present], self.bias[present] = learner.coef_, learner.intercept_
        if self.symmetric:
            self.weight = (self.weight + linear_maps.mirrored(self.weight, self.sideways)) / 2

    def probabilities(self, arrays: Sequence[FloatArray]) -> npt.NDArray[np.float64]:
        """Class probabilities (n, classes): the softmax of the linear scores."""
        return linear_maps.probabilities(arrays, self.state(), self.sigma)

    def contributions(self, arrays: Sequence[FloatArray]) -> npt.NDArray[np.float64]:
        """The contribution of each cell to each class's linear score: (n, classes, channels, 14, 14)."""
        return linear_maps.contributions(arrays, self.state(), self.sigma)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """The weight (classes, features) and the bias (classes,)."""
        return {"weight": self.weight, "bias": self.bias}

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Restore what was learnt from the arrays that `state` returned."""
        self.weight, self.bias = np.array(state["weight"]), np.array(state["bias"])
