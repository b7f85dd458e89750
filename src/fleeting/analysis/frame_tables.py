"""Every frame of a video and the faces in it, as rows, a summary and, where asked, a video to look at."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path
from typing import Any, Self

from fleeting.analysis.overlay import drawn
from fleeting.errors import OptionError
from fleeting.faces.quality import USABLE
from fleeting.faces.tracking import Face, FaceTracker
from fleeting.files import appearing, write_atomically
from fleeting.registry import options
from fleeting.types import Frame, Progress, silent
from fleeting.version import __version__
from fleeting.video.reader import VideoReport, open_video
from fleeting.video.writer import video_appearing

COLUMNS = (
    *("frame", "time_s", "faces", "face", "x", "y", "width", "height", "score", "quality", "motion"),
    "reason",
)
NO_FACE = "no face"
LEAD = 1.25
"""Another face becomes the main one when it is so many times as large."""


@dataclass(frozen=True)
class Watched:
    """What there was to see in a video: the facts of ``summary.json``.

    ``frames_with_face`` counts frames with any face, ``frames_usable`` those whose main face is seen well
    enough. Times are seconds; ``header_frames`` is what the file says of itself, None where it says nothing.
    """

    frames_decoded: int
    frames_with_face: int
    frames_usable: int
    damaged: int
    fps: float | None
    variable_frame_rate: bool
    duration_s: float
    header_frames: int | None
    warnings: tuple[str, ...]
    version: str
    settings: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self)


def watch(
    source: str | Path | int,
    out: str | Path,
    *,
    overlay: bool = False,
    fps: float | None = None,
    start: float | None = None,
    end: float | None = None,
    progress: Progress = silent,
) -> Watched:
    """Write what faces are in a video: ``frames.csv``, ``faces.csv``, ``summary.json`` in the folder ``out``.

    ``frames.csv`` has one row for every decoded frame, with its main face: the largest usable one, as long as
    no other is a quarter larger; ``faces.csv`` has one row per frame and face. ``overlay`` adds
    ``overlay.mp4``. ``source``, ``fps``, ``start`` and ``end`` are as `fleeting.open_video` takes them
    (and raises); ``progress`` is called with what is done, how many frames, and how many there should be. A
    file appears when it is whole. Raises OptionError where ``out`` is no folder.
    """
    out = Path(out)
    refuse_file(out)
    out.mkdir(parents=True, exist_ok=True)
    tracker = options(FaceTracker, {}, "FaceTracker")
    with open_video(source, fps=fps, start=start, end=end) as video, ExitStack() as files:
        tables = files.enter_context(FrameTables(out))
        film = files.enter_context(video_appearing(out / "overlay.mp4")) if overlay else None
        follow = FaceTracker(**tracker)
        promised = video.report.header_frames or 0
        for done, frame in enumerate(video, start=1):
            faces = follow.push(frame.image, frame.time)
            tables.add(frame, faces)
            if film:
                film.add(drawn(frame.image, faces), frame.time)
            progress("watching", done, max(promised, done))
    settings = {"fps": fps, "start": start, "end": end, "usable": USABLE, **tracker}
    watched = Watched(**facts(video.report, tables), version=__version__, settings=settings)
    write_atomically(out / "summary.json", json.dumps(watched.as_dict(), indent=2) + "\n")
    return watched


class FrameTables:
    """``frames.csv`` and ``faces.csv`` of a folder, written frame by frame; they appear when they are whole.

    ``with_face`` counts the frames with any face, ``usable`` those whose main face is seen well enough.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._files = folder, ExitStack()
        self._main: Face | None = None
        self.with_face = self.usable = 0

    def __enter__(self) -> Self:
        self._frames = self._files.enter_context(_table(self._folder / "frames.csv"))
        self._faces = self._files.enter_context(_table(self._folder / "faces.csv"))
        return self

    def __exit__(self, *error: Any) -> None:
        self._files.__exit__(*error)

    def add(self, frame: Frame, faces: Sequence[Face], amounts: Mapping[int, float] | None = None) -> None:
        """Add a frame with its faces and, by the face's id, how much each moved (NaN: not known)."""
        moved = amounts or {}
        self._main = main = main_face(faces, self._main)
        self.with_face += bool(faces)
        self.usable += bool(main and not main.reason)
        self._frames.writerow(row(frame, len(faces), main, moved.get(main.id) if main else None))
        self._faces.writerows(row(frame, len(faces), face, moved.get(face.id)) for face in faces)


def facts(report: VideoReport, tables: FrameTables) -> dict[str, Any]:
    """What a summary says of a video and of the faces in it."""
    return {
        "frames_decoded": report.frames,
        "frames_with_face": tables.with_face,
        "frames_usable": tables.usable,
        "damaged": report.damaged,
        "fps": report.fps,
        "variable_frame_rate": report.variable_frame_rate,
        "duration_s": report.duration_s,
        "header_frames": report.header_frames,
        "warnings": report.warnings,
    }


def refuse_file(out: Path) -> None:
    """Raise OptionError where a folder to write to is a file."""
    if out.exists() and not out.is_dir():
        raise OptionError(f"{out} is a file, expected a folder to write to; name another")


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


def row(frame: Frame, faces: int, face: Face | None, amount: float | None = None) -> dict[str, Any]:
    """One line of ``frames.csv`` or ``faces.csv``; how much the face moved may be unknown: None or NaN."""
    facts: dict[str, Any] = {"frame": frame.number, "time_s": f"{frame.time:.6f}", "faces": faces}
    if face is None:
        return {**facts, "reason": NO_FACE}
    box = {name: f"{value:.1f}" for name, value in zip(("x", "y", "width", "height"), face.box, strict=True)}
    seen = {"score": f"{face.score:.3f}", "quality": f"{face.quality:.3f}", "reason": face.reason}
    moved = {} if amount is None or isnan(amount) else {"motion": f"{amount:.4f}"}
    return {**facts, "face": face.id, **box, **seen, **moved}


@contextmanager
def _table(path: Path) -> Iterator[csv.DictWriter[str]]:
    with appearing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        yield writer
