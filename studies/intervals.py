"""How often does each interval of UF1 and UAR hold the truth, over people whose scores are known?

People are fabricated: each has a number of clips, classes of which some are common, and an ability of their
own, so that clips of one person resemble each other. The truth is the score of very many such people. Each
trial takes some of them and asks of each interval whether it holds the truth:

- percentile: the middle 95 % of a bootstrap over people;
- expanded: percentiles at levels as far out as Student's t is over so few people (Hesterberg 2015);
- BCa: the same draws by SciPy, with Efron's corrections for bias and skewness (1987);
- ours: `fleeting.scoring.bootstrap`, which is BCa at the levels of "expanded", and "expanded" where BCa does
  not exist;
- t: Student's interval of the people's jackknife pseudo-values.

Prints a row for each number of people and level of ability: the share of trials whose interval holds the
truth, those that lie below and above it, the mean width, and how often the interval does not exist (the other
columns are then of the trials in which it does).
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from fleeting.scoring.bootstrap import interval, resample
from fleeting.scoring.metrics import RESAMPLED, measures
from fleeting.scoring.stats import pseudo_values

Array = npt.NDArray[Any]
SHARES = np.array([250, 109, 83]) / 442  # the classes of the MEGC2019 composite
CLIPS = 6.5  # of a person, in the mean: 442 clips of 68 people
SPREAD = 0.8  # deviation of people's abilities, in logits
METHODS = ("percentile", "expanded", "BCa", "ours", "t")


class Setting(NamedTuple):
    """How many people, and how often a person of middling ability is right."""

    people: int
    right: float


def fabricated(rng: np.random.Generator, people: int, right: float) -> Array:
    """Confusion counts of so many people: (people, classes, classes), rows the truth."""
    classes = len(SHARES)
    clips = 1 + rng.negative_binomial(1.5, 1.5 / (1.5 + CLIPS - 1), people)
    mixed = rng.dirichlet(4 * SHARES, people)
    support = np.stack([rng.multinomial(n, p) for n, p in zip(clips, mixed, strict=True)])
    ease = np.log(right / (1 - right)) + np.array([0.4, -0.4, 0.0])  # the common class is the easy one
    recall = 1 / (1 + np.exp(-(ease + SPREAD * rng.standard_normal((people, 1)))))
    chances = np.zeros((people, classes, classes))
    for true in range(classes):
        rest = np.where(np.arange(classes) == true, 0, SHARES)
        chances[:, true] = (1 - recall[:, [true]]) * rest / rest.sum()
        chances[:, true, true] = recall[:, true]
    return rng.multinomial(support, chances)


def limits(matrices: Array, name: str, draws: int, seed: int) -> dict[str, tuple[float, float]]:
    """Each method's interval of one score over people; NaN where it does not exist."""
    people = len(matrices)
    pooled = resample(matrices[None], draws, seed)
    drawn = measures(pooled)[name][:, 0]
    drawn = drawn[~np.isnan(drawn)]
    ours = interval(matrices[None], pooled, lambda counts: measures(counts)[name][..., 0])
    values = pseudo_values(matrices[None])[name][0]
    reach = stats.t.ppf(0.975, people - 1)
    half = reach * values.std(ddof=1) / np.sqrt(people)
    tail = float(stats.norm.cdf(-reach * np.sqrt(people / (people - 1))))
    return {
        "percentile": tuple(np.percentile(drawn, [2.5, 97.5])),
        "expanded": tuple(np.percentile(drawn, [100 * tail, 100 - 100 * tail])),
        "BCa": bca(matrices, name, drawn),
        "ours": ours.limits or (np.nan, np.nan),
        "t": (values.mean() - half, values.mean() + half),
    }


def bca(matrices: Array, name: str, drawn: Array) -> tuple[float, float]:
    """SciPy's BCa interval of the draws that are defined; its jackknife leaves out each person in turn."""

    def statistic(chosen: Array, axis: int = -1) -> Array:
        return measures(matrices[chosen].sum(axis=axis - 2))[name]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a degenerate distribution: the interval is then NaN, and counted
        found = stats.bootstrap(
            (np.arange(len(matrices)),),
            statistic,
            n_resamples=0,
            vectorized=True,
            method="BCa",
            bootstrap_result=SimpleNamespace(bootstrap_distribution=drawn),
        )
    return found.confidence_interval


def trials(
    setting: Setting, number: int, draws: int, seed: int
) -> Iterator[tuple[str, dict[str, Any], float]]:
    """The score, the intervals and the point estimate of each trial in which every class occurs."""
    rng = np.random.default_rng(seed)
    for trial in range(number):
        matrices = fabricated(rng, *setting)
        whole = measures(matrices.sum(axis=0))
        if np.isnan(whole["uf1"]):
            continue
        for name in RESAMPLED:
            yield name, limits(matrices, name, draws, trial), float(whole[name])


def report(setting: Setting, number: int, draws: int, seed: int) -> None:
    """Print a setting's rows."""
    truth = measures(fabricated(np.random.default_rng(seed + 1), 100_000, setting.right).sum(axis=0))
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    points: dict[str, list[float]] = {}
    for name, each, point in trials(setting, number, draws, seed):
        points.setdefault(name, []).append(point)
        for method, pair in each.items():
            found.setdefault((name, method), []).append(pair)
    for (name, method), pairs in sorted(found.items(), key=lambda at: (at[0][0], METHODS.index(at[0][1]))):
        low, high = np.array(pairs).T
        true = float(truth[name])
        there = ~np.isnan(low)
        below, above = (high < true)[there].mean(), (low > true)[there].mean()
        bias = np.mean(points[name]) - true
        print(
            f"{setting.people:6d} {setting.right:5.2f} {name:4s} {true:6.3f} {bias:+7.3f} {method:12s}"
            f" {1 - below - above:6.3f} {below:6.3f} {above:6.3f}"
            f" {(high - low)[there].mean():6.3f} {1 - there.mean():6.3f}",
            flush=True,
        )


def main() -> None:
    """Run every setting and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, nargs="+", default=[8, 16, 28, 68])
    parser.add_argument("--right", type=float, nargs="+", default=[0.4, 0.7, 0.95])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    print("people right      truth    bias  method        holds  below  above  width   none")
    for people in asked.people:
        for right in asked.right:
            report(Setting(people, right), asked.trials, asked.draws, asked.seed)


if __name__ == "__main__":
    main()
