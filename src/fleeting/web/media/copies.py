"""Makes the copy of a recording that browsers play: the same frames at the same times, with its sound.

``python -m fleeting.web.media.copies`` makes one in a process of its own, so that the server answers
meanwhile and a file that breaks a decoder breaks that process alone. It reads what to do from the first line
of standard input, and ends when that closes.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

from fleeting.analysis.annotated_video import write_annotated
from fleeting.analysis.event_files import read_events
from fleeting.errors import FleetingError, MissingExtraError
from fleeting.files import appearing, write_atomically
from fleeting.optional import av
from fleeting.output.lock import locked
from fleeting.types import Frame
from fleeting.video.reader import Video, open_video
from fleeting.web.media.sound import Sound

STATE = "copy.json"
"""The file that says how far the copy is, and where."""
TELL = 0.3
"""Seconds between two notes of how far the copy is."""
KEYS = 12
"""Frames from one key frame to the next: so far a browser decodes at most when it steps back."""
LARGEST = 1920
"""Longest side in pixels of the copy."""
CLOCK = Fraction(1, 90_000)
CODECS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("libx264", "aac", "mp4", {"preset": "veryfast", "crf": "20", "bf": "0"}),
    ("libopenh264", "aac", "mp4", {}),
    ("libvpx-vp9", "libopus", "webm", {"deadline": "realtime", "cpu-used": "6", "crf": "24", "b": "0"}),
    ("libvpx", "libopus", "webm", {"deadline": "realtime", "cpu-used": "6", "crf": "12", "b": "4M"}),
)
"""Video codec, sound codec, container and options; the first that this build of FFmpeg has is taken."""

Tell = Callable[[float], None]


def make_copy(source: Path, folder: Path, results: Path, settings: Mapping[str, Any], tell: Tell) -> Path:
    """Write the copy of a recording into ``folder``, and return its path; ``tell`` hears the share done.

    Where the analysis covers faces, so does the copy: it has only the frames that were analysed, and no
    sound, by which people are known, too. Raises the errors of `fleeting.open_video`.
    """
    if settings["blur"]:
        return _covered(source, folder, results, settings, tell)
    path = folder / f"copy.{container()}"
    with open_video(source, fps=settings["fps"]) as video, appearing(path) as partial:
        encode(source if settings["fps"] is None else None, _told(video, tell), partial)
    return path


def encode(sounding: Path | None, frames: Iterable[tuple[float, Frame]], path: Path) -> None:
    """Write frames with their times from the first on, and the sound of ``sounding`` if it has one."""
    codec, sound, kind, options = _codecs()
    with av().open(str(path), "w", format=kind) as into:
        stream, heard = into.add_stream(codec, options={**options, "g": str(KEYS)}), None
        for time_s, frame in frames:
            if heard is None:
                heard = Sound(sounding, into, sound, frame.time)
                _size(stream, frame)
            heard.until(time_s)
            into.mux(stream.encode(_coded(frame, time_s)))
        into.mux(stream.encode(None))
        if heard is not None:
            heard.until(float("inf"))


def container() -> str:
    """The kind of file that is written, as its extension: mp4 or webm."""
    return _codecs()[2]


def _codecs() -> tuple[str, str, str, dict[str, str]]:
    library = av()
    for codec, sound, kind, options in CODECS:
        with suppress(library.codec.codec.UnknownCodecError):
            library.codec.Codec(codec, "w")
            return codec, sound, kind, dict(options)
    raise MissingExtraError("a codec for the web", "video")


def _told(video: Video, tell: Tell) -> Iterator[tuple[float, Frame]]:
    """Each frame with its time from the first one on, in seconds."""
    first, promised = None, video.report.header_frames or 0
    for frame in video:
        first = frame.time if first is None else first
        yield frame.time - first, frame
        tell((frame.number + 1) / max(promised, frame.number + 1))


def _size(stream: Any, frame: Frame) -> None:
    shrunk = min(1.0, LARGEST / max(frame.image.shape[:2]))
    stream.height, stream.width = (max(2, int(shrunk * side) // 2 * 2) for side in frame.image.shape[:2])
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = CLOCK


def _coded(frame: Frame, time_s: float) -> Any:
    found = av().VideoFrame.from_ndarray(frame.image, format="rgb24")
    found.pts, found.time_base = round(time_s / CLOCK), CLOCK
    return found


def _covered(source: Path, folder: Path, results: Path, settings: Mapping[str, Any], tell: Tell) -> Path:
    path = folder / "copy.mp4"
    given = {name: settings[name] for name in ("fps", "start", "end")}
    with open_video(source, **given) as video, appearing(path) as partial:
        frames = (frame for _, frame in _told(video, tell))
        write_annotated(
            partial, frames, results / "faces.csv", read_events(results / "events.json"), blur=True
        )
    return path


def first_frame(source: Path, settings: Mapping[str, Any]) -> tuple[int, float]:
    """Number and time in seconds of the copy's first frame."""
    given = {name: settings[name] for name in (("fps", "start", "end") if settings["blur"] else ("fps",))}
    with open_video(source, **given) as video:
        frame = next(iter(video))
    return frame.number, frame.time


def _tell(folder: Path, **facts: Any) -> None:
    write_atomically(folder / STATE, json.dumps({**facts, "process": os.getpid()}))


class _Notes:
    """Writes the share that is done into the state file, now and then."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._last = folder, 0.0

    def __call__(self, share: float) -> None:
        now = time.monotonic()
        if now > self._last + TELL:
            self._last = now
            _tell(self._folder, state="making", progress=round(min(share, 0.999), 3))


def _make(asked: Mapping[str, Any]) -> None:
    source, folder, results = (Path(asked[name]) for name in ("source", "folder", "results"))
    settings = json.loads((results / "summary.json").read_text(encoding="utf-8"))["settings"]
    with locked(folder):
        try:
            path = make_copy(source, folder, results, settings, _Notes(folder))
            number, begins = first_frame(source, settings)
        except (FleetingError, OSError, av().FFmpegError) as error:
            text = " ".join(str(error).split()).replace(str(source), source.name)
            _tell(folder, state="failed", progress=0.0, error=text)
        else:
            _tell(folder, state="ready", progress=1.0, file=path.name, first=number, begins_s=begins)


def _end_with_server() -> None:
    with suppress(OSError, ValueError):
        while os.read(sys.stdin.fileno(), 1):  # not by a buffer, which stays locked at the end
            pass
    os._exit(1)


def main() -> None:
    """Make the copy that the first line of standard input asks for."""
    asked = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_server, daemon=True).start()
    with suppress(OSError, AttributeError):
        os.nice(10)
    with suppress(FleetingError, FileNotFoundError):  # another one makes it; or it was forgotten
        _make(asked)


if __name__ == "__main__":
    main()
