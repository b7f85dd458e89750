"""Says how usual a motion map is among real micro-expressions; to a map that is not, no class applies.

A recogniser has seen nothing but micro-expressions, so it gives speech or a turning head a class too, and
often surely. Its training maps tell which maps it knows: they lie near a plane of few dimensions, found by
principal components. A map is strange by how much of it lies off that plane, and by the share of it that
does: noise, blurred, is little, and nearly all of it lies off. Both are compared with those of real maps of
people left out of the plane; of these maps, nothing else is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

from fleeting import linear_maps
from fleeting.types import ArrayKind, FloatArray

DoubleArray = npt.NDArray[np.float64]
LEAST = 0.05
"""The share of real maps of unseen people that are called unusual: a map that is further out than all but
this share of them is."""
DIRECTIONS = 40
"""Dimensions of the plane."""
SIDE, SIGMA = 28, 1.0
"""Rows and columns of a motion map; deviation in pixels by which it is blurred, as linear-flow does."""
TINY = 1e-12
"""Stands for a squared distance of zero in a division."""
PREFIX = "typical."
"""The names of this check's arrays in a weights file begin with it."""


@dataclass(frozen=True, eq=False)
class Typicality:
    """Where the training maps lie, and how far from there real maps of unseen people lie.

    ``mean`` is (features,), ``plane`` has orthonormal rows (directions, features), ``distances`` is (n, 2),
    a row for each training map, measured from the plane of all other people: the squared distance from the
    plane, and its share in the squared distance from the mean.
    """

    mean: DoubleArray
    plane: DoubleArray
    distances: DoubleArray

    def of(self, arrays: Sequence[FloatArray]) -> DoubleArray:
        """How usual each map is, (n,): the share of real maps of unseen people that lie at least as far out.

        ``arrays`` are a model's inputs, (n, channels, 28, 28) each.
        """
        return self._share(_distances(_seen(arrays), self.mean, self.plane))

    def of_training(self) -> DoubleArray:
        """How usual each training map is to a plane that does not know its person, (n,)."""
        return self._share(self.distances)

    def _share(self, distances: DoubleArray) -> DoubleArray:
        return np.asarray((self._known <= _rarest(self.distances, distances)[:, None]).mean(axis=1))

    @cached_property
    def _known(self) -> DoubleArray:
        return _rarest(self.distances, self.distances)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What a weights file keeps, by name; `typicality_in` reads it again."""
        kept = {"mean": self.mean, "plane": self.plane, "distances": self.distances}
        return {PREFIX + name: array.astype(np.float32) for name, array in kept.items()}


def typicality_in(arrays: Mapping[str, npt.NDArray[Any]]) -> Typicality | None:
    """The check that a weights file holds, None where it was written without one.

    Raises KeyError where a part of it is missing, ValueError where its parts do not fit together.
    """
    if not any(name.startswith(PREFIX) for name in arrays):
        return None
    mean, plane, distances = (arrays[PREFIX + name].astype(float) for name in ("mean", "plane", "distances"))
    if plane.shape != (len(plane), len(mean)) or distances.shape != (len(distances), 2):
        found = f"mean {mean.shape}, plane {plane.shape}, distances {distances.shape}"
        raise ValueError(f"typicality has {found}; expected (features,), (n, features), (maps, 2)")
    return Typicality(mean, plane, distances)


def without_typicality(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a weights file that are the model's own."""
    return {name: array for name, array in arrays.items() if not name.startswith(PREFIX)}


def learn(
    arrays: Sequence[FloatArray], kinds: Sequence[ArrayKind], subjects: Sequence[str]
) -> Typicality | None:
    """Learn the check from training maps (n, channels, 28, 28) and the people whose they are, (n,).

    A face and its mirror image are equally usual. None where an input has another size than a motion map or
    all maps are of one person.
    """
    people = np.array(subjects)
    if any(array.shape[2:] != (SIDE, SIDE) for array in arrays) or len(set(subjects)) < 2:
        return None
    channels = chain.from_iterable(kind.channels for kind in kinds)
    sideways = [place for place, name in enumerate(channels) if name == "u"]
    seen = _seen(arrays)
    twice = np.stack([seen, linear_maps.mirrored(seen, sideways)])  # (2, n, features)
    distances = np.empty((len(seen), 2))
    for person in np.unique(people):
        own = people == person
        distances[own] = _distances(seen[own], *_plane(twice[:, ~own]))
    return Typicality(*_plane(twice), distances)


def _seen(arrays: Sequence[FloatArray]) -> DoubleArray:
    return linear_maps.features(arrays, SIGMA)


def _plane(twice: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """The mean (features,) and the main directions (directions, features) of rows (2, n, features)."""
    rows = twice.reshape(-1, twice.shape[2])
    mean = rows.mean(axis=0)
    size = rows.shape[1]
    last = size - 1 - min(DIRECTIONS, size, len(rows) - 1)
    _, directions = eigh(np.cov(rows, rowvar=False, bias=True), subset_by_index=[last + 1, size - 1])
    return mean, np.ascontiguousarray(directions.T[::-1])


def _distances(seen: DoubleArray, mean: DoubleArray, plane: DoubleArray) -> DoubleArray:
    """Squared distance from the plane, and its share in that from the mean, 0 to 1: (n, 2)."""
    away = seen - mean
    off, whole = (np.sum(part**2, axis=1) for part in (away - away @ plane.T @ plane, away))
    return np.stack([off, off / np.maximum(whole, TINY)], axis=1)


def _rarest(known: DoubleArray, found: DoubleArray) -> DoubleArray:
    """The smaller of both shares of the known distances that are as large as a found one or larger: (n,)."""
    return np.asarray((known[None] >= found[:, None]).mean(axis=1).min(axis=1))
