"""A drawn person at rest: the photograph warped and toned into a picture, and the places of its parts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from fleeting.drawing.curves import Curve, curve
from fleeting.drawing.people import Identity
from fleeting.drawing.photographs import Points, Source, source
from fleeting.faces.landmarks import LEFT_EYE_CORNERS, OVAL, RIGHT_EYE_CORNERS, eyes, outer_distance
from fleeting.optional import cv2
from fleeting.types import FloatArray, Image

WIDTH, HEIGHT = 640, 480
FINER = 2
"""A portrait's grid is this many times finer than a frame's: OpenCV samples at steps of 1/32 pixel."""
MARGIN = 64
"""Frame pixels by which a portrait extends beyond each edge of the frame, so that the head can move."""
COARSE = 8
"""The warp is computed at every eighth point of the fine grid and interpolated: it is smooth."""
SURROUND = 360
"""Pixels of blurred surroundings that are added on each side of the photograph, where it is too small."""
MODES, PROPORTIONS, LENGTH = 6, 0.04, 0.08
"""Number of waves in a warp; their size, and how much longer or shorter a face gets at most, as shares."""
BLOTCHES, GRAIN = 0.04, 2.0
"""The skin's texture, as standard deviations: light and dark blotches as a share, grain in steps of 255."""


@dataclass(frozen=True, eq=False)
class Portrait:
    """The picture of a person at rest and the places of eyes, lips and mesh in it.

    ``picture`` and ``skin`` (the same with skin painted under the edges of covers) are RGB floats, 0 to 255,
    on the fine grid, see `to_fine`. ``cover`` (480, 640) is 0 to 1, how much a cover lies over the skin or
    holds it. The other values are in pixels of the frame: ``mesh`` (468, 2), whose points keep the
    photograph's numbers even if it is mirrored; ``depth`` (468,), how far each of them lies behind the head's
    centre; ``eyes``, the upper and the lower lid of each; ``lips``, the line along which they part. The rows
    of ``axes`` are unit vectors: to the right in the picture and down, both tilted with the head. ``unit`` is
    the distance between the outer corners of the eyes.
    """

    picture: FloatArray
    skin: FloatArray
    cover: FloatArray
    mesh: FloatArray
    depth: FloatArray
    eyes: tuple[tuple[Curve, Curve], ...]
    lips: Curve
    axes: FloatArray
    unit: float


def to_fine(points: FloatArray) -> FloatArray:
    """Pixels of the frame, (..., 2) x and y, as places on a portrait's fine grid."""
    return FINER * (points + np.float32(MARGIN)) + np.float32((FINER - 1) / 2)


@lru_cache(maxsize=2)
def portrait(person: Identity) -> Portrait:
    """The portrait of a person at rest. Raises MissingExtraError without OpenCV or scikit-image."""
    photograph = source(person.photograph)
    measured = photograph.measured
    warp = _Warp(person, photograph)
    places = warp.places()
    mesh = warp.drawn(photograph.mesh)
    gain, grain = _texture(mesh, person)
    picture, skin = (
        cv2().remap(_toned(_surrounded(image), person), *places, cv2().INTER_CUBIC)
        for image in (photograph.image, photograph.skin)
    )
    picture, skin = (np.clip(gain * image + grain, 0, 255) for image in (picture, skin))
    held = cv2().copyMakeBorder(photograph.cover, *[SURROUND] * 4, cv2().BORDER_CONSTANT)
    held = cv2().remap(held, *places, cv2().INTER_LINEAR)
    inner = cv2().erode((held > 0.999).astype(np.uint8), np.ones((4 * FINER + 1, 4 * FINER + 1)))
    cover = cv2().resize(held, None, None, 1 / FINER, 1 / FINER, cv2().INTER_AREA)
    return Portrait(
        picture=picture,
        skin=np.where(inner[..., None] > 0, skin, picture),  # equal to picture where skin shows at rest
        cover=np.ascontiguousarray(cover[MARGIN:-MARGIN, MARGIN:-MARGIN]),
        mesh=mesh,
        depth=photograph.depth * np.float32(person.eye_distance / outer_distance(photograph.mesh)),
        eyes=tuple((warp.curve(eye.upper), warp.curve(eye.lower)) for eye in measured.eyes),
        lips=warp.curve(measured.lips),
        axes=warp.axes.astype(np.float32),
        unit=person.eye_distance,
    )


class _Warp:
    """The map from the photograph's face to the drawn one: mirrors it, changes its proportions, places it.

    Both faces are described upright, with the point between the eyes at 0 and the outer eye corners 1 apart:
    a point q of the drawn face shows the point ``q + self._shift(q)`` of the photograph's face.
    """

    def __init__(self, person: Identity, photograph: Source) -> None:
        rng = np.random.default_rng([person.seed, 1])
        self._waves = rng.normal(0, 2 * np.pi / 2.5, (MODES, 2))
        self._phases = rng.uniform(0, 2 * np.pi, (MODES, 2))
        self._sizes = rng.normal(0, PROPORTIONS, (MODES, 2)) / np.sqrt(MODES)
        self._longer = rng.uniform(-LENGTH, LENGTH)
        self._flip = np.array([-1.0 if person.mirrored else 1.0, 1.0])
        self._photo_eyes = eyes(photograph.mesh).mean(axis=0)
        across = photograph.mesh[LEFT_EYE_CORNERS[0]] - photograph.mesh[RIGHT_EYE_CORNERS[0]]
        self._photo_axes = _axes(float(np.arctan2(across[1], across[0])))
        self._photo_unit = outer_distance(photograph.mesh)
        upright = self._upright(photograph.mesh)
        self._unit = person.eye_distance / outer_distance(upright)
        self.axes = _axes(person.tilt)
        self._place = np.array(person.place) - self._unit * eyes(upright).mean(axis=0) @ self.axes

    def drawn(self, points: npt.ArrayLike) -> FloatArray:
        """Points of the photograph (n, 2) as pixels of the frame."""
        placed = self._place + self._unit * self._upright(points) @ self.axes
        return np.asarray(placed, dtype=np.float32)

    def curve(self, points: Points) -> Curve:
        """The curve through points of the photograph, in pixels of the frame."""
        return curve(self.drawn(points), self.axes)

    def places(self) -> tuple[FloatArray, FloatArray]:
        """The x and the y of the surrounded photograph that each point of the fine grid shows."""
        width, height = (FINER * (side + 2 * MARGIN) for side in (WIDTH, HEIGHT))
        columns = (np.arange(width // COARSE) + 0.5) * COARSE - 0.5
        rows = (np.arange(height // COARSE) + 0.5) * COARSE - 0.5
        fine = np.stack(np.meshgrid(columns, rows), axis=2)
        frame = (fine - (FINER - 1) / 2) / FINER - MARGIN
        q = (frame - self._place) @ self.axes.T / self._unit
        shown = (q + self._shift(q)) * self._flip * self._photo_unit @ self._photo_axes + self._photo_eyes
        x, y = np.moveaxis((shown + SURROUND).astype(np.float32), 2, 0)
        return tuple(cv2().resize(p, (width, height), interpolation=cv2().INTER_CUBIC) for p in (x, y))

    def _upright(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        p = (np.asarray(points) - self._photo_eyes) @ self._photo_axes.T / self._photo_unit * self._flip
        q = np.asarray(p)
        for _ in range(40):
            q = p - self._shift(q)
        return q

    def _shift(self, q: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """A sum of symmetric waves and a change of length, which fade out away from the face."""
        x, y = q[..., :1], q[..., 1:]
        across, down = self._waves.T
        waves = np.cos(y * down + self._phases[:, 0]), np.cos(y * down + self._phases[:, 1])
        u = (self._sizes[:, 0] * np.sin(x * across) * waves[0]).sum(axis=-1)
        v = (self._sizes[:, 1] * np.cos(x * across) * waves[1]).sum(axis=-1)
        near = np.exp(-(q**2).sum(axis=-1) / (2 * 2.0**2))
        return np.stack([near * u, near * (v + self._longer * q[..., 1])], axis=-1)


def _axes(angle: float) -> npt.NDArray[np.float64]:
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _surrounded(image: Image) -> Image:
    """The photograph continued on all sides by its own mirror image, out of focus."""
    large = cv2().copyMakeBorder(image, *[SURROUND] * 4, cv2().BORDER_REFLECT_101)
    inside = np.zeros(large.shape[:2], np.float32)
    inside[SURROUND:-SURROUND, SURROUND:-SURROUND] = 1
    far = cv2().distanceTransform((inside == 0).astype(np.uint8), cv2().DIST_L2, 3)
    sharp = np.exp(-far / 10).astype(np.float32)
    soft = cv2().GaussianBlur(large, (0, 0), 30)
    return np.asarray(cv2().blendLinear(large, soft, sharp, 1 - sharp), dtype=np.uint8)


def _texture(mesh: FloatArray, person: Identity) -> tuple[FloatArray, FloatArray]:
    """The skin's light and dark blotches, as a gain, and its grain, in steps of 255, on the fine grid."""
    rng = np.random.default_rng([person.seed, 2])
    width, height = (FINER * (side + 2 * MARGIN) for side in (WIDTH, HEIGHT))
    face = np.zeros((height, width), np.uint8)
    cv2().fillPoly(face, [np.rint(to_fine(mesh[list(OVAL)])).astype(np.int32)], 1)
    soft = FINER * 0.06 * person.eye_distance
    face = cv2().GaussianBlur(face.astype(np.float32), (0, 0), soft)
    blotch = 0.2 * person.eye_distance * FINER
    coarse = rng.standard_normal((int(height / blotch) + 2, int(width / blotch) + 2)).astype(np.float32)
    blotches = cv2().resize(coarse, (width, height), interpolation=cv2().INTER_CUBIC)
    grain = cv2().GaussianBlur(rng.standard_normal((height, width), dtype=np.float32), (0, 0), 0.6 * FINER)
    return (1 + BLOTCHES * face * blotches)[..., None], (GRAIN / grain.std() * face * grain)[..., None]


def _toned(image: Image, person: Identity) -> FloatArray:
    gamma, *gains = person.tone
    steps = 255 * (np.arange(256) / 255) ** gamma
    curves = np.stack([steps * gain for gain in gains], axis=-1).astype(np.float32)
    return np.asarray(cv2().LUT(image, curves[None]), dtype=np.float32)
