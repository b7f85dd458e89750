"""The two photographs that all drawn faces are made from, and the points measured in them by hand.

They are Eileen Collins by NASA (1993, ships with scikit-image) and Grace Hopper by the US Navy (1984, ships
with matplotlib); both are in the public domain. Points are x, y in pixels of the photograph. A cover is
something that lies over the skin and does not move with it, such as hair or glasses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fleeting.drawing.people import Photograph
from fleeting.faces import networks
from fleeting.faces.landmarks import outer_distance
from fleeting.optional import cv2, skimage_data
from fleeting.types import FloatArray, Image
from fleeting.video.pictures import read_picture

Points = tuple[tuple[float, float], ...]
FINER = 4
"""Covers are drawn on a grid this many times finer than the photograph."""
FRINGE, HELD = 0.016, (0.034, 0.044)
"""Distances from a cover, in distances between the outer eye corners: how far the cover may show past its
outline; up to where it holds the skin still, and from where on the skin is free."""
UNDER = 9
"""Pixels of skin that are painted in under the edge of a cover: more than a movement ever uncovers."""


@dataclass(frozen=True)
class Eye:
    """An open eye: the edges of the upper lid (below its lashes) and of the lower lid, left to right."""

    upper: Points
    lower: Points


@dataclass(frozen=True)
class Measured:
    """Points measured by hand: the eyes, left to right, the line along which the lips part, the covers.

    Covers lie over the skin and never move with it: ``solid`` are their outlines, ``rims`` are lines with
    their width in pixels (the rims of glasses).
    """

    eyes: tuple[Eye, Eye]
    lips: Points
    solid: tuple[Points, ...]
    rims: tuple[tuple[float, Points], ...]


MEASURED: dict[Photograph, Measured] = {
    "astronaut": Measured(
        eyes=(
            Eye(
                ((192.5, 101.5), (196.5, 99.3), (200.5, 98.3), (204.5, 98.3), (207.5, 99.2), (213, 103.7)),
                (
                    (192.5, 101.5),
                    (196.5, 102.7),
                    (200.5, 103.9),
                    (204.5, 104.4),
                    (207.5, 104.1),
                    (213, 103.7),
                ),
            ),
            Eye(
                ((236, 105.3), (239.5, 102.7), (242.5, 101.5), (249.5, 100.7), (252.5, 101.7), (258, 105.5)),
                ((236, 105.3), (239.5, 105.8), (242.5, 106.5), (249.5, 106.8), (252.5, 106.3), (258, 105.5)),
            ),
        ),
        lips=(
            *((202.5, 139.5), (205.5, 143), (208.5, 146), (211.5, 147.8), (215.5, 149.1), (219.5, 149.7)),
            *((223.5, 149.8), (227.5, 149.5), (231.5, 148.5), (235.5, 146.8), (239.5, 144.5), (245.5, 140)),
        ),
        solid=(
            (
                *((150, 5), (310, 5), (310, 140), (275, 137), (271, 122), (271, 110), (268, 97), (266, 90)),
                *((255, 87), (242, 83), (230, 81), (215, 81), (200, 79), (192, 74), (187, 70), (184, 85)),
                *((182, 100), (181, 112), (179, 118), (170, 122), (150, 122)),
            ),
        ),
        rims=(),
    ),
    "grace-hopper": Measured(
        eyes=(
            Eye(
                ((205.5, 193.5), (213.5, 187), (217.5, 185), (222.5, 184.7), (231.5, 189.1), (241.5, 194)),
                ((205.5, 193.5), (214.5, 195.5), (219.5, 195.5), (224.5, 195.2), (232, 194.5), (241.5, 194)),
            ),
            Eye(
                ((286.5, 192.7), (294.5, 185.5), (298.5, 181.5), (305, 179.9), (313.5, 182), (326.5, 193.6)),
                ((286.5, 192.7), (296.5, 192.1), (302.5, 192.3), (308.5, 192.3), (316, 193), (326.5, 193.6)),
            ),
        ),
        lips=(
            *((222.5, 280.3), (231.5, 278.8), (237.5, 277.8), (243.5, 277.1), (249.5, 277), (256.5, 277.8)),
            *((264.5, 279.3), (275.5, 277.6), (283.5, 276.7), (291.5, 276.3), (297.5, 275.7), (307.5, 278.5)),
        ),
        solid=(
            (
                *((140, 20), (385, 20), (385, 185), (367, 183), (358, 168), (350, 156), (340, 146)),
                *((328, 138), (316, 133), (300, 132), (280, 134), (265, 136), (245, 133), (225, 133)),
                *(
                    (210, 135),
                    (198, 140),
                    (186, 146),
                    (176, 153),
                    (168, 163),
                    (162, 175),
                    (160, 190),
                    (140, 195),
                ),
            ),
            ((177, 177), (200, 176), (197, 184), (190, 194), (182, 185)),
            ((332, 169), (352, 171), (359, 181), (346, 186), (337, 180)),
            ((200, 179), (211, 179.5), (210, 184), (203, 185)),  # light on the lenses
            ((322, 176), (333, 172), (336, 182), (328, 184.5)),
            ((245, 180), (254, 184), (272, 183), (281, 178), (281, 184), (272, 191), (254, 192), (247, 186)),
        ),
        rims=(
            (6, ((180, 180), (195, 177.5), (215, 175.5), (230, 176.5), (240, 179), (248, 182))),
            (6, ((280, 181), (290, 175), (302, 171), (318, 170), (335, 171), (350, 174))),
            (
                5,
                (
                    *((185, 188), (188, 198), (193, 211), (200, 222), (211, 230), (223, 232.5)),
                    *((236, 228.5), (246, 219.5), (251, 208), (255, 197), (256, 190)),
                ),
            ),
            (
                5,
                (
                    *((273, 190), (275, 198), (281, 211), (290, 221), (303, 227), (315, 226.5)),
                    *((325, 221.5), (333, 214.5), (339, 207), (341, 196), (342, 186)),
                ),
            ),
        ),
    ),
}


@dataclass(frozen=True, eq=False)
class Source:
    """A photograph in layers: the image, the skin, the cover over the skin.

    ``image`` is the photograph as it is, and ``skin`` has skin painted in under the covers' edges, both RGB.
    ``cover`` is how much covers hold the skin, (height, width) 0 to 1; ``mesh`` is the face's 468 points, x
    and y; ``depth`` (468,) is how far each lies behind the head's centre, in the same pixels.
    """

    image: Image
    skin: Image
    cover: FloatArray
    mesh: FloatArray
    depth: FloatArray
    measured: Measured


@cache
def source(photograph: Photograph) -> Source:
    """The photograph of that name in layers. Raises MissingExtraError without scikit-image."""
    image = _astronaut() if photograph == "astronaut" else _grace_hopper()
    measured = MEASURED[photograph]
    mesh, depth = np.split(_mesh(image), [2], axis=1)
    away = _away(measured, image.shape[:2]) / outer_distance(mesh)
    held = np.clip((HELD[1] - away) / (HELD[1] - HELD[0]), 0, 1)
    return Source(image, _bared(image, _small(away < FRINGE) > 0), _small(held), mesh, depth[:, 0], measured)


def _astronaut() -> Image:
    return np.asarray(skimage_data().astronaut(), dtype=np.uint8)


def _grace_hopper() -> Image:
    from matplotlib import get_data_path

    return read_picture(Path(get_data_path()) / "sample_data" / "grace_hopper.jpg")


def _mesh(image: Image) -> FloatArray:
    crop = networks.square_of_detection(networks.detect(image)[0])
    points, _ = networks.mesh(image, crop)
    points, _ = networks.mesh(image, networks.square_of_mesh(points))
    return points


def _away(measured: Measured, size: tuple[int, int]) -> FloatArray:
    """The distance of each point of the finer grid to the nearest cover, in pixels of the photograph."""
    free = np.full((size[0] * FINER, size[1] * FINER), 255, np.uint8)
    for outline in measured.solid:
        cv2().fillPoly(free, [_fine(outline)], 0)
    for width, line in measured.rims:
        cv2().polylines(free, [_fine(line)], False, 0, round(width * FINER))
    return np.asarray(cv2().distanceTransform(free, cv2().DIST_L2, 5) / np.float32(FINER))


def _small(fine: npt.NDArray[np.bool_] | FloatArray) -> FloatArray:
    """An array of the finer grid shrunk by area to the photograph's size."""
    size = fine.shape[1] // FINER, fine.shape[0] // FINER
    return np.asarray(cv2().resize(fine.astype(np.float32), size, interpolation=cv2().INTER_AREA))


def _fine(points: Sequence[tuple[float, float]]) -> npt.NDArray[np.int32]:
    return np.rint((np.array(points) + 0.5) * FINER).astype(np.int32)


def _bared(image: Image, covered: npt.NDArray[np.bool_]) -> Image:
    """The photograph with skin painted in under the edges of the covers."""
    around = np.ones((2 * UNDER + 1, 2 * UNDER + 1), np.uint8)
    near = covered & (cv2().dilate((~covered).astype(np.uint8), around) > 0)
    return np.asarray(cv2().inpaint(image, near.astype(np.uint8), 3, cv2().INPAINT_TELEA), dtype=np.uint8)
