"""Measures how well one face is seen in one frame, as a figure from 0 to 1, and says why a face is not used.

Every measure has a limit. Its part is ``r / (1 + r)``, where r is how many times better than the limit the
measure is: 0.5 at the limit, two thirds at twice as good. The figure is the weakest part, and a face is used
from 0.5 on: a single measure beyond its limit is enough to reject the face.
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
"""A face with a smaller figure is not used; there is no other threshold."""
UPRIGHT_SIDE = 1.5
"""Outer eye distances: side of the square around eyes and mouth in which light and sharpness are measured."""
FINE = 48
"""Most pixels between the outer eye corners at which sharpness is measured: larger faces are shrunk to this,
smaller ones are not enlarged."""
NOSE_DEPTH = 0.42
"""How far the tip of the nose stands in front of the outer eye corners, in outer eye distances."""
LEVEL_PITCH = 6.0
"""Pitch, in degrees downwards, that the mesh shows for a face that looks straight into the camera."""


@dataclass(frozen=True)
class Limit:
    """The value at which a measure becomes too low (or too high), and the sentence that says so."""

    name: str
    at: float
    more_is_better: bool
    sentence: str

    def part(self, value: float) -> float:
        """A value's part: 0 to 1, strictly monotone, 0.5 at the limit."""
        good = value if self.more_is_better else self.at
        bad = self.at if self.more_is_better else abs(value)
        return good / (good + bad)


LIMITS = (
    Limit("outside", 0.1, False, "face leaves the picture at the {side}"),
    # at this size a movement of 2 % of the eye distance is half a pixel
    Limit("size", 24.0, True, "too small: {size:.0f} px between the eyes' outer corners"),
    Limit("yaw", 35.0, False, "turned away: yaw {yaw:.0f} degrees"),
    Limit("pitch", 30.0, False, "turned away: pitch {pitch:.0f} degrees"),
    Limit("roll", 45.0, False, "tilted: roll {roll:.0f} degrees"),
    Limit("brightness", 30.0, True, "too dark: mean brightness {brightness:.0f} of 255"),
    Limit("clipped", 0.3, False, "badly lit: {clipped:.0%} of the face is plain black or white"),
    Limit("contrast", 8.0, True, "too flat: contrast {contrast:.0f} of 255"),
    # reached by a Gaussian blur of 3.5 % of the eye distance
    Limit("sharpness", 0.45, True, "too blurred: sharpness {sharpness:.2f}"),
)


@dataclass(frozen=True)
class Quality:
    """The measures of one face in one frame.

    ``size``: pixels between the outer eye corners. ``sharpness``: share of the gradient's energy that a
    slight blur removes, 0 to 1. ``yaw`` (to the right of the picture), ``pitch`` (down), ``roll`` (clockwise
    as seen): degrees. ``brightness``, ``contrast``: mean and standard deviation of the gray values, 0 to 255.
    ``clipped``: share of pixels that are plain black or white. ``outside``: share of the points of brows,
    eyes, nose and lips outside the picture; most of them leave it at ``side``.
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
    """Measure how well the face with this mesh (468, 3) is seen in an RGB picture (height, width, 3)."""
    size = outer_distance(mesh)
    yaw, pitch, roll = pose(mesh)
    gray = _upright(image, mesh, size, roll)
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

    Yaw is read from how far the nose is off the middle between the eyes, because the mesh's depth shows only
    two thirds of a turn; it is accurate to about 6 degrees up to 40. Pitch is read from the depths of
    forehead and chin.
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


def _upright(image: Image, mesh: FloatArray, size: float, roll: float) -> npt.NDArray[np.uint8]:
    """The square around eyes and mouth in gray, turned level, at the picture's own scale."""
    corners = mesh[[RIGHT_EYE_CORNERS[0], LEFT_EYE_CORNERS[0], *MOUTH_CORNERS], :2]
    x, y = corners.mean(axis=0)
    side = max(8, round(UPRIGHT_SIDE * size))
    matrix = Square(float(x), float(y), side, float(np.radians(roll))).to_picture(side)
    flags, border = cv2().INTER_LINEAR | cv2().WARP_INVERSE_MAP, cv2().BORDER_REPLICATE
    square = cv2().warpAffine(image, matrix, (side, side), flags=flags, borderMode=border)
    return np.asarray(cv2().cvtColor(square, cv2().COLOR_RGB2GRAY))


def _sharpness(gray: npt.NDArray[np.uint8], size: float) -> float:
    if size > FINE:
        side = round(UPRIGHT_SIDE * FINE)
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
