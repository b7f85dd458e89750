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
from fleeting.faces.quality import USABLE
from fleeting.faces.tracking import FaceTracker
from fleeting.files import refuse_file, write_atomically
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
    header does not say.
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
    progress: Progress = silent,
) -> Watched:
    """Write the faces in a video into the folder ``out``: ``frames.csv``, ``faces.csv``, ``summary.json``.

    ``frames.csv`` has one row for every decoded frame, with its main face: the largest usable one, which
    stays the main face until another is a quarter larger. ``faces.csv`` has one row per frame and face.
    ``overlay`` adds ``overlay.mp4``. ``source``, ``fps``, ``start`` and ``end`` are as `fleeting.open_video`
    takes them, and raise its errors; ``progress`` is called with "watching", the frames done, and the frames
    there should be. Each file appears when it is complete. Raises OptionError if ``out`` is a file.
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


def facts(report: VideoReport, tables: FrameTables) -> dict[str, Any]:
    """The entries of ``summary.json`` about a video and the faces in it."""
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
