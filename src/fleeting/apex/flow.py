"""Finds the apex as the turning point of the skin's way from onset to offset, followed at 30 places."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from fleeting.apex import apex_finders
from fleeting.apex._places import SKIN
from fleeting.errors import OptionError
from fleeting.faces import optical_flow
from fleeting.faces.optical_flow import Gray
from fleeting.faces.warping import moved, similarity
from fleeting.optional import cv2
from fleeting.types import Clip

ROWS = 170
"""Frames with more rows are shrunk to so many, those of the canonical crop, before they are compared."""
WINDOW, FARTHEST = 0.11, 0.05
"""Side of the square of skin that is compared, and how far it can be from where it was at the onset, in
shares of the crop's height. A place that moves further was confused with other skin, and keeps its last."""
ABOUT = (-0.03, -0.025), (0.03, -0.025), (-0.03, 0.025), (0.03, 0.025)
"""Middles of the squares about each place, from the place, in shares of the crop's width and height."""
SMOOTH = 0.04
"""Standard deviation of the smoothing over time, in shares of the clip's length."""
PULL = 0.5
"""What a frame at the onset or the offset loses to one in the middle, in shares of the largest distance. Both
numbers were chosen on real motion: `studies/real_apex.py`."""

STILL = 1e-3
"""Pixels below which nothing moved; equal frames differ by less, from rounding."""

Signal = npt.NDArray[np.float64]


@apex_finders.register("flow")
def turning_point(clip: Clip) -> int:
    """The frame whose skin is furthest from the straight way between onset and offset (ours).

    Skin that comes back turns where it is furthest out; skin that rises fast and stays, as in most real
    micro-expressions, turns where the rise ends. Places all over the face, the eyes left out, are followed
    by Lucas-Kanade flow (Bouguet 2000) from the onset frame, less the head's rigid movement. Distance is
    measured along the one direction in which the face as a whole moved most, smoothed over time, and less
    the square of the distance from the middle frame, near which most annotated apexes lie (PULL). Where
    nothing moves it is the middle frame. Raises OptionError on frames below 16x16 pixels.
    """
    frames = [_picture(frame) for frame in clip.frames[clip.onset : clip.offset + 1]]
    if len(frames) < 3:
        return clip.offset
    away = _distance(_followed(frames))
    largest = away.max()
    if largest < STILL:
        return clip.onset + len(frames) // 2
    return clip.onset + int(np.argmax(away / largest - PULL * np.linspace(-1, 1, len(away)) ** 2))


def _picture(frame: npt.NDArray[np.uint8]) -> Gray:
    """The frame in gray, with ROWS rows at most, slightly blurred so that noise weighs less."""
    picture = optical_flow.gray(frame)
    height, width = picture.shape
    if min(height, width) < optical_flow.SMALLEST:
        raise OptionError(
            f"an apex in frames of {width}x{height}, expected at least 16x16; use a larger crop"
        )
    if height > ROWS:
        size = max(optical_flow.SMALLEST, round(width * ROWS / height)), ROWS
        picture = np.asarray(cv2().resize(picture, size, interpolation=cv2().INTER_AREA))
    return np.asarray(cv2().GaussianBlur(picture, (0, 0), 1.0))


def _followed(frames: list[Gray]) -> Signal:
    """How far each square of skin moved since the onset, less the head: (time, squares, 2), in pixels."""
    height, width = frames[0].shape
    start = _squares(width, height)
    side = max(3, int(WINDOW * height) // 2 * 2 + 1)
    last, course = start, []
    for frame in frames[1:]:
        now, found, _ = cv2().calcOpticalFlowPyrLK(
            frames[0],
            frame,
            start,
            last.copy(),
            winSize=(side, side),
            maxLevel=1,
            flags=cv2().OPTFLOW_USE_INITIAL_FLOW,
        )
        seen = (found[:, 0] > 0) & (np.abs(now - start).max(axis=1) <= FARTHEST * height)
        last = np.where(seen[:, None], now, last).astype(np.float32)
        course.append(last - moved(similarity(start, last), start))
    return np.array([course[0], *course])  # compared with itself, the onset alone would be free of noise


def _squares(width: int, height: int) -> npt.NDArray[np.float32]:
    """Middles of four overlapping squares of skin about each place, inside the picture: (squares, 2)."""
    middles = np.array(SKIN)[:, None] + np.array(ABOUT)
    inside = np.clip(middles, 0, 1).reshape(-1, 2) * (width - 1, height - 1)
    return np.asarray(inside, dtype=np.float32)


def _distance(course: Signal) -> Signal:
    """How far the face is, in each frame, from the straight way between its first and last place."""
    count = len(course)
    steady = gaussian_filter1d(course.reshape(count, -1), SMOOTH * count, axis=0, mode="nearest")
    share = np.linspace(0, 1, count)[:, None]
    away = steady - (1 - share) * steady[0] - share * steady[-1]
    times, sizes, _ = np.linalg.svd(away, full_matrices=False)
    along = times[:, 0] * sizes[0]
    return np.asarray(along * np.sign(along[np.argmax(np.abs(along))]))
