"""Names the 468 points of the face mesh, and defines the canonical crop of a face that everything works on.

Right and left are the person's own. The numbers are those of MediaPipe's canonical face mesh.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fleeting.types import FloatArray

POINTS = 468
RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS = (33, 133), (263, 362)
"""Outer and inner corner."""
RIGHT_EYE = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
LEFT_EYE = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)
"""Around the eye: outer corner, upper lid, inner corner, lower lid."""
RIGHT_BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
LEFT_BROW = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
"""Around the brow: upper edge from the outer end inwards, lower edge back."""
NOSE_BRIDGE = (168, 6, 197, 195, 122, 351, 193, 417)
NOSE = (168, 193, 122, 196, 3, 51, 45, 129, 98, 97, 2, 326, 327, 358, 275, 281, 248, 419, 351, 417)
"""Around the nose, from its root down the right side and up the left."""
NOSE_TIP = 4
FOREHEAD = (10, 151, 109, 338, 108, 337, 67, 297, 69, 299)
TEMPLES = (127, 162, 34, 356, 389, 264)
MOUTH_CORNERS = (61, 291)
MOUTH = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
"""Around the lips' outer edge: right corner, upper lip, left corner, lower lip."""
CHIN = (152, 148, 377, 176, 400, 175, 199, 200)
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""Around the face, clockwise as seen, from the top of the forehead."""
INNER = (*RIGHT_BROW, *LEFT_BROW, *RIGHT_EYE, *LEFT_EYE, *NOSE, *MOUTH)
"""Points that movements are read from: they must be in the picture, while ears, for example, need not."""

ASPECT = 1.8 / 2.2
"""Width of the crop over its height. The crop is 1.8 times as wide and 2.2 times as high as the eyes' centres
are apart, as the crops that come with SMIC and CASME II (115x141, 139x169, 280x340 pixels)."""
RIGHT_EYE_AT, LEFT_EYE_AT = (0.4 / 1.8, 0.6 / 2.2), (1.4 / 1.8, 0.6 / 2.2)
"""Where the eyes' centres lie in the crop, x and y in shares of its width and height."""
NOSE_AT, RIGHT_MOUTH_AT, LEFT_MOUTH_AT = (0.50, 0.57), (0.28, 0.77), (0.73, 0.77)
"""Where the tip of the nose and the corners of the mouth lie in the crop of a face at rest."""


def eyes(mesh: npt.ArrayLike) -> FloatArray:
    """Centres of the person's right and left eye, each midway between its two corners: (2, 2) x and y."""
    points = np.asarray(mesh, dtype=np.float32)[:, :2]
    pairs = (RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS)
    return np.stack([points[list(corners)].mean(axis=0) for corners in pairs])


def outer_distance(mesh: npt.ArrayLike) -> float:
    """Pixels between the outer corners of the eyes: the unit of a face's size throughout this project."""
    points = np.asarray(mesh, dtype=np.float32)[:, :2]
    return float(np.linalg.norm(points[LEFT_EYE_CORNERS[0]] - points[RIGHT_EYE_CORNERS[0]]))


def inner(mesh: npt.ArrayLike) -> FloatArray:
    """The points that movements are read from (brows, eyes, nose and lips): (92, 2) x and y."""
    return np.asarray(mesh, dtype=np.float32)[list(INNER), :2]
