"""How far a probability can be believed: a temperature and a threshold, learnt from out-of-fold predictions.

Predictions of samples that a model was trained on would make it look surer and better than it is; these are
of people it never saw. What is reported is cross-fitted over subjects: for each subject both numbers are
learnt from all the others, so nothing is measured on what it was fitted to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from fleeting.errors import OptionError, ScoreError
from fleeting.types import IntArray, Prediction

DoubleArray = npt.NDArray[np.float64]
SURE = 0.85
"""The share of sure answers that is to be right, unless told otherwise."""
FEWEST = 20
"""Sure answers below which their share that is right says nothing."""
BINS = 10
FLOOR = 1e-12
"""Probabilities below count as this much: a class that a fold never saw costs a lot, not everything."""
COOLEST, HOTTEST = 0.05, 20.0


@dataclass(frozen=True)
class Reliability:
    """Negative log-likelihood (nats a sample) and expected calibration error (0 to 1)."""

    nll: float
    ece: float


@dataclass(frozen=True)
class Sureness:
    """Of ``n`` answers, the share that was sure (``coverage``), and how much of that was right."""

    n: int
    coverage: float
    accuracy: float | None


@dataclass(frozen=True)
class Calibration:
    """What makes a confidence of scores, and how well it does on people it has not seen.

    Probabilities become softmax(log p / ``temperature``); an answer is unsure unless its confidence is above
    ``threshold`` (1: never sure). ``before`` is without the temperature; ``after``, ``sure`` and ``parts``
    (by dataset, where there are several) are cross-fitted over subjects. ``target`` is what the threshold was
    chosen for.
    """

    temperature: float
    threshold: float
    target: float
    subjects: int
    before: Reliability
    after: Reliability
    sure: Sureness
    parts: Mapping[str, Sureness]

    def __post_init__(self) -> None:
        if not (0 < self.temperature < np.inf and 0 <= self.threshold <= 1):
            found = f"temperature {self.temperature}, threshold {self.threshold}"
            raise OptionError(f"{found}; expected above 0, and 0 to 1")


def calibrate(predictions: Sequence[Prediction], target: float = SURE) -> Calibration:
    """Temperature and threshold from out-of-fold predictions, with what they are worth.

    The temperature has the least negative log-likelihood (Guo et al. 2017, arXiv:1706.04599); the threshold
    is the lowest above which a share ``target`` of the answers, FEWEST or more, is right. Raises ScoreError
    on fewer than two subjects or a sample that comes twice, OptionError on a target that is no share.
    """
    if not 0 < target < 1:
        raise OptionError(f"the share of sure answers to be right is {target}; expected between 0 and 1")
    subjects = np.array([p.subject for p in predictions])
    people = np.unique(subjects)
    if len(people) < 2:
        raise ScoreError(f"predictions of {len(people)} subjects; calibrating takes two or more")
    if len({p.id for p in predictions}) < len(predictions):
        raise ScoreError("a sample is predicted twice; calibrating takes each once, out of fold")
    raw = np.array([p.probabilities for p in predictions])
    truth = np.array([p.truth for p in predictions])
    scaled, sure = np.empty_like(raw), np.empty(len(raw), bool)
    for person in people:
        own = subjects == person
        temperature, threshold = _fitted(raw[~own], truth[~own], target)
        scaled[own] = softened(raw[own], temperature)
        sure[own] = scaled[own].max(axis=1) > threshold
    right = raw.argmax(axis=1) == truth
    datasets = np.array([p.dataset for p in predictions])
    names = sorted(set(datasets))
    return Calibration(
        *_fitted(raw, truth, target),
        target=target,
        subjects=len(people),
        before=reliability(raw, truth),
        after=reliability(scaled, truth),
        sure=_sureness(sure, right),
        parts={str(n): _sureness(sure[datasets == n], right[datasets == n]) for n in names[1:] and names},
    )


def softened(probabilities: DoubleArray, temperature: float) -> DoubleArray:
    """Probabilities (n, classes) at another temperature: softmax(log p / temperature). The answer stays."""
    return np.asarray(softmax(np.log(np.maximum(probabilities, FLOOR)) / temperature, axis=1))


def reliability(probabilities: DoubleArray, truth: IntArray) -> Reliability:
    """Negative log-likelihood and expected calibration error of probabilities (n, classes).

    The error is the mean distance, weighted by answers, between confidence and the share that is right, in
    BINS bins of equal width (Guo et al. 2017).
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, confidence - right, minlength=BINS)
    return Reliability(_nll(probabilities, truth), float(np.abs(gaps).sum() / len(truth)))


def temperature_of(probabilities: DoubleArray, truth: IntArray) -> float:
    """The temperature, COOLEST to HOTTEST, with the least negative log-likelihood."""
    found = minimize_scalar(
        lambda log: _nll(softened(probabilities, float(np.exp(log))), truth),
        bounds=(np.log(COOLEST), np.log(HOTTEST)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def threshold_of(confidence: DoubleArray, right: npt.NDArray[np.bool_], target: float) -> float:
    """The lowest confidence above which a share ``target`` of FEWEST answers or more is right; 1 if none."""
    for threshold in (0.0, *np.unique(confidence)):
        sure = confidence > threshold
        if sure.sum() < FEWEST:
            break
        if right[sure].mean() >= target:
            return float(threshold)
    return 1.0


def _fitted(probabilities: DoubleArray, truth: IntArray, target: float) -> tuple[float, float]:
    temperature = temperature_of(probabilities, truth)
    confidence = softened(probabilities, temperature).max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    return temperature, threshold_of(confidence, right, target)


def _nll(probabilities: DoubleArray, truth: IntArray) -> float:
    hit = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(hit, FLOOR)).mean())


def _sureness(sure: npt.NDArray[np.bool_], right: npt.NDArray[np.bool_]) -> Sureness:
    return Sureness(len(sure), float(sure.mean()), float(right[sure].mean()) if sure.any() else None)
