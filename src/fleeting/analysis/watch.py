"""Lists every frame of a video with its faces: two tables, a summary and, if asked, a video with overlay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fleeting.analysis.frame_tables import FrameTables
from fleeting.analysis.overlay import drawn
from fleeting.analysis.result_folder import SUMMARY, digest_of
from fleeting.analysis.result_names import described, is_of
from fleeting.faces.quality import USABLE
from fleeting.faces.tracking import FaceTracker
from fleeting.files import write_atomically
from fleeting.output.owned import owned
from fleeting.registry import options
from fleeting.types import Progress, silent
from fleeting.version import __version__
from fleeting.video.reader import VideoReport, open_video
from fleeting.video.writer import video_appearing


@dataclass(frozen=True)
class Watched:
    """The frames and faces of a video, counted: the content of ``summary.json``.

    ``frames_with_face`` counts frames with any face, ``frames_usable`` those whose main face is seen well
    enough. Times are seconds; ``header_frames`` is the number of frames in the file's header, None if the
    header does not say. ``fps_assumed`` says that nothing states the frame rate. ``container_start_s`` is
    where the file begins on its own clock, on which times count; players count from there.
    """

    frames_decoded: int
    frames_with_face: int
    frames_usable: int
    damaged: int
    fps: float | None
    fps_assumed: bool
    variable_frame_rate: bool
    duration_s: float
    container_start_s: float
    header_frames: int | None
    warnings: tuple[str, ...]
    version: str
    settings: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The fields as a dictionary for JSON."""
        return asdict(self)


def watch(
    source: str | Path | int,
    out: str | Path,
    *,
    overlay: bool = False,
    fps: float | None = None,
    start: float | None = None,
    end: float | None = None,
    people: int = 4,
    replace: bool = False,
    progress: Progress = silent,
) -> Watched:
    """Write the faces in a video into the folder ``out``: ``frames.csv``, ``faces.csv``, ``summary.json``.

    ``frames.csv`` has one row for every decoded frame, with its main face: the largest usable one, which
    stays the main face until another is a quarter larger. ``faces.csv`` has one row per frame and face; the
    ``people`` largest faces are followed. ``overlay`` adds ``overlay.mp4``. ``source``, ``fps``, ``start``
    and ``end`` are as `fleeting.open_video` takes them, and raise its errors; ``progress`` is called with
    "watching", the frames done, and the frames there should be. The files appear together when they are
    complete. Raises OutputError where ``out`` is neither new, empty nor of this source (that of a camera
    never is), unless ``replace`` is true.

    >>> seen = fleeting.watch("interview.mp4", "faces", end=0.3)
    >>> seen.frames_decoded, seen.frames_with_face
    (9, 9)
    """
    out, path = Path(out), None if isinstance(source, int) else Path(source)
    with (
        owned(
            out,
            "faces",
            _described(source, out),
            inputs=[path] if path else [],
            same=lambda recorded: path is not None and is_of(recorded, out, path),
            marker=SUMMARY,
            replace=replace,
        ) as own,
        own.staging() as staged,
    ):
        settings = {"fps": fps, "start": start, "end": end}
        watched = _watched(source, staged, settings, people, overlay, progress)
        own.finish(staged, SUMMARY)
    return watched


def _described(source: str | Path | int, out: Path) -> dict[str, Any]:
    if isinstance(source, int):
        return {"camera": source}
    path = Path(source)
    return {**described(path, out), "sha256": digest_of(path) if path.exists() else None}


def _watched(
    source: str | Path | int,
    out: Path,
    given: Mapping[str, Any],
    people: int,
    overlay: bool,
    progress: Progress,
) -> Watched:
    """Write the files into the folder ``out``."""
    tracker = options(FaceTracker, {"most": people}, "FaceTracker")
    left_out = 0
    with open_video(source, **given) as video, ExitStack() as files:
        tables = files.enter_context(FrameTables(out, named=Path(str(source)).is_dir()))
        film = files.enter_context(video_appearing(out / "overlay.mp4")) if overlay else None
        follow = FaceTracker(**tracker)
        promised = video.report.header_frames or 0
        for done, frame in enumerate(video, start=1):
            faces = follow.push(frame.image, frame.time)
            tables.add(frame, faces)
            left_out = max(left_out, follow.left_out)
            if film:
                film.add(drawn(frame.image, faces), frame.time)
            progress("watching", done, max(promised, done))
    settings = {**given, "usable": USABLE, **tracker}
    seen = facts(video.report, tables)
    if left_out:
        seen["warnings"] = (*seen["warnings"], unfollowed(left_out, people))
    watched = Watched(**seen, version=__version__, settings=settings)
    write_atomically(out / SUMMARY, json.dumps(watched.as_dict(), indent=2) + "\n")
    return watched


def unfollowed(left_out: int, people: int) -> str:
    """The warning that so many faces were in the picture besides the ``people`` that are followed."""
    many = f"{left_out} more faces were" if left_out > 1 else "one more face was"
    what = f"{people} largest are" if people > 1 else "largest is"
    return f"up to {many} in the picture and not followed: the {what}; --people follows more"


def facts(report: VideoReport, tables: FrameTables) -> dict[str, Any]:
    """The entries of ``summary.json`` about a video and the faces in it."""
    return {
        "frames_decoded": report.frames,
        "frames_with_face": tables.with_face,
        "frames_usable": tables.usable,
        "damaged": report.damaged,
        "fps": report.fps,
        "fps_assumed": report.fps_assumed,
        "variable_frame_rate": report.variable_frame_rate,
        "duration_s": report.duration_s,
        "container_start_s": report.container_start,
        "header_frames": report.header_frames,
        "warnings": report.warnings,
    }
