"""K-fold over subjects: plain, and stratified (classes in proportion as far as whole subjects allow)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from fleeting.protocols import protocols
from fleeting.protocols._split import folds_of, require_groups
from fleeting.types import Fold, Sample


@protocols.register("kfold")
def kfold_by_subject(samples: Sequence[Sample], *, folds: int = 5, seed: int = 0) -> Iterator[Fold]:
    """Cut the subjects into ``folds`` parts and test on each.

    Raises FoldError on fewer subjects than folds.
    """
    groups = [sample.subject for sample in samples]
    require_groups(groups, folds, "subjects")
    splitter = GroupKFold(folds, shuffle=True, random_state=seed)
    yield from folds_of(samples, splitter.split(groups, groups=groups))


@protocols.register("stratified-kfold")
def stratified_kfold_by_subject(
    samples: Sequence[Sample], *, folds: int = 5, seed: int = 0
) -> Iterator[Fold]:
    """K-fold over subjects that keeps each class's share alike.

    Raises FoldError on fewer subjects than folds, or fewer samples of the rarest class than folds.
    """
    groups = [sample.subject for sample in samples]
    labels = [sample.label for sample in samples]
    require_groups(groups, folds, "subjects")
    smallest = min(labels.count(label) for label in set(labels))
    require_groups(range(smallest), folds, "samples of the rarest class")
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    yield from folds_of(samples, splitter.split(groups, labels, groups))
