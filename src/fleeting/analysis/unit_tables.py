"""Writes ``units.csv``: the curves of action units, blinks, gaze and jaw of every face, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np

from fleeting.analysis.frame_tables import row, table
from fleeting.faces.blendshapes import NAMES, UNITS, blendshapes, unit_values
from fleeting.faces.networks import level_face
from fleeting.faces.skin_motion import Motion
from fleeting.faces.tracking import Face
from fleeting.types import FloatArray, Frame
from fleeting.video.later import FrameInFile

SHAPES = tuple(name for name in NAMES if name.startswith(("eyeBlink", "eyeLook", "jawOpen")))
"""Blendshapes that have columns of their own, under the network's names for them."""
COLUMNS = ("frame", "time_s", "face", *(unit.code for unit in UNITS), *SHAPES, "reason")


class UnitTable:
    """``units.csv`` of a folder, a row for every frame and face; it appears when complete.

    A face that is not seen well enough has a reason and no values; one whose skin could not be judged has
    both.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._files = folder, ExitStack()

    def __enter__(self) -> Self:
        self._rows = self._files.enter_context(table(self._folder / "units.csv", COLUMNS))
        return self

    def __exit__(self, *error: Any) -> None:
        self._files.__exit__(*error)

    def add(
        self,
        frame: Frame | FrameInFile,
        faces: Sequence[Face],
        motions: Mapping[int, Motion],
        values: Sequence[FloatArray],
    ) -> None:
        """Add a frame, its faces, the `face_values` of each, and the motion of each one's skin by its id."""
        for face, curves in zip(faces, values, strict=True):
            facts = row(frame, len(faces), face, motions.get(face.id))
            kept = {name: facts[name] for name in ("frame", "time_s", "face", "reason")}
            named = zip(COLUMNS[3:-1], curves.tolist(), strict=True)
            written = {} if face.reason else {name: f"{value:.6f}" for name, value in named}
            self._rows.writerow({**kept, **written})


def face_values(frame: Frame, face: Face) -> FloatArray:
    """The values of a face's row in ``units.csv``: (18,), 0 to 1; NaN where it is not seen well enough."""
    if face.reason:
        return np.full(len(COLUMNS) - 4, np.nan, np.float32)
    shapes = blendshapes(level_face(frame.image, face.mesh))
    others = [shapes[NAMES.index(name)] for name in SHAPES]
    return np.array([*unit_values(shapes), *others], np.float32)
