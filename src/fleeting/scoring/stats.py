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

from fleeting import megc_names
from fleeting.errors import OptionError, ScoreError
from fleeting.scoring.lines import cells_of, read_lines, refuse
from fleeting.scoring.megc_log import code_labels, read
from fleeting.scoring.metrics import (
    RESAMPLED,
    Interval,
    Scores,
    confusion,
    interval,
    measures,
    over_seeds,
    require_classes,
    require_same_samples,
    resample,
    subject_matrices,
)
from fleeting.types import IntArray, Prediction

COMPARED = (*RESAMPLED, "accuracy")


@dataclass(frozen=True)
class Comparison:
    """Two systems on the same samples; every difference is the second minus the first.

    Over several ``seeds`` (of the first, of the second) every number is a mean over them. ``t`` and ``t_p``
    are None where every subject's accuracy differs by the same amount, or with one subject; ``notes`` says, a
    sentence each, why another test is None.
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
    permutation_p: float | None
    only_first_right: int | None
    only_second_right: int | None
    mcnemar_p: float | None
    seeds: tuple[int, int] = (1, 1)
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The comparison as JSON knows it."""
        limits = {name: list(found) if found else None for name, found in self.ci95.items()}
        return {**asdict(self), "ci95": limits, "seeds": list(self.seeds), "notes": list(self.notes)}


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
    first: Sequence[Sequence[Prediction]],
    second: Sequence[Sequence[Prediction]],
    classes: Sequence[str],
    *,
    draws: int = 2000,
    permutations: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Two systems' predictions of the same samples, those of one seed or several for each, joined by id.

    The tests: a t-test on the subjects' accuracies, paired; a permutation test on UF1; McNemar's on single
    clips; and percentile intervals of the UF1 and UAR differences, by a bootstrap over subjects. Over several
    seeds accuracies, UF1 and UAR are means over a system's seeds, a draw takes the same subjects from all of
    them, and a permutation exchanges all that they say of a subject: that takes as many seeds on both sides,
    and McNemar's test takes one. Raises ScoreError where ids, truths or subjects differ, or one of the two
    cannot be scored.
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
    """Student's t of paired values, second minus first, and its two-sided p; None twice without spread."""
    gaps = second - first
    if len(gaps) < 2 or np.ptp(gaps) < 1e-12:
        return None, None
    statistic = float(gaps.mean() / (gaps.std(ddof=1) / np.sqrt(len(gaps))))
    return statistic, float(2 * t.sf(abs(statistic), len(gaps) - 1))


def permutation_test(matrices: IntArray, *, permutations: int = 10_000, seed: int = 0) -> float:
    """Two-sided p of the UF1 difference, were it a coin's choice for each subject which system said what.

    ``matrices`` is (2, seeds, subjects, classes, classes), or without seeds; UF1 is the mean over seeds. A
    permutation swaps all predictions of a subject at once, those of the first seed for those of the other's
    first, and so on. p = (1 + permutations at least as far apart) / (1 + permutations), never 0.
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

    Also from a predictions.csv (the truths of its first seed), from MEGC's list of rows
    ``dataset,subject,clip,label`` without a header, and from HTNet's, whose column is sub. Where there is
    a dataset, it becomes part of the subject's name, spelt as MEGC does. Raises LogError.
    """
    lines = read_lines(path)
    rows = [[cell.strip() for cell in row] for row in cells_of(path, lines)]
    header = [cell.lower() for cell in rows[0]]
    if "subject" not in header and "label" in header:
        header = ["subject" if cell == "sub" else cell for cell in header]
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
        found.append((_subject(cells.get("dataset", ""), cells["subject"]), cells["label"]))
    labels, classes, _ = code_labels(path, [label for _, label in found])
    return Labels([subject for subject, _ in found], labels, classes)


def _subject(dataset: str, person: str) -> str:
    database = megc_names.database(dataset)
    return "/".join(filter(None, (database, megc_names.person(database, person))))


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


def _gap(values: npt.NDArray[np.float64], split: int) -> npt.NDArray[np.float64]:
    """The second system's mean over its seeds minus the first's: the seeds lie along the last axis."""
    gap: npt.NDArray[np.float64] = values[..., split:].mean(axis=-1) - values[..., :split].mean(axis=-1)
    return gap


def _left_out(first: int, second: int) -> tuple[str, ...]:
    """Which tests cannot be made with so many seeds on each side, and why."""
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
