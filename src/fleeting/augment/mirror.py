"""Random mirroring: left and right are exchanged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fleeting.augment import augmentations
from fleeting.types import ArrayKind, FloatArray


@augmentations.register("mirror")
def mirror(
    arrays: Sequence[FloatArray], kinds: Sequence[ArrayKind], rng: np.random.Generator
) -> list[FloatArray]:
    """Mirror half of the samples; horizontal displacement then points the other way.

    The u of a mirrored map is ``2 * rest - u``: -u in pixels, 255 - u where the map is scaled to 0..255.
    """
    chosen = rng.random(len(arrays[0])) < 0.5
    mirrored = []
    for array, kind in zip(arrays, kinds, strict=True):
        flipped = array[chosen][..., ::-1].copy()
        for channel, name in enumerate(kind.channels):
            if name == "u":
                flipped[:, channel] = 2 * kind.rest - flipped[:, channel]
        out = array.copy()
        out[chosen] = flipped
        mirrored.append(out)
    return mirrored
