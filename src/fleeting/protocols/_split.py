"""Turning scikit-learn's index splits into folds, for the protocols that use one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fleeting.errors import FoldError
from fleeting.types import Fold, IntArray, Sample


def require_groups(names: Iterable[object], folds: int, what: str) -> None:
    """Raise FoldError where there are fewer distinct ``names`` than ``folds``, or fewer than two folds."""
    found = len(set(names))
    if folds < 2 or found < folds:
        raise FoldError(f"{found} {what} cannot make {folds} folds; set protocol.folds between 2 and {found}")


def require_share(share: float) -> None:
    """Raise FoldError where a test share leaves the training side or the test side empty."""
    if not 0 < share < 1:
        raise FoldError(
            f"a test share of {share} leaves one side empty; set protocol.test_share between 0 and 1"
        )


def folds_of(
    samples: Sequence[Sample], splits: Iterable[tuple[IntArray, IntArray]], subjects_shared: bool = False
) -> Iterator[Fold]:
    """Folds named fold-1, fold-2 and so on, from pairs of training and test indices."""
    for number, (train, test) in enumerate(splits, start=1):
        yield Fold(
            name=f"fold-{number}",
            train=tuple(samples[i] for i in train),
            test=tuple(samples[i] for i in test),
            subjects_shared=subjects_shared,
        )
