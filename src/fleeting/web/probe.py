"""Looks at a video before it becomes a job, in a process of its own that may use little time and memory.

``python -m fleeting.web.probe`` reads one JSON request per line, and answers each with a line: the facts of
the video, or why it is refused.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from fleeting.errors import FleetingError, VideoError
from fleeting.web.settings import Limits

PATIENCE = 30.0
"""Seconds for which a video may be looked at."""
MEMORY = 6 * 2**30
"""Bytes of addresses that this may take; most are of libraries that are never touched."""


def probed(path: Path, name: str, limits: Limits, fps: float | None = None) -> dict[str, Any]:
    """Width, height, fps, frames and duration of a video; None for what its header does not say.

    Raises VideoError, in which the video is called ``name``, where it cannot be read or exceeds the limits.
    """
    request = json.dumps({"path": str(path), "fps": fps}).encode() + b"\n"
    command = [sys.executable, "-m", "fleeting.web.probe"]
    try:
        done = subprocess.run(command, input=request, capture_output=True, timeout=PATIENCE, check=False)
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise VideoError(f"{name} could not be read in {PATIENCE:g} s; copy or export it again") from None
    except ValueError:
        raise VideoError(f"{name} cannot be read by the decoder; copy or export it again") from None
    if why := answer.get("refused"):
        raise VideoError(why.replace(str(path), name))
    media: dict[str, Any] = answer["media"]
    _refuse_large(media, name, limits)
    return media


def _refuse_large(media: dict[str, Any], name: str, limits: Limits) -> None:
    pixels = media["width"] * media["height"]
    if pixels > limits.pixels:
        found = f"{name} has pictures of {media['width']} x {media['height']} pixels"
        raise VideoError(f"{found}, expected at most {limits.pixels} in all; scale it down")
    if (media["duration_s"] or 0) > limits.seconds:
        found = f"{name} lasts {media['duration_s']:.0f} s"
        raise VideoError(f"{found}, and this server takes {limits.seconds:.0f} s; cut it into parts")


def facts(path: Path, fps: float | None = None) -> dict[str, Any]:
    """What the header of a video says, and the size of its first picture. Raises as `open_video` does."""
    from fleeting.analysis.video_files import contents
    from fleeting.video.folders import is_stack
    from fleeting.video.pictures import is_picture
    from fleeting.video.reader import open_video

    if path.is_file() and is_picture(path) and not is_stack(path):
        raise VideoError(f"{path} is a single picture, and a movement needs time; give a video")
    with open_video(path, fps=fps) as video:
        first = next(iter(video))
        report = video.report
    pictures = len(contents(path)) if path.is_dir() else None
    count, rate = report.header_frames or pictures, report.header_fps or fps
    lasts = None if path.is_dir() or is_stack(path) else _lasts(path)
    if fps or lasts is None:
        lasts = count / rate if count and rate else lasts
    return {
        "width": first.image.shape[1],
        "height": first.image.shape[0],
        "fps": rate,
        "frames": count,
        "duration_s": lasts,
        "variable_frame_rate": None,
    }


def _lasts(path: Path) -> float | None:
    """Seconds from the beginning of a file to its end, as its header has them; None if it does not say."""
    from fleeting.video.containers import opened

    with opened(path) as container:
        return container.duration / 1e6 if container.duration else None


def _bound() -> None:
    """Bound what this process may use, where the system can."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        seconds = int(PATIENCE)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answered(line: str) -> dict[str, Any]:
    try:
        request = json.loads(line)
        return {"media": facts(Path(request["path"]), request["fps"])}
    except FleetingError as error:
        return {"refused": " ".join(str(error).split())}
    except (OSError, MemoryError, StopIteration) as error:
        return {"refused": f"the video cannot be read ({type(error).__name__}); copy or export it again"}


def main(lines: Sequence[str] | None = None) -> None:
    """Answer the requests on standard input."""
    _bound()
    for line in lines or sys.stdin:
        sys.stdout.write(json.dumps(_answered(line)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
