"""Follows faces through a video: which person is where, and how well each face is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fleeting.errors import OptionError
from fleeting.faces.finding import Place, is_among, look, search
from fleeting.faces.networks import square_of_mesh
from fleeting.faces.quality import Quality, measure
from fleeting.types import FloatArray, Image

REACH = 3.0
"""Outer eye distances from where a face was lost within which a new face is taken to be the lost one."""

REST = 0.0075
"""Seconds after the last look within which faces are taken to be where they were: above about 130 frames per
second, only every other frame is looked at."""

LEAD = 1.25
"""How many times as large as the main face another face must be to replace it, and as large as the smallest
followed face to be followed in its stead."""


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


class FaceTracker:
    """Follows up to ``most`` faces from frame to frame.

    A face is looked for where it was in the frame before; less than `REST` seconds after the last look, it is
    taken to be there still. The whole picture is searched while there is no face, while a face is lost, and
    every ``every`` seconds for new ones. A face that was gone for ``memory`` frames or fewer and comes back
    near where it was lost (`REACH`) keeps its id; later or elsewhere it gets a new id, because nobody is
    recognised by looks. Where there are more than ``most``, the largest are followed (`LEAD`).
    """

    def __init__(self, *, most: int = 4, every: float = 0.5, memory: int = 30) -> None:
        for name, value, least in (("most", most, 1), ("memory", memory, 0)):
            if not isinstance(value, int) or value < least:
                raise OptionError(f"FaceTracker: {name} is {value!r}, expected a number, {least} or more")
        if not every > 0:
            raise OptionError(f"FaceTracker: every is {every}, expected seconds above 0")
        self._most, self._every, self._memory = most, every, memory
        self._places: dict[int, Place] = {}  # seen now, or lost within memory
        self._frame = self._next_id = 0
        self._now = self._looked = self._searched = -np.inf
        self.left_out = 0
        """Faces that the last search found besides those that are followed."""

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

    def _resting(self) -> dict[int, Place]:
        return {id_: replace(place, frame=self._frame) for id_, place in self._places.items()}

    def _found(self, image: Image) -> dict[int, Place]:
        """The faces that are still there, and new ones where it is time to search for them."""
        self._looked = self._now
        seen = self._followed(image)
        if self._is_search_due(seen):
            self._searched = self._now
            found = search(image, list(seen.values()))
            self.left_out = max(0, len(seen) + len(found) - self._most)
            for place in found:
                if len(seen) < self._most or self._gives_way(seen, place):
                    seen[self._id_of(place, seen)] = replace(place, frame=self._frame)
        return seen

    def _gives_way(self, seen: dict[int, Place], place: Place) -> bool:
        """Whether the smallest followed face is left, and forgotten, because this one is so much larger."""
        smallest = min(seen, key=lambda id_: seen[id_].size)
        if place.size < LEAD * seen[smallest].size:
            return False
        del seen[smallest], self._places[smallest]
        return True

    def _followed(self, image: Image) -> dict[int, Place]:
        """The faces of the frame before that are still there; where two land on one, one is dropped."""
        seen: dict[int, Place] = {}
        surprise: dict[int, float] = {}
        for id_, before in self._places.items():
            if before.frame != self._frame - 1:
                continue
            place = look(image, square_of_mesh(before.mesh))
            if place is None:
                continue
            step = place.centre - before.centre
            surprise[id_] = float(np.linalg.norm(step - before.step))
            seen[id_] = replace(place, step=step, frame=self._frame)
        for id_ in sorted(seen, key=surprise.__getitem__, reverse=True):
            others = [place for other, place in seen.items() if other != id_]
            if is_among(seen[id_], others):
                del seen[id_]  # it jumped onto the other one
        return seen

    def _is_search_due(self, seen: dict[int, Place]) -> bool:
        lost = len(seen) < self._most and self._places.keys() - seen.keys()
        return not seen or bool(lost) or self._now - self._searched >= self._every

    def _id_of(self, place: Place, seen: dict[int, Place]) -> int:
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
    places = search(image, [])
    if not places:
        return None
    return Face(0, places[0].score, places[0].mesh, measure(image, places[0].mesh))


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
