"""Protocols of papers that split frames or clips instead of people; their scores are never called clean.

They are run as printed. Frames of one clip (or clips of one person) are on both sides of these folds. The
score says how well a model recognises footage that is nearly what it was trained on, and is reported as
``shared``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

from sklearn.model_selection import KFold, StratifiedKFold, StratifiedShuffleSplit

from fleeting.errors import FoldError
from fleeting.protocols import protocols
from fleeting.protocols._split import folds_of, require_groups, require_share
from fleeting.types import Fold, Sample


@protocols.register("kfold-frames")
def kfold_over_frames(samples: Sequence[Sample], *, folds: int = 8, seed: int = 42) -> Iterator[Fold]:
    """K-fold over frames (or clips) regardless of the person, as in the Broadbent attention paper.

    Raises FoldError on fewer samples than folds.
    """
    require_groups((sample.id for sample in samples), folds, "samples")
    splitter = KFold(folds, shuffle=True, random_state=seed)
    yield from folds_of(samples, splitter.split(samples), subjects_shared=True)


@protocols.register("stratified-kfold-frames")
def stratified_kfold_over_frames(
    samples: Sequence[Sample], *, folds: int = 8, seed: int = 42
) -> Iterator[Fold]:
    """K-fold over frames (or clips) regardless of the person, with each class in proportion.

    Raises FoldError on fewer samples of the rarest class than folds.
    """
    labels = [sample.label for sample in samples]
    smallest = min(labels.count(label) for label in set(labels))
    require_groups(range(smallest), folds, "samples of the rarest class")
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    yield from folds_of(samples, splitter.split(samples, labels), subjects_shared=True)


@protocols.register("holdout-clips")
def holdout_over_clips(
    samples: Sequence[Sample], *, test_share: float = 0.1, seed: int = 0
) -> Iterator[Fold]:
    """Test once, on a random share of the clips regardless of the person, as in the MESTI paper (90/10).

    Each class is in proportion on both sides (our reading; the paper says nothing of it): a tenth of some
    hundred clips, drawn freely, often has none of the rarest. Raises FoldError on a class with one sample, on
    a share that is not between 0 and 1, and on one that gives a side fewer samples than there are classes.
    """
    require_share(test_share)
    labels = [sample.label for sample in samples]
    if alone := sorted(label for label in set(labels) if labels.count(label) < 2):
        raise FoldError(f"one sample of {alone[0]} cannot be on both sides; choose another data.labels")
    test = ceil(test_share * len(labels))
    if min(test, len(labels) - test) < len(set(labels)):
        raise FoldError(
            f"a test share of {test_share} tests {test} of {len(labels)} samples, and each side needs one of"
            f" each of {len(set(labels))} classes; set protocol.test_share nearer to 0.5"
        )
    splitter = StratifiedShuffleSplit(1, test_size=test, random_state=seed)
    yield from folds_of(samples, splitter.split(samples, labels), subjects_shared=True)
