"""Intervals of scores over people: a bootstrap over people, corrected for bias, skewness and few people."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

from fleeting.scoring.scores import Limits
from fleeting.types import IntArray

DoubleArray = npt.NDArray[np.float64]
Method = Literal["bca", "percentile", ""]
Statistic = Callable[[IntArray], DoubleArray]
"""From pooled confusion matrices (..., systems, classes, classes) to a number for each: (...)."""
_LEVEL = 0.95
_FEW = 20
_JACKKNIFE = 64  # people that are left out in one computation, so that thousands of people fit into memory


class Interval(NamedTuple):
    """Both limits of a 95 % interval and how they were found; without limits the method is ""."""

    limits: Limits | None
    method: Method


def resample(matrices: IntArray, draws: int, seed: int) -> IntArray:
    """Pooled confusion matrices of bootstrap draws over subjects: (draws, systems, classes, classes).

    ``matrices`` is (systems, subjects, classes, classes); a draw takes the same subjects from every system.
    """
    subjects = matrices.shape[1]
    counts = np.random.default_rng(seed).multinomial(subjects, np.full(subjects, 1 / subjects), size=draws)
    return np.tensordot(counts, matrices, axes=(1, 1))


def interval(matrices: IntArray, drawn: IntArray, statistic: Statistic) -> Interval:
    """The 95 % interval of a statistic, from the draws in which it is defined.

    ``matrices`` is (systems, subjects, classes, classes) and ``drawn`` what `resample` made of it. Limits are
    BCa (Efron 1987), which corrects for bias and skewness, at levels as far out as Student's t is over so few
    people (Hesterberg 2015). Where BCa does not exist, they are percentiles at the same levels: where one
    subject holds all samples of a class, where leaving out any one changes nothing, and where all draws lie
    on one side of the score.
    """
    values = statistic(drawn)
    kept = values[~np.isnan(values)]
    if not kept.size:
        return Interval(None, "")
    level = 1 - 2 * _tail(matrices.shape[1])
    low, high = _bca(matrices, kept, statistic, level)
    if not (np.isnan(low) or np.isnan(high)):
        return Interval((float(low), float(high)), "bca")
    low, high = np.percentile(kept, [50 * (1 - level), 50 * (1 + level)])
    return Interval((float(low), float(high)), "percentile")


def _tail(people: int) -> float:
    """The share of draws beyond each limit: as far out as Student's t, and the bootstrap's own narrowness."""
    reach = stdtrit(people - 1, (1 + _LEVEL) / 2) * np.sqrt(people / (people - 1))
    return float(ndtr(-reach))


def _bca(matrices: IntArray, kept: DoubleArray, statistic: Statistic, level: float) -> tuple[float, float]:
    """SciPy's BCa limits of draws that were made already; its jackknife leaves out each subject in turn."""
    from scipy.stats import bootstrap  # takes half a second, which commands without intervals can do without

    def of_subjects(chosen: IntArray, axis: int = -1) -> DoubleArray:
        return statistic(np.moveaxis(matrices[:, chosen].sum(axis=axis - 2), 0, -3))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of limits that do not exist: they are NaN, and looked at
        found = bootstrap(
            (np.arange(matrices.shape[1]),),
            of_subjects,
            n_resamples=0,
            batch=_JACKKNIFE,
            vectorized=True,
            confidence_level=level,
            method="BCa",
            bootstrap_result=SimpleNamespace(bootstrap_distribution=kept),
        )
    low, high = found.confidence_interval
    return float(low), float(high)


def caveats(score: Mapping[str, Any]) -> list[str]:
    """What has to be known of a score's intervals before they are believed, a sentence or two each.

    ``score`` is `fleeting.scoring.scores.Scores` as a dictionary; of one that does not say its number of
    people, nothing is said. Where every clip is right, all draws are alike and the interval is none. What can
    be said then is how many people may have a clip that is wrong: the exact binomial bound, about 3 / people.
    """
    rows = {name or "all": each for name, each in (("", score), *score["parts"].items())}
    rows = {name: each for name, each in rows.items() if each.get("people") and each["ci95"]["uf1"]}
    perfect = {name: each["people"] for name, each in rows.items() if each["accuracy"] == 1}
    rest = {name: each for name, each in rows.items() if name not in perfect}
    found = [
        f"{name}: every clip of {people} people is right, so that the interval has no width. That is no"
        f" certainty: with 95 % confidence up to {1 - (1 - _LEVEL) ** (1 / people):.0%} of such people have a"
        " clip that would be wrong."
        for name, people in perfect.items()
    ]
    if few := [f"{name} {each['people']}" for name, each in rest.items() if each["people"] < _FEW]:
        found.append(
            f"Intervals over fewer than {_FEW} people ({', '.join(few)}) are rough, and rather too narrow."
        )
    if plain := [name for name, each in rest.items() if "percentile" in each["ci95_method"].values()]:
        found.append(
            f"Intervals of {', '.join(plain)} are plain percentiles: the correction for bias and skewness"
            " (BCa) does not exist where one person holds all clips of a class, or all draws are on one side."
        )
    return found
