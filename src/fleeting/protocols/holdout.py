"""A protocol with one split by subject, 90/10 by default."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sklearn.model_selection import GroupShuffleSplit

from fleeting.protocols import protocols
from fleeting.protocols._split import folds_of, require_groups, require_share
from fleeting.types import Fold, Sample


@protocols.register("holdout")
def holdout_by_subject(
    samples: Sequence[Sample], *, test_share: float = 0.1, seed: int = 0
) -> Iterator[Fold]:
    """Test once, on a random share of the subjects (at least one).

    Raises FoldError on fewer than two subjects, and on a share that is not between 0 and 1.
    """
    groups = [sample.subject for sample in samples]
    require_groups(groups, 2, "subjects")
    require_share(test_share)
    splitter = GroupShuffleSplit(1, test_size=test_share, random_state=seed)
    yield from folds_of(samples, splitter.split(groups, groups=groups))
