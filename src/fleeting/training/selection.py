"""Choosing an epoch or settings without the test side, by splitting the people of the training side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold

from fleeting.errors import FoldError
from fleeting.types import IntArray


def validation_mask(
    subjects: Sequence[str], labels: IntArray, share: float, seed: int
) -> npt.NDArray[np.bool_]:
    """Choose validation subjects, and mark their samples: (n,) bool.

    Subjects are drawn at random until they hold ``share`` of the samples. A subject stays in training if
    some class would otherwise have no training sample. Raises FoldError on fewer than two subjects, or where
    no subject can leave training.
    """
    names = np.array(subjects)
    people = sorted(set(subjects))
    if len(people) < 2:
        raise FoldError(
            f"one training subject ({people[0]}) cannot be split for validation; use selection=fixed"
        )
    order = np.random.default_rng(seed).permutation(people)
    held = np.zeros(len(names), dtype=bool)
    for person in order:
        if held.sum() >= share * len(names):
            break
        without = held | (names == person)
        if set(labels[~without]) == set(labels):
            held = without
    if not held.any():
        raise FoldError("every training subject is the only one with some class; use selection=fixed")
    return held


def inner_folds(subjects: Sequence[str], folds: int, seed: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Split a training side by people: pairs of row indices to learn from and row indices held out.

    Every person is held out exactly once. Raises FoldError on fewer people than folds.
    """
    people = len(set(subjects))
    if people < folds:
        raise FoldError(f"{people} training subjects cannot make {folds} inner folds; lower choose.folds")
    yield from GroupKFold(folds, shuffle=True, random_state=seed).split(subjects, groups=subjects)


@dataclass(frozen=True)
class Chosen:
    """The candidate chosen on a training side, counted from 0, and each candidate's UF1 over inner folds."""

    candidate: int
    uf1: tuple[float, ...]


class BestEpoch:
    """Follows a validation loss: it knows the best epoch, and when ``patience`` is exhausted."""

    def __init__(self, patience: int) -> None:
        self.patience, self.epoch, self.loss, self._seen = patience, 0, float("inf"), 0

    def improves(self, epoch: int, loss: float) -> bool:
        """Record an epoch's loss, and say whether it is the lowest so far."""
        self._seen = epoch
        if loss < self.loss:
            self.epoch, self.loss = epoch, loss
            return True
        return False

    @property
    def exhausted(self) -> bool:
        """Whether the last ``patience`` epochs brought no lower loss."""
        return self._seen - self.epoch >= self.patience
