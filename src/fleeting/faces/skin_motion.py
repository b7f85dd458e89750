"""Measures how the skin of one followed face moves: where 45 small regions of it are, frame by frame.

Each region is one square of skin, found again in every frame by pyramidal Lucas-Kanade flow (Bouguet 2000)
against one earlier frame of the same face, the reference. This is less noisy than the mean of a dense flow,
and far cheaper.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from fleeting.faces.alignment import VIEW, VIEW_HEIGHT, VIEW_MARGIN, crop_matrix
from fleeting.faces.landmarks import (
    FOREHEAD,
    LEFT_EYE,
    NOSE_BRIDGE,
    NOSE_TIP,
    RIGHT_EYE,
    TEMPLES,
    eyes,
    outer_distance,
)
from fleeting.faces.optical_flow import Gray, gray
from fleeting.faces.tracking import Face
from fleeting.faces.warping import Matrix, chained, moved, shrinking, shrunk, similarity, warped
from fleeting.optional import cv2
from fleeting.types import FloatArray, Frame

PAIRS = {
    "inner brow": (66, 296),
    "middle brow": (105, 334),
    "outer brow": (63, 293),
    "inner forehead": (108, 337),
    "outer forehead": (104, 333),
    "upper lid": (159, 386),
    "lower lid": (145, 374),
    "under eye": (230, 450),
    "eye corner": (226, 446),
    "cheek": (117, 346),
    "inner cheek": (101, 330),
    "lower cheek": (205, 425),
    "nose side": (49, 279),
    "nose root": (122, 351),
    "nose fold": (206, 426),
    "smile fold": (207, 427),
    "mouth corner": (61, 291),
    "upper lip": (37, 267),
    "above the lip": (167, 393),
    "below the corner": (204, 424),
    "jaw": (212, 432),
}
"""The mesh point at the centre of each region on the person's right, and of its counterpart on the left."""
MIDDLE = {"between the brows": 9, "lower lip": 17, "chin": 199}
REGIONS = (*(f"{side} {name}" for name in PAIRS for side in ("right", "left")), *MIDDLE)
"""Names of the regions, in the order of `Motion.places`: right and left of each pair in turn, then MIDDLE."""
WINDOW = 31
"""Side of a region in pixels of the view, where the outer eye corners are about 108 pixels apart."""
LASTS, CALM = 2.0, 1.0
"""LASTS: seconds after which the reference is renewed, as soon as the eyes are open (OPEN) and no region has
moved by CALM percent of the eye distance within the last 0.2 seconds. After five times LASTS it is renewed in
any case."""
HANDOVER = 0.12
"""Seconds for which the old and the new reference are both compared with, so that places continue without a
step."""
REACH = 8.0
"""Pixels of the view by which the followed eyes may be off the mesh's. Beyond it the frame is
compared starting at the mesh's place instead, and gives no places where the eyes are off even then."""
LOOSE = 1.5
"""Largest median residual, in pixels of the view, of the head's points about their fit. A face that turned
away, or another person's, exceeds it."""
OPEN = 0.2
"""`Motion.shut`, 0 to 2, below which the eyes count as open enough to take a new reference."""
NEAR = 1.0
"""Pixels by which the eyes may be off the reference's; beyond it the view is cut and compared once more."""
JUMP, FARTHEST = 4.0, 20.0
"""Percent of the eye distance that a region can move per frame since it was last found (JUMP), and at most
(FARTHEST). A region that moves further was confused with other skin, and keeps its last place."""
AVERAGED = 1.0
"""Time constant, in seconds, of the running mean of places that `Motion.amount` is measured from."""
_HEAD = (*NOSE_BRIDGE, NOSE_TIP, *FOREHEAD, *TEMPLES)
_CENTRES = (*(point for pair in PAIRS.values() for point in pair), *MIDDLE.values())
_COUNT = len(_CENTRES)


@dataclass(frozen=True, eq=False)
class Motion:
    """Where the skin of a face is in one frame, relative to its head.

    ``places`` is (regions, 2), how far to the right and down each of `REGIONS` is from where it was at the
    start of its stretch, in percent of the distance between the outer eye corners; None where the frame shows
    no usable face. A ``stretch`` is a run of frames through which the face could be followed, numbered from
    0; places of two stretches cannot be compared. ``amount`` is the mean distance of the regions from their
    mean places over the last second, in the same unit: a curve to plot. ``shut`` is how different the eyes
    look from when they were open, 0 to 2: it shows a blink however small the eyes are. ``amount`` and
    ``shut`` are NaN where places are None.
    """

    frame: int
    time: float
    places: FloatArray | None
    stretch: int
    amount: float
    shut: float


class FaceMotion:
    """Follows the skin of one face from frame to frame.

    The face's mesh is used only to place it roughly, and may be some frames old.
    """

    def __init__(self) -> None:
        self._followed: _Followed | None = None
        self._stretch = -1
        self._usual = np.zeros((_COUNT, 2), np.float32)
        self._time = 0.0

    def push(self, frame: Frame, face: Face | None) -> Motion:
        """The motion in the next frame; ``face`` is always the same person's, or None where it is not seen.

        A face that `fleeting.faces.quality` finds unusable counts as not seen.
        """
        places = self._places(frame, face.mesh) if face and not face.reason else None
        if places is None:
            return Motion(frame.number, frame.time, None, max(self._stretch, 0), math.nan, math.nan)
        share = 1 - np.exp(-(frame.time - self._time) / AVERAGED)
        self._usual += np.float32(share) * (places - self._usual)
        self._time = frame.time
        amount = float(np.linalg.norm(places - self._usual, axis=1).mean())
        shut = self._followed.shut if self._followed else 0.0
        return Motion(frame.number, frame.time, places, self._stretch, amount, shut)

    def _places(self, frame: Frame, mesh: FloatArray) -> FloatArray | None:
        picture = gray(frame.image)
        if self._followed is not None:
            if (places := self._followed.places(picture, mesh, frame.time)) is not None:
                return places
            if not self._followed.is_lost:
                return None
        self._followed = _Followed(picture, mesh, frame.time)
        self._stretch += 1
        self._usual = np.zeros((_COUNT, 2), np.float32)
        return np.zeros((_COUNT, 2), np.float32)


class _Reference:
    """A view of the face, taken at ``time``, that later ones are compared with; ``start`` is its places."""

    def __init__(self, view: Gray, mesh: FloatArray, start: FloatArray, time: float) -> None:
        self.start, self.time = start, time
        self._view = view
        self._points = mesh[[*_CENTRES, *_HEAD], :2].astype(np.float32)
        self._eyes = [_around(mesh[list(eye), :2]) for eye in (RIGHT_EYE, LEFT_EYE)]

    def compared(self, view: Gray) -> tuple[FloatArray, Matrix, float]:
        """The regions' motion without the head's, (regions, 2); the head's motion; and its median residual.

        The motion is from this reference to ``view``, in pixels of the view.
        """
        there = cv2().calcOpticalFlowPyrLK(
            self._view,
            view,
            self._points,
            None,
            winSize=(WINDOW, WINDOW),
            maxLevel=2,
            criteria=(3, 15, 0.005),
        )[0]
        head = similarity(self._points[_COUNT:], there[_COUNT:])
        left = there - moved(head, self._points)
        loose = float(np.median(np.abs(left[_COUNT:])))
        return left[:_COUNT].astype(np.float32), head, loose

    def unlike(self, view: Gray) -> float:
        """How different the eyes look from those in this reference, 1 minus their correlation: 0 to 2."""
        return 1 - float(np.mean([_correlation(self._view[eye], view[eye]) for eye in self._eyes]))


def _correlation(one: Gray, other: Gray) -> float:
    first, second = (part.astype(np.float32).ravel() - np.float32(part.mean()) for part in (one, other))
    lengths = float(np.linalg.norm(first)) * float(np.linalg.norm(second))
    return float(first @ second) / max(lengths, 1e-6)


def _around(points: FloatArray) -> tuple[slice, slice]:
    """Rows and columns of the view around some points, as far as they lie inside it."""
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return slice(max(int(top), 0), int(bottom) + 2), slice(max(int(left), 0), int(right) + 2)


class _Followed:
    """One face over one stretch of frames: its reference, and the next one, which will take over."""

    def __init__(self, picture: Gray, mesh: FloatArray, time: float) -> None:
        self._matrix = crop_matrix(mesh, VIEW_HEIGHT)
        self._matrix[:, 2] += VIEW_MARGIN
        self._eyes = moved(self._matrix, eyes(mesh))
        self._unit = outer_distance(moved(self._matrix, mesh)) / 100
        self._misses = 0
        self.shut = 0.0
        """How different the eyes of the last frame look from those in the reference: 0 to 2."""
        self._places = np.zeros((_COUNT, 2), np.float32)
        self._away = np.zeros(_COUNT, np.int64)
        self._recent: deque[tuple[float, FloatArray]] = deque()
        self._reference = self._taken(picture, mesh, np.zeros((_COUNT, 2), np.float32), time)
        self._next: _Reference | None = None
        self._steps: list[FloatArray] = []

    @property
    def is_lost(self) -> bool:
        """Whether the last two frames could not be compared with the reference."""
        return self._misses > 1

    def places(self, picture: Gray, mesh: FloatArray, time: float) -> FloatArray | None:
        """Where the regions are, in percent of the eye distance; None where the frame cannot be compared."""
        matrix = self._matrix
        if self._off(matrix, mesh) > REACH:
            matrix = similarity(eyes(mesh), self._eyes)
        for _ in range(2):  # the second view lies nearer to the reference
            view = _view(picture, matrix)
            left, head, loose = self._reference.compared(view)
            matrix = chained(cv2().invertAffineTransform(head), matrix)
            if np.abs(moved(head, self._eyes) - self._eyes).max() < NEAR:
                break
        if loose > LOOSE or self._off(matrix, mesh) > REACH or not np.isfinite(left).all():
            self._misses += 1
            return None
        self._misses, self._matrix = 0, matrix
        places = self._without_jumps(self._reference.start + left / self._unit)
        self.shut = self._reference.unlike(view)
        self._renew(picture, view, mesh, places, time)
        return places

    def _without_jumps(self, places: FloatArray) -> FloatArray:
        """The places, where a region that jumped (JUMP, FARTHEST) keeps the place it had before."""
        self._away += 1
        jumped = np.linalg.norm(places - self._places, axis=1) > np.minimum(JUMP * self._away, FARTHEST)
        self._away[~jumped] = 0
        self._places = np.where(jumped[:, None], self._places, places)
        return self._places

    def _off(self, matrix: Matrix, mesh: FloatArray) -> float:
        return float(np.abs(moved(matrix, eyes(mesh)) - self._eyes).max())

    def _renew(self, picture: Gray, view: Gray, mesh: FloatArray, places: FloatArray, time: float) -> None:
        """Take a new reference when it is time, and switch to it once HANDOVER has passed."""
        if self._next is None:
            if self._is_time(places, time):
                self._next, self._steps = self._taken(picture, mesh, places, time), []
            return
        self._steps.append(places - self._next.compared(view)[0] / self._unit)
        if time - self._next.time >= HANDOVER:
            self._reference, self._next = self._next, None
            self._reference.start = np.mean(self._steps, axis=0, dtype=np.float32)

    def _is_time(self, places: FloatArray, time: float) -> bool:
        self._recent.append((time, places))
        while self._recent[0][0] < time - 0.2:
            self._recent.popleft()
        age = time - self._reference.time
        calm = self.shut < OPEN and np.abs(places - self._recent[0][1]).max() < CALM
        return bool(age > 5 * LASTS or (age > LASTS and calm))

    def _taken(self, picture: Gray, mesh: FloatArray, start: FloatArray, time: float) -> _Reference:
        return _Reference(
            _view(picture, self._matrix), moved(self._matrix, mesh).astype(np.float32), start, time
        )


def _view(picture: Gray, matrix: Matrix) -> Gray:
    """The face in gray, cut to the same place, scale and tilt as in the reference."""
    factor = shrinking(matrix[None])
    return warped(shrunk(picture, factor), matrix, VIEW, factor, cv2().INTER_LINEAR)
