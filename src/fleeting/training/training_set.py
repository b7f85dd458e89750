"""The training set: everything that a model may learn from, as one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fleeting.types import ArrayKind, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Everything a model may learn from: arrays (n, channels, height, width), class indices, subjects."""

    arrays: tuple[FloatArray, ...]
    kinds: tuple[ArrayKind, ...]
    labels: IntArray
    subjects: tuple[str, ...]
    classes: int

    def only(self, mask: npt.NDArray[np.bool_]) -> TrainingSet:
        """The samples where ``mask`` (n,) is true."""
        subjects = tuple(s for s, keep in zip(self.subjects, mask, strict=True) if keep)
        arrays = tuple(array[mask] for array in self.arrays)
        return TrainingSet(arrays, self.kinds, self.labels[mask], subjects, self.classes)

    def with_more(
        self, arrays: Sequence[FloatArray], labels: IntArray, subjects: Sequence[str]
    ) -> TrainingSet:
        """These samples, and the given ones after them."""
        return replace(
            self,
            arrays=tuple(np.concatenate(pair) for pair in zip(self.arrays, arrays, strict=True)),
            labels=np.concatenate([self.labels, labels]),
            subjects=(*self.subjects, *subjects),
        )
