"""Cuts one steady, canonical crop of a face out of every picture of a clip.

The mesh says where the face is. How the head moved is measured in the pixels, because the mesh jitters by as
much as a micro-expression moves. Docs: decision 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fleeting.errors import FaceError, OptionError
from fleeting.faces.landmarks import (
    ASPECT,
    FOREHEAD,
    LEFT_EYE_AT,
    LEFT_EYE_CORNERS,
    NOSE_BRIDGE,
    POINTS,
    RIGHT_EYE_AT,
    RIGHT_EYE_CORNERS,
    TEMPLES,
    eyes,
)
from fleeting.faces.optical_flow import stable_region
from fleeting.faces.warping import Matrix, chained, moved, shrinking, shrunk, similarity, tukey, warped
from fleeting.optional import cv2
from fleeting.types import FloatArray, Image

RIGID = np.isin(np.arange(POINTS), [*NOSE_BRIDGE, *FOREHEAD, *TEMPLES, *RIGHT_EYE_CORNERS, *LEFT_EYE_CORNERS])
"""Mask (468,) of the points of the mesh that move with the head alone."""
VIEW_HEIGHT = 170
"""Rows of the crop at whose scale the head's motion is measured, whatever height the caller asks for."""
VIEW_MARGIN = 28
"""Pixels that the view shows beyond the crop at the left, right and top, for the temples and the forehead."""
VIEW = round(VIEW_HEIGHT * ASPECT) + 2 * VIEW_MARGIN, VIEW_HEIGHT + VIEW_MARGIN
MIDDLE = np.array(VIEW) / 2
"""VIEW is the picture in which motion is measured, the crop with its margins: width and height in pixels.
MIDDLE is its centre."""
REFERENCE_LASTS = 120
"""Frames after which a new reference is taken, so that frames never differ too much from it; earlier, where
two frames in a row cannot be registered to it."""
REACH = 6.0
"""Pixels of the view by which registration may place an eye off the mesh's place; beyond it the mesh's place
is used."""
LIKENESS = 0.6
"""Lowest correlation with the reference at which a picture shows the same face; below it the mesh's place is
used."""
TIGHT = {"aspect": (0.76, 0.88), "distance": (0.44, 0.72), "across": (0.38, 0.62), "down": (0.12, 0.36)}
"""Lowest and highest values of a tight crop: its width over its height, the distance between the eyes over
its width, and the point midway between the eyes over its width and its height. The ranges admit SMIC's,
CASME II's and SAMM's crops (in their published motion maps the eyes lie at 0.16 to 0.27 of the height) and
exclude a face detector's square."""
STEPS, SETTLED = 12, 0.005
"""Most rounds of one registration, and the step, in pixels of the view, below which it has settled."""


@dataclass(frozen=True, eq=False)
class Aligned:
    """A face's frames in the canonical crop, (time, height, width, 3) uint8, and how they were placed.

    ``matrices`` (time, 2, 3) take a point of each picture to its frame. ``lost`` are the frames without a
    mesh, whose place comes from their neighbours. ``by_mesh`` are the frames that could not be registered;
    they are placed by their mesh and jitter as it does.
    """

    frames: Image
    matrices: Matrix
    lost: tuple[int, ...] = ()
    by_mesh: tuple[int, ...] = ()


def align(images: Sequence[Image], meshes: Sequence[FloatArray | None], *, height: int = 170) -> Aligned:
    """Crop a face out of RGB pictures (height, width, 3), steady to a few hundredths of a pixel.

    ``meshes`` come from `fleeting.faces.networks.mesh`, one for each picture, None where no face was found.
    The crop is that of `fleeting.faces.landmarks`, ``height`` pixels high. Each picture is registered to an
    earlier one, starting from its mesh, by the pixels of `fleeting.faces.optical_flow.stable_region`; light
    that changes evenly over the face does not disturb it. Each picture is resampled once. Raises FaceError
    where no picture has a mesh, OptionError where pictures and meshes differ in number.
    """
    if len(images) != len(meshes):
        raise OptionError(f"{len(images)} pictures with {len(meshes)} meshes; give each one mesh or None")
    lost = tuple(i for i, mesh in enumerate(meshes) if mesh is None)
    if len(lost) == len(images):
        raise FaceError(f"no face was found in any of {len(images)} pictures; choose pictures that show one")
    steady, by_mesh = _registered(images, meshes)
    matrices = _centred(steady, meshes, height)
    size, factor = crop_size(height), shrinking(matrices)
    frames = [
        warped(shrunk(image, factor), matrix, size, factor, cv2().INTER_CUBIC)
        for image, matrix in zip(images, matrices, strict=True)
    ]
    return Aligned(np.stack(frames), matrices, lost, by_mesh)


def crop_matrix(mesh: npt.ArrayLike, height: int = 170) -> Matrix:
    """The (2, 3) matrix from the picture of a mesh to the face's canonical crop, ``height`` pixels high."""
    return similarity(eyes(mesh), _eyes_at(*crop_size(height)))


def crop_size(height: int = 170) -> tuple[int, int]:
    """Width and height of the canonical crop that is ``height`` pixels high."""
    return round(height * ASPECT), height


def is_tight(mesh: npt.ArrayLike, width: int, height: int) -> bool:
    """Whether a picture of this size is already a tight crop of the face that ``mesh`` finds in it.

    It is one where its aspect, the distance between the eyes' centres and their place are all within TIGHT.
    This holds for the crops that come with datasets, however their owners made them.
    """
    right, left = eyes(mesh)
    across, down = (right + left) / 2
    found = width / height, np.linalg.norm(left - right) / width, across / width, down / height
    return all(low <= value <= high for value, (low, high) in zip(found, TIGHT.values(), strict=True))


def _eyes_at(width: int, height: int) -> Matrix:
    return np.array([RIGHT_EYE_AT, LEFT_EYE_AT]) * [width, height]


def _registered(
    images: Sequence[Image], meshes: Sequence[FloatArray | None]
) -> tuple[Matrix, tuple[int, ...]]:
    """Matrices from each picture to the view, (time, 2, 3), and the frames that could not be registered."""
    steady = _placed(meshes)
    factor = shrinking(steady)
    reference, taken, unlike = None, 0, 0
    by_mesh = []
    for i, (image, mesh) in enumerate(zip(images, meshes, strict=True)):
        small = shrunk(image, factor)
        if reference is not None:
            place = reference.place(small, steady[i], factor)
            unlike = unlike + 1 if place is None else 0
            if place is not None:
                steady[i] = place
            elif mesh is not None:
                by_mesh.append(i)
        if mesh is not None and (reference is None or unlike > 1 or i - taken >= REFERENCE_LASTS):
            region = stable_region(VIEW[::-1], moved(steady[i], mesh).astype(np.float32))
            reference, taken = _Reference(_view(small, steady[i], factor), region), i
    return steady, tuple(by_mesh)


def _placed(meshes: Sequence[FloatArray | None]) -> Matrix:
    """Matrices by which the meshes place each picture in the view, (time, 2, 3); gaps are interpolated."""
    found = {i: mesh[:, :2] for i, mesh in enumerate(meshes) if mesh is not None}
    cropped = [moved(crop_matrix(mesh, VIEW_HEIGHT), mesh) for mesh in found.values()]
    usual = np.median(cropped, axis=0) + VIEW_MARGIN
    columns = np.array([similarity(mesh, usual, RIGID) for mesh in found.values()]).reshape(-1, 6).T
    bridged = [np.interp(np.arange(len(meshes)), list(found), column) for column in columns]
    return np.stack(bridged, axis=1).reshape(-1, 2, 3)


def _centred(steady: Matrix, meshes: Sequence[FloatArray | None], height: int) -> Matrix:
    """Matrices from each picture to the crop, placed by the median of the eyes over time."""
    pairs = zip(steady, meshes, strict=True)
    usual = np.median([moved(matrix, eyes(mesh)) for matrix, mesh in pairs if mesh is not None], axis=0)
    onward = similarity(usual, _eyes_at(*crop_size(height)))
    return np.stack([chained(onward, matrix) for matrix in steady])


class _Reference:
    """A view of the face that others are registered to.

    Gauss-Newton on the four numbers of a similarity and on light that changes evenly over the face, as in
    Baker and Matthews (2004); pixels are weighted by the stable region and by Tukey's weights.
    """

    def __init__(self, view: FloatArray, region: FloatArray) -> None:
        self._inside = region > 0
        self._trust, self._pixels = region[self._inside], view[self._inside]
        down, right = np.asarray(np.gradient(view))[:, self._inside]
        y, x = (np.indices(view.shape)[:, self._inside] - MIDDLE[::-1, None]) / MIDDLE[0]
        light, ones = self._pixels / 64, np.ones_like(self._pixels)
        rigid = (right * x + down * y, down * x - right * y, right, down)
        self._slopes = np.stack([*rigid, ones, light, light * x, light * y], axis=1).astype(np.float32)

    def place(self, small: Image, start: Matrix, factor: int) -> Matrix | None:
        """The matrix near ``start`` by which a picture, shrunk by ``factor``, matches this view best.

        None where it moves the eyes by more than REACH, or the picture still differs too much (LIKENESS).
        """
        matrix, trust = start, self._trust
        for _ in range(STEPS):
            seen = _view(small, matrix, factor)[self._inside]
            wrong = seen - self._pixels
            weighted = self._slopes * trust[:, None]
            step = np.linalg.lstsq(weighted.T @ self._slopes, weighted.T @ wrong, rcond=None)[0]
            trust = self._trust * tukey(wrong - self._slopes @ step)
            matrix = chained(_about_middle(step[:4].astype(np.float64)), matrix)
            if np.abs(step[:4]).max() < SETTLED:
                break
        eyes_in_view = _eyes_at(*crop_size(VIEW_HEIGHT)) + VIEW_MARGIN
        off = moved(matrix, moved(cv2().invertAffineTransform(start), eyes_in_view)) - eyes_in_view
        return matrix if np.abs(off).max() <= REACH and self._is_like(seen) else None

    def _is_like(self, seen: FloatArray) -> bool:
        one, other = self._pixels - self._pixels.mean(), seen - seen.mean()
        return bool(one @ other > LIKENESS * np.linalg.norm(one) * np.linalg.norm(other))


def _about_middle(step: Matrix) -> Matrix:
    """The matrix of a small step of registration: scaling and rotation about the view's middle, and a shift.

    Scaling and rotation are given in pixels at the view's left or right edge, the shift in pixels.
    """
    grow, turn = step[:2] / MIDDLE[0]
    turned = np.array([[1 + grow, -turn], [turn, 1 + grow]])
    return np.column_stack([turned, step[2:] + MIDDLE - turned @ MIDDLE])


def _view(small: Image, matrix: Matrix, factor: int) -> FloatArray:
    """The view of the face in gray, slightly blurred so that its gradients also hold between pixels."""
    picture = warped(small, matrix, VIEW, factor, cv2().INTER_LINEAR).astype(np.float32)
    return np.asarray(cv2().GaussianBlur(cv2().cvtColor(picture, cv2().COLOR_RGB2GRAY), (0, 0), 1.0))
