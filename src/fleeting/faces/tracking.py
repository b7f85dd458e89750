"""Follows faces through a video: which person is where, and how well each face is seen."""

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
REACH = 3.0
"""Outer eye distances from where a face was lost within which a new face is taken to be the lost one."""

REST = 0.0075
"""Seconds after the last look within which faces are taken to be where they were: above about 130 frames per
second, only every other frame is looked at."""

STEADY = 0.06
"""The search for a mesh stops when its square moves, and its side changes, by less than this share of the
side."""
LOOKS = 3
"""Most runs of the mesh network for one face in one frame, each in the square of the mesh found before."""
LEAD = 1.25
"""How many times as large as the main face another face must be to replace it."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face in one frame: ``id`` stays with the person, ``mesh`` is (468, 3) in pixels of the frame.

    ``score`` (0 to 1) says how surely it is a face, ``measures`` how well it is seen. The mesh is the
    network's own output, jitter included.
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
        """How well the face is seen, 0 to 1; below `fleeting.faces.quality.USABLE` it is not used."""
        return self.measures.figure

    @property
    def reason(self) -> str:
        """Why the face is not used in this frame, or "" where it is."""
        return self.measures.reason


@dataclass(frozen=True, eq=False)
class _Place:
    """Where a face is, or was last seen: its mesh, and how far its centre moved since the frame before."""

    mesh: FloatArray
    score: float
    step: FloatArray
    frame: int = 0

    @property
    def centre(self) -> FloatArray:
        return np.asarray(inner(self.mesh).mean(axis=0))

    def distance(self, other: _Place) -> float:
        """Distance between the two centres, in outer eye distances of the larger face."""
        size = max(outer_distance(self.mesh), outer_distance(other.mesh))
        return float(np.linalg.norm(self.centre - other.centre)) / size


class FaceTracker:
    """Follows up to ``most`` faces from frame to frame.

    A face is looked for where it was in the frame before; less than `REST` seconds after the last look, it is
    taken to be there still. The whole picture is searched while there is no face, while a face is lost, and
    every ``every`` seconds for new ones. A face that was gone for ``memory`` frames or fewer and comes back
    near where it was lost (`REACH`) keeps its id; later or elsewhere it gets a new id, because nobody is
    recognised by looks.
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

        ``time`` is its presentation time in seconds; without it, frames are taken to be 1/30 s apart. Raises
        OptionError on anything other than RGB uint8.
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
        """Whether all faces were seen in the last frame, and looked for less than REST seconds ago."""
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
        """The faces of the frame before that are still there; where two land on one, one is dropped."""
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

    The face may fill the picture, or reach beyond it. Raises OptionError on anything other than RGB uint8.
    """
    _refuse_other_than_rgb(image)
    places = _search(image, [])
    if not places:
        return None
    return Face(0, places[0].score, places[0].mesh, measure(image, places[0].mesh))


def _search(image: Image, known: list[_Place]) -> list[_Place]:
    """Faces anywhere in the picture except the known ones, the largest first."""
    found: list[_Place] = []
    for square in _squares(image):
        if any(_shows(square, place) for place in known + found):
            continue
        place = _look(image, square)
        place = place and _look(image, square_of_mesh(place.mesh))  # a false face fails a second look
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
    """Starts of windows of this side that cover the length and overlap by half or more."""
    steps = max(0, -(-(length - side) // (side // 2)))
    return [round(step * (length - side) / steps) for step in range(steps + 1)] if steps else [0]


def _look(image: Image, square: Square) -> _Place | None:
    """The face in or near the square, if there is one."""
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
    """Whether the square would show this known face."""
    known = square_of_mesh(place.mesh)
    return _shift(square, known) < 0.25 * max(square.side, known.side)


def _is_among(place: _Place, others: list[_Place]) -> bool:
    """Whether a face is one of the others: heads side by side are at least one outer eye distance apart."""
    return any(place.distance(other) < 0.5 for other in others)


def _refuse_other_than_rgb(image: Image) -> None:
    shape: tuple[int, ...] = getattr(image, "shape", ())
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or image.dtype != np.uint8:
        found = f"{getattr(image, 'dtype', type(image).__name__)} {tuple(shape)}"
        raise OptionError(f"the picture is {found}, expected RGB uint8 (height, width, 3); convert it")


def main_face(faces: Sequence[Face], before: Face | None) -> Face | None:
    """The main face: the largest usable one, or the largest of all where none is usable.

    ``before``, the main face of the frame before, remains it until it is gone, until it is unusable while
    another face is usable, or until another face is a quarter larger.
    """
    candidates = [face for face in faces if not face.reason] or list(faces)
    if not candidates:
        return None
    largest = max(candidates, key=lambda face: face.measures.size)
    kept = next((face for face in candidates if before and face.id == before.id), largest)
    return largest if largest.measures.size > LEAD * kept.measures.size else kept
