"""Leave one subject out; over pooled datasets this is MEGC's composite evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fleeting.protocols import protocols
from fleeting.types import Fold, Sample


@protocols.register("loso")
def leave_one_subject_out(samples: Sequence[Sample]) -> Iterator[Fold]:
    """Test on each subject once, after training on all the others."""
    for subject in sorted({sample.subject for sample in samples}):
        yield Fold(
            name=subject,
            train=tuple(sample for sample in samples if sample.subject != subject),
            test=tuple(sample for sample in samples if sample.subject == subject),
        )
