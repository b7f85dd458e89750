"""svm-flow: a support vector machine that compares motion maps with those it was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from scipy.special import softmax
from sklearn.svm import SVC

from fleeting import linear_maps
from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.types import FloatArray, IntArray

SIDE = 7
SHARP = 2.0
"""The factor on margins before the softmax that turns them into probabilities."""


@models.register("svm-flow")
class SvmFlow:
    """Support vector machines with a Gaussian kernel, each class against the rest, on maps shrunk to 7x7.

    Maps are z-scored and blurred as in linear-flow. The kernel is ``exp(-narrow d^2)``, with the squared
    distance d^2 divided by the number of features times the variance of all features together (scikit-learn's
    "scale"). Note that its weights are training clips, shrunk and blurred: they must not be passed on where
    the data must not. Its probabilities are the softmax of margins and mean little before calibration.
    """

    inputs: ClassVar[dict[str, Shape]] = {"maps": (3, 28, 28)}
    paper: ClassVar[str] = "this project; a baseline, not a published system"
    holds_clips: ClassVar[bool] = True

    def __init__(
        self, classes: int, *, cost: float = 3.0, narrow: float = 1.0, sigma: float = 1.0, channels: int = 3
    ) -> None:
        if min(cost, narrow) <= 0 or sigma < 0:
            raise OptionError(
                f"svm-flow: cost {cost}, narrow {narrow}, sigma {sigma}; expected above 0, above 0, 0 or more"
            )
        self.classes, self.cost, self.narrow, self.sigma = classes, cost, narrow, sigma
        self.vectors = np.zeros((0, channels * SIDE**2))
        self.shares = np.zeros((0, classes))
        self.bias = np.zeros(classes)
        self.width = np.ones(1)

    def fit(self, arrays: Sequence[FloatArray], labels: IntArray, seed: int) -> None:  # noqa: ARG002
        """Learn from maps (n, 3, 28, 28); the seed has no effect. Raises OptionError on a single class."""
        present = np.unique(labels)
        if len(present) < 2:
            found = f"svm-flow needs two classes to train on, found only class {present}"
            raise OptionError(f"{found}; add clips of another class to the training side")
        seen = linear_maps.features(arrays, self.sigma, SIDE)
        self.width = np.array([self.narrow / max(seen.var() * seen.shape[1], 1e-12)])
        shares = np.zeros((len(labels), self.classes))
        self.bias = np.full(self.classes, -np.inf)  # classes without clips are never predicted
        for label in present:
            learner = SVC(C=self.cost, gamma=self.width[0], class_weight="balanced")
            learner.fit(seen, labels == label)
            shares[learner.support_, label] = learner.dual_coef_[0]
            self.bias[label] = learner.intercept_[0]
        used = shares.any(axis=1)
        self.vectors, self.shares = seen[used], shares[used]

    def probabilities(self, arrays: Sequence[FloatArray]) -> npt.NDArray[np.float64]:
        """Class probabilities (n, classes): the softmax of the margins."""
        seen = linear_maps.features(arrays, self.sigma, SIDE)
        near = np.exp(-self.width[0] * cdist(seen, self.vectors, "sqeuclidean"))
        return np.asarray(softmax(SHARP * (near @ self.shares + self.bias), axis=1))

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Support vectors (m, features), coefficients (m, classes), bias (classes,) and kernel width (1,)."""
        return {"vectors": self.vectors, "shares": self.shares, "bias": self.bias, "width": self.width}

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Restore what was learnt from the arrays that `state` returned."""
        self.vectors, self.shares = np.array(state["vectors"]), np.array(state["shares"])
        self.bias, self.width = np.array(state["bias"]), np.array(state["width"])
