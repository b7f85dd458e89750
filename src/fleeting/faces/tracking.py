"""Faces followed through a video: who is where, and how well seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from fleeting.errors import OptionError
from fleeting.faces.landmarks import inner, outer_distance
from fleeting.faces.networks import Square, detect, mesh, square_of_detection, square_of_mesh
from fleeting.faces.quality import Quality, measure
from fleeting.types import FloatArray, Image

LEAST_SCORE = 0.5
"""From here on the mesh is believed to lie on a face. At a second look, what is none scored up to 0.45."""
LEAST_SIZE = 8.0
"""Pixels between the outer eye corners under which nothing is called a face."""
LEAST_INSIDE = 0.4
"""Share of brows, eyes, nose and lips that has to be in the picture."""
MARGIN = 0.3
"""The picture is also searched with such a margin, for a face that fills it."""
WIDE = 640
"""A picture with a side so long is also searched in squares of half that side, for faces half as large."""
REACH = 3.0
"""A face that comes back within so many of its outer eye distances is the one that was lost there."""

REST = 0.0075
"""Seconds for which a face is taken to be where it was: above some 130 frames a second, every other frame."""

STEADY = 0.06
"""The mesh is good where its square is the one it was looked for in, but for such a share of its side."""
LOOKS = 3
"""So often the mesh is looked for at most, each time in the square of the time before."""
LEAD = 1.25
"""Another face becomes the main one when it is so many times as large."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face in one frame: ``id`` stays with the person, ``mesh`` is (468, 3) in pixels of the frame.

    ``score`` (0 to 1) says how surely it is a face, ``measures`` how well it is seen. The mesh is as the
    network gives it, jitter included.
    """

    id: int
    score: float
    mesh: FloatArray
    measures: Quality

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x, y, width, height of the mesh in pixels; it may reach beyond the picture."""
        x, y = self.mesh[:, :2].min(axis=0)
        width, height = np.ptp(self.mesh[:, :2], axis=0)
        return float(x), float(y), float(width), float(height)

    @property
    def quality(self) -> float:
        """How well the face is seen, 0 to 1; under `fleeting.faces.quality.USABLE` it is not used."""
        return self.measures.figure

    @property
    def reason(self) -> str:
        """Why this frame of the face is not used, or ""."""
        return self.measures.reason


@dataclass(frozen=True, eq=False)
class _Place:
    """Where a face is (or was last): its mesh, and by how much it moved since the frame before."""

    mesh: FloatArray
    score: float
    step: FloatArray
    frame: int = 0

    @property
    def centre(self) -> FloatArray:
        return np.asarray(inner(self.mesh).mean(axis=0))

    def distance(self, other: _Place) -> float:
        """Between the two centres, in outer eye distances of the larger face."""
        size = max(outer_distance(self.mesh), outer_distance(other.mesh))
        return float(np.linalg.norm(self.centre - other.centre)) / size


class FaceTracker:
    """Follows up to ``most`` faces from frame to frame.

    Each is looked for where it was in the frame before; less than `REST` seconds after that, it is taken to
    be there still. The whole picture is searched while there is no face, while one is lost, and every
    ``every`` seconds for new ones. A face that was gone for ``memory`` frames or fewer and comes back near
    where it was lost (`REACH`) keeps its id; later or elsewhere it gets a new one: nobody is recognised by
    looks.
    """

    def __init__(self, *, most: int = 4, every: float = 0.5, memory: int = 30) -> None:
        for name, value, least in (("most", most, 1), ("memory", memory, 0)):
            if value < least:
                raise OptionError(f"FaceTracker: {name} is {value}, expected {least} or more")
        if not every > 0:
            raise OptionError(f"FaceTracker: every is {every}, expected seconds above 0")
        self._most, self._every, self._memory = most, every, memory
        self._places: dict[int, _Place] = {}  # seen now, or lost within memory
        self._frame = self._next_id = 0
        self._now = self._looked = self._searched = -np.inf

    def push(self, image: Image, time: float | None = None) -> tuple[Face, ...]:
        """The faces in the next frame, an RGB uint8 (height, width, 3), by id.

        ``time`` is its presentation time in seconds; without it, frames come a thirtieth of a second apart.
        Raises OptionError on anything else than such a picture.
        """
        _refuse_other_than_rgb(image)
        self._frame += 1
        self._now = self._frame / 30 if time is None else time
        seen = self._resting() if self._is_rest_due() else self._found(image)
        oldest = self._frame - self._memory
        kept = {id_: place for id_, place in self._places.items() if place.frame >= oldest}
        self._places = kept | seen
        return tuple(
            Face(id_, place.score, place.mesh, measure(image, place.mesh))
            for id_, place in sorted(seen.items())
        )

    def _is_rest_due(self) -> bool:
        """Whether every face was there a moment ago, so that nothing can have happened to it since."""
        there = [place.frame == self._frame - 1 for place in self._places.values()]
        return bool(there) and all(there) and self._now - self._looked < REST

    def _resting(self) -> dict[int, _Place]:
        return {id_: replace(place, frame=self._frame) for id_, place in self._places.items()}

    def _found(self, image: Image) -> dict[int, _Place]:
        """The faces that are still there, and new ones where it is time to search for them."""
        self._looked = self._now
        seen = self._followed(image)
        if len(seen) < self._most and self._is_search_due(seen):
            self._searched = self._now
            for place in _search(image, list(seen.values()))[: self._most - len(seen)]:
                seen[self._id_of(place, seen)] = replace(place, frame=self._frame)
        return seen

    def _followed(self, image: Image) -> dict[int, _Place]:
        """The faces of the frame before that are still there; two that fell on one are sorted out."""
        seen: dict[int, _Place] = {}
        surprise: dict[int, float] = {}
        for id_, before in self._places.items():
            if before.frame != self._frame - 1:
                continue
            place = _look(image, square_of_mesh(before.mesh))
            if place is None:
                continue
            step = place.centre - before.centre
            surprise[id_] = float(np.linalg.norm(step - before.step))
            seen[id_] = replace(place, step=step, frame=self._frame)
        for id_ in sorted(seen, key=surprise.__getitem__, reverse=True):
            others = [place for other, place in seen.items() if other != id_]
            if _is_among(seen[id_], others):
                del seen[id_]  # it jumped onto the other one
        return seen

    def _is_search_due(self, seen: dict[int, _Place]) -> bool:
        lost = self._places.keys() - seen.keys()
        return not seen or bool(lost) or self._now - self._searched >= self._every

    def _id_of(self, place: _Place, seen: dict[int, _Place]) -> int:
        """The id of the face that was lost nearest to here, or a new one."""
        near = {
            id_: place.distance(lost)
            for id_, lost in self._places.items()
            if id_ not in seen and place.distance(lost) < REACH
        }
        if near:
            return min(near, key=near.__getitem__)
        self._next_id += 1
        return self._next_id - 1


def find_face(image: Image) -> Face | None:
    """The largest face in a single RGB uint8 picture (height, width, 3), or None.

    It may fill the picture, and reach beyond it. Raises OptionError on anything that is no such picture.
    """
    _refuse_other_than_rgb(image)
    places = _search(image, [])
    if not places:
        return None
    return Face(0, places[0].score, places[0].mesh, measure(image, places[0].mesh))


def _search(image: Image, known: list[_Place]) -> list[_Place]:
    """Faces anywhere in the picture but the known ones, the largest first."""
    found: list[_Place] = []
    for square in _squares(image):
        if any(_shows(square, place) for place in known + found):
            continue
        place = _look(image, square)
        place = place and _look(image, square_of_mesh(place.mesh))  # what is no face does not hold
        if place and not _is_among(place, known + found):
            found.append(place)
    return sorted(found, key=lambda place: -outer_distance(place.mesh))


def _squares(image: Image) -> Iterator[Square]:
    """Squares in which a face may be."""
    for left, top, part in _windows(image):
        for square in map(square_of_detection, detect(part)):
            yield replace(square, x=square.x + left, y=square.y + top)
    yield from map(square_of_detection, detect(image, margin=MARGIN))


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
    """Where windows of that side begin, overlapping by half or more, so that they cover the length."""
    steps = max(0, -(-(length - side) // (side // 2)))
    return [round(step * (length - side) / steps) for step in range(steps + 1)] if steps else [0]


def _look(image: Image, square: Square) -> _Place | None:
    """The face in or near that square, if there is one."""
    for _ in range(LOOKS):
        points, score = mesh(image, square)
        if not _is_real(points, score, image):
            return None
        asked, square = square, square_of_mesh(points)
        if max(_shift(asked, square), abs(asked.side - square.side)) < STEADY * square.side:
            break
    return _Place(points, score, np.zeros(2, np.float32))


def _is_real(points: FloatArray, score: float, image: Image) -> bool:
    height, width, _ = image.shape
    inside = ((inner(points) >= 0) & (inner(points) < (width, height))).all(axis=1).mean()
    return bool(score >= LEAST_SCORE and outer_distance(points) >= LEAST_SIZE and inside >= LEAST_INSIDE)


def _shift(one: Square, other: Square) -> float:
    return float(np.hypot(one.x - other.x, one.y - other.y))


def _shows(square: Square, place: _Place) -> bool:
    """Whether the square would show a face that is known."""
    known = square_of_mesh(place.mesh)
    return _shift(square, known) < 0.25 * max(square.side, known.side)


def _is_among(place: _Place, others: list[_Place]) -> bool:
    """Whether it is one of these faces: two heads side by side are at least one distance apart."""
    return any(place.distance(other) < 0.5 for other in others)


def _refuse_other_than_rgb(image: Image) -> None:
    shape: tuple[int, ...] = getattr(image, "shape", ())
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or image.dtype != np.uint8:
        found = f"{getattr(image, 'dtype', type(image).__name__)} {tuple(shape)}"
        raise OptionError(f"the picture is {found}, expected RGB uint8 (height, width, 3); convert it")


def main_face(faces: Sequence[Face], before: Face | None) -> Face | None:
    """The largest usable face (the largest at all where none is), steady: the one before keeps its place.

    It loses it when it is gone, when it is not usable and another is, and to a face a quarter larger.
    """
    candidates = [face for face in faces if not face.reason] or list(faces)
    if not candidates:
        return None
    largest = max(candidates, key=lambda face: face.measures.size)
    kept = next((face for face in candidates if before and face.id == before.id), largest)
    return largest if largest.measures.size > LEAD * kept.measures.size else kept
