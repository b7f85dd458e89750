"""Compares a face with an earlier view of the same face: how each small region of its skin has moved.

The picture is cut so that the face lies as it did in the view, by a smooth map from the earlier mesh to the
mesh now. Each point is then found again by pyramidal Lucas-Kanade flow (Bouguet 2000), and what a rigid head
explains is taken out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fleeting.faces.alignment import MIDDLE as CENTRE
from fleeting.faces.alignment import VIEW, VIEW_HEIGHT, VIEW_MARGIN, crop_matrix
from fleeting.faces.head_fit import Array, fitted_head
from fleeting.faces.landmarks import (
    FOREHEAD,
    LEFT_EYE,
    MOUTH,
    NOSE_BRIDGE,
    NOSE_TIP,
    POINTS,
    RIGHT_EYE,
    TEMPLES,
    outer_distance,
)
from fleeting.faces.optical_flow import Gray
from fleeting.faces.warping import median, moved, tukey
from fleeting.optional import cv2
from fleeting.types import FloatArray

WINDOW, LEVELS = 31, 2
"""Side of a region in pixels of the view, where the outer eye corners are about 108 pixels apart; and how
often the view is halved to find regions that moved far."""
SQUARE = 21
"""Side of the square, in pixels of the view, by which a region's likeness is measured."""
ALIKE = 0.7
"""Median likeness of all points below which a frame cannot be compared with the reference."""
NEAR = 1.0
"""Median pixels by which points may be off; beyond it the picture is cut and compared once more."""
HEAD = (*NOSE_BRIDGE, NOSE_TIP, *FOREHEAD, *TEMPLES)
HEAD_WEIGHT = 4.0
"""Points of the mesh that move with the head alone, and their weight in its fit, where a region has 1."""
EVEN = 8.0
"""Standard deviation, in pixels of the view, of the surroundings by which brightness and contrast are
evened out."""
UNIT = 54.0
"""Pixels of the view that are 1 in the map's functions: half the outer eye distance."""
CELL, SPREAD = 12, 7.0
"""Pixels between the points at which the map is computed, and within which the mesh says their depth."""
_TRUST = np.ones((POINTS, 1))
_TRUST[[*RIGHT_EYE, *LEFT_EYE, *MOUTH]] = 0.05
_COLUMNS, _ROWS = (np.arange(0, side + CELL, CELL) for side in VIEW)
_AT = np.stack(np.meshgrid(_COLUMNS, _ROWS), axis=-1).reshape(-1, 2).astype(np.float32)
_CELLS = np.meshgrid(*(np.arange(side, dtype=np.float32) / CELL for side in VIEW))
_REACH = (6 * round(EVEN) + 1,) * 2  # three standard deviations on each side, where OpenCV takes four
_STEPS = np.arange(SQUARE + 1) - SQUARE // 2


@dataclass(frozen=True, eq=False)
class Compared:
    """One frame beside a reference.

    ``left`` (regions, 2): how each region moved in percent of the outer eye distance, without the head.
    ``likeness`` (regions + points of the head,): the correlation of each square with the reference's.
    ``rotation`` (2, 3): the head's scaled rotation. ``view``: the frame, cut as the reference was.
    """

    left: Array
    likeness: Array
    rotation: Array
    view: Gray

    @property
    def is_alike(self) -> bool:
        """Whether enough of the face looks as it does in the reference, so that the motion can be trusted."""
        return bool(median(self.likeness) >= ALIKE and np.isfinite(self.left).all())


class Reference:
    """A view of the face, taken at ``time``, that later ones are compared with; ``start`` is its places.

    ``regions`` are the points of the mesh at the centres of the regions, ``mesh`` is (468, 3).
    """

    def __init__(
        self, picture: Gray, mesh: FloatArray, regions: Sequence[int], start: Array, time: float
    ) -> None:
        self.start, self.time = start, time
        self._count = len(regions)
        matrix = crop_matrix(mesh, VIEW_HEIGHT)
        matrix[:, 2] += VIEW_MARGIN
        depth = mesh[:, 2] * np.hypot(*matrix[0, :2])
        placed = np.column_stack([moved(matrix, mesh), depth]).astype(np.float32)
        self._unit = outer_distance(placed) / 100
        known = _functions(placed[:, :2], placed[:, 2])
        weighted = (_TRUST * known).T
        self._solved = np.linalg.solve(weighted @ known + 1e-3 * np.eye(known.shape[1]), weighted)
        self._grid = _functions(_AT, _depths(placed)).astype(np.float32)
        self._points = placed[[*regions, *HEAD], :2].copy()
        self._depth = placed[[*regions, *HEAD], 2]
        self._here = _functions(self._points, self._depth)
        self._view = self._cut(picture, self._solved @ mesh[:, :2])
        self._squares = _squares(self._view, self._points)
        self._eyes = [_around(placed[list(eye), :2]) for eye in (RIGHT_EYE, LEFT_EYE)]

    def compared(self, picture: Gray, mesh: FloatArray) -> Compared:
        """A gray picture and its mesh (468, 2 or more) compared with this reference."""
        smooth = self._solved @ mesh[:, :2].astype(np.float64)
        view, there = self._followed(picture, smooth)
        if median(np.linalg.norm(there - self._points, axis=1)) > NEAR:
            smooth = self._corrected(smooth, there)
            view, there = self._followed(picture, smooth)
        likeness = np.einsum("nij,nij->n", self._squares, _squares(view, there))
        trust = np.where(np.arange(len(there)) < self._count, 1.0, HEAD_WEIGHT)
        trust *= np.clip((likeness - 0.3) / 0.5, 0.01, 1)
        found = _functions(there, self._depth) @ smooth
        rotation, residuals = fitted_head(self._here[:, 1:4], found, trust)
        left = residuals @ np.linalg.inv(rotation[:, :2] / UNIT).T
        return Compared(left[: self._count] / self._unit, likeness, rotation, view)

    def unlike(self, view: Gray) -> float:
        """How different the eyes look from those in this reference, 1 minus their correlation: 0 to 2."""
        return 1 - float(np.mean([_correlation(self._view[eye], view[eye]) for eye in self._eyes]))

    def _followed(self, picture: Gray, smooth: Array) -> tuple[Gray, FloatArray]:
        """The picture cut by the map ``smooth``, and where in it the points are."""
        view = self._cut(picture, smooth)
        there = cv2().calcOpticalFlowPyrLK(
            self._view,
            view,
            self._points,
            None,
            winSize=(WINDOW, WINDOW),
            maxLevel=LEVELS,
            criteria=(3, 15, 0.005),
        )[0]
        return view, there

    def _corrected(self, smooth: Array, there: FloatArray) -> Array:
        """The map, moved, turned and stretched so that most points lie where the reference has them."""
        off = (_functions(there, self._depth) - self._here) @ smooth
        linear = self._here[:, :4]
        weights: Array = np.ones(len(off))
        for _ in range(5):
            root = np.sqrt(weights)[:, None]
            step = np.linalg.lstsq(linear * root, off * root, rcond=None)[0]
            weights = tukey(np.linalg.norm(off - linear @ step, axis=1))
        return np.vstack([smooth[:4] + step, smooth[4:]])

    def _cut(self, picture: Gray, smooth: Array) -> Gray:
        """The face in gray, placed as in the reference, with light and contrast evened out."""
        coarse = (self._grid @ smooth.astype(np.float32)).reshape(len(_ROWS), len(_COLUMNS), 2)
        dense = cv2().remap(coarse, *_CELLS, cv2().INTER_LINEAR)
        border = cv2().BORDER_REPLICATE
        return _evened(cv2().remap(picture, dense, None, cv2().INTER_LINEAR, borderMode=border))


def _functions(points: Array, depth: Array) -> Array:
    """The ten polynomials up to degree 2 of points' places (n, 2) and depths (n,) in the view: (n, 10)."""
    x, y = ((points - CENTRE) / UNIT).T
    z = depth / UNIT
    columns = (np.ones_like(x), x, y, z, x * x, x * y, y * y, x * z, y * z, z * z)
    return np.stack(columns, axis=-1).astype(np.float64)


def _depths(placed: FloatArray) -> Array:
    """The mesh's depth around each of the view's points _AT, (n,), in pixels of the view."""
    squared = ((_AT[:, None] - placed[:, :2]) ** 2).sum(axis=2)
    near = np.exp(-squared / np.float32(2 * SPREAD**2)) + 1e-6 / (1 + squared)
    return np.asarray(near @ placed[:, 2] / near.sum(axis=1), np.float64)


def _evened(view: Gray) -> Gray:
    """The view with the same brightness and contrast all over."""
    bright = view.astype(np.float32)
    bright -= cv2().GaussianBlur(bright, _REACH, EVEN)
    contrast = np.sqrt(cv2().GaussianBlur(bright * bright, _REACH, EVEN)) + 2.0
    return np.asarray(np.clip(bright / contrast * 40 + 128, 0, 255), np.uint8)


def _squares(view: Gray, points: FloatArray) -> Array:
    """The square of the view around each point, of mean 0 and length 1: (n, SQUARE, SQUARE)."""
    whole = np.floor(points).astype(np.int64)
    across, down = (points - whole).T[:, :, None, None]
    columns = np.clip(whole[:, :1] + _STEPS, 0, view.shape[1] - 1)
    rows = np.clip(whole[:, 1:] + _STEPS, 0, view.shape[0] - 1)
    found = view[rows[:, :, None], columns[:, None, :]].astype(np.float32)
    found = found[:, :, :-1] + across * (found[:, :, 1:] - found[:, :, :-1])
    found = found[:, :-1] + down * (found[:, 1:] - found[:, :-1])
    found -= found.mean(axis=(1, 2), keepdims=True)
    lengths = np.sqrt(np.einsum("nij,nij->n", found, found))[:, None, None]
    return np.asarray(found / np.maximum(lengths, 1e-3), np.float64)


def _correlation(one: Gray, other: Gray) -> float:
    first, second = (part.astype(np.float32).ravel() - np.float32(part.mean()) for part in (one, other))
    lengths = float(np.linalg.norm(first)) * float(np.linalg.norm(second))
    return float(first @ second) / max(lengths, 1e-6)


def _around(points: FloatArray) -> tuple[slice, slice]:
    """Rows and columns of the view around some points, as far as they lie inside it."""
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return slice(max(int(top), 0), int(bottom) + 2), slice(max(int(left), 0), int(right) + 2)
