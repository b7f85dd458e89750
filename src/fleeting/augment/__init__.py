"""An augmentation changes a training batch into one that the same label could have had.

``augment(arrays, kinds, rng)`` gets all inputs of a model together, each an array (n, channels, height,
width) with the meaning of its channels. So a clip's inputs are mirrored together, and a motion map is
mirrored as motion: the u of a mirrored movement points the other way. It draws all randomness from ``rng``,
never changes its arguments, keeps shapes, and raises OptionError on an input that it would falsify.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fleeting.errors import OptionError
from fleeting.registry import Registry
from fleeting.types import ArrayKind, FloatArray

Augmentation = Callable[[Sequence[FloatArray], Sequence[ArrayKind], np.random.Generator], list[FloatArray]]

augmentations: Registry[Augmentation] = Registry("augmentation", "fleeting.augment")


def shows_motion(kind: ArrayKind) -> bool:
    """Whether any channel shows movement: displacement or strain."""
    return bool({"u", "v", "strain"} & set(kind.channels))


def has_arrows(kind: ArrayKind) -> bool:
    """Whether the channels include both components of displacement, u and v, which form arrows."""
    return {"u", "v"} <= set(kind.channels)


def shows_pictures(kind: ArrayKind) -> bool:
    """Whether every channel is brightness, neither movement nor a difference of pictures."""
    return not shows_motion(kind) and "change" not in kind.channels


def apart(array: FloatArray, tiles: int) -> FloatArray:
    """Lay the tiles of each channel out as channels, so that what moves in one stays in it.

    (n, channels, height, width) becomes (n, channels x tiles x tiles, height / tiles, width / tiles). Raises
    OptionError where ``tiles`` does not divide a side.
    """
    count, channels, height, width = array.shape
    if height % tiles or width % tiles:
        raise OptionError(
            f"an array of {tiles} x {tiles} tiles has sides of {height} and {width}; use multiples of {tiles}"
        )
    cut = array.reshape(count, channels, tiles, height // tiles, tiles, width // tiles)
    return cut.transpose(0, 1, 2, 4, 3, 5).reshape(count, -1, height // tiles, width // tiles)


def together(array: FloatArray, tiles: int) -> FloatArray:
    """Undo `apart`."""
    count, channels, height, width = array.shape
    cut = array.reshape(count, channels // tiles**2, tiles, tiles, height, width)
    return cut.transpose(0, 1, 2, 4, 3, 5).reshape(count, -1, tiles * height, tiles * width)
