"""Choosing an epoch, or settings, without a look at the test side: the training side's people are split."""

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
    """Which training samples belong to validation subjects: (n,) bool, whole subjects only.

    Subjects are drawn at random until they hold ``share`` of the samples; a subject whose leaving would rob
    training of a class stays. Raises FoldError where fewer than two subjects are left to choose from.
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
    """Rows (n,) of a training side to learn from and rows held out, whole people, each held out once.

    Raises FoldError on fewer people than folds.
    """
    people = len(set(subjects))
    if people < folds:
        raise FoldError(f"{people} training subjects cannot make {folds} inner folds; lower choose.folds")
    yield from GroupKFold(folds, shuffle=True, random_state=seed).split(subjects, groups=subjects)


@dataclass(frozen=True)
class Chosen:
    """Which candidate a training side chose, counted from 0, and the UF1 of each over its inner folds."""

    candidate: int
    uf1: tuple[float, ...]


class BestEpoch:
    """Follows a validation loss: which epoch was best, and whether waiting for a better one is over."""

    def __init__(self, patience: int) -> None:
        self.patience, self.epoch, self.loss, self._seen = patience, 0, float("inf"), 0

    def improves(self, epoch: int, loss: float) -> bool:
        """Take in an epoch's loss; whether it is the best so far."""
        self._seen = epoch
        if loss < self.loss:
            self.epoch, self.loss = epoch, loss
            return True
        return False

    @property
    def exhausted(self) -> bool:
        """Whether ``patience`` epochs have gone by without a better one."""
        return self._seen - self.epoch >= self.patience
