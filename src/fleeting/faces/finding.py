"""Finds the faces in a single picture, whichever way up they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from fleeting.faces.landmarks import inner, outer_distance
from fleeting.faces.networks import (
    Square,
    detect,
    how_upright,
    mesh,
    square_of_detection,
    square_of_mesh,
)
from fleeting.types import FloatArray, Image

LEAST_SCORE = 0.5
"""Lowest score at which a mesh counts as a face. At a second look, other things scored at most 0.45."""
LEAST_SIZE = 8.0
"""Size of the smallest face, in pixels between the outer eye corners."""
LEAST_INSIDE = 0.4
"""Smallest share of the points of brows, eyes, nose and lips that has to be in the picture."""
MARGIN = 0.3
"""Share of its longer side by which the picture is extended for a second search, for a face that fills it."""
WIDE = 640
"""Pixels of the longer side from which on a picture is also searched in squares of half that side, to find
faces half as large."""
STEADY = 0.06
"""The search for a mesh stops when its square moves, and its side changes, by less than this share of the
side."""
LOOKS = 3
"""Most runs of the mesh network for one face in one frame, each in the square of the mesh found before."""
UPRIGHT, OVERTURNED = 0.8, 0.1
"""A face may stand on its head where the detector is less sure of it than UPRIGHT, once its square is turned
level. It does where the detector is surer of it, by OVERTURNED, after half a turn. (The mesh network is as
sure of a mesh that is upside down.)"""


@dataclass(frozen=True, eq=False)
class Place:
    """Where a face is, or was last seen: its mesh, and how far its centre moved since the frame before."""

    mesh: FloatArray
    score: float
    step: FloatArray
    frame: int = 0

    @property
    def centre(self) -> FloatArray:
        """The middle of brows, eyes, nose and lips: x and y in pixels."""
        return np.asarray(inner(self.mesh).mean(axis=0))

    @property
    def size(self) -> float:
        """Pixels between the outer eye corners."""
        return outer_distance(self.mesh)

    def distance(self, other: Place) -> float:
        """Distance between the two centres, in outer eye distances of the larger face."""
        size = max(self.size, other.size)
        return float(np.linalg.norm(self.centre - other.centre)) / size


def search(image: Image, known: list[Place]) -> list[Place]:
    """Faces anywhere in the picture except the known ones, the largest first."""
    found = _new(image, _squares(image), known)
    if not known + found:
        found = _new(image, _squares_upside_down(image), [])
    return sorted(found, key=lambda place: -place.size)


def _new(image: Image, squares: Iterable[Square], known: list[Place]) -> list[Place]:
    """The faces in these squares that are not among the known ones."""
    found: list[Place] = []
    for square in squares:
        if any(_shows(square, place) for place in known + found):
            continue
        place = look(image, square)
        place = place and look(image, square_of_mesh(place.mesh))  # a false face fails a second look
        place = place and _overturned(image, place)
        if place and not is_among(place, known + found):
            found.append(place)
    return found


def _overturned(image: Image, place: Place) -> Place:
    """The face, with its mesh turned by half where it stands on its head (UPRIGHT, OVERTURNED)."""
    square = square_of_mesh(place.mesh)
    if (surety := how_upright(image, square)) >= UPRIGHT:
        return place
    turned = look(image, replace(square, angle=square.angle + np.pi))
    if turned and how_upright(image, square_of_mesh(turned.mesh)) > surety + OVERTURNED:
        return turned
    return place


def _squares(image: Image) -> Iterator[Square]:
    """Squares in which a face may be."""
    for left, top, part in _windows(image):
        for square in map(square_of_detection, detect(part)):
            yield replace(square, x=square.x + left, y=square.y + top)
    yield from map(square_of_detection, detect(image, margin=MARGIN))


def _squares_upside_down(image: Image) -> Iterator[Square]:
    """Squares in which a face may stand on its head."""
    height, width = image.shape[:2]
    for square in map(square_of_detection, detect(np.ascontiguousarray(image[::-1, ::-1]))):
        yield Square(width - 1 - square.x, height - 1 - square.y, square.side, square.angle + np.pi)


def _windows(image: Image) -> Iterator[tuple[int, int, Image]]:
    """The picture, and overlapping squares of half its longer side, each with its left and top edge."""
    yield 0, 0, image
    height, width = image.shape[:2]
    if (longer := max(height, width)) < WIDE:
        return
    side = longer // 2
    for top, left in product(_starts(height, side), _starts(width, side)):
        yield left, top, image[top : top + side, left : left + side]


def _starts(length: int, side: int) -> list[int]:
    """Starts of windows of this side that cover the length and overlap by half or more."""
    steps = max(0, -(-(length - side) // (side // 2)))
    return [round(step * (length - side) / steps) for step in range(steps + 1)] if steps else [0]


def look(image: Image, square: Square) -> Place | None:
    """The face in or near the square, if there is one."""
    for _ in range(LOOKS):
        points, score = mesh(image, square)
        if not _is_real(points, score, image):
            return None
        asked, square = square, square_of_mesh(points)
        if max(_shift(asked, square), abs(asked.side - square.side)) < STEADY * square.side:
            break
    return Place(points, score, np.zeros(2, np.float32))


def _is_real(points: FloatArray, score: float, image: Image) -> bool:
    height, width, _ = image.shape
    inside = ((inner(points) >= 0) & (inner(points) < (width, height))).all(axis=1).mean()
    return bool(score >= LEAST_SCORE and outer_distance(points) >= LEAST_SIZE and inside >= LEAST_INSIDE)


def _shift(one: Square, other: Square) -> float:
    return float(np.hypot(one.x - other.x, one.y - other.y))


def _shows(square: Square, place: Place) -> bool:
    """Whether the square would show this known face."""
    known = square_of_mesh(place.mesh)
    return _shift(square, known) < 0.25 * max(square.side, known.side)


def is_among(place: Place, others: list[Place]) -> bool:
    """Whether a face is one of the others: heads side by side are at least one outer eye distance apart."""
    return any(place.distance(other) < 0.5 for other in others)
