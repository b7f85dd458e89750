"""Random changes of brightness and contrast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fleeting.augment import augmentations, shows_motion
from fleeting.errors import OptionError
from fleeting.types import ArrayKind, FloatArray


@augmentations.register("brightness-contrast")
def brightness_contrast(
    arrays: Sequence[FloatArray], kinds: Sequence[ArrayKind], rng: np.random.Generator
) -> list[FloatArray]:
    """Scale contrast around the mean by 0.8 to 1.2 and brightness by the same range.

    A difference of pictures is multiplied by both factors and 0 stays 0, as if its two pictures had been
    changed. Raises OptionError on motion, which has no brightness.
    """
    if any(shows_motion(kind) for kind in kinds):
        raise OptionError("brightness-contrast changes pictures, and an input shows motion; leave it out")
    contrast, brightness = rng.uniform(0.8, 1.2, size=(2, len(arrays[0]), 1, 1, 1)).astype(np.float32)
    changed = []
    for array, kind in zip(arrays, kinds, strict=True):
        middle = 0 if "change" in kind.channels else array.mean(axis=(1, 2, 3), keepdims=True)
        changed.append((array - middle) * (contrast * brightness) + middle * brightness)
    return changed
