"""How the skin of one followed face moves: where small regions of it are, frame by frame.

Each region is one square of skin, found again in every frame by pyramidal Lucas-Kanade flow (Bouguet 2000)
against one earlier frame of the same face: less noisy than the mean of a dense flow, and far cheaper.
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
"""The point of the mesh in the middle of each region on the person's right, and its twin on the left."""
MIDDLE = {"between the brows": 9, "lower lip": 17, "chin": 199}
REGIONS = (*(f"{side} {name}" for name in PAIRS for side in ("right", "left")), *MIDDLE)
"""Names of the regions, in the order of `Motion.places`: right and left of each pair in turn."""
WINDOW = 31
"""Side of a region in pixels of the view, where the outer eye corners are about 108 pixels apart."""
LASTS, CALM = 2.0, 1.0
"""Seconds after which the frame that others are compared with is renewed, once no region has moved by so much
(percent of the eye distance) since a fifth of a second before; after five times as long it is in any case."""
HANDOVER = 0.12
"""Seconds for which two frames are compared with, so that places go on without a step."""
REACH = 8.0
"""Pixels of the view by which the eyes may lie off where the mesh has them; further off, it starts again."""
LOOSE = 1.5
"""Pixels by which the points that move with the head are off their fit, in the median, on a face that turned
away or is another's."""
OPEN = 0.2
"""How unlike the eyes may be to what they were where a reference is taken: 0 (not at all) to 2."""
NEAR = 1.0
"""Pixels by which a view may lie off its reference and not be taken again."""
JUMP, FARTHEST = 4.0, 20.0
"""Percent of the eye distance that no skin moves from one frame to the next, and while it is lost: what does
is other skin."""
AVERAGED = 1.0
"""Seconds over which `Motion.amount` forgets where the skin was."""
_HEAD = (*NOSE_BRIDGE, NOSE_TIP, *FOREHEAD, *TEMPLES)
_CENTRES = (*(point for pair in PAIRS.values() for point in pair), *MIDDLE.values())
_COUNT = len(_CENTRES)


@dataclass(frozen=True, eq=False)
class Motion:
    """Where the skin of a face is in one frame, relative to its head.

    ``places`` is (regions, 2), right and down, in percent of the distance between the outer eye corners, from
    where each of `REGIONS` was at the start of its stretch; None where the frame shows no usable face.
    Places of two stretches (numbered from 0) do not compare. ``amount`` is how far the skin is, in the mean,
    from where it was in the last second, in the same unit: a curve to plot. ``shut`` is how unlike the eyes
    are to when they were open, 0 to 2: a blink shows there however small the eyes are. Without places both
    are NaN.
    """

    frame: int
    time: float
    places: FloatArray | None
    stretch: int
    amount: float
    shut: float


class FaceMotion:
    """Follows the skin of one face from frame to frame.

    The mesh of the face only says roughly where it is, and may be some frames old.
    """

    def __init__(self) -> None:
        self._followed: _Followed | None = None
        self._stretch = -1
        self._usual = np.zeros((_COUNT, 2), np.float32)
        self._time = 0.0

    def push(self, frame: Frame, face: Face | None) -> Motion:
        """The motion of the next frame; ``face`` is the same person's, or None where it is not seen.

        A face that `fleeting.faces.quality` finds unusable counts as none.
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
    """A view of the face that later ones are compared with; its regions were at ``start`` then."""

    def __init__(self, view: Gray, mesh: FloatArray, start: FloatArray, time: float) -> None:
        self.start, self.time = start, time
        self._view = view
        self._points = mesh[[*_CENTRES, *_HEAD], :2].astype(np.float32)
        self._eyes = [_around(mesh[list(eye), :2]) for eye in (RIGHT_EYE, LEFT_EYE)]

    def compared(self, view: Gray) -> tuple[FloatArray, Matrix, float]:
        """How far the regions went, less the head's motion, (regions, 2); that motion; how loose its fit is.

        All in pixels of the view.
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
        """How far the eyes look otherwise than they did, 0 (not at all) to 2: 1 less their correlation."""
        return 1 - float(np.mean([_correlation(self._view[eye], view[eye]) for eye in self._eyes]))


def _correlation(one: Gray, other: Gray) -> float:
    first, second = (part.astype(np.float32).ravel() - np.float32(part.mean()) for part in (one, other))
    lengths = float(np.linalg.norm(first)) * float(np.linalg.norm(second))
    return float(first @ second) / max(lengths, 1e-6)


def _around(points: FloatArray) -> tuple[slice, slice]:
    """Rows and columns of the view around points, with what is left of them inside it."""
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return slice(max(int(top), 0), int(bottom) + 2), slice(max(int(left), 0), int(right) + 2)


class _Followed:
    """One face for as long as it can be followed: its reference, and the one that will take over."""

    def __init__(self, picture: Gray, mesh: FloatArray, time: float) -> None:
        self._matrix = crop_matrix(mesh, VIEW_HEIGHT)
        self._matrix[:, 2] += VIEW_MARGIN
        self._eyes = moved(self._matrix, eyes(mesh))
        self._unit = outer_distance(moved(self._matrix, mesh)) / 100
        self._misses = 0
        self.shut = 0.0
        """How far the eyes look otherwise than when they were last compared with: 0 to 2."""
        self._places = np.zeros((_COUNT, 2), np.float32)
        self._away = np.zeros(_COUNT, np.int64)
        self._recent: deque[tuple[float, FloatArray]] = deque()
        self._reference = self._taken(picture, mesh, np.zeros((_COUNT, 2), np.float32), time)
        self._next: _Reference | None = None
        self._steps: list[FloatArray] = []

    @property
    def is_lost(self) -> bool:
        """Whether two frames on end could not be compared."""
        return self._misses > 1

    def places(self, picture: Gray, mesh: FloatArray, time: float) -> FloatArray | None:
        """Where the regions are, in percent of the eye distance, or None where they cannot be compared."""
        matrix = self._matrix
        if self._off(matrix, mesh) > REACH:
            matrix = similarity(eyes(mesh), self._eyes)
        for _ in range(2):  # the second time it is nearer
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
        """Regions that jumped, where they were before: the longer they are away, the further they may be."""
        self._away += 1
        jumped = np.linalg.norm(places - self._places, axis=1) > np.minimum(JUMP * self._away, FARTHEST)
        self._away[~jumped] = 0
        self._places = np.where(jumped[:, None], self._places, places)
        return self._places

    def _off(self, matrix: Matrix, mesh: FloatArray) -> float:
        return float(np.abs(moved(matrix, eyes(mesh)) - self._eyes).max())

    def _renew(self, picture: Gray, view: Gray, mesh: FloatArray, places: FloatArray, time: float) -> None:
        """Take a new reference when it is time, and let it take over once its regions' places are known."""
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
    """The face in gray, as large and as level as in every other frame."""
    factor = shrinking(matrix[None])
    return warped(shrunk(picture, factor), matrix, VIEW, factor, cv2().INTER_LINEAR)
