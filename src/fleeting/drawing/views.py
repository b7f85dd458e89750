"""How one frame of style ``head`` shows a head: for every pixel the place of the portrait that is seen there.

That map, interpolated between nodes, is the truth: pictures are drawn by it, and `View.seen` inverts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import map_coordinates

from fleeting.drawing.head import STEP, Array, Surface, Turn, level_at, nodes, seen_at, surface
from fleeting.drawing.portrait import HEIGHT, WIDTH
from fleeting.drawing.script import Script
from fleeting.drawing.units import pixels
from fleeting.optional import cv2
from fleeting.types import FloatArray

MIDDLE = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])
CORRECTIONS = 3
"""Steps by which the inverse of the interpolated map is found from that of the surface."""


@dataclass(frozen=True, eq=False)
class View:
    """A head, how it is held, and how the camera frames it: ``framing`` is zoom, right, down.

    Places are those of `fleeting.drawing.posture`, seen ones in pixels of a 640x480 picture.
    """

    head: Surface
    turn: Turn
    framing: Array

    @property
    def is_turned(self) -> bool:
        """Whether the head is held otherwise than in the photograph."""
        return self.turn != Turn(0.0, 0.0, 0.0, 1.0, 0.0, 0.0)

    @cached_property
    def _moved(self) -> Array:
        """How far from the unturned head's the level place at each node is: (60, 80, 2)."""
        unframed = self._unframed(nodes().astype(np.float64))
        return level_at(self.head, self.turn, unframed) - unframed

    @cached_property
    def level(self) -> FloatArray:
        """The level place seen at each pixel: (480, 640, 2)."""
        level = pixels()
        if list(self.framing) != [1.0, 0.0, 0.0]:
            shift = (MIDDLE - (self.framing[1:] + MIDDLE) / self.framing[0]).astype(np.float32)
            level = level / np.float32(self.framing[0]) + shift
        return cv2().add(level, _finer(self._moved)) if self.is_turned else level

    def seen(self, level: Array) -> Array:
        """Where level places (..., 2) are seen: the inverse of ``level``, to 0.01 pixel."""
        if not self.is_turned:
            return self._framed(level)
        there = seen_at(self.head, self.turn, level)
        seen = self._framed(there)
        for _ in range(CORRECTIONS):
            inside = np.all((seen >= 0) & (seen <= [WIDTH - 1, HEIGHT - 1]), axis=-1, keepdims=True)
            shown = seen_at(self.head, self.turn, self.level_of(seen))
            seen = seen + np.where(inside, (there - shown) * self.framing[0], 0)
        return np.asarray(seen)

    def level_of(self, seen: Array) -> Array:
        """The level places at seen places (..., 2) between pixels."""
        at = seen[..., 1], seen[..., 0]
        channels = [map_coordinates(self.level[..., k], at, order=1, mode="nearest") for k in (0, 1)]
        return np.stack(channels, axis=-1).astype(np.float64)

    def light(self, shading: FloatArray) -> FloatArray:
        """How much brighter each pixel is than if the head were not turned: (480, 640) factors."""
        change = shading @ self.turn.matrix() - shading
        at = (self._unframed(nodes()) + self._moved - nodes()[0, 0]) / STEP
        turned = cv2().remap(self.head.normals @ change.astype(np.float32), at.astype(np.float32), None, 1)
        return 1 + _finer(turned)

    def _unframed(self, seen: Array) -> Array:
        zoom, shift = self.framing[0], self.framing[1:]
        return np.asarray((seen - shift - MIDDLE) / zoom + MIDDLE)

    def _framed(self, places: Array) -> Array:
        zoom, shift = self.framing[0], self.framing[1:]
        return np.asarray((places - MIDDLE) * zoom + MIDDLE + shift)


def _finer(values: Array) -> FloatArray:
    """Values at the nodes, (60, 80, ...), interpolated to every pixel."""
    fine = cv2().resize(values.astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2().INTER_CUBIC)
    return np.asarray(fine, dtype=np.float32)


def view(script: Script, number: int) -> View:
    """The view of frame ``number`` of a script with a scene."""
    if script.scene is None:
        raise TypeError("a script of style flat has no view")
    turn = Turn(*(float(value) for value in script.scene.pose[number]))
    return View(surface(script.identity), turn, script.scene.framing[number].astype(np.float64))
