"""Reads how far a face shows each of 52 expressions (blendshapes), and which action units these stand for.

The values come from a mesh with irises, which is found anew in the picture: the mesh that faces are followed
by gives other values for brows and lids. Docs: decision 14.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fleeting.faces.networks import expression, mesh_with_irises
from fleeting.types import FloatArray, Image

NAMES = (
    *("_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight"),
    *("eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft"),
    *("eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight"),
    *("eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose"),
    *("mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel"),
    *("mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight"),
    *("mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower"),
    *("mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight"),
    *("mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight"),
)
"""The values in the network's order, under Apple's names for them; left and right are the person's own."""
USED = (
    *(0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67),
    *(70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146),
    *(148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181),
    *(185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293),
    *(295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361),
    *(362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398),
    *(400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477),
)
"""The points of the mesh with irises from which the network reads them."""


@dataclass(frozen=True)
class Unit:
    """An action unit of FACS (Ekman and Friesen 1978): its number, its name, the blendshapes that show it.

    All of them rise as the muscle contracts; the unit's value is their mean. ``least`` is how much the value
    changes in 0.2 s in quiet footage of real faces: a quarter of it is quieter (docs: decision 14).
    """

    number: int
    name: str
    shapes: tuple[str, ...]
    least: float

    @property
    def code(self) -> str:
        """The unit as FACS writes it, such as AU12."""
        return f"AU{self.number}"


UNITS = (
    Unit(1, "inner brow raiser", ("browInnerUp",), 0.0013),
    Unit(2, "outer brow raiser", ("browOuterUpLeft", "browOuterUpRight"), 0.0032),
    Unit(4, "brow lowerer", ("browDownLeft", "browDownRight"), 0.0061),
    Unit(7, "lid tightener", ("eyeSquintLeft", "eyeSquintRight"), 0.0256),
    Unit(12, "lip corner puller", ("mouthSmileLeft", "mouthSmileRight"), 0.0233),
    Unit(15, "lip corner depressor", ("mouthFrownLeft", "mouthFrownRight"), 0.0003),
    Unit(17, "chin raiser", ("mouthShrugLower",), 0.0028),
)
"""The units that are told from their blendshapes on real micro-expressions (docs/analysis.md)."""


def blendshapes(face: Image) -> FloatArray:
    """The 52 values of `NAMES`, 0 to 1, of a face in a picture of `fleeting.faces.networks.level_face`."""
    return expression(mesh_with_irises(face)[list(USED)])


def unit_values(shapes: npt.ArrayLike) -> FloatArray:
    """The values of `UNITS`, (..., 7), of blendshapes (..., 52)."""
    values = np.asarray(shapes, dtype=np.float32)
    columns = [values[..., [NAMES.index(name) for name in unit.shapes]].mean(axis=-1) for unit in UNITS]
    return np.stack(columns, axis=-1)
