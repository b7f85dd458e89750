"""Scores predictions: UF1, UAR and other measures, pooled over all folds.

Every measure that depends on counts is computed from confusion matrices (rows are the truth), so that the
same code serves one score, each part, each subject and thousands of bootstrap draws at once. A class without
a sample has no F1 and no recall: the whole score is then refused, and the scores of parts and subjects are
None (NaN in arrays).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from fleeting.errors import ScoreError, some
from fleeting.scoring.bootstrap import interval, resample
from fleeting.scoring.probabilities import DoubleArray, probability_errors
from fleeting.scoring.roc import area
from fleeting.scoring.scores import ClassScore, Scores, SubjectScore
from fleeting.types import IntArray, Prediction

RESAMPLED = ("uf1", "uar")  # the measures that get an interval over subjects
COMPARED = (*RESAMPLED, "accuracy")


def confusion(truth: npt.ArrayLike, predicted: npt.ArrayLike, classes: int) -> IntArray:
    """Count how often each true class was predicted as each class: (classes, classes), rows the truth.

    Raises ScoreError where the two differ in length or hold anything but class indices.
    """
    rows, columns = np.asarray(truth), np.asarray(predicted)
    if rows.shape != columns.shape or rows.ndim != 1:
        raise ScoreError(f"{rows.size} truths, {columns.size} predictions; expected one of each per sample")
    for name, labels in (("truth", rows), ("prediction", columns)):
        wrong = labels[~np.isin(labels, np.arange(classes))]
        if wrong.size:
            raise ScoreError(f"a {name} is {wrong[0]}; expected class indices 0 to {classes - 1}")
    cells = rows.astype(np.int64) * classes + columns.astype(np.int64)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def class_measures(matrices: npt.NDArray[Any]) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """Precision, recall and F1 of each class: (..., classes) from confusion matrices (..., classes, classes).

    With TP, FP and FN counted over all samples that a matrix pools: TP/(TP+FP), TP/(TP+FN), 2TP/(2TP+FP+FN).
    NaN for a class without a sample; a class that was never predicted has precision 0.
    """
    hits = np.diagonal(matrices, axis1=-2, axis2=-1)
    support, called = matrices.sum(axis=-1), matrices.sum(axis=-2)
    precision = np.where(support > 0, _ratio(hits, np.maximum(called, 1)), np.nan)
    return precision, _ratio(hits, support), np.where(support > 0, _ratio(2 * hits, support + called), np.nan)


def measures(matrices: npt.NDArray[Any]) -> dict[str, DoubleArray]:
    """Every measure that depends on counts alone: (...) from confusion matrices (..., classes, classes).

    UF1 and UAR are the plain means of the classes' F1 and recall (MEGC 2019), so recall equals UAR; mse and
    mae take class indices as numbers. NaN where a class that a plain mean is taken over has no sample. The
    ``weighted_`` ones weigh each class by its number of samples, so weighted recall equals accuracy.
    """
    precision, recall, f1 = class_measures(matrices)
    index = np.arange(matrices.shape[-1])
    gap = np.abs(index[:, None] - index)
    support, n = matrices.sum(axis=-1), matrices.sum(axis=(-2, -1))
    averaged = {"precision": precision, "recall": recall, "f1": f1}
    return {
        "uf1": f1.mean(axis=-1),
        "uar": recall.mean(axis=-1),
        "accuracy": _ratio(np.trace(matrices, axis1=-2, axis2=-1), n),
        "precision": precision.mean(axis=-1),
        "recall": recall.mean(axis=-1),
        "mse": _ratio((matrices * gap**2).sum(axis=(-2, -1)), n),
        "mae": _ratio((matrices * gap).sum(axis=(-2, -1)), n),
        **{f"weighted_{k}": _ratio(np.nansum(support * x, axis=-1), n) for k, x in averaged.items()},
    }


def unweighted_f1(truth: npt.ArrayLike, predicted: npt.ArrayLike, classes: int) -> float:
    """UF1 of MEGC 2019: the mean of the classes' F1, each counted over all folds together.

    Raises ScoreError if a class never occurs in ``truth``: a mean over the remaining classes would not be
    comparable.
    """
    require_classes(np.asarray(truth), [str(i) for i in range(classes)])
    return float(measures(confusion(truth, predicted, classes))["uf1"])


def unweighted_recall(truth: npt.ArrayLike, predicted: npt.ArrayLike, classes: int) -> float:
    """UAR of MEGC 2019: the mean of the classes' recall, each counted over all folds together.

    Raises ScoreError if a class never occurs in ``truth``.
    """
    require_classes(np.asarray(truth), [str(i) for i in range(classes)])
    return float(measures(confusion(truth, predicted, classes))["uar"])


def per_subject(runs: Sequence[Sequence[Prediction]], classes: Sequence[str]) -> list[SubjectScore]:
    """A row for each subject, sorted by name: the means over the seeds of ``runs``.

    Each seed is given as `score` takes it. Raises ScoreError where the seeds' samples differ, and where there
    is no seed.
    """
    _require_seeds(runs)
    subjects, _ = subject_matrices(runs[0], len(classes))
    matrices = np.stack([subject_matrices(run, len(classes))[1] for run in runs])
    found, n = measures(matrices), matrices[0].sum(axis=(1, 2))
    means = (found[name].mean(axis=0) for name in ("accuracy", "uf1", "uar"))
    rows = zip(subjects, n, *means, strict=True)
    return [
        SubjectScore(name, int(k), float(right), defined(f1), defined(ar)) for name, k, right, f1, ar in rows
    ]


def score(
    predictions: Sequence[Prediction], classes: Sequence[str], *, draws: int = 2000, seed: int = 0
) -> Scores:
    """Every score of one system's predictions over all folds, with intervals and the scores of each dataset.

    ``auc``, ``brier`` and ``probability_mae`` are None where every probability is 0 or 1, as in a log without
    probabilities. Raises ScoreError on a class without a sample, a sample predicted twice, predictions over
    other classes, and where there is no prediction.
    """
    return over_seeds([predictions], classes, draws=draws, seed=seed)


def over_seeds(
    runs: Sequence[Sequence[Prediction]], classes: Sequence[str], *, draws: int = 2000, seed: int = 0
) -> Scores:
    """The mean over several seeds' predictions of the same samples, with the deviation between seeds.

    A bootstrap draw takes the same subjects from every seed and averages their measures: the interval is
    about subjects, ``std`` (n - 1 in the denominator) about seeds. Raises ScoreError as `score` does, and
    where the seeds' samples differ.
    """
    _require_seeds(runs)
    for run in runs:
        _check(run, classes)
    require_classes(_truth(runs[0]), classes)
    whole, dataset = _scores(runs, classes, draws, seed), {p.id: p.dataset for p in runs[0]}
    names = sorted(set(dataset.values()))
    parts = {
        name: [[p for p in run if dataset[p.id] == name] for run in runs] for name in names[1:] and names
    }
    return replace(whole, parts={name: _scores(part, classes, draws, seed) for name, part in parts.items()})


def subject_matrices(predictions: Iterable[Prediction], classes: int) -> tuple[tuple[str, ...], IntArray]:
    """The subjects, sorted, and a confusion matrix for each: (subjects, classes, classes)."""
    pooled: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        pooled.setdefault(prediction.subject, []).append(prediction)
    names = tuple(sorted(pooled))
    found = [confusion(_truth(pooled[n]), [p.predicted for p in pooled[n]], classes) for n in names]
    return names, np.stack(found)


def defined(value: float | np.floating[Any]) -> float | None:
    """The number, or None for NaN."""
    return None if np.isnan(value) else float(value)


def require_same_samples(first: Sequence[Prediction], second: Sequence[Prediction]) -> None:
    """Raise ScoreError, naming some, unless both predict the same ids with the same truth and subject."""
    a, b = ({p.id: (p.subject, p.truth) for p in side} for side in (first, second))
    if lone := sorted(a.keys() ^ b.keys()):
        raise ScoreError(
            f"{some(lone, most=3)} predicted on one side only; compare runs over the same samples"
        )
    if unequal := sorted(name for name in a if a[name] != b[name]):
        raise ScoreError(
            f"{some(unequal, most=3)}: subject or truth differ; compare runs over the same labels"
        )


def require_classes(truth: npt.NDArray[Any], classes: Sequence[str]) -> None:
    """Raise ScoreError, naming them, if classes have no sample."""
    if missing := [name for i, name in enumerate(classes) if not np.any(truth == i)]:
        raise ScoreError(
            f"no sample of {some(missing)}, UF1 over {len(classes)} classes is undefined;"
            " score samples of every class, or fewer classes"
        )


def _scores(runs: Sequence[Sequence[Prediction]], classes: Sequence[str], draws: int, seed: int) -> Scores:
    matrices = np.stack([subject_matrices(run, len(classes))[1] for run in runs])  # (seeds, subjects, c, c)
    pooled = matrices.sum(axis=1)
    values = {**measures(pooled), "auc": np.array([area(run) for run in runs])}
    errors = [probability_errors(run) for run in runs]
    values |= {name: np.array([error[name] for error in errors]) for name in errors[0]}
    of_class = zip(
        classes, pooled[0].sum(axis=1), *(x.mean(axis=0) for x in class_measures(pooled)), strict=True
    )
    drawn = resample(matrices, draws if matrices.shape[1] > 1 else 0, seed)
    found = {name: interval(matrices, drawn, partial(_over_systems, name)) for name in RESAMPLED}
    means: dict[str, Any] = {name: defined(value.mean()) for name, value in values.items()}
    return Scores(
        n=len(runs[0]),
        classes=tuple(classes),
        confusion=tuple(tuple(int(cell) for cell in row) for row in pooled.sum(axis=0)),
        per_class=tuple(ClassScore(name, int(n), *map(defined, each)) for name, n, *each in of_class),
        **means,
        ci95={name: one.limits for name, one in found.items()},
        ci95_method={name: one.method for name, one in found.items()},
        undefined_draws=int(np.isnan(_over_systems("uf1", drawn)).sum()),
        people=matrices.shape[1],
        seeds=len(runs),
        std={name: defined(value.std(ddof=1)) for name, value in values.items()} if len(runs) > 1 else {},
    )


def _over_systems(name: str, pooled: IntArray) -> DoubleArray:
    """A measure's mean over systems (a system's seeds): (...) from matrices (..., systems, c, c)."""
    mean: DoubleArray = measures(pooled)[name].mean(axis=-1)
    return mean


def _require_seeds(runs: Sequence[Sequence[Prediction]]) -> None:
    if not runs:
        raise ScoreError("no predictions to score; expected those of at least one seed")
    for run in runs:
        require_same_samples(runs[0], run)


def _check(predictions: Sequence[Prediction], classes: Sequence[str]) -> None:
    if not predictions:
        raise ScoreError("no predictions to score; expected one for each test sample")
    seen: set[str] = set()
    for p in predictions:
        if p.id in seen:
            raise ScoreError(f"{p.id} is predicted twice; each sample counts once")
        seen.add(p.id)
        if len(p.probabilities) != len(classes):
            found = f"{p.id} has {len(p.probabilities)} probabilities for {len(classes)} classes"
            raise ScoreError(f"{found}; expected one for each; name the classes that it was predicted for")


def _truth(predictions: Sequence[Prediction]) -> IntArray:
    return np.array([p.truth for p in predictions], dtype=np.int64)


def _ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> DoubleArray:
    """The part divided by the whole, NaN where the whole is 0."""
    shape = np.broadcast_shapes(np.shape(part), np.shape(whole))
    result = np.full(shape, np.nan)
    np.divide(part, whole, out=result, where=np.asarray(whole) > 0)
    return result
