"""Learns how far a probability can be believed: a temperature and a threshold, from out-of-fold predictions.

A model looks surer and better than it is on the samples it was trained on, so calibration uses predictions of
people it never saw. The reported quality is cross-fitted over subjects: for each subject, both numbers are
learnt from all the others, so nothing is measured on the data it was fitted to.
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
"""The default share of sure answers that shall be right."""
FEWEST = 20
"""The least number of sure answers: among fewer, the share of right ones says nothing."""
BINS = 10
FLOOR = 1e-12
"""Lower probabilities count as this one: a class that a fold never saw costs a lot, but not everything."""
COOLEST, HOTTEST = 0.05, 20.0


@dataclass(frozen=True)
class Reliability:
    """Negative log-likelihood (nats per sample) and expected calibration error (0 to 1)."""

    nll: float
    ece: float


@dataclass(frozen=True)
class Sureness:
    """How many answers are sure, and how many of these are right.

    Of ``n`` answers, the share ``coverage`` is sure; of the sure ones, the share ``accuracy`` is right (None
    without a sure answer).
    """

    n: int
    coverage: float
    accuracy: float | None


@dataclass(frozen=True)
class Calibration:
    """A temperature and a threshold that turn scores into a confidence, with their quality on unseen people.

    Probabilities become softmax(log p / ``temperature``); an answer is unsure unless its confidence is above
    ``threshold`` (1: never sure). ``before`` is the quality without a temperature, ``after`` with one; where
    it is no better with one, ``temperature`` is 1. ``after``, ``sure`` and ``parts`` (by dataset, where there
    are several) are cross-fitted over subjects. ``target`` is the share of right answers for which the
    threshold was chosen.
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
    """Learn a temperature and a threshold from out-of-fold predictions, and measure their quality.

    The temperature has the least negative log-likelihood (Guo et al. 2017, arXiv:1706.04599); it is 1 unless
    the cross-fitted likelihood of people it was not learnt from is better with it. The threshold is the
    lowest one with at least FEWEST answers above it of which a share ``target`` is right. Raises ScoreError
    on fewer than two subjects and on a sample predicted twice, OptionError on a target that is not between 0
    and 1.
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
    others = {person: subjects != person for person in people}
    temperatures = {person: temperature_of(raw[rest], truth[rest]) for person, rest in others.items()}
    scaled = _each_at(raw, subjects, temperatures)
    before, after = reliability(raw, truth), reliability(scaled, truth)
    helps = after.nll < before.nll
    sure = np.empty(len(raw), bool)
    for person, rest in others.items():
        learnt = _threshold_at(raw[rest], truth[rest], temperatures[person] if helps else 1.0, target)
        sure[~rest] = (scaled if helps else raw)[~rest].max(axis=1) > learnt
    temperature = temperature_of(raw, truth) if helps else 1.0
    right = raw.argmax(axis=1) == truth
    datasets = np.array([p.dataset for p in predictions])
    names = sorted(set(datasets))
    return Calibration(
        temperature,
        _threshold_at(raw, truth, temperature, target),
        target=target,
        subjects=len(people),
        before=before,
        after=after,
        sure=_sureness(sure, right),
        parts={str(n): _sureness(sure[datasets == n], right[datasets == n]) for n in names[1:] and names},
    )


def softened(probabilities: DoubleArray, temperature: float) -> DoubleArray:
    """Probabilities (n, classes) at another temperature: softmax(log p / temperature).

    The most likely class stays the same.
    """
    return np.asarray(softmax(np.log(np.maximum(probabilities, FLOOR)) / temperature, axis=1))


def reliability(probabilities: DoubleArray, truth: IntArray) -> Reliability:
    """Negative log-likelihood and expected calibration error of probabilities (n, classes).

    The error is the mean distance between confidence and the share of right answers in BINS bins of equal
    width, weighted by the answers in each bin (Guo et al. 2017).
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, confidence - right, minlength=BINS)
    return Reliability(_nll(probabilities, truth), float(np.abs(gaps).sum() / len(truth)))


def temperature_of(probabilities: DoubleArray, truth: IntArray) -> float:
    """The temperature between COOLEST and HOTTEST that has the least negative log-likelihood."""
    found = minimize_scalar(
        lambda log: _nll(softened(probabilities, float(np.exp(log))), truth),
        bounds=(np.log(COOLEST), np.log(HOTTEST)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def threshold_of(confidence: DoubleArray, right: npt.NDArray[np.bool_], target: float) -> float:
    """The lowest confidence with at least FEWEST answers above it of which a share ``target`` is right.

    It is 1 where there is none.
    """
    for threshold in (0.0, *np.unique(confidence)):
        sure = confidence > threshold
        if sure.sum() < FEWEST:
            break
        if right[sure].mean() >= target:
            return float(threshold)
    return 1.0


def _threshold_at(probabilities: DoubleArray, truth: IntArray, temperature: float, target: float) -> float:
    right = probabilities.argmax(axis=1) == truth
    return threshold_of(softened(probabilities, temperature).max(axis=1), right, target)


def _each_at(
    raw: DoubleArray, subjects: npt.NDArray[np.str_], temperatures: Mapping[str, float]
) -> DoubleArray:
    scaled = np.empty_like(raw)
    for person, temperature in temperatures.items():
        scaled[subjects == person] = softened(raw[subjects == person], temperature)
    return scaled


def _nll(probabilities: DoubleArray, truth: IntArray) -> float:
    hit = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(hit, FLOOR)).mean())


def _sureness(sure: npt.NDArray[np.bool_], right: npt.NDArray[np.bool_]) -> Sureness:
    return Sureness(len(sure), float(sure.mean()), float(right[sure].mean()) if sure.any() else None)
