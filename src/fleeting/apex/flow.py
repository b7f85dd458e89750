"""Finds the apex as the peak of the rise-and-fall movement that explains the clip's optical flow best."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fleeting.apex import apex_finders
from fleeting.apex._places import LEFT_BROW, MOUTH, NOSE, RIGHT_BROW
from fleeting.faces import optical_flow
from fleeting.faces.optical_flow import Gray
from fleeting.types import Clip, FloatArray

REGIONS = RIGHT_BROW, LEFT_BROW, NOSE, MOUTH
"""The parts that are looked at. The eyes are left out: a blink moves them further than a micro-expression
moves any part."""
CELL = 4
"""Side, in pixels, of the squares over which displacements are averaged to suppress noise."""

Signal = npt.NDArray[np.float64]


@apex_finders.register("flow")
def there_and_back(clip: Clip) -> int:
    """The frame that, as the peak of a movement from onset to offset, explains the most motion (ours).

    The displacements of brows, nose and mouth from the onset frame and from the offset frame (DIS flow
    without the head's rigid movement and without a linear drift over the clip) are compared with a movement
    that rises and falls as a raised cosine, for each frame that could be its peak. All skin counts, weighted
    by how far it moved, so that noise and a single odd frame weigh little. It does not suit a clip that ends
    at its apex.
    """
    frames = [optical_flow.gray(frame) for frame in clip.frames[clip.onset : clip.offset + 1]]
    if len(frames) < 3:
        return clip.offset
    head = _sparse_head(frames[0].shape)
    fields = [np.array([_displacements(frames[end], frame, head) for frame in frames]) for end in (0, -1)]
    return clip.onset + _best_peak(_without_drift(np.hstack(fields)))


def _best_peak(moved: Signal) -> int:
    """The frame, never the first or last, whose movement explains most of the displacements (time, n)."""
    last = len(moved) - 1
    time = np.arange(last + 1)
    explained = []
    for peak in range(1, last):
        phase = np.where(time < peak, time / peak, (last - time) / (last - peak))
        course = 0.5 - 0.5 * np.cos(np.pi * phase)
        explained.append(np.sum((course @ moved) ** 2) / np.sum(course**2))
    return 1 + int(np.argmax(explained))


def _without_drift(moved: Signal) -> Signal:
    """Displacements (time, n) minus the line from the mean of the first two frames to the last two's."""
    share = np.linspace(0, 1, len(moved))[:, None]
    drift = (1 - share) * moved[:2].mean(axis=0) + share * moved[-2:].mean(axis=0)
    return np.asarray(moved - drift)


def _sparse_head(shape: tuple[int, int]) -> FloatArray:
    """The crop's stable region in every fourth row and column: enough to measure the head's motion."""
    sparse = np.zeros(shape, np.float32)
    sparse[::4, ::4] = optical_flow.stable_region(shape)[::4, ::4]
    return sparse


def _displacements(one: Gray, other: Gray, head: FloatArray) -> Signal:
    field = optical_flow.without_rigid(*optical_flow.flow(one, other, "dis"), head)
    parts = [_in_cells(region.of(channel)) for region in REGIONS for channel in field]
    return np.concatenate(parts).astype(np.float64)


def _in_cells(channel: FloatArray) -> FloatArray:
    height, width = (max(1, side // CELL) for side in channel.shape)
    return optical_flow.shrink(channel, (height, width)).ravel()
