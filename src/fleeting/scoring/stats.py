"""Tests whether two systems differ by more than chance on the same samples.

Clips of one subject resemble each other, so every test but McNemar's takes the subject as its unit. UF1 and
UAR are counted over all subjects together, so that a single subject has none: their t-test is made on the
subjects' jackknife pseudo-values (`pseudo_values`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, ttest_rel

from fleeting.scoring.bootstrap import Interval, interval, resample
from fleeting.scoring.metrics import (
    COMPARED,
    RESAMPLED,
    measures,
    over_seeds,
    require_same_samples,
    subject_matrices,
)
from fleeting.scoring.scores import Limits
from fleeting.types import IntArray, Prediction


@dataclass(frozen=True)
class PairedTests:
    """The paired tests of one score over subjects: Student's t with its p, and the permutation p.

    All two-sided and not corrected. ``t`` and ``t_p`` are None where every subject differs by the same
    amount, with one subject, and where leaving a subject out leaves a class without a sample.
    """

    t: float | None
    t_p: float | None
    permutation_p: float | None


@dataclass(frozen=True)
class Comparison:
    """Two systems on the same samples; every difference is the second minus the first.

    Over several ``seeds`` (of the first, of the second) every number is a mean over them. ``tests`` holds
    those of each score; ``t`` and ``t_p`` are those of the accuracy, ``permutation_p`` that of UF1. ``notes``
    holds a sentence for each test that could not be made, with the reason, and for plain intervals.
    """

    n: int
    subjects: int
    first: Mapping[str, float | None]
    second: Mapping[str, float | None]
    difference: Mapping[str, float]
    ci95: Mapping[str, Limits | None]
    undefined_draws: int
    tests: Mapping[str, PairedTests]
    only_first_right: int | None
    only_second_right: int | None
    mcnemar_p: float | None
    seeds: tuple[int, int] = (1, 1)
    notes: tuple[str, ...] = ()

    @property
    def t(self) -> float | None:
        """Student's t of the subjects' accuracies."""
        return self.tests["accuracy"].t

    @property
    def t_p(self) -> float | None:
        """The p of Student's t of the subjects' accuracies."""
        return self.tests["accuracy"].t_p

    @property
    def permutation_p(self) -> float | None:
        """The permutation p of UF1."""
        return self.tests["uf1"].permutation_p

    def as_dict(self) -> dict[str, Any]:
        """The comparison as a value for JSON."""
        limits = {name: list(found) if found else None for name, found in self.ci95.items()}
        return {
            **asdict(self),
            **{name: getattr(self, name) for name in ("t", "t_p", "permutation_p")},
            "ci95": limits,
            "seeds": list(self.seeds),
            "notes": list(self.notes),
        }


def compare(
    first: Sequence[Sequence[Prediction]],
    second: Sequence[Sequence[Prediction]],
    classes: Sequence[str],
    *,
    draws: int = 2000,
    permutations: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Compare two systems' predictions of the same samples, of one seed or several each, joined by id.

    UF1, UAR and accuracy are each tested over subjects in two ways: a paired t-test (of the subjects'
    accuracies; of UF1 and UAR on `pseudo_values`), and a permutation test. Besides: McNemar's test on single
    clips, and intervals of the UF1 and UAR differences, by a bootstrap over subjects. Over several
    seeds, all scores are means over a system's seeds, a draw takes the same subjects from all seeds, and a
    permutation exchanges all predictions of a subject. The permutation test needs equally many seeds on both
    sides, McNemar's test one seed each. Raises ScoreError where ids, truths or subjects differ, and where one
    of the two systems cannot be scored.
    """
    runs, split = [*first, *second], len(first)
    for run in runs:
        require_same_samples(runs[0], run)
    scores = [over_seeds(side, classes, draws=0) for side in (first, second)]
    matrices = np.stack([subject_matrices(run, len(classes))[1] for run in runs])
    drawn = resample(matrices, draws if matrices.shape[1] > 1 else 0, seed)
    limits = {name: interval(matrices, drawn, partial(_difference, name, split)) for name in RESAMPLED}
    gaps = {name: _gap(found, split) for name, found in measures(matrices.sum(axis=1)).items()}
    mcnemar_p = only_first = only_second = None
    if len(runs) == 2:
        only_first, only_second = _only_right(*runs)
        mcnemar_p = mcnemar(only_first, only_second)
    tests = _tests(matrices, split, permutations, seed)
    return Comparison(
        n=len(runs[0]),
        subjects=matrices.shape[1],
        first={name: getattr(scores[0], name) for name in COMPARED},
        second={name: getattr(scores[1], name) for name in COMPARED},
        difference={name: float(gaps[name]) for name in COMPARED},
        ci95={name: found.limits for name, found in limits.items()},
        undefined_draws=int(np.isnan(measures(drawn)["uf1"][:, 0]).sum()),
        tests=tests,
        only_first_right=only_first,
        only_second_right=only_second,
        mcnemar_p=mcnemar_p,
        seeds=(split, len(second)),
        notes=(*_left_out(split, len(second), matrices), *_plain(limits)),
    )


def _tests(matrices: IntArray, split: int, permutations: int, seed: int) -> dict[str, PairedTests]:
    """The tests of each score; the first ``split`` of ``matrices`` are the first system's seeds."""
    paired = {**pseudo_values(matrices), "accuracy": measures(matrices)["accuracy"]}  # (systems, subjects)
    swapped: dict[str, float] = {}
    if 2 * split == len(matrices):
        sides = matrices.reshape(2, split, *matrices.shape[1:])
        swapped = permutation_test(sides, permutations=permutations, seed=seed)
    return {
        name: PairedTests(
            *paired_t(paired[name][:split].mean(axis=0), paired[name][split:].mean(axis=0)), swapped.get(name)
        )
        for name in COMPARED
    }


def pseudo_values(matrices: IntArray) -> dict[str, npt.NDArray[np.float64]]:
    """Each subject's jackknife pseudo-value of UF1 and of UAR: (systems, subjects).

    ``matrices`` is (systems, subjects, classes, classes). With the score S of all n subjects and the score
    S_i without subject i, it is n S - (n - 1) S_i (Tukey 1958): what the subject adds to the pooled score, on
    the score's own scale. Where every subject has one clip of each class, its pseudo-value of UAR is its own
    recall. NaN where the other subjects have no sample of a class.
    """
    total, n = matrices.sum(axis=1, keepdims=True), matrices.shape[1]
    whole, without = measures(total), measures(total - matrices)
    return {name: n * whole[name] - (n - 1) * without[name] for name in RESAMPLED}


def paired_t(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]
) -> tuple[float | None, float | None]:
    """Student's t of paired values, second minus first, and its two-sided p.

    Both are None without spread, and where a value is NaN.
    """
    gaps = second - first
    if len(gaps) < 2 or not np.ptp(gaps) >= 1e-12:
        return None, None
    found = ttest_rel(second, first)
    return float(found.statistic), float(found.pvalue)


def permutation_test(matrices: IntArray, *, permutations: int = 10_000, seed: int = 0) -> dict[str, float]:
    """Two-sided p of each score's difference, under random exchange of two systems' predictions of a subject.

    ``matrices`` is (2, seeds, subjects, classes, classes), or without seeds; a score is the mean over seeds.
    A permutation exchanges all predictions of a subject at once, each seed of one system with the seed of the
    same place of the other. p = (1 + permutations with a difference at least as large) / (1 + permutations),
    never 0.
    """
    given = matrices if matrices.ndim == 5 else matrices[:, None]
    total = given.sum(axis=(0, 2))
    swapped = np.random.default_rng(seed).integers(0, 2, size=(permutations, given.shape[2]))
    first = given[0].sum(axis=1) + np.tensordot(swapped, given[1] - given[0], axes=(1, 1))
    one, other, pooled = measures(first), measures(total - first), measures(given.sum(axis=2))
    found = {}
    for name in COMPARED:
        gaps = np.abs((one[name] - other[name]).mean(axis=1))
        observed = abs(np.subtract(*pooled[name]).mean())
        found[name] = float((1 + np.sum(gaps >= observed - 1e-12)) / (1 + permutations))
    return found


def holm(p: Sequence[float | None]) -> list[float | None]:
    """The p of several tests, corrected for their number (Holm 1979); those that are None stay out of it.

    The smallest of m is multiplied by m, the next by m - 1, and so on; none becomes smaller than the one
    before it, nor larger than 1. Rejecting those up to a level keeps the chance of any false alarm below it.
    """
    made = [value for value in p if value is not None]
    order = np.argsort(made, kind="stable")
    scaled = np.array(made)[order] * np.arange(len(made), 0, -1)
    corrected = np.empty(len(made))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    values = iter(corrected.tolist())
    return [None if value is None else next(values) for value in p]


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p of McNemar's test, from how many clips only the first and only the second got right.

    The test takes clips as independent. Clips of one subject are not, so its p is too small: believe the
    permutation test where the two disagree.
    """
    differing = only_first + only_second
    return float(binomtest(only_first, differing, 0.5).pvalue) if differing else 1.0


def _gap(values: npt.NDArray[np.float64], split: int) -> npt.NDArray[np.float64]:
    """The second system's mean over its seeds minus the first's; seeds lie along the last axis."""
    gap: npt.NDArray[np.float64] = values[..., split:].mean(axis=-1) - values[..., :split].mean(axis=-1)
    return gap


def _difference(name: str, split: int, pooled: IntArray) -> npt.NDArray[np.float64]:
    """The gap in one measure: (...) from matrices (..., systems, classes, classes)."""
    return _gap(measures(pooled)[name], split)


def _left_out(first: int, second: int, matrices: IntArray) -> tuple[str, ...]:
    """A sentence for each test that cannot be made with these seeds and subjects, with the reason."""
    notes = []
    if first != second:
        notes.append(
            f"{first} and {second} seeds: no permutation test, which exchanges what as many seeds of each say"
            " of a subject"
        )
    if max(first, second) > 1:
        notes.append("several seeds: no McNemar test, which counts what one seed says of a clip")
    support = matrices[0].sum(axis=-1)  # (subjects, classes)
    if lone := int((support == support.sum(axis=0)).any(axis=1).sum()):
        notes.append(
            f"{lone} of {len(support)} subjects hold all samples of a class: no t-test of UF1 and UAR, which"
            " leaves each subject out in turn"
        )
    return tuple(notes)


def _plain(limits: Mapping[str, Interval]) -> tuple[str, ...]:
    """A sentence that names the scores whose difference has no BCa interval."""
    plain = [name.upper() for name, found in limits.items() if found.method == "percentile"]
    said = (
        f"the interval of the difference in {' and '.join(plain)} is of percentiles: BCa does not exist there"
    )
    return (said,) if plain else ()


def _only_right(first: Sequence[Prediction], second: Sequence[Prediction]) -> tuple[int, int]:
    right = {p.id: p.predicted == p.truth for p in first}
    pairs = [(right[p.id], p.predicted == p.truth) for p in second]
    return sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
