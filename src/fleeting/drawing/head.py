"""The head in three dimensions: the depth of every place of the portrait, and where a turned head shows it.

The 468 points of the photographed face have depth. A smooth surface through them, continued to the sides of
the skull, carries the portrait as its texture and is seen in perspective. Around the head the movement fades
out towards a background that stays, so hair and neck follow in part. A surface seen from the front says
nothing about its sides: up to `FARTHEST` degrees nothing folds or tears, and no head is drawn beyond.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline, RBFInterpolator
from scipy.ndimage import grey_erosion

from fleeting.drawing.people import Identity
from fleeting.drawing.portrait import HEIGHT, WIDTH, Portrait, portrait
from fleeting.faces.landmarks import OVAL
from fleeting.optional import cv2
from fleeting.types import FloatArray

Array = npt.NDArray[np.floating]
FARTHEST = 20.0
"""Most degrees of yaw; of pitch and roll it is 12."""
BELOW_EYES = 0.35
"""The head turns about a point this many eye distances below the eyes and PIVOT behind the head's centre."""
PIVOT = 0.85
"""Depth of the axis about which a head turns, in eye distances: where the spine carries it."""
CAMERA = 12.0
"""Eye distances from the camera to the axis: a person filmed from about a metre."""
SKULL, FADE = ((1.3, 1.5, 1.15), 0.8)
"""How much wider, higher (above the middle) and lower the head is than the face's outline; the eye distances
beyond it in which the movement fades out."""
STEP = 8
"""The surface is computed, and a turned head is inverted, at every eighth pixel, and interpolated: it is
smooth."""
STEEP, SMOOTH = 1.3, 0.06
"""How far the surface falls back for one pixel sideways, at most: a steeper one would fold when it turns; the
standard deviation of the blur of its depth, in eye distances."""
STEPS, NEAR = 8, 0.01
"""Most steps of Newton's iteration, and the pixels at which it stops."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A head's surface over the portrait at rest.

    ``shape`` (480 * 640, 2) is how far each place lies behind the axis of the head (negative: before it), in
    pixels, and how much it moves with the head, 0 to 1; ``normals`` (60, 80, 3) are those at every fourth
    pixel; ``centre`` is the point about which the head turns.
    """

    shape: FloatArray
    normals: FloatArray
    centre: FloatArray
    unit: float


@dataclass(frozen=True, slots=True)
class Turn:
    """How a head is held: yaw (to the right in the picture), pitch (down) and roll (clockwise) in radians.

    ``nearness`` is how many times larger its axis appears than at rest; ``right`` and ``down`` are its shift
    in pixels. All are relative to the photograph.
    """

    yaw: float
    pitch: float
    roll: float
    nearness: float
    right: float
    down: float

    def matrix(self) -> FloatArray:
        """The (3, 3) rotation of points x right, y down, z away from the camera."""
        (a, b), (c, d), (e, f) = ((np.cos(r), np.sin(r)) for r in (self.yaw, self.pitch, self.roll))
        yaw = np.array([[a, 0, -b], [0, 1, 0], [b, 0, a]])
        pitch = np.array([[1, 0, 0], [0, c, -d], [0, d, c]])
        roll = np.array([[e, -f, 0], [f, e, 0], [0, 0, 1]])
        return np.asarray(roll @ pitch @ yaw)


@lru_cache(maxsize=2)
def surface(person: Identity) -> Surface:
    """The surface of a person's head."""
    rest = portrait(person)
    places = nodes()
    beyond, rim = _beyond(rest, places)
    depth = RBFInterpolator(
        np.concatenate([rest.mesh, rim]),
        np.concatenate([rest.depth / rest.unit, np.full(len(rim), PIVOT)]),
        kernel="thin_plate_spline",
        smoothing=1e-3,
    )(places.reshape(-1, 2)).reshape(places.shape[:2])
    depth = _eased(np.where(beyond > 0, PIVOT, np.minimum(depth, PIVOT)), rest.unit / STEP)
    depth = rest.unit * (cv2().GaussianBlur(depth, (0, 0), SMOOTH * rest.unit / STEP) - PIVOT)
    fade = np.clip(1 - beyond / FADE, 0, 1)
    edge = np.minimum(places, [WIDTH, HEIGHT] - places).min(axis=2) / (0.3 * rest.unit)
    fade = fade**2 * (3 - 2 * fade) * np.clip(edge, 0, 1)
    follows = cv2().GaussianBlur(fade.astype(np.float32), (0, 0), SMOOTH * rest.unit / STEP)
    down, across = np.gradient(depth, STEP)
    normals = np.dstack([across, down, -np.ones_like(depth)])  # of a surface that faces the camera: z is -1
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    x, y = person.place
    return Surface(
        shape=np.stack([dense(depth).ravel(), dense(follows).ravel()], axis=1),
        normals=(follows[..., None] * normals).astype(np.float32),
        centre=np.array([x, y + BELOW_EYES * rest.unit]),
        unit=rest.unit,
    )


def limited(angles: Array) -> Array:
    """Yaw, pitch and roll (..., 3) in radians, drawn in smoothly to what a head can be turned."""
    most = np.radians([FARTHEST, 0.6 * FARTHEST, 0.6 * FARTHEST])
    return np.asarray(most * np.tanh(angles / most))


def seen_at(head: Surface, turn: Turn, level: Array) -> Array:
    """Where the head shows level places (..., 2), in pixels: the forward map, exact."""
    depth, follows = _sampled(head, level)
    away = CAMERA * head.unit
    x, y = level[..., 0] - head.centre[0], level[..., 1] - head.centre[1]
    flat = 1 + depth / away
    rotation = turn.matrix()
    across, down, deep = ((row[0] * x + row[1] * y) * flat + row[2] * depth for row in rotation)
    scale = away / (away / turn.nearness + deep)
    moved = np.empty_like(level)
    moved[..., 0] = level[..., 0] + follows * (across * scale + turn.right - x)
    moved[..., 1] = level[..., 1] + follows * (down * scale + turn.down - y)
    return moved


def _sampled(head: Surface, level: Array) -> tuple[Array, Array]:
    """The depth at level places, and how far they follow the head, linear between pixels."""
    x = np.clip(level[..., 0], 0, WIDTH - 1.001)
    y = np.clip(level[..., 1], 0, HEIGHT - 1.001)
    column, row = x.astype(np.intp), y.astype(np.intp)
    right, down = (x - column)[..., None], (y - row)[..., None]
    at = row * WIDTH + column
    above = head.shape[at] * (1 - right) + head.shape[at + 1] * right
    below = head.shape[at + WIDTH] * (1 - right) + head.shape[at + WIDTH + 1] * right
    both = above * (1 - down) + below * down
    return both[..., 0], both[..., 1]


def level_at(head: Surface, turn: Turn, seen: Array) -> Array:
    """The level places that the head shows at seen places (..., 2): the inverse of `seen_at`, by Newton."""
    level = seen.astype(np.float64)
    places = nodes()
    forward = seen_at(head, turn, places.astype(np.float64))
    (a, c), (b, d) = (np.moveaxis(np.asarray(np.gradient(forward, STEP, axis=k)), 2, 0) for k in (1, 0))
    back = (np.stack([d, -b, -c, a], axis=-1) / (a * d - b * c)[..., None]).reshape(-1, 4)
    rows, columns = places.shape[:2]
    for _ in range(STEPS):
        off = seen_at(head, turn, level) - seen
        if np.abs(off).max(initial=0) < NEAR:
            break
        column = np.clip(np.rint((level[..., 0] - places[0, 0, 0]) / STEP), 0, columns - 1)
        row = np.clip(np.rint((level[..., 1] - places[0, 0, 1]) / STEP), 0, rows - 1)
        near = back[(row * columns + column).astype(np.intp)]
        for k in (0, 1):
            step = near[..., 2 * k] * off[..., 0] + near[..., 2 * k + 1] * off[..., 1]
            level[..., k] -= np.clip(step, -STEP, STEP)
    return level


@cache
def nodes() -> FloatArray:
    """Every eighth pixel: (60, 80, 2) x and y, in the middle of STEP by STEP pixels."""
    columns, rows = ((np.arange(side // STEP) + 0.5) * STEP - 0.5 for side in (WIDTH, HEIGHT))
    return np.stack(np.meshgrid(columns, rows), axis=2).astype(np.float32)


def _eased(depth: FloatArray, unit: float) -> FloatArray:
    """The depth in eye distances, brought forward where it falls off by more than STEEP."""
    reach = int(unit)
    across = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) / unit
    return np.asarray(grey_erosion(depth.astype(np.float32), structure=-STEEP * across, mode="nearest"))


@cache
def _splines() -> tuple[FloatArray, FloatArray]:
    """Matrices (480, rows) and (640, columns) from nodes to pixels: cubic splines."""
    rows, columns = nodes()[:, 0, 1], nodes()[0, :, 0]
    return tuple(
        CubicSpline(at, np.eye(len(at)))(np.arange(side)).astype(np.float32)
        for at, side in ((rows, HEIGHT), (columns, WIDTH))
    )


def dense(values: FloatArray) -> FloatArray:
    """What is known at the nodes, (rows, columns), at every pixel: (480, 640)."""
    down, across = _splines()
    return np.asarray(down @ values.astype(np.float32) @ across.T)


def _beyond(rest: Portrait, places: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How far nodes lie outside the head, in eye distances (0: inside); and points on its outline."""
    wide, high, low = SKULL
    middle = rest.mesh[list(OVAL)].mean(axis=0)
    outline = (rest.mesh[list(OVAL)] - middle) @ rest.axes.T
    outline *= np.where(outline[:, 1:] < 0, np.array([wide, high]), np.array([wide, low]))
    rim = np.asarray(outline @ rest.axes + middle, dtype=np.float32)
    scaled = np.rint((rim + 0.5) / STEP * 16 - 8).astype(np.int32)
    inside = np.zeros(places.shape[:2], np.uint8)
    cv2().fillPoly(inside, [scaled], 1, 8, 4)
    far = cv2().distanceTransform(1 - inside, cv2().DIST_L2, 5) * STEP / rest.unit
    return np.asarray(far), rim
