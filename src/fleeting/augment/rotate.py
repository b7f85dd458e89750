"""Random rotation by a few degrees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fleeting.augment import augmentations, has_arrows
from fleeting.augment._sampling import sampled
from fleeting.errors import OptionError
from fleeting.types import ArrayKind, FloatArray

DEGREES = 10.0
"""The largest rotation in either direction, in degrees."""
STEPS = (-10.0, -5.0, 0.0, 5.0, 10.0)
"""The rotations of the MESTI paper, and 0 for none, in degrees."""


@augmentations.register("rotate")
def rotate(
    arrays: Sequence[FloatArray], kinds: Sequence[ArrayKind], rng: np.random.Generator
) -> list[FloatArray]:
    """Turn each sample by up to ten degrees, and the displacement it shows with it.

    A face that was resized to other proportions is turned as it was before (``pixel`` of its kind). Raises
    OptionError on a map whose u and v were scaled separately (``rest`` is not 0): its arrows no longer have
    the true direction, so they cannot be turned; and on tiles, which are parts of one face.
    """
    return _all_turned(arrays, kinds, rng.uniform(-DEGREES, DEGREES, size=len(arrays[0])), "rotate")


@augmentations.register("turn")
def turn(
    arrays: Sequence[FloatArray], kinds: Sequence[ArrayKind], rng: np.random.Generator
) -> list[FloatArray]:
    """Turn each sample by -10, -5, 0, 5 or 10 degrees (MEGANet), and the displacement it shows with it.

    Raises OptionError as `rotate` does.
    """
    return _all_turned(arrays, kinds, rng.choice(STEPS, size=len(arrays[0])), "turn")


def _all_turned(
    arrays: Sequence[FloatArray], kinds: Sequence[ArrayKind], degrees: npt.NDArray[np.float64], name: str
) -> list[FloatArray]:
    if any((has_arrows(kind) and kind.rest != 0) or kind.tiles > 1 for kind in kinds):
        raise OptionError(
            f"{name} cannot turn the arrows of a map whose u and v were scaled to 0..255 apart, nor tiles of"
            " a face; use mirror and shift"
        )
    return [
        np.stack([_turned(a, kind, angle) for a, angle in zip(array, degrees, strict=True)])
        for array, kind in zip(arrays, kinds, strict=True)
    ]


def _turned(array: FloatArray, kind: ArrayKind, degrees: float) -> FloatArray:
    if degrees == 0:
        return array
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    # Counter-clockwise, y is down; y is measured in widths of a pixel while turning.
    linear = np.array([[cos, -sin * kind.pixel], [sin / kind.pixel, cos]])
    centre = np.array(array.shape[:0:-1]) / 2
    turned = sampled(array, linear, centre - linear @ centre)
    if has_arrows(kind):
        u, v = kind.channels.index("u"), kind.channels.index("v")
        turned[u], turned[v] = (
            cos * turned[u] + sin * turned[v],
            cos * turned[v] - sin * turned[u],
        )
    return turned
