"""Runs the face networks: faces in a picture, the points of one face, and its expression from points.

They are MediaPipe's BlazeFace (Bazarevsky et al. 2019, arXiv:1907.05047), its face meshes without and with
irises (Kartynnik et al. 2019, arXiv:1907.06724) and its blendshapes, run by OpenCV; their files are part of
the package. A point is accurate to about half a pixel, and jitters by about as much as a micro-expression
moves: points place regions, they never measure motion.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from threading import Lock
from typing import Any

import numpy as np

from fleeting.errors import PluginError
from fleeting.faces.landmarks import LEFT_EYE_CORNERS, POINTS, RIGHT_EYE_CORNERS
from fleeting.optional import cv2
from fleeting.types import FloatArray, Image

SHA256 = {
    "face_detection_short_range": "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    "face_landmark": "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    "face_landmarks_detector": "c7d54204ce0448474c7f3fa9af494787c0965cbdd6f20fc72867e43046bd43d5",
    "face_blendshapes": "4f36dded049db18d76048567439b2a7f58f1daabc00d78bfe8f3ad396a2d2082",
}
DETECTOR_SIDE, MESH_SIDE, IRISES_SIDE = 128, 192, 256
OVERLAP = 0.3
"""Intersection over union above which two boxes are the same face."""
MARGIN = 1.5
"""Side of the square that the mesh network looks at, as a multiple of the face's longer side."""


@dataclass(frozen=True, eq=False)
class Detection:
    """One face that the detector found.

    ``box`` is x, y, width, height in pixels; ``points`` (6, 2) are right eye, left eye, nose tip, mouth,
    right ear, left ear; ``score`` is 0 to 1.
    """

    box: tuple[float, float, float, float]
    points: FloatArray
    score: float


@dataclass(frozen=True)
class Square:
    """A rotated square of a picture: centre and side in pixels, angle in radians (clockwise as seen)."""

    x: float
    y: float
    side: float
    angle: float

    def to_picture(self, side: float) -> FloatArray:
        """The (2, 3) matrix from this square, drawn ``side`` pixels wide, to the whole picture."""
        scale = self.side / side
        cos, sin = scale * np.cos(self.angle), scale * np.sin(self.angle)
        turned = np.array([[cos, -sin], [sin, cos]])
        corner = np.array([self.x, self.y]) - turned @ np.array([side / 2, side / 2])
        return np.column_stack([turned, corner]).astype(np.float32)


@cache
def _network(name: str) -> tuple[Any, Lock]:
    """A network, and a lock for it: its object holds the input and output of one thread at a time."""
    data = files("fleeting").joinpath("assets", "faces", f"{name}.tflite").read_bytes()
    if (found := hashlib.sha256(data).hexdigest()) != SHA256[name]:
        raise PluginError(
            f"{name}.tflite has SHA-256 {found}, expected {SHA256[name]}; install fleeting again"
        )
    return cv2().dnn.readNetFromTFLite(np.frombuffer(data, np.uint8)), Lock()


def _run(name: str, blob: FloatArray, outputs: tuple[str, ...]) -> list[FloatArray]:
    """The outputs of a network."""
    network, one_at_a_time = _network(name)
    with one_at_a_time:
        network.setInput(blob)
        return [np.array(output) for output in network.forward(outputs)]


def detect(image: Image, least: float = 0.5, margin: float = 0.0) -> list[Detection]:
    """Faces in an RGB picture (height, width, 3) that score at least ``least`` (0 to 1), the surest first.

    A face that fills the picture (a dataset's tight crop) is found more surely with a ``margin`` around the
    picture, a share of its longer side. A face narrower than about an eighth of that side is not found.
    """
    square, scale, left, top = _letter_boxed(image, margin)
    blob = cv2().dnn.blobFromImage(square, 1 / 127.5, mean=(127.5, 127.5, 127.5))
    raw_scores, raw_places = _run("face_detection_short_range", blob, ("classificators", "regressors"))
    scores = _sigmoid(raw_scores[0, :, 0])
    likely = np.flatnonzero(scores >= least)
    places = raw_places[0, likely].reshape(-1, 8, 2)  # centre, size, six points
    places[:, [0, *range(2, 8)]] += DETECTOR_SIDE * _anchors()[likely, None]
    places -= np.array([[left, top], [0, 0], *[[left, top]] * 6], np.float32)
    return [_detection(*found) for found in _merged(places / scale, scores[likely])]


def mesh(image: Image, square: Square) -> tuple[FloatArray, float]:
    """The 468 points of the face in a square of an RGB picture, and a score.

    The points are (468, 3): x and y in pixels of the picture, and z in the same scale, which is 0 at the
    head's centre and grows away from the camera. The score, 0 to 1, says how surely the square shows a face.
    """
    blob = cv2().dnn.blobFromImage(_level(image, square, MESH_SIDE), 1 / 255)
    score, raw = _run("face_landmark", blob, ("conv2d_31", "conv2d_21"))
    points, matrix = raw.reshape(POINTS, 3), square.to_picture(MESH_SIDE)
    flat = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    depth = points[:, 2:] * square.side / MESH_SIDE
    return np.hstack([flat, depth]).astype(np.float32), float(_sigmoid(score.reshape(-1))[0])


def level_face(image: Image, points: FloatArray) -> Image:
    """The square around a face with this mesh (468, 2 or 3), turned level: RGB (256, 256, 3)."""
    return _level(image, square_of_mesh(points), IRISES_SIDE)


def mesh_with_irises(face: Image) -> FloatArray:
    """The points of `mesh` and ten of the irises, (478, 2), in a picture of `level_face`: slower than `mesh`.

    The last ten are the centre and four points of the rim of the right iris, then those of the left one.
    """
    (raw,) = _run("face_landmarks_detector", cv2().dnn.blobFromImage(face, 1 / 255), ("Identity",))
    return np.asarray(raw.reshape(-1, 3)[:, :2], dtype=np.float32)


def expression(points: FloatArray) -> FloatArray:
    """The 52 values of `fleeting.faces.blendshapes.NAMES`, 0 to 1, of 146 points (146, 2) of a face.

    The network sees no picture; where the points lie and how large the face is makes no difference.
    """
    (values,) = _run("face_blendshapes", points[None].astype(np.float32), ("StatefulPartitionedCall:0",))
    return values.reshape(-1)


def how_upright(image: Image, square: Square) -> float:
    """How sure the detector is, 0 to 1, of a face in this square of an RGB picture, turned level.

    It is surer of a face that stands upright there than of the same face upside down.
    """
    level = _level(image, square, DETECTOR_SIDE)
    return max((found.score for found in detect(level, least=0.0)), default=0.0)


def square_of_detection(detection: Detection) -> Square:
    """The square in which to look for the mesh of a face that the detector found."""
    x, y, width, height = detection.box
    side = MARGIN * max(width, height)
    return Square(x + width / 2, y + height / 2, side, _tilt(detection.points[0], detection.points[1]))


def square_of_mesh(points: FloatArray) -> Square:
    """The square in which to look for a face's mesh, given the mesh (468, 2 or 3) found last."""
    angle = _tilt(points[RIGHT_EYE_CORNERS[0]], points[LEFT_EYE_CORNERS[0]])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    level = points[:, :2] @ turn
    low, high = level.min(axis=0), level.max(axis=0)
    x, y = turn @ ((low + high) / 2)
    return Square(float(x), float(y), MARGIN * float((high - low).max()), angle)


def _level(image: Image, square: Square, side: int) -> Image:
    """The square of a picture turned level, ``side`` pixels wide; beyond the picture, edge pixels repeat."""
    flags = cv2().INTER_LINEAR | cv2().WARP_INVERSE_MAP
    border = cv2().BORDER_REPLICATE  # black would pull tight crops' meshes in
    matrix = square.to_picture(side)
    return np.asarray(cv2().warpAffine(image, matrix, (side, side), flags=flags, borderMode=border))


def _letter_boxed(image: Image, margin: float) -> tuple[Image, float, int, int]:
    """The picture scaled into the detector's square, its scale, and its left and top edge in the square."""
    height, width = image.shape[:2]
    scale = DETECTOR_SIDE / (max(height, width) * (1 + 2 * margin))
    size = max(1, round(scale * width)), max(1, round(scale * height))
    kind = cv2().INTER_AREA if scale < 1 else cv2().INTER_LINEAR
    left, top = (DETECTOR_SIDE - size[0]) // 2, (DETECTOR_SIDE - size[1]) // 2
    square = np.zeros((DETECTOR_SIDE, DETECTOR_SIDE, 3), np.uint8)
    square[top : top + size[1], left : left + size[0]] = cv2().resize(image, size, interpolation=kind)
    return square, scale, left, top


@cache
def _anchors() -> FloatArray:
    """Centres (896, 2) of the detector's anchors, 0 to 1: two in each of 16x16 cells, six in each of 8x8."""
    grids = []
    for cells, each in ((16, 2), (8, 6)):
        rows, columns = (np.mgrid[0:cells, 0:cells] + 0.5) / cells
        grids.append(np.stack([columns, rows], axis=2).reshape(-1, 2).repeat(each, axis=0))
    return np.concatenate(grids).astype(np.float32)


def _merged(places: FloatArray, scores: FloatArray) -> list[tuple[FloatArray, float]]:
    """One (8, 2) place for each face: the mean, weighted by score, of those that overlap the surest one."""
    found = []
    left = np.argsort(-scores)
    while len(left):
        same = _overlaps(places[left[0]], places[left]) > OVERLAP
        same[0] = True
        group = left[same]
        found.append((np.average(places[group], axis=0, weights=scores[group]), float(scores[left[0]])))
        left = left[~same]
    return found


def _overlaps(one: FloatArray, many: FloatArray) -> FloatArray:
    """Intersection over union of a box with several, each (centre, size, ...)."""
    low = np.maximum(one[0] - one[1] / 2, many[:, 0] - many[:, 1] / 2)
    high = np.minimum(one[0] + one[1] / 2, many[:, 0] + many[:, 1] / 2)
    shared = np.clip(high - low, 0, None).prod(axis=1)
    union = one[1].prod() + many[:, 1].prod(axis=1) - shared
    return np.asarray(shared / np.maximum(union, 1e-9), dtype=np.float32)


def _detection(place: FloatArray, score: float) -> Detection:
    corner, size = place[0] - place[1] / 2, place[1]
    box = float(corner[0]), float(corner[1]), float(size[0]), float(size[1])
    return Detection(box, place[2:].astype(np.float32), score)


def _tilt(right_eye: FloatArray, left_eye: FloatArray) -> float:
    """How far the line through the eyes is turned, in radians; 0 is level, clockwise is positive."""
    across, down = left_eye[:2] - right_eye[:2]
    return float(np.arctan2(down, across))


def _sigmoid(logit: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -80, 80))), dtype=np.float32)
