"""Tests whether two systems differ by more than chance on the same samples.

Clips of one subject resemble each other, so every test but McNemar's takes the subject as its unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, t

from fleeting.scoring.metrics import (
    COMPARED,
    RESAMPLED,
    interval,
    measures,
    over_seeds,
    require_same_samples,
    resample,
    subject_matrices,
)
from fleeting.scoring.scores import Limits
from fleeting.types import IntArray, Prediction


@dataclass(frozen=True)
class Comparison:
    """Two systems on the same samples; every difference is the second minus the first.

    Over several ``seeds`` (of the first, of the second) every number is a mean over them. ``t`` and ``t_p``
    are None where every subject's accuracy differs by the same amount, or with one subject; ``notes`` holds a
    sentence for each other test that is None, with the reason.
    """

    n: int
    subjects: int
    first: Mapping[str, float | None]
    second: Mapping[str, float | None]
    difference: Mapping[str, float]
    ci95: Mapping[str, Limits | None]
    undefined_draws: int
    t: float | None
    t_p: float | None
    permutation_p: float | None
    only_first_right: int | None
    only_second_right: int | None
    mcnemar_p: float | None
    seeds: tuple[int, int] = (1, 1)
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The comparison as a value for JSON."""
        limits = {name: list(found) if found else None for name, found in self.ci95.items()}
        return {**asdict(self), "ci95": limits, "seeds": list(self.seeds), "notes": list(self.notes)}


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

    The tests: a paired t-test on the subjects' accuracies; a permutation test on UF1; McNemar's test on
    single clips; and percentile intervals of the UF1 and UAR differences, by a bootstrap over subjects. Over
    several seeds, accuracies, UF1 and UAR are means over a system's seeds, a draw takes the same subjects
    from all seeds, and a permutation exchanges all predictions of a subject. The permutation test needs
    equally many seeds on both sides, McNemar's test one seed each. Raises ScoreError where ids, truths or
    subjects differ, and where one of the two systems cannot be scored.
    """
    runs, split = [*first, *second], len(first)
    for run in runs:
        require_same_samples(runs[0], run)
    scores = [over_seeds(side, classes, draws=0) for side in (first, second)]
    matrices = np.stack([subject_matrices(run, len(classes))[1] for run in runs])
    drawn = measures(resample(matrices, draws if matrices.shape[1] > 1 else 0, seed))
    gaps = {name: _gap(found, split) for name, found in measures(matrices.sum(axis=1)).items()}
    right = measures(matrices)["accuracy"]
    t_statistic, t_p = paired_t(right[:split].mean(axis=0), right[split:].mean(axis=0))
    permutation_p = mcnemar_p = only_first = only_second = None
    if len(second) == split:
        sides = matrices.reshape(2, split, *matrices.shape[1:])
        permutation_p = permutation_test(sides, permutations=permutations, seed=seed)
    if len(runs) == 2:
        only_first, only_second = _only_right(*runs)
        mcnemar_p = mcnemar(only_first, only_second)
    return Comparison(
        n=len(runs[0]),
        subjects=matrices.shape[1],
        first={name: getattr(scores[0], name) for name in COMPARED},
        second={name: getattr(scores[1], name) for name in COMPARED},
        difference={name: float(gaps[name]) for name in COMPARED},
        ci95={name: interval(_gap(drawn[name], split)) for name in RESAMPLED},
        undefined_draws=int(np.isnan(drawn["uf1"][:, 0]).sum()),
        t=t_statistic,
        t_p=t_p,
        permutation_p=permutation_p,
        only_first_right=only_first,
        only_second_right=only_second,
        mcnemar_p=mcnemar_p,
        seeds=(split, len(second)),
        notes=_left_out(split, len(second)),
    )


def paired_t(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]
) -> tuple[float | None, float | None]:
    """Student's t of paired values, second minus first, and its two-sided p; both None without spread."""
    gaps = second - first
    if len(gaps) < 2 or np.ptp(gaps) < 1e-12:
        return None, None
    statistic = float(gaps.mean() / (gaps.std(ddof=1) / np.sqrt(len(gaps))))
    return statistic, float(2 * t.sf(abs(statistic), len(gaps) - 1))


def permutation_test(matrices: IntArray, *, permutations: int = 10_000, seed: int = 0) -> float:
    """Two-sided p of the UF1 difference, under random exchange of the two systems' predictions of a subject.

    ``matrices`` is (2, seeds, subjects, classes, classes), or without seeds; UF1 is the mean over seeds. A
    permutation exchanges all predictions of a subject at once, each seed of one system with the seed of the
    same place of the other. p = (1 + permutations with a difference at least as large) / (1 + permutations),
    never 0.
    """
    given = matrices if matrices.ndim == 5 else matrices[:, None]
    total = given.sum(axis=(0, 2))
    swapped = np.random.default_rng(seed).integers(0, 2, size=(permutations, given.shape[2]))
    first = given[0].sum(axis=1) + np.tensordot(swapped, given[1] - given[0], axes=(1, 1))
    gaps = np.abs((measures(first)["uf1"] - measures(total - first)["uf1"]).mean(axis=1))
    observed = abs(np.subtract(*measures(given.sum(axis=2))["uf1"]).mean())
    return float((1 + np.sum(gaps >= observed - 1e-12)) / (1 + permutations))


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


def _left_out(first: int, second: int) -> tuple[str, ...]:
    """A sentence for each test that cannot be made with these numbers of seeds, with the reason."""
    notes = []
    if first != second:
        notes.append(
            f"{first} and {second} seeds: no permutation test, which exchanges what as many seeds of each say"
            " of a subject"
        )
    if max(first, second) > 1:
        notes.append("several seeds: no McNemar test, which counts what one seed says of a clip")
    return tuple(notes)


def _only_right(first: Sequence[Prediction], second: Sequence[Prediction]) -> tuple[int, int]:
    right = {p.id: p.predicted == p.truth for p in first}
    pairs = [(right[p.id], p.predicted == p.truth) for p in second]
    return sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
