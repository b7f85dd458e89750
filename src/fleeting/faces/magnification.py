"""Exaggerates how the skin moved: every frame is bent by a multiple of its motion since a frame of rest."""

from __future__ import annotations

import numpy as np

from fleeting.errors import OptionError
from fleeting.faces.optical_flow import flow, gray, stable_region, without_rigid
from fleeting.optional import cv2
from fleeting.types import FloatArray, Image

SMOOTH = 0.025
"""Standard deviation of the smoothing, as a share of the width: skin moves in patches, noise in pixels."""
ROUNDS = 8
"""Rounds in which it is found from where each pixel of the magnified frame came."""


def magnified(frames: Image, rest: int, gain: float) -> Image:
    """Frames of an aligned face (n, height, width, channels) that moved ``gain`` times as far from ``rest``.

    ``rest`` is the index of a frame before the movement.
    The head's own motion stays as it is. What moved by more than a few pixels, such as an eyelid, tears at
    high gains: this shows where and which way skin moves, not how a face would look. Raises OptionError on a
    gain below 1.
    """
    if not gain >= 1:
        raise OptionError(f"the gain is {gain}, expected 1 or more; 8 shows what cannot be seen otherwise")
    still = gray(frames[rest])
    head = stable_region(still.shape)
    return np.stack([_bent(frame, still, head, gain - 1) for frame in frames])


def _bent(frame: Image, still: Image, head: FloatArray, more: float) -> Image:
    """A frame bent so that what moved since ``still`` has moved ``more`` times farther."""
    back = without_rigid(*flow(gray(frame), still), head)  # from the frame to rest, on the frame's own pixels
    spread = SMOOTH * still.shape[1]
    gone = [-cv2().GaussianBlur(channel, (0, 0), spread) for channel in back]
    rows, columns = np.indices(still.shape, np.float32)
    x, y = columns, rows
    for _ in range(ROUNDS):  # a pixel at p came from s with s + more * motion(s) = p
        right, down = (
            cv2().remap(channel, x, y, cv2().INTER_LINEAR, borderMode=cv2().BORDER_REPLICATE)
            for channel in gone
        )
        x, y = 0.5 * (x + columns - more * right), 0.5 * (y + rows - more * down)
    bent = cv2().remap(frame, x, y, cv2().INTER_CUBIC, borderMode=cv2().BORDER_REPLICATE)
    return np.asarray(bent).reshape(frame.shape)
