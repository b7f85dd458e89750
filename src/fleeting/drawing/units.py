"""Action units (Ekman and Friesen's) as fields of displacement: how far each point of the face moves where.

A field gives the displacement, in frame pixels, of the skin that *has arrived* at a pixel. So a frame is the
portrait sampled at ``place - displacement``, exactly and without an approximation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from fleeting.drawing.people import Identity
from fleeting.drawing.portrait import HEIGHT, WIDTH, Portrait, portrait
from fleeting.faces.landmarks import OVAL
from fleeting.optional import cv2
from fleeting.types import FloatArray


@dataclass(frozen=True)
class Pull:
    """A pull on the skin around one mesh point on the person's right, and around its twin on the left.

    The skin goes ``out`` (away from the middle of the face) and ``up``, together at most about 1. ``width``
    and ``height`` are the standard deviations of the pull's Gaussian, as shares of the distance between the
    outer eye corners.
    """

    right: int
    left: int
    out: float
    up: float
    width: float
    height: float


PULLS: dict[int, tuple[Pull, ...]] = {
    1: (
        Pull(107, 336, 0.0, 1.0, 0.10, 0.09),
        Pull(66, 296, 0.0, 0.8, 0.09, 0.08),
        Pull(108, 337, 0.0, 0.45, 0.12, 0.10),
    ),
    2: (
        Pull(105, 334, 0.0, 0.8, 0.09, 0.08),
        Pull(63, 293, 0.05, 1.0, 0.09, 0.08),
        Pull(104, 333, 0.0, 0.4, 0.12, 0.10),
    ),
    4: (
        Pull(107, 336, -0.7, -0.7, 0.09, 0.08),
        Pull(66, 296, -0.5, -0.6, 0.09, 0.08),
        Pull(105, 334, -0.2, -0.35, 0.09, 0.08),
        Pull(9, 9, 0.0, -0.4, 0.06, 0.10),
    ),
    5: (Pull(159, 386, 0.0, 1.0, 0.07, 0.05),),
    6: (
        Pull(117, 346, -0.2, 0.9, 0.12, 0.10),
        Pull(101, 330, -0.1, 0.6, 0.10, 0.09),
        Pull(226, 446, -0.5, 0.0, 0.06, 0.08),
    ),
    9: (
        Pull(49, 279, 0.1, 1.0, 0.07, 0.08),
        Pull(122, 351, 0.0, 0.6, 0.06, 0.09),
        Pull(167, 393, 0.0, 0.5, 0.08, 0.05),
        Pull(107, 336, -0.3, -0.4, 0.09, 0.08),
    ),
    10: (
        Pull(37, 267, 0.0, 0.9, 0.08, 0.046),
        Pull(167, 393, 0.0, 0.7, 0.09, 0.06),
        Pull(92, 322, 0.1, 0.8, 0.08, 0.06),
        Pull(206, 426, 0.1, 0.6, 0.08, 0.09),
    ),
    12: (
        Pull(61, 291, 0.7, 0.7, 0.10, 0.09),
        Pull(207, 427, 0.5, 0.5, 0.10, 0.10),
        Pull(205, 425, 0.2, 0.5, 0.10, 0.09),
    ),
    14: (Pull(57, 287, -1.0, 0.15, 0.07, 0.08),),
    15: (Pull(61, 291, 0.1, -1.0, 0.09, 0.08), Pull(204, 424, 0.1, -0.6, 0.09, 0.08)),
    17: (
        Pull(199, 199, 0.0, 1.0, 0.15, 0.12),
        Pull(17, 17, 0.0, 0.6, 0.16, 0.07),
    ),
    20: (Pull(61, 291, 1.0, -0.15, 0.10, 0.08), Pull(212, 432, 0.7, -0.2, 0.10, 0.09)),
}
"""The pulls of each action unit; 26, the jaw, is `_jaw`."""
UPPER = frozenset({1, 2, 4, 5, 6})
"""Action units of the upper face: a person's habit, left against right, differs for upper and lower face."""
JAW, CHIN_TIP = 26, 152
"""The action unit that drops the jaw; the mesh point at the tip of the chin."""
FAINT = 0.004
"""Share of the peak below which a displacement is 0."""
EYELIDS = frozenset({5})
"""Action units that move the edges of the lids; the fields of all others end around the open eye."""


@dataclass(frozen=True, eq=False)
class Field:
    """The displacement at each pixel of a frame, (480, 640, 2) right and down; its visible maximum is 1.

    ``box`` is left, top, right and bottom of the part where it is not 0.
    """

    flow: FloatArray
    box: tuple[int, int, int, int]


@lru_cache(maxsize=32)
def field(person: Identity, action_units: str) -> Field:
    """The field of a combination of action units ("1+2+26") on a person's face, with a peak of 1 pixel."""
    rest = portrait(person)
    flow = np.sum([_unit(rest, person, int(unit)) for unit in action_units.split("+")], axis=0)
    flow *= _free(rest)[..., None]
    size = np.hypot(flow[..., 0], flow[..., 1])
    size, faint = np.maximum(size, 1e-9), FAINT * size.max()
    flow *= (np.maximum(size - faint, 0) / size)[..., None]
    flow /= np.maximum(size - faint, 0)[rest.cover < 0.5].max()
    rows, columns = np.nonzero(size > faint)
    box = int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
    return Field(flow.astype(np.float32), box)


def _unit(rest: Portrait, person: Identity, unit: int) -> FloatArray:
    """One action unit's displacement, (480, 640, 2), before it is scaled to a peak of 1."""
    if unit == JAW:
        return np.asarray((_jaw(rest) * _face(rest))[..., None] * rest.axes[1])
    habit = person.habits[0 if unit in UPPER else 1]
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    for pull in PULLS[unit]:
        for point, other, more in ((pull.right, pull.left, 1 - habit), (pull.left, pull.right, 1 + habit)):
            way = np.sign((rest.mesh[point] - rest.mesh[other]) @ rest.axes[0])
            share = 0.5 if point == other else more
            toward = pull.out * way * rest.axes[0] - pull.up * rest.axes[1]
            flow += share * _bump(rest, point, pull.width, pull.height)[..., None] * toward
    still = _face(rest) if unit in EYELIDS else _face(rest) * _around_eyes(rest)
    flow *= still[..., None]
    return flow


def _bump(rest: Portrait, point: int, width: float, height: float) -> FloatArray:
    x, y = np.moveaxis(_upright(rest, rest.mesh[point]), 2, 0)
    return np.asarray(np.exp(-0.5 * ((x / width) ** 2 + (y / height) ** 2)), dtype=np.float32)


def _jaw(rest: Portrait) -> FloatArray:
    """How far each pixel goes down with the jaw, 0 to 1; the movement begins at the line between the lips."""
    along, below = rest.lips.below(pixels())
    opens = np.clip(1 - (2 * along - 1) ** 2, 0, 1)
    deep = np.clip(below / rest.unit / 0.3, 0, 1)
    drop = opens + (1 - opens) * deep**2 * (3 - 2 * deep)
    x, y = np.moveaxis(_upright(rest, rest.mesh[CHIN_TIP]), 2, 0)
    neck = np.exp(-0.5 * (np.maximum(y, 0) / 0.12) ** 2)
    return np.where(below > 0, drop * np.exp(-((x / 0.42) ** 4)) * neck, 0).astype(np.float32)


def _upright(rest: Portrait, origin: FloatArray) -> FloatArray:
    """Each pixel's place in the face's axes, in eye distances from ``origin``: (480, 640, 2)."""
    return np.asarray((pixels() - origin) @ rest.axes.T / rest.unit, dtype=np.float32)


def _face(rest: Portrait) -> FloatArray:
    """1 on the face, 0 off it: (480, 640). It reaches below the chin, as a jaw moves the face's outline."""
    outline = (rest.mesh[list(OVAL)] - rest.lips.middle) @ rest.axes.T
    outline *= np.where(outline[:, 1:] > 0, np.float32(1.3), np.array([0.95, 1.0], np.float32))
    return soft(rest, np.asarray(outline @ rest.axes + rest.lips.middle, np.float32), 0.05)


def _free(rest: Portrait) -> FloatArray:
    """1 away from covers, less beside them, (480, 640): skin moves less where it goes out of sight."""
    held = cv2().GaussianBlur(rest.cover, (0, 0), 0.05 * rest.unit)
    return np.asarray(1 - np.minimum(1.3 * held, 1))


def _around_eyes(rest: Portrait) -> FloatArray:
    """0 in the open eyes, 1 a little away from them: (480, 640)."""
    open_ = [np.concatenate([upper.points(), lower.points()[::-1]]) for upper, lower in rest.eyes]
    closed = np.sum([soft(rest, outline, 0.02) for outline in open_], axis=0)
    return np.asarray(1 - np.minimum(1.3 * closed, 1))


def soft(rest: Portrait, outline: FloatArray, edge: float) -> FloatArray:
    """A filled outline, (480, 640) 0 to 1, blurred with a standard deviation of ``edge`` eye distances."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2().fillPoly(mask, [np.rint(outline * 16).astype(np.int32)], 255, cv2().LINE_AA, 4)
    soft = cv2().GaussianBlur(mask.astype(np.float32) / 255, (0, 0), edge * rest.unit)
    return np.asarray(soft, dtype=np.float32)


@cache
def pixels() -> FloatArray:
    """X and y of each pixel of a frame: (480, 640, 2)."""
    return np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), axis=2).astype(np.float32)
