"""The folds of papers that split frames or clips, not people: run as printed, never called clean.

Frames of one clip (or clips of one person) stand on both sides of such a fold. Its score says how well a
model recognises footage it has nearly seen, and is reported under ``shared``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold

from fleeting.protocols import protocols
from fleeting.protocols._split import folds_of, require_groups, require_share
from fleeting.types import Fold, Sample


@protocols.register("kfold-frames")
def kfold_over_frames(samples: Sequence[Sample], *, folds: int = 8, seed: int = 42) -> Iterator[Fold]:
    """K-fold over frames (or clips) whoever they show, as the Broadbent attention paper has it."""
    require_groups((sample.id for sample in samples), folds, "samples")
    splitter = KFold(folds, shuffle=True, random_state=seed)
    yield from folds_of(samples, splitter.split(samples), subjects_shared=True)


@protocols.register("stratified-kfold-frames")
def stratified_kfold_over_frames(
    samples: Sequence[Sample], *, folds: int = 8, seed: int = 42
) -> Iterator[Fold]:
    """K-fold over frames (or clips) whoever they show, each class in proportion."""
    labels = [sample.label for sample in samples]
    smallest = min(labels.count(label) for label in set(labels))
    require_groups(range(smallest), folds, "samples of the rarest class")
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    yield from folds_of(samples, splitter.split(samples, labels), subjects_shared=True)


@protocols.register("holdout-clips")
def holdout_over_clips(
    samples: Sequence[Sample], *, test_share: float = 0.1, seed: int = 0
) -> Iterator[Fold]:
    """Test once, on a random share of the clips whoever they show, as the MESTI paper's 90/10 split."""
    require_groups((sample.id for sample in samples), 2, "samples")
    require_share(test_share)
    splitter = ShuffleSplit(1, test_size=test_share, random_state=seed)
    yield from folds_of(samples, splitter.split(samples), subjects_shared=True)
