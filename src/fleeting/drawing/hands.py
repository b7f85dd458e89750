"""Draws a hand before a face: a palm with fingers in the colour of the face's skin, and a sleeve."""

from __future__ import annotations

import numpy as np

from fleeting.drawing.portrait import Portrait, to_fine
from fleeting.drawing.scene import Hand
from fleeting.drawing.units import pixels
from fleeting.optional import cv2
from fleeting.types import FloatArray, Image

CHEEKS = (50, 280)
"""Mesh points whose colour the hand has."""
FINGERS = ((-0.27, 0.42, 0.13), (-0.09, 0.56, 0.14), (0.09, 0.54, 0.14), (0.26, 0.40, 0.12))
"""Where each finger begins beside the middle of the palm, how long it is, how thick: in eye distances."""
THUMB = ((0.3, 0.05), (0.52, -0.25), 0.15)
"""Where the thumb begins and ends, from the middle of the palm, and how thick it is."""
PALM = (0.36, 0.4)
"""Half the width and the height of the palm."""
WRIST, UP = 0.42, 2.4
"""Width of the wrist; how far below its place the hand waits out of sight."""
SLEEVE = (58, 62, 74)
"""The colour of the sleeve, RGB."""
FINE = 16


def draw_hand(image: FloatArray, rest: Portrait, hand: Hand, raised: float) -> None:
    """Draw a hand over a picture (480, 640, 3), RGB floats; ``raised`` is how far it is up, 0 to 1."""
    unit = rest.unit
    middle = rest.lips.middle + unit * np.array([hand.across, 0.2 + (1 - raised) * UP])
    cos, sin = np.cos(hand.tilt), np.sin(hand.tilt)
    axes = unit * np.array([[cos, sin], [-sin, cos]])

    def at(x: float, y: float) -> tuple[int, int]:
        place = np.rint((middle + np.array([x, y]) @ axes) * FINE).astype(int)
        return int(place[0]), int(place[1])

    skin, dark, sleeve = (np.zeros(image.shape[:2], np.uint8) for _ in range(3))

    def bar(mask: Image, start: tuple[float, float], end: tuple[float, float], thick: float) -> None:
        cv2().line(mask, at(*start), at(*end), 255, max(1, round(thick * unit)), cv2().LINE_AA, 4)

    angle = float(np.degrees(hand.tilt))
    size = tuple(round(half * unit * FINE) for half in PALM)
    cv2().ellipse(skin, at(0, 0), size, angle, 0, 360, 255, -1, cv2().LINE_AA, 4)
    for x, length, thick in FINGERS:
        bar(skin, (x, -0.2), (1.15 * x, -0.25 - length), thick)
        bar(dark, (x + 0.09, -0.25), (1.15 * x + 0.1, -0.2 - length), 0.02)
    bar(skin, *THUMB)
    bar(skin, (0, 0.2), (0, 1.0), WRIST)
    bar(sleeve, (0, 0.9), (0, 4.0), 1.5 * WRIST)
    colour = np.mean([_around(rest, point) for point in CHEEKS], axis=0)
    across = ((pixels() - middle) @ axes.T / unit**2)[..., 0]
    shade = 0.9 - 0.25 * np.clip(across, -1, 1) ** 2 - 0.35 * _blurred(dark, 0.02 * unit)
    _over(image, colour * shade[..., None], _blurred(skin, 1.0))
    _over(image, np.full_like(image, SLEEVE), _blurred(sleeve, 1.0))


def _around(rest: Portrait, point: int) -> FloatArray:
    """The colour of the skin around a mesh point."""
    x, y = np.rint(to_fine(rest.mesh[point])).astype(int)
    return np.asarray(rest.picture[y - 4 : y + 5, x - 4 : x + 5].mean(axis=(0, 1)))


def _blurred(mask: Image, sigma: float) -> FloatArray:
    return np.asarray(cv2().GaussianBlur(mask.astype(np.float32) / 255, (0, 0), sigma))


def _over(image: FloatArray, colour: FloatArray, share: FloatArray) -> None:
    image += share[..., None] * (colour - image)
