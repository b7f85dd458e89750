"""Lists the frames of a recording once, for all who need their numbers, times and places in the file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from fleeting.errors import VideoError
from fleeting.video.frame_index import Promised, promised

KEPT = 8
"""Most recordings whose lists are kept, 4 MB for an hour of 30 frames a second."""


def listed(source: Path, fps: float | None) -> Promised | None:
    """What a recording promises, as `promised`; None too where it is no file that can be opened."""
    try:
        return _listed(source, fps, source.stat().st_mtime_ns) if source.is_file() else None
    except (OSError, VideoError):
        return None


@lru_cache(maxsize=KEPT)
def _listed(source: Path, fps: float | None, _changed: int) -> Promised | None:
    return promised(source, fps)
