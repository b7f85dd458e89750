"""Measures how far the face of a clip moves, and says how far faces move in micro-expressions.

A motion map is scaled to its own extremes, so a recogniser sees which way skin moves and not how far. A
turning head, speech and a smile that stays move it far; noise does not move it at all.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter

from fleeting.faces.optical_flow import flow, gray
from fleeting.faces.warping import shrunk
from fleeting.types import Clip, FloatArray, Image

LEAST, MOST = 0.01, 2.0
"""Percent of the distance between the outer eye corners. Chosen on one half of the footage of
`studies/real_classes.py`, which prints what other limits cost. The lower limit is for pictures that repeat:
noise alone moves more."""
EYES = 0.78
"""Distance between the outer eye corners in the canonical crop, as a share of its width."""
ROWS = 141
"""Crops of twice as many rows or more are shrunk before they are measured."""
PARTS = 14
"""Displacements are averaged over squares of the crop's width divided by this, to suppress noise."""
FURTHEST = 0.95
"""The displacement that is taken is larger than this share of all."""


def extent(clip: Clip) -> float:
    """How far the face moves from onset to apex, in percent of the distance between the outer eye corners.

    It is the 95th percentile, over the crop, of the length of displacement (DIS flow); what is left of the
    head's movement in an aligned clip counts. The clip shows the canonical crop, or one near it. Raises
    OptionError on frames of less than 16x16 pixels.
    """
    onset, apex = (_small(gray(clip.frames[index])) for index in (clip.onset, clip.apex))
    u, v = flow(onset, apex, "dis")
    side = max(1, round(u.shape[1] / PARTS))
    lengths = np.hypot(_averaged(u, side), _averaged(v, side))
    return float(100 * np.quantile(lengths, FURTHEST) / (EYES * u.shape[1]))


def _small(picture: Image) -> Image:
    return shrunk(picture, max(1, len(picture) // ROWS))


def _averaged(channel: FloatArray, side: int) -> FloatArray:
    edge = side // 2
    inner = slice(edge, -edge or None, max(1, edge))
    return np.asarray(uniform_filter(channel, side)[inner, inner], dtype=np.float32)
