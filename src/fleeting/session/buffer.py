"""Keeps one face's recent pictures, only as many and as large as the clip of its next event can need."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fleeting.faces.clips import clip_of
from fleeting.faces.optical_flow import SMALLEST
from fleeting.faces.tracking import Face
from fleeting.faces.warping import shrunk
from fleeting.spotting import LONGEST_MICRO, Spotted
from fleeting.types import Clip, FloatArray, Frame, Image
from fleeting.video.later import FrameInFile, made_of, size_of

LONGEST = 8.0
"""Seconds that an event may last and still get a clip."""
SPARSE = 0.1
"""Seconds between frames of a macro event's clip, which is shown to people and not given to a recogniser."""
AROUND = 1.8
"""Side of the square that is kept around a face, as a multiple of its box's longer side."""
GRID = 8
"""The square's edges are multiples of this many pixels, and it is shrunk by at most this factor."""
LARGE = 220.0
"""Pixels between the outer eye corners from which on a face is kept at half its size, and from twice as many
on at a quarter. In the canonical crop the corners are about 110 pixels apart, so the crop loses nothing."""
Edges = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True, eq=False)
class _Kept:
    """The square around a face in one frame, ``edges`` in pixels of the frame, shrunk by ``factor``.

    ``mesh`` is the face's, in pixels of the frame.
    """

    number: int
    time: float
    edges: Edges
    factor: int
    image: Callable[[], Image]
    mesh: FloatArray

    def part(self, edges: Edges, factor: int) -> Image:
        """The part within ``edges``, shrunk by ``factor``, a multiple of this square's own factor."""
        inside = [
            (edge - start) // self.factor for edge, start in zip(edges, 2 * self.edges[:2], strict=True)
        ]
        left, top, right, bottom = inside
        return shrunk(self.image()[top:bottom, left:right], factor // self.factor)

    def mesh_in(self, edges: Edges, factor: int) -> FloatArray:
        """The mesh in pixels of that part."""
        middle = (factor - 1) / 2  # centre of the block that became the first pixel
        first = np.array([edges[0] + middle, edges[1] + middle, 0], np.float32)
        return np.asarray((self.mesh - first) / np.float32(factor))


class ClipBuffer:
    """The frames that the next event's clip may need, up to ``latency`` seconds after the event's offset.

    Recent frames are all kept, for micro events; older ones, for macro events, are kept SPARSE seconds apart.
    """

    def __init__(self, latency: float) -> None:
        self._dense = latency + LONGEST_MICRO + SPARSE
        self._recent: deque[_Kept] = deque()
        self._older: deque[_Kept] = deque()

    def add(self, frame: Frame | FrameInFile, face: Face, others: Sequence[Face]) -> None:
        """Keep the face as this frame shows it, cut so that the ``others`` near it are left out."""
        factor = min(GRID, 2 ** int(np.log2(max(face.measures.size / LARGE, 0.5)) + 1))
        left, top, right, bottom = edges = _edges(face, others, size_of(frame), factor)

        def square(image: Image) -> Image:
            return shrunk(image[top:bottom, left:right], factor).copy()

        self._recent.append(_Kept(frame.number, frame.time, edges, factor, made_of(frame, square), face.mesh))
        while self._recent[0].time < frame.time - self._dense:
            kept = self._recent.popleft()
            if not self._older or kept.time >= self._older[-1].time + SPARSE:
                self._older.append(kept)
        while self._older and self._older[0].time < frame.time - self._dense - LONGEST:
            self._older.popleft()

    def clip(self, event: Spotted) -> Clip | None:
        """The aligned clip of an event; None where its first frames are gone or too little of them was kept.

        Every frame shows the same part of the picture: the part that was kept of all of them. The face is
        not searched for again.
        """
        kept = [k for k in (*self._older, *self._recent) if event.onset <= k.number <= event.offset]
        if event.kind == "macro":
            kept = list(_thinned(kept, (event.onset, event.apex, event.offset)))
        if len(kept) < 2 or kept[0].time > event.onset_s + SPARSE:
            return None
        factor = max(k.factor for k in kept)
        edges = _shared((k.edges for k in kept), factor)
        if min(edges[2] - edges[0], edges[3] - edges[1]) < SMALLEST * factor:
            return None
        apex = int(np.argmin([abs(k.number - event.apex) for k in kept]))
        images, times = [k.part(edges, factor) for k in kept], [k.time for k in kept]
        meshes = [k.mesh_in(edges, factor) for k in kept]
        return clip_of(images, times, 0, apex, len(kept) - 1, meshes=meshes)[0]


def _edges(face: Face, others: Iterable[Face], picture: tuple[int, int], factor: int) -> Edges:
    """Edges of a square around the face, cut off at the picture's edges and towards faces beside it."""
    middle, size = _place(face)
    low, high = middle - AROUND / 2 * size, middle + AROUND / 2 * size
    for other in others:
        theirs, their_size = _place(other)
        axis = int(np.argmax(np.abs(theirs - middle)))
        border = middle[axis] + (theirs - middle)[axis] * size / (size + their_size)
        side, nearer = (high, min) if theirs[axis] > middle[axis] else (low, max)
        side[axis] = nearer(side[axis], border)
    end = np.array(picture[::-1]) // factor * factor
    left, top = np.clip(np.floor(low / GRID) * GRID, 0, end).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high / GRID) * GRID, 0, end).astype(int).tolist()
    return left, top, right, bottom


def _place(face: Face) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], float]:
    """The middle of the face's box, and its longer side."""
    x, y, width, height = face.box
    return np.array([x + width / 2, y + height / 2]), max(width, height)


def _shared(squares: Iterable[Edges], factor: int) -> Edges:
    """Edges of the part that all squares share, a multiple of ``factor`` wide and high."""
    lefts, tops, rights, bottoms = zip(*squares, strict=True)
    return max(lefts), max(tops), min(rights) // factor * factor, min(bottoms) // factor * factor


def _thinned(kept: Iterable[_Kept], wanted: Collection[int]) -> Iterator[_Kept]:
    last = -np.inf
    for one in kept:
        if one.number in wanted or one.time >= last + SPARSE:
            last = one.time
            yield one
