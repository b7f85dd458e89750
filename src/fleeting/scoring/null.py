"""Computes what random guessing scores, also under the rule of the oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binom

from fleeting import megc_names
from fleeting.errors import OptionError, ScoreError
from fleeting.files import path_of
from fleeting.scoring.lines import cells_of, read_lines, refuse
from fleeting.scoring.megc_log import code_labels, read
from fleeting.scoring.metrics import COMPARED, confusion, measures, require_classes
from fleeting.scoring.scores import Limits, Scores
from fleeting.types import IntArray


class Labels(NamedTuple):
    """A subject and a class index for each sample, and the classes' names."""

    subjects: list[str]
    labels: list[int]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class NullScore:
    """The scores of guessing: means over the repeats, and the range of the middle 95 % of them."""

    n: int
    epochs: int
    repeats: int
    uf1: float
    uar: float
    accuracy: float
    range95: Mapping[str, Limits]

    def as_dict(self) -> dict[str, Any]:
        """The null score as a value for JSON."""
        return {**asdict(self), "range95": {name: list(found) for name, found in self.range95.items()}}


def null_oracle(
    truth: Sequence[int] | IntArray,
    subjects: Sequence[str],
    classes: Sequence[str],
    epochs: int,
    *,
    repeats: int = 200,
    seed: int = 0,
) -> NullScore:
    """Score random guessing where, for each test subject, the epoch that is best on this subject is kept.

    In every epoch each clip is guessed uniformly. The epoch with the most clips right is kept, the first of
    equals, and the kept predictions are pooled. With one epoch this is plain guessing. Epochs are not
    simulated: the number of right clips in the best of ``epochs`` is distributed as the largest of that many
    binomial draws, and because the choice looks at this number alone, every guess with that many right is
    equally likely to be kept. So it does not matter which of equal epochs is kept. Raises ScoreError on a
    class without a sample, OptionError on fewer than one epoch or repeat.
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


def null_score(labels: str | Path, epochs: int, *, repeats: int = 200, seed: int = 0) -> NullScore:
    """`null_oracle` of the table at ``labels``, which `read_labels` reads. Raises the errors of both.

    >>> guessing = fleeting.null_score("labels.csv", 30)
    >>> guessing.n, guessing.uf1 > 0.5
    (6, True)
    """
    subjects, truth, classes = read_labels(path_of(labels, "the table of labels"))
    return null_oracle(truth, subjects, classes, epochs, repeats=repeats, seed=seed)


def lift(scores: Scores, null: NullScore) -> dict[str, float | None]:
    """How far a score is above the score of guessing under the same rule: UF1, UAR and accuracy.

    An oracle score is to be compared with the null of as many epochs, a clean score with the null of one
    epoch.
    """
    found = {name: (getattr(scores, name), getattr(null, name)) for name in COMPARED}
    return {name: None if value is None else value - guessed for name, (value, guessed) in found.items()}


def read_labels(path: Path) -> Labels:
    """Read subjects and labels from a CSV with the columns subject and label, as `null_oracle` takes them.

    Three other files are read too: a predictions.csv (the truths of its first seed), MEGC's list of rows
    ``dataset,subject,clip,label`` without a header, and HTNet's list, whose column is sub. Where there is a
    dataset, it becomes part of the subject's name, in MEGC's spelling. Raises LogError on any other file.
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
