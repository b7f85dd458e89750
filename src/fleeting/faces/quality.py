"""How well one face is seen in one frame: what is measured, one figure, and a reason where it is too little.

Every measure has a limit, and a measure's part is ``r / (1 + r)`` where r says how many times better than its
limit it is: 0.5 at the limit, two thirds at twice as good. The figure is the weakest part, so that a face is
used from 0.5 on, and never where a single thing spoils it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fleeting.faces.landmarks import (
    CHIN,
    FOREHEAD,
    LEFT_EYE_CORNERS,
    MOUTH_CORNERS,
    NOSE_TIP,
    RIGHT_EYE_CORNERS,
    inner,
    outer_distance,
)
from fleeting.faces.networks import Square
from fleeting.optional import cv2
from fleeting.types import FloatArray, Image

USABLE = 0.5
"""The one threshold: a face whose figure is smaller is not used."""
VIEW = 1.5
"""Light and sharpness are measured in a square of so many outer eye distances around eyes and mouth."""
FINE = 48
"""Sharpness is measured where the outer eye corners are so many pixels apart, or fewer: never enlarged."""
NOSE_DEPTH = 0.42
"""How far the tip of the nose stands before the eyes' outer corners, in outer eye distances."""
LEVEL_PITCH = 6.0
"""Degrees by which the mesh says that a face looks down when it looks into the camera."""


@dataclass(frozen=True)
class Limit:
    """Where a measure becomes too little (or too much), and how to say so."""

    name: str
    at: float
    more_is_better: bool
    sentence: str

    def part(self, value: float) -> float:
        """0 to 1, strictly monotone, 0.5 at the limit."""
        good = value if self.more_is_better else self.at
        bad = self.at if self.more_is_better else abs(value)
        return good / (good + bad)


LIMITS = (
    Limit("outside", 0.1, False, "face leaves the picture at the {side}"),
    # a movement of 2 % of the eyes' distance is then half a pixel
    Limit("size", 24.0, True, "too small: {size:.0f} px between the eyes' outer corners"),
    Limit("yaw", 35.0, False, "turned away: yaw {yaw:.0f} degrees"),
    Limit("pitch", 30.0, False, "turned away: pitch {pitch:.0f} degrees"),
    Limit("roll", 45.0, False, "tilted: roll {roll:.0f} degrees"),
    Limit("brightness", 30.0, True, "too dark: mean brightness {brightness:.0f} of 255"),
    Limit("clipped", 0.3, False, "badly lit: {clipped:.0%} of the face is plain black or white"),
    Limit("contrast", 8.0, True, "too flat: contrast {contrast:.0f} of 255"),
    # a Gaussian blur of 3.5 % of the eyes' distance
    Limit("sharpness", 0.45, True, "too blurred: sharpness {sharpness:.2f}"),
)


@dataclass(frozen=True)
class Quality:
    """What was measured of one face in one frame.

    ``size``: pixels between the outer eye corners. ``sharpness``: share of the gradient's energy that a
    slight blur takes away, 0 to 1. ``yaw`` (to the right of the picture), ``pitch`` (down), ``roll``
    (clockwise as seen): degrees. ``brightness``, ``contrast``: mean and standard deviation, 0 to 255.
    ``clipped``: share of pixels that are plain black or white. ``outside``: share of brows, eyes, nose and
    lips outside the picture, most of it at ``side``.
    """

    size: float
    sharpness: float
    yaw: float
    pitch: float
    roll: float
    brightness: float
    contrast: float
    clipped: float
    outside: float
    side: str = ""

    @cached_property
    def parts(self) -> dict[str, float]:
        """Every measure on one scale, 0 to 1, 0.5 at its limit."""
        return {limit.name: limit.part(getattr(self, limit.name)) for limit in LIMITS}

    @property
    def figure(self) -> float:
        """The weakest part, 0 to 1: how well the face is seen."""
        return min(self.parts.values())

    @property
    def reason(self) -> str:
        """Why the face is not used, in words, or "" where it is."""
        if self.figure >= USABLE:
            return ""
        weakest = min(LIMITS, key=lambda limit: self.parts[limit.name])
        return weakest.sentence.format(**{field.name: getattr(self, field.name) for field in fields(self)})


def measure(image: Image, mesh: FloatArray) -> Quality:
    """How well the face with that mesh (468, 3) is seen in an RGB picture (height, width, 3)."""
    size = outer_distance(mesh)
    yaw, pitch, roll = pose(mesh)
    gray = _view(image, mesh, size, roll)
    outside, side = _outside(mesh, image.shape[1], image.shape[0])
    return Quality(
        size=size,
        sharpness=_sharpness(gray, size),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        brightness=float(gray.mean()),
        contrast=float(gray.std()),
        clipped=float(((gray <= 5) | (gray >= 250)).mean()),
        outside=outside,
        side=side,
    )


def pose(mesh: FloatArray) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees, each 0 for a face that looks straight into the camera.

    Yaw is read from how far the nose stands aside, because the mesh's depth shows only two thirds of a turn;
    it is good to about 6 degrees up to 40. Pitch is read from the depth of forehead and chin.
    """
    right, left = mesh[RIGHT_EYE_CORNERS[0]], mesh[LEFT_EYE_CORNERS[0]]
    across = left[:2] - right[:2]
    distance = max(float(np.linalg.norm(across)), 1e-6)
    aside = float((mesh[NOSE_TIP, :2] - (right + left)[:2] / 2) @ across) / distance
    x, y, z = mesh[CHIN[0]] - mesh[FOREHEAD[0]]
    yaw = np.arctan2(aside, NOSE_DEPTH * distance)
    roll = np.arctan2(across[1], across[0])
    pitch = np.degrees(np.arctan2(z, np.hypot(x, y))) - LEVEL_PITCH
    return float(np.degrees(yaw)), float(pitch), float(np.degrees(roll))


def _view(image: Image, mesh: FloatArray, size: float, roll: float) -> npt.NDArray[np.uint8]:
    """The level square around eyes and mouth, gray, pixels as large as the picture's."""
    corners = mesh[[RIGHT_EYE_CORNERS[0], LEFT_EYE_CORNERS[0], *MOUTH_CORNERS], :2]
    x, y = corners.mean(axis=0)
    side = max(8, round(VIEW * size))
    matrix = Square(float(x), float(y), side, float(np.radians(roll))).to_picture(side)
    flags, border = cv2().INTER_LINEAR | cv2().WARP_INVERSE_MAP, cv2().BORDER_REPLICATE
    square = cv2().warpAffine(image, matrix, (side, side), flags=flags, borderMode=border)
    return np.asarray(cv2().cvtColor(square, cv2().COLOR_RGB2GRAY))


def _sharpness(gray: npt.NDArray[np.uint8], size: float) -> float:
    if size > FINE:
        side = round(VIEW * FINE)
        gray = cv2().resize(gray, (side, side), interpolation=cv2().INTER_AREA)
    sharp = gray.astype(np.float32)
    energy = _energy(sharp)
    return 1 - _energy(cv2().GaussianBlur(sharp, (0, 0), 1.5)) / energy if energy > 0 else 0.0


def _energy(gray: FloatArray) -> float:
    return float((np.diff(gray, axis=0) ** 2).mean() + (np.diff(gray, axis=1) ** 2).mean())


def _outside(mesh: FloatArray, width: int, height: int) -> tuple[float, str]:
    x, y = inner(mesh).T
    beyond = {"left": x < 0, "right": x > width - 1, "top": y < 0, "bottom": y > height - 1}
    side = max(beyond, key=lambda name: int(beyond[name].sum()))
    share = float(np.logical_or.reduce(list(beyond.values())).mean())
    return share, side if share else ""
