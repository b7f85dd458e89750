"""Draws episodes: tasks of some clips of a training side, from some of which others are to be named."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from fleeting.errors import FoldError
from fleeting.training.options import Episodes
from fleeting.types import IntArray


def drawn_episodes(
    labels: IntArray, options: Episodes, rng: np.random.Generator
) -> Iterator[npt.NDArray[np.int64]]:
    """The rows of each episode: of every class so many shots, and after them its queries; none twice.

    A class with fewer clips gives all of them. Raises FoldError where a class has a single clip, which
    cannot be both what is asked and what answers.
    """
    of_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    if len(of_class) < 2 or min(map(len, of_class)) < 2:
        found = ", ".join(str(len(rows)) for rows in of_class)
        raise FoldError(
            f"episodes need two classes of two clips each, the training side has {found}; use fewer folds, or"
            " leave training.episodes out"
        )
    for _ in range(options.count):
        drawn = [rng.permutation(rows)[: options.shots + options.queries] for rows in of_class]
        yield np.concatenate(drawn)
