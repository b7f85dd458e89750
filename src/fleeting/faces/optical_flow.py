"""Measures how pixels moved: dense optical flow, its strain, removal of head motion, shrinking by area."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from fleeting.errors import OptionError, UnknownNameError
from fleeting.faces.landmarks import (
    FOREHEAD,
    LEFT_BROW,
    LEFT_EYE,
    MOUTH,
    NOSE_BRIDGE,
    NOSE_TIP,
    RIGHT_BROW,
    RIGHT_EYE,
    TEMPLES,
    eyes,
)
from fleeting.faces.warping import Matrix, similarity
from fleeting.optional import cv2
from fleeting.types import FloatArray

Gray = npt.NDArray[np.uint8]
SMALLEST = 16
"""Fewest rows and columns of a picture: below it no backend finds a movement, and some crash."""
CALM = 0.3
"""Weight of the cheeks in a stable region, where the nose, the forehead and the temples have 1."""
_STILL_IN_CROP = ((0.42, 0.20, 0.58, 0.56), (0.10, 0.0, 0.90, 0.05))
"""The nose, and the forehead as far as the crop shows it: left, top, right, bottom in shares of the crop."""
_MOVING_IN_CROP = ((0.0, 0.06, 0.40, 0.34), (0.60, 0.06, 1.0, 0.34), (0.16, 0.61, 0.84, 0.87))
"""Each eye with its brow, and the mouth."""


def _dis(before: Gray, after: Gray) -> FloatArray:
    """Dense inverse search (Kroeger et al. 2016), carried on to the full resolution.

    OpenCV's presets stop at half the size or less; for motions of 1 to 2 px they are a third less exact.
    """
    method = cv2().DISOpticalFlow_create(cv2().DISOPTICAL_FLOW_PRESET_MEDIUM)
    method.setFinestScale(0)
    method.setPatchStride(4)
    method.setGradientDescentIterations(12)
    return np.asarray(method.calc(before, after, None))


def _farneback(before: Gray, after: Gray) -> FloatArray:
    """Polynomial expansion (Farneback 2003), 3 levels, windows of 15 px: wider ones blur local motion away.

    Between two equal pictures it finds motion of up to 0.1 px, where the other methods find none.
    """
    return np.asarray(cv2().calcOpticalFlowFarneback(before, after, None, 0.5, 3, 15, 3, 5, 1.2, 0))


def _tvl1(before: Gray, after: Gray) -> FloatArray:
    """TV-L1 (Zach et al. 2007) with OpenCV's settings, by which the composite's published maps were made."""
    return np.asarray(cv2().optflow.DualTVL1OpticalFlow_create().calc(before, after, None))


FLOWS: dict[str, Callable[[Gray, Gray], FloatArray]] = {"dis": _dis, "farneback": _farneback, "tvl1": _tvl1}
"""Every method by its name. Use `dis` for each frame of a video, the far slower `tvl1` once per event."""


def gray(image: npt.NDArray[np.uint8]) -> Gray:
    """A gray or RGB picture (height, width, 1 or 3) as gray: 0.299 red + 0.587 green + 0.114 blue."""
    if image.shape[2] == 1:
        return image[..., 0]
    return np.asarray(cv2().cvtColor(image, cv2().COLOR_RGB2GRAY), dtype=np.uint8)


def flow(before: Gray, after: Gray, backend: str = "dis") -> tuple[FloatArray, FloatArray]:
    """How far each pixel of ``before`` moved: u right and v down, in pixels, each (height, width).

    Both pictures are gray. The same pictures give the same flow, whatever the number of threads. Raises
    UnknownNameError on a backend that is not in FLOWS, OptionError on pictures that are not gray uint8 of
    one size of at least 16x16, and MissingExtraError without OpenCV's contrib modules.
    """
    if backend not in FLOWS:
        raise UnknownNameError("flow", backend, FLOWS)
    for picture in (before, after):
        if picture.dtype != np.uint8 or picture.shape != before.shape or picture.ndim != 2:
            found = f"{before.dtype} {before.shape} and {after.dtype} {after.shape}"
            raise OptionError(
                f"flow between {found}, expected two gray uint8 pictures of one size; convert them"
            )
    if min(before.shape) < SMALLEST:
        raise OptionError(f"flow in a picture of {before.shape}, expected at least 16x16; use a larger crop")
    moved = FLOWS[backend](np.ascontiguousarray(before), np.ascontiguousarray(after))
    return np.ascontiguousarray(moved[..., 0]), np.ascontiguousarray(moved[..., 1])


def optical_strain(u: FloatArray, v: FloatArray, form: Literal["usual", "printed"] = "usual") -> FloatArray:
    """How much the skin stretches, pixel by pixel: sqrt(exx^2 + eyy^2 + 1/2 (du/dy + dv/dx)^2), unitless.

    Strain sees deformation only: it stays zero where the head shifts as a whole, or rotates a little. The
    ``printed`` form, exx^2 + eyy^2 + 1/2 ((du/dy)^2 + (dv/dx)^2), is equation 7 of DFR-Net (2025) as its text
    has it, without a root; in it a rotation counts as strain. Raises UnknownNameError on another ``form``.
    """
    du_dy, du_dx = np.gradient(u)
    dv_dy, dv_dx = np.gradient(v)
    stretch = du_dx**2 + dv_dy**2
    if form == "usual":
        return np.asarray(np.sqrt(stretch + 0.5 * (du_dy + dv_dx) ** 2), dtype=np.float32)
    if form == "printed":
        return np.asarray(stretch + 0.5 * (du_dy**2 + dv_dx**2), dtype=np.float32)
    raise UnknownNameError("form of strain", form, ("usual", "printed"))


def stable_region(shape: tuple[int, int], mesh: FloatArray | None = None) -> FloatArray:
    """Weights that say which pixels move with the head alone: ``shape`` (height, width), 0 to 1.

    The weight is 1 on the nose, the forehead and the temples, CALM on the rest of the face, and 0 on eyes,
    brows and mouth and outside the face. With a ``mesh`` (468, 2 or 3) in pixels the weights follow that
    face; without one the picture is taken to be the canonical crop of `fleeting.faces.landmarks`.
    """
    return _region_of_crop(shape) if mesh is None else _region_of_mesh(shape, mesh)


def _region_of_crop(shape: tuple[int, int]) -> FloatArray:
    height, width = shape
    rows, columns = (np.arange(height)[:, None] + 0.5) / height, (np.arange(width)[None] + 0.5) / width
    region = np.full(shape, CALM, np.float32)
    for value, boxes in ((1.0, _STILL_IN_CROP), (0.0, _MOVING_IN_CROP)):
        for left, top, right, bottom in boxes:
            region[(rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)] = value
    return region


def _region_of_mesh(shape: tuple[int, int], mesh: FloatArray) -> FloatArray:
    points = np.rint(mesh[:, :2]).astype(np.int32)
    reach = max(1, round(0.16 * float(np.linalg.norm(np.subtract(*eyes(mesh))))))
    region = np.zeros(shape, np.float32)
    cv2().fillConvexPoly(region, cv2().convexHull(points), CALM)
    for x, y in points[[*NOSE_BRIDGE, NOSE_TIP, *FOREHEAD, *TEMPLES]]:
        cv2().circle(region, (int(x), int(y)), reach, 1.0, -1)
    for part in (RIGHT_EYE, LEFT_EYE, RIGHT_BROW, LEFT_BROW, MOUTH):
        outline = cv2().convexHull(points[list(part)])
        cv2().fillConvexPoly(region, outline, 0.0)
        cv2().polylines(region, [outline], True, 0.0, reach)
    return region


def rigid_fit(u: FloatArray, v: FloatArray, weights: FloatArray) -> Matrix:
    """The head's motion in a flow: the similarity, (2, 3), from where pixels were to where they went.

    ``weights`` (height, width) says which pixels move with the head alone (`stable_region`); those of them
    that do not follow the rest are left out. It is a similarity, not an affine motion, which could mistake
    stretched skin for a moving head. Raises OptionError where fewer than two pixels have a weight.
    """
    rows, columns = np.nonzero(weights > 0)
    start = np.column_stack([columns, rows]).astype(np.float64)
    moved = start + np.column_stack([u[rows, columns], v[rows, columns]])
    return similarity(start, moved, weights[rows, columns])


def without_rigid(u: FloatArray, v: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The flow minus the head's motion (`rigid_fit`) at every pixel: u and v, in pixels."""
    matrix = rigid_fit(u, v, weights)
    rows, columns = np.mgrid[0 : u.shape[0], 0 : u.shape[1]]
    right, down = (row[0] * columns + row[1] * rows + row[2] for row in matrix)
    return (u - (right - columns)).astype(np.float32), (v - (down - rows)).astype(np.float32)


def motion_map(u: FloatArray, v: FloatArray, side: int = 28) -> FloatArray:
    """Flow as a map like the composite's: u, v and strain, shrunk by area, each 0 to 255: (3, side, side).

    Each channel is min-max scaled on its own; a flat channel is 127.5 (u, v) or 0 (strain) throughout.
    """
    channels = (u, 127.5), (v, 127.5), (optical_strain(u, v), 0.0)
    return np.stack([_stretched(shrink(channel, (side, side)), flat) for channel, flat in channels])


def _stretched(channel: FloatArray, flat: float) -> FloatArray:
    low, high = float(channel.min()), float(channel.max())
    if high - low < 1e-6:
        return np.full_like(channel, flat)
    return (channel - low) * np.float32(255 / (high - low))


def shrink(picture: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Shrink a picture (height, width) to ``size`` by area: each new pixel is the mean of what it covers."""
    for axis, side in enumerate(size):
        picture = np.moveaxis(_shares(picture.shape[axis], side) @ np.moveaxis(picture, axis, 0), 0, axis)
    return np.asarray(picture, dtype=np.float32)


def _shares(old: int, new: int) -> FloatArray:
    """The share of each new pixel that each old pixel makes up: (new, old), rows summing to 1."""
    left = np.arange(new)[:, None] * old / new
    covered = np.minimum(np.arange(old) + 1, left + old / new) - np.maximum(np.arange(old), left)
    return np.asarray(np.clip(covered, 0, None) * new / old, dtype=np.float32)
