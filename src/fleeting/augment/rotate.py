"""Turning by a few degrees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import rotate as turn

from fleeting.augment import augmentations, shows_motion
from fleeting.errors import OptionError
from fleeting.types import ArrayKind, FloatArray

DEGREES = 10.0
"""The largest turn, either way."""


@augmentations.register("rotate")
def rotate(
    arrays: Sequence[FloatArray], kinds: Sequence[ArrayKind], rng: np.random.Generator
) -> list[FloatArray]:
    """Turn each sample by up to ten degrees, and the displacement it shows with it.

    Raises OptionError on a map whose u and v were scaled apart (rest other than 0): its arrows have no
    direction any more that could be turned.
    """
    for kind in kinds:
        if shows_motion(kind) and kind.rest != 0:
            raise OptionError(
                "rotate cannot turn the arrows of a map whose u and v were scaled to 0..255 apart;"
                " use mirror and shift"
            )
    degrees = rng.uniform(-DEGREES, DEGREES, size=len(arrays[0]))
    return [
        np.stack([_turned(a, kind, angle) for a, angle in zip(array, degrees, strict=True)])
        for array, kind in zip(arrays, kinds, strict=True)
    ]


def _turned(array: FloatArray, kind: ArrayKind, degrees: float) -> FloatArray:
    turned = turn(array, degrees, axes=(1, 2), reshape=False, order=1, mode="nearest")  # counter-clockwise
    if shows_motion(kind):
        u, v = kind.channels.index("u"), kind.channels.index("v")
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        turned[u], turned[v] = (
            cos * turned[u] + sin * turned[v],
            cos * turned[v] - sin * turned[u],
        )  # y is down
    return np.asarray(turned, dtype=np.float32)
