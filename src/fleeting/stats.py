"""Whether a difference is one: two systems on the same samples, and what guessing would have scored.

Clips of one subject resemble each other, so everything but McNemar's test takes the subject as its unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, binomtest, t

from fleeting.errors import OptionError, ScoreError
from fleeting.megclog import code_labels, read, read_lines, refuse, table
from fleeting.metrics import (
    RESAMPLED,
    Interval,
    Scores,
    confusion,
    interval,
    measures,
    require_classes,
    require_same_samples,
    resample,
    score,
    subject_matrices,
)
from fleeting.types import IntArray, Prediction

COMPARED = (*RESAMPLED, "accuracy")


@dataclass(frozen=True)
class Comparison:
    """Two systems on the same samples; every difference is the second minus the first.

    ``t`` and ``t_p`` are None where every subject's accuracy differs by the same amount, or with one subject.
    """

    n: int
    subjects: int
    first: Mapping[str, float | None]
    second: Mapping[str, float | None]
    difference: Mapping[str, float]
    ci95: Mapping[str, Interval | None]
    undefined_draws: int
    t: float | None
    t_p: float | None
    permutation_p: float
    only_first_right: int
    only_second_right: int
    mcnemar_p: float

    def as_dict(self) -> dict[str, Any]:
        """The comparison as JSON knows it."""
        limits = {name: list(found) if found else None for name, found in self.ci95.items()}
        return {**asdict(self), "ci95": limits}


class Labels(NamedTuple):
    """Who shows what: a subject and a class index for each sample, and the classes' names."""

    subjects: list[str]
    labels: list[int]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class NullScore:
    """What guessing scores: means over the repeats, and the range of the middle 95 % of them."""

    n: int
    epochs: int
    repeats: int
    uf1: float
    uar: float
    accuracy: float
    range95: Mapping[str, Interval]

    def as_dict(self) -> dict[str, Any]:
        """The null score as JSON knows it."""
        return {**asdict(self), "range95": {name: list(found) for name, found in self.range95.items()}}


def compare(
    first: Sequence[Prediction],
    second: Sequence[Prediction],
    classes: Sequence[str],
    *,
    draws: int = 2000,
    permutations: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Two systems' predictions of the same samples, joined by id.

    The tests: a t-test on the subjects' accuracies, paired; a permutation test on UF1; McNemar's on single
    clips; and percentile intervals of the UF1 and UAR differences, by a bootstrap over subjects. Raises
    ScoreError where ids, truths or subjects differ, or one of the two cannot be scored.
    """
    require_same_samples(first, second)
    scores = [score(side, classes, draws=0) for side in (first, second)]
    matrices = np.stack([subject_matrices(side, len(classes))[1] for side in (first, second)])
    drawn = measures(resample(matrices, draws if matrices.shape[1] > 1 else 0, seed))
    found = measures(matrices.sum(axis=1))
    t_statistic, t_p = paired_t(*measures(matrices)["accuracy"])
    only_first, only_second = _only_right(first, second)
    return Comparison(
        n=len(first),
        subjects=matrices.shape[1],
        first={name: getattr(scores[0], name) for name in COMPARED},
        second={name: getattr(scores[1], name) for name in COMPARED},
        difference={name: float(found[name][1] - found[name][0]) for name in COMPARED},
        ci95={name: interval(drawn[name][:, 1] - drawn[name][:, 0]) for name in RESAMPLED},
        undefined_draws=int(np.isnan(drawn["uf1"][:, 0]).sum()),
        t=t_statistic,
        t_p=t_p,
        permutation_p=permutation_test(matrices, permutations=permutations, seed=seed),
        only_first_right=only_first,
        only_second_right=only_second,
        mcnemar_p=mcnemar(only_first, only_second),
    )


def paired_t(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]
) -> tuple[float | None, float | None]:
    """Student's t of paired values, second minus first, and its two-sided p; None twice without spread."""
    gaps = second - first
    if len(gaps) < 2 or np.ptp(gaps) < 1e-12:
        return None, None
    statistic = float(gaps.mean() / (gaps.std(ddof=1) / np.sqrt(len(gaps))))
    return statistic, float(2 * t.sf(abs(statistic), len(gaps) - 1))


def permutation_test(matrices: IntArray, *, permutations: int = 10_000, seed: int = 0) -> float:
    """Two-sided p of the UF1 difference, were it a coin's choice for each subject which system said what.

    ``matrices`` is (2, subjects, classes, classes); a permutation swaps all predictions of a subject at once.
    p = (1 + permutations at least as far apart) / (1 + permutations), never 0.
    """
    total = matrices.sum(axis=(0, 1))
    swapped = np.random.default_rng(seed).integers(0, 2, size=(permutations, matrices.shape[1]))
    first = matrices[0].sum(axis=0) + np.tensordot(swapped, matrices[1] - matrices[0], axes=(1, 0))
    gaps = np.abs(measures(first)["uf1"] - measures(total - first)["uf1"])
    observed = abs(np.subtract(*measures(matrices.sum(axis=1))["uf1"]))
    return float((1 + np.sum(gaps >= observed - 1e-12)) / (1 + permutations))


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p of McNemar's test, from how many clips only the first and only the second got right.

    It takes clips as independent. Those of one subject are not, so it is too sure of itself: believe the
    permutation test where the two disagree.
    """
    differing = only_first + only_second
    return float(binomtest(only_first, differing, 0.5).pvalue) if differing else 1.0


def null_oracle(
    truth: Sequence[int] | IntArray,
    subjects: Sequence[str],
    classes: Sequence[str],
    epochs: int,
    *,
    repeats: int = 200,
    seed: int = 0,
) -> NullScore:
    """What guessing scores when, for each test subject, the epoch that is best on this very subject is kept.

    Every epoch guesses each clip uniformly; the epoch with the most clips right is kept, the first of equals,
    and the kept predictions are pooled. With one epoch it is plain guessing. Epochs are not played out: the
    best of ``epochs`` has as many right as the largest of that many binomial draws, and because the choice
    looks at counts alone, every guess with that count is equally likely to be the kept one. So which epoch of
    equals is kept changes nothing. Raises ScoreError on a class without a sample, OptionError on no epoch.
    """
    labels, people = np.asarray(truth, dtype=np.int64), np.asarray(subjects)
    if epochs < 1 or repeats < 1:
        raise OptionError(f"{epochs} epochs, {repeats} repeats; expected at least one of each")
    if labels.shape != people.shape:
        raise ScoreError(f"{labels.size} labels of {people.size} subjects; expected a subject for each label")
    confusion(labels, labels, len(classes))
    require_classes(labels, classes)
    rng = np.random.default_rng(seed)
    pooled = sum(
        _best_guesses(labels[people == person], len(classes), epochs, repeats, rng)
        for person in np.unique(people)
    )
    found = measures(np.asarray(pooled))
    spread = {name: np.percentile(found[name], [2.5, 97.5]) for name in COMPARED}
    return NullScore(
        n=len(labels),
        epochs=epochs,
        repeats=repeats,
        **{name: float(found[name].mean()) for name in COMPARED},
        range95={name: (float(low), float(high)) for name, (low, high) in spread.items()},
    )


def null_score(labels: Path, epochs: int, *, repeats: int = 200, seed: int = 0) -> NullScore:
    """`null_oracle` of the table of labels at ``labels``, as `read_labels` reads it, with its errors."""
    subjects, truth, classes = read_labels(labels)
    return null_oracle(truth, subjects, classes, epochs, repeats=repeats, seed=seed)


def lift(scores: Scores, null: NullScore) -> dict[str, float | None]:
    """How far a score stands above what guessing reaches under the same rule: UF1, UAR and accuracy.

    Beside an oracle score belongs the null of as many epochs, beside a clean one that of a single epoch.
    """
    found = {name: (getattr(scores, name), getattr(null, name)) for name in COMPARED}
    return {name: None if value is None else value - guessed for name, (value, guessed) in found.items()}


def read_labels(path: Path) -> Labels:
    """Subjects and labels from a CSV with the columns subject and label, as `null_oracle` wants them.

    Also from a predictions.csv (its truths), and from MEGC's list of rows ``dataset,subject,clip,label``
    without a header. Where there is a dataset, it becomes part of the subject's name. Raises LogError.
    """
    lines = read_lines(path)
    rows = [[cell.strip() for cell in row] for row in table(path, lines)]
    header = [cell.lower() for cell in rows[0]]
    if header[:3] == ["id", "dataset", "subject"]:
        log = read(path)
        return Labels([p.subject for p in log.predictions], [p.truth for p in log.predictions], log.classes)
    if not {"subject", "label"} <= set(header):
        if len(header) != 4 or not header[3].isdigit():
            refuse(path, *lines[0], "the columns subject and label, or rows dataset,subject,clip,label")
        header, rows, lines = ["dataset", "subject", "clip", "label"], [[], *rows], [(0, ""), *lines]
    found = []
    for (line, text), row in zip(lines[1:], rows[1:], strict=True):
        cells = dict(zip(header, row, strict=False))
        if not (cells.get("subject") and cells.get("label")):
            refuse(path, line, text, f"a subject and a label in the columns {','.join(header)}")
        found.append(("/".join(filter(None, (cells.get("dataset"), cells["subject"]))), cells["label"]))
    labels, classes, _ = code_labels(path, [label for _, label in found])
    return Labels([subject for subject, _ in found], labels, classes)


def _best_guesses(
    truth: IntArray, classes: int, epochs: int, repeats: int, rng: np.random.Generator
) -> IntArray:
    """Confusion matrices of one subject's kept guesses, (repeats, classes, classes)."""
    clips = len(truth)
    at_most = binom.cdf(np.arange(clips + 1), clips, 1 / classes)
    right = np.searchsorted(at_most**epochs, rng.random(repeats))  # the largest of `epochs` binomial draws
    hit = rng.random((repeats, clips)).argsort(axis=1) < np.minimum(right, clips)[:, None]
    missed = (truth + rng.integers(1, max(classes, 2), size=(repeats, clips))) % classes
    cells = truth * classes + np.where(hit, truth, missed)
    cells += np.arange(repeats)[:, None] * classes**2
    return np.bincount(cells.ravel(), minlength=repeats * classes**2).reshape(repeats, classes, classes)


def _only_right(first: Sequence[Prediction], second: Sequence[Prediction]) -> tuple[int, int]:
    right = {p.id: p.predicted == p.truth for p in first}
    pairs = [(right[p.id], p.predicted == p.truth) for p in second]
    return sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
