"""Writes ``frames.csv`` and ``faces.csv`` frame by frame, and reads them back row by row."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from fleeting.faces.skin_motion import Motion
from fleeting.faces.tracking import Face, main_face
from fleeting.files import appearing
from fleeting.types import Frame
from fleeting.video.later import FrameInFile

COLUMNS = (
    *("frame", "time_s", "faces", "face", "x", "y", "width", "height", "score", "quality", "motion"),
    "reason",
)
FILE = "file"
"""The last column where the frames are pictures in a folder: the name of each one's file."""
MEASURED = re.compile(r":.*\d.*")
"""What was measured, in a reason: the part after a colon with a number in it."""
NO_FACE, NOT_FOLLOWED = "no face", "the skin could not be followed"
"""Reasons for which a frame is not used, where neither the face's quality nor its motion names another."""


class FrameTables:
    """``frames.csv`` and ``faces.csv`` of a folder, written frame by frame; they appear when complete.

    Both have the column FILE at the end if ``named``, which is for folders of pictures.
    ``with_face`` counts the frames with any face, ``usable`` the frames whose main face was used: it is seen
    well enough, and its skin could be followed.
    """

    def __init__(self, folder: Path, *, named: bool = False) -> None:
        self._folder, self._files = folder, ExitStack()
        self._columns = (*COLUMNS, FILE) if named else COLUMNS
        self._main: Face | None = None
        self.with_face = self.usable = 0
        self.reasons: Counter[str] = Counter()
        """How many frames were not used for each reason, less what was measured; "" for those that were."""

    def __enter__(self) -> Self:
        self._frames = self._files.enter_context(table(self._folder / "frames.csv", self._columns))
        self._faces = self._files.enter_context(table(self._folder / "faces.csv", self._columns))
        return self

    def __exit__(self, *error: Any) -> None:
        self._files.__exit__(*error)

    def add(
        self,
        frame: Frame | FrameInFile,
        faces: Sequence[Face],
        motions: Mapping[int, Motion] | None = None,
    ) -> None:
        """Add a frame with its faces and, where it was measured, the motion of each face's skin by its id."""
        moved = motions or {}
        self._main = main = main_face(faces, self._main)
        written = row(frame, len(faces), main, moved.get(main.id) if main else None)
        self.with_face += bool(faces)
        self.usable += not written["reason"]
        self.reasons[MEASURED.sub("", written["reason"])] += 1
        self._frames.writerow(written)
        self._faces.writerows(row(frame, len(faces), face, moved.get(face.id)) for face in faces)


def row(
    frame: Frame | FrameInFile, faces: int, face: Face | None, motion: Motion | None = None
) -> dict[str, Any]:
    """One row of ``frames.csv`` or ``faces.csv``; ``motion`` is None where the skin was not looked at."""
    facts: dict[str, Any] = {"frame": frame.number, "time_s": f"{frame.time:.6f}", "faces": faces}
    facts |= {FILE: frame.file} if frame.file else {}
    if face is None:
        return {**facts, "reason": NO_FACE}
    box = {name: f"{value:.1f}" for name, value in zip(("x", "y", "width", "height"), face.box, strict=True)}
    seen = {"score": f"{face.score:.3f}", "quality": f"{face.quality:.3f}", "reason": face.reason}
    if motion is None:
        moved = {}
    elif motion.places is None:
        moved = {"reason": face.reason or getattr(motion, "reason", "") or NOT_FOLLOWED}
    else:
        moved = {"motion": f"{motion.amount:.4f}"}
    return {**facts, "face": face.id, **box, **seen, **moved}


@contextmanager
def table(path: Path, columns: Sequence[str]) -> Iterator[csv.DictWriter[str]]:
    """A CSV file that is written row by row and appears when it is complete."""
    with appearing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        yield writer


@dataclass(frozen=True, slots=True)
class FaceRow:
    """One row of ``frames.csv`` or ``faces.csv``, as read back.

    ``face`` and ``box`` (x, y, width, height in pixels) are None if there was no face, ``motion`` is NaN if
    it is not known, ``reason`` is "" if the face was used.
    """

    frame: int
    time: float
    face: int | None
    box: tuple[float, float, float, float] | None
    motion: float
    reason: str


def read_rows(path: Path) -> Iterator[FaceRow]:
    """The rows of a ``frames.csv`` or ``faces.csv``, in their order.

    Raises LookupError, TypeError or ValueError on a file that `FrameTables` cannot have written.
    """
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            seen = bool(row["face"])
            yield FaceRow(
                frame=int(row["frame"]),
                time=float(row["time_s"]),
                face=int(row["face"]) if seen else None,
                box=(float(row["x"]), float(row["y"]), float(row["width"]), float(row["height"]))
                if seen
                else None,
                motion=float(row["motion"] or "nan"),
                reason=row["reason"],
            )
