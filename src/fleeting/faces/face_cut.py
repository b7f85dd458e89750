"""Cuts the part around a face out of a frame, in gray and no larger than motion needs it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fleeting.faces.landmarks import outer_distance
from fleeting.faces.optical_flow import Gray, gray
from fleeting.faces.warping import shrunk
from fleeting.types import FloatArray, Frame

FINE = 110
"""Pixels between the outer eye corners: faces of twice that size or more are shrunk by a whole factor."""
AROUND, SMALLEST = 0.3, 8
"""Outer eye distances around the mesh that are looked at, and fewest pixels of a side of that box."""


@dataclass(frozen=True, eq=False)
class FaceCut:
    """The part of a picture around a face, in gray, 1 / ``factor`` its size; ``mesh`` is in its pixels."""

    picture: Gray
    mesh: FloatArray
    factor: int


def face_cut(frame: Frame, mesh: FloatArray) -> FaceCut | None:
    """The picture around the face; None where next to nothing of it lies in the picture."""
    distance = outer_distance(mesh)
    height, width = frame.image.shape[:2]
    margin = AROUND * distance + 4
    left, top = np.maximum((mesh[:, :2].min(axis=0) - margin).astype(int), 0)
    right, bottom = np.minimum((mesh[:, :2].max(axis=0) + margin).astype(int), (width, height))
    factor = max(1, int(distance / FINE))
    if min(right - left, bottom - top) < SMALLEST * factor:
        return None
    picture = shrunk(np.ascontiguousarray(gray(frame.image[top:bottom, left:right])), factor)
    middle = (factor - 1) / 2  # centre of the block that became the first pixel
    moved = (mesh - np.array([left + middle, top + middle, 0], np.float32)) / np.float32(factor)
    return FaceCut(picture, moved.astype(np.float32), factor)
