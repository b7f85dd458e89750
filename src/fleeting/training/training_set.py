"""The training set: everything that a model may learn from, as one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fleeting.types import ArrayKind, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Everything a model may learn from: arrays (n, channels, height, width), class indices, subjects.

    ``units`` says which action units each sample shows, (n, units): 1 yes, 0 no, NaN where nothing is known.
    It is None where the recipe asks for none.
    """

    arrays: tuple[FloatArray, ...]
    kinds: tuple[ArrayKind, ...]
    labels: IntArray
    subjects: tuple[str, ...]
    classes: int
    units: FloatArray | None = None

    def only(self, mask: npt.NDArray[np.bool_]) -> TrainingSet:
        """The samples where ``mask`` (n,) is true."""
        subjects = tuple(s for s, keep in zip(self.subjects, mask, strict=True) if keep)
        arrays = tuple(array[mask] for array in self.arrays)
        units = None if self.units is None else self.units[mask]
        return TrainingSet(arrays, self.kinds, self.labels[mask], subjects, self.classes, units)

    def with_more(
        self,
        arrays: Sequence[FloatArray],
        labels: IntArray,
        subjects: Sequence[str],
        units: FloatArray | None = None,
    ) -> TrainingSet:
        """These samples, and the given ones after them; without ``units``, none of theirs is known."""
        both = self.units
        if both is not None:
            unknown = np.full((len(labels), both.shape[1]), np.nan, both.dtype)
            both = np.concatenate([both, unknown if units is None else units])
        return replace(
            self,
            arrays=tuple(np.concatenate(pair) for pair in zip(self.arrays, arrays, strict=True)),
            labels=np.concatenate([self.labels, labels]),
            subjects=(*self.subjects, *subjects),
            units=both,
        )
