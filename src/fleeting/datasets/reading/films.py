"""Lists the frames of a video file by their presentation times, and reads those of a stretch of it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fleeting.errors import DatasetError, VideoError
from fleeting.types import Image
from fleeting.video.frame_index import FrameIndex, SeekError, part_frames, promised
from fleeting.video.reader import open_video

Times = npt.NDArray[np.float64]


def film_times(path: Path, fps: float | None = None) -> tuple[Times, float]:
    """The time of each frame in seconds, in order, and the time at which a player's clock shows 0.

    With ``fps``, frames per second, times are counted from 0 instead of taken from the file. Raises
    DatasetError where nothing can be read.
    """
    times, start, _ = _state_of(path)
    return (times, start) if fps is None else (np.arange(len(times)) / fps, 0.0)


def film_frames(path: Path, first: int, last: int) -> list[Image]:
    """The frames of a video file from number ``first`` up to and with ``last``, as RGB pictures.

    They are decoded from the key frame before the first of them; where that gives others than the file
    promises, from its beginning. Raises DatasetError where a frame does not decode.
    """
    _, _, index = _state_of(path)
    try:
        if index is not None:
            return [frame.image for frame in part_frames(path, index.part(first, last))]
    except SeekError:
        pass
    found = {}
    try:
        with open_video(path) as video:
            for frame in video:
                if frame.number > last:
                    break
                if frame.number >= first:
                    found[frame.number] = frame.image
    except VideoError as error:
        raise DatasetError(f"{error}") from error
    if gone := [str(number) for number in range(first, last + 1) if number not in found]:
        named = f"{', '.join(gone[:3])}{f' and {len(gone) - 3} more' if gone[3:] else ''}"
        what = f"{len(gone)} of {last + 1 - first} frames of {path.name} do not decode ({named})"
        raise DatasetError(f"{what}; export the video again, or leave the clip out")
    return list(found.values())


def _state_of(path: Path) -> tuple[Times, float, FrameIndex | None]:
    """Times, start and index of a file. Raises DatasetError where nothing can be read."""
    try:
        state = path.stat()
        return _listed(path, state.st_size, state.st_mtime_ns)
    except (OSError, VideoError) as error:
        raise DatasetError(f"{path.name} cannot be read ({error}); see whether it plays") from error


@lru_cache(maxsize=512)
def _listed(path: Path, _size: int, _changed: int) -> tuple[Times, float, FrameIndex | None]:
    """As `_state_of`, kept for as long as the file's size and time of change are these."""
    if (found := promised(path)) is not None:
        return found.index.times, found.report.container_start, found.index
    with open_video(path) as video:
        times = np.array([frame.time for frame in video])
        return times, video.report.container_start, None
