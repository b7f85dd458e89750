"""Leave one dataset out: a test on people, cameras and annotators that training has never seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fleeting.errors import FoldError
from fleeting.protocols import protocols
from fleeting.types import Fold, Sample


@protocols.register("leave-one-dataset-out")
def leave_one_dataset_out(samples: Sequence[Sample], *, test: str = "") -> Iterator[Fold]:
    """Test on each dataset once, after training on all the others; with ``test``, only on that one.

    Raises FoldError on fewer than two datasets, and on a ``test`` that is none of them.
    """
    names = sorted({sample.dataset for sample in samples})
    if len(names) < 2:
        raise FoldError(f"leave-one-dataset-out needs two datasets, found only {names}; use a composite")
    if test and test not in names:
        raise FoldError(f"there is no sample of {test}, only of {', '.join(names)}; set protocol.test to one")
    for name in [test] if test else names:
        yield Fold(
            name=name,
            train=tuple(sample for sample in samples if sample.dataset != name),
            test=tuple(sample for sample in samples if sample.dataset == name),
        )
