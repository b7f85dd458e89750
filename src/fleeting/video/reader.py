"""Opens a file, folder of pictures, camera or array, and reads its frames with their presentation times.

A file's own times are kept; they may begin below or above zero. Only a frame without a time, or with a time
that is not later than the frame before, is placed one period after that frame. Memory grows with the length
of a video by its times only, 8 bytes per frame, 16 where a frame rate is stated. Files are decoded by one
thread: FFmpeg then patches and flags damage alike on every machine, and at 640x480 more threads gain nothing.
"""

from __future__ import annotations

import math
import stat
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from fleeting.errors import OptionError, VideoError
from fleeting.types import Frame, Image
from fleeting.video.clock import is_low, unseen
from fleeting.video.containers import file_frames, opened
from fleeting.video.folders import folder_frames, is_stack, stack_frames
from fleeting.video.sources import (
    FOLDER_FPS,
    Decoded,
    Notes,
    Source,
    array_frames,
    array_times,
    camera_frames,
    reason,
)


@dataclass(frozen=True)
class VideoReport:
    """Facts about a video, as far as it has been read.

    ``frames`` counts the frames given out; ``header_frames`` is the container's claim, None without one.
    ``damaged`` counts what did not decode, pictures of another size in a folder, and frames that the decoder
    flagged as patched up; ``damage`` says where and why for the first few. A patched frame is given out; the
    frames that are built on it, up to the next key frame, may be wrong too.

    ``fps`` is measured from the times: the inverse of the mean difference between neighbouring frames,
    without irregular differences; of the median difference where the frame rate is variable. A single frame
    has the header's. The frame rate is variable where more than one difference, and more than 1 % of them,
    are off the median by more than 5 % of it plus one tick of the container's clock (Matroska rounds to
    milliseconds). ``fps_assumed`` says that nothing states the rate, and times count on an assumed one.
    ``container_start`` is where the file begins on its own clock, in seconds: players count from there.
    ``rotation`` is how many degrees clockwise the pictures were turned to stand upright, as
    the file demands.
    """

    frames: int
    header_frames: int | None
    damaged: int
    damage: tuple[str, ...]
    fps: float | None
    header_fps: float | None
    fps_assumed: bool
    container_start: float
    variable_frame_rate: bool
    duration_s: float
    rotation: int
    width: int
    height: int
    truncated: bool
    warnings: tuple[str, ...]


class Video:
    """The frames of an opened video, to be iterated once; as a context manager it closes its source."""

    def __init__(self, source: Source, notes: Notes, start: float, end: float) -> None:
        self._source, self._notes = source, notes
        self._start, self._end = start, end
        self._times, self._played = array("d"), array("d")
        self._given, self._moved, self._complete = 0, 0, False
        self._from, self._to = 0.0, 0.0
        self._ahead = next(source, None)
        if self._ahead is None:
            raise VideoError(self._nothing())

    @property
    def width(self) -> int:
        """Width of every frame, in pixels."""
        return self._notes.size[0]

    @property
    def height(self) -> int:
        """Height of every frame, in pixels."""
        return self._notes.size[1]

    @property
    def played(self) -> npt.NDArray[np.float64]:
        """When a player shows each decoded frame, by its number: seconds from the container's start.

        These are the file's times even where others were counted at ``fps``.
        """
        return np.array(self._played or self._times) - self._notes.start

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file or camera."""
        self._ahead = None
        self._source.close()

    def __iter__(self) -> Iterator[Frame]:
        """Frames from ``start`` until before ``end``. Raises VideoError if there are none."""
        while self._ahead is not None:
            decoded, self._ahead = self._ahead, None
            time = self._advancing(decoded)
            if time >= self._end:
                break
            if time >= self._start and (image := self._notes.picture(decoded.picture)) is not None:
                self._from, self._to = self._from if self._given else time, time
                self._given += 1
                key = bool(getattr(decoded.picture, "key_frame", False))
                yield Frame(len(self._times) - 1, time, image, decoded.file, key)
            self._ahead = next(self._source, None)
            self._complete = self._ahead is None
        if not self._given:
            raise VideoError(self._nothing())

    def _advancing(self, decoded: Decoded) -> float:
        """The frame's own time, or one period after the frame before; it is noted among the times."""
        last, time = self._times[-1] if self._times else -math.inf, decoded.time
        if time is None or time <= last:
            self._moved += 1
            time = last + 1 / (self._notes.header_fps or FOLDER_FPS) if self._times else 0.0
        self._times.append(time)
        if decoded.played is not None:
            self._played.append(decoded.played)
        return time

    def _nothing(self) -> str:
        notes, times = self._notes, self._times
        if times and (self._start > times[0] or self._end <= times[-1]):
            until = f" to before {self._end:g} s" if math.isfinite(self._end) else " on"
            asked = f"no frame from {max(self._start, times[0]):g} s{until}"
            return f"{notes.name} has {asked}; the frames read lie at {times[0]:g} to {times[-1]:g} s"
        why = f" ({notes.damage[0]})" if notes.damage else ""
        return f"nothing in {notes.name} decodes{why}; see whether it plays, and copy or export it again"

    @property
    def report(self) -> VideoReport:
        """Facts about the video so far; complete after the iteration."""
        notes, times = self._notes, np.array(self._times)
        fps, variable, rhythm = _rhythm(times, notes.tick)
        fps = fps or notes.header_fps
        texts = [*notes.warnings, *self._faults(), *([rhythm] if rhythm else [])]
        span = float(times[-1] - times[0]) if len(times) else 0.0
        texts += [unseen(fps, notes)] if fps and is_low(fps, span, notes.tick) else []
        return VideoReport(
            frames=self._given,
            header_frames=notes.header_frames,
            damaged=notes.damaged,
            damage=tuple(notes.damage),
            fps=fps,
            header_fps=notes.header_fps,
            fps_assumed=notes.assumed,
            container_start=notes.start,
            variable_frame_rate=variable,
            duration_s=self._to - self._from + (1 / fps if fps and self._given else 0.0),
            rotation=notes.rotation,
            width=self.width,
            height=self.height,
            truncated=notes.truncated,
            warnings=tuple(texts),
        )

    def _faults(self) -> Iterator[str]:
        notes, decoded = self._notes, len(self._times)
        if self._complete and notes.header_frames not in (None, decoded):
            yield f"the header says {notes.header_frames} frames, {decoded} decode"
        if notes.truncated:
            yield "the file is cut off: frames end before its header says, or in the middle of one"
        if notes.damaged:
            more = ", ..." if notes.damaged > len(notes.damage) else ""
            yield f"{notes.damaged} damaged: {', '.join(notes.damage)}{more}"
        if self._moved:
            period = "a period" if notes.header_fps else f"an assumed period (1/{FOLDER_FPS:g} s)"
            moved = f"frames without a later time than the one before: {self._moved}"
            yield f"{moved}, placed {period} after it"
        if self._complete and decoded == 1:
            yield "one frame only: a movement needs time"


def open_video(
    source: str | Path | int | Image,
    *,
    fps: float | None = None,
    times: Sequence[float] | npt.NDArray[np.float64] | None = None,
    start: float | None = None,
    end: float | None = None,
) -> Video:
    """Open a video file, a folder of pictures, a camera by its number, or an array of frames.

    ``fps`` (frames per second) gives times to a folder, to a TIFF file with many pages (without it 30 is
    assumed), to a raw stream (25, or what its header states) or to an array; each assumption is a warning. In
    other files it replaces the file's times, for fast recordings that are stored to play slowly. An array may
    have ``times`` in seconds instead. An array is uint8 (time, height, width), gray, or (time, height, width,
    1 or 3), gray or RGB. A folder is read in the order of the words and numbers in its pictures' names, img2
    before img10; a missing number leaves a gap in time, and names that are times are taken as such without
    ``fps``. Of several series of names one is read; a picture of another size than most is counted as damaged
    and left out of a folder; in a file it is scaled to the first one's size.

    ``start`` and ``end`` are in seconds on the video's own clock. Frames before ``start`` are decoded and
    dropped, so that frame numbers always count from the first decoded frame. Raises VideoError where nothing
    can be decoded, OptionError on a wrong option or array, MissingExtraError without PyAV or OpenCV.

    >>> with fleeting.open_video("interview.mp4", end=0.1) as video:
    ...     [frame.number for frame in video]
    [0, 1, 2]
    """
    refuse_wrong(fps, start, end)
    if isinstance(source, np.ndarray):
        notes = Notes("the array")
        frames = array_frames(source, array_times(source, fps, times), notes)
    elif times is not None:
        raise OptionError("times go with an array of frames; a file has its own, a folder takes fps")
    elif isinstance(source, int):
        if fps is not None:
            raise OptionError("a camera is timed by the clock; leave fps out")
        notes = Notes(f"camera {source}")
        frames = camera_frames(source, notes)
    else:
        notes = Notes(str(source))
        frames = _path(Path(source), fps, notes)
    return Video(frames, notes, *window(start, end))


def window(start: float | None, end: float | None) -> tuple[float, float]:
    """From and to when frames are read, in seconds, where None stands for no bound."""
    return -math.inf if start is None else start, math.inf if end is None else end


def refuse_wrong(fps: float | None, start: float | None, end: float | None) -> None:
    """Raise OptionError where these are no frame rate, or no times of which the first is earlier."""
    given: dict[str, object] = {"fps": fps, "start": start, "end": end}
    for name, value in given.items():
        if value is not None and not isinstance(value, Real):
            raise OptionError(f"{name} is {value!r}, expected a number; give seconds, or frames per second")
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise OptionError(f"fps is {fps}, expected frames per second above 0")
    if any(bound is not None and math.isnan(bound) for bound in (start, end)):
        raise OptionError(f"start is {start} and end {end}, expected seconds")
    if start is not None and end is not None and start >= end:
        raise OptionError(f"start is {start:g} s and end {end:g} s, expected a start before the end")


def _rhythm(times: npt.NDArray[np.float64], tick: float) -> tuple[float | None, bool, str]:
    """The frame rate, whether it is variable, and a warning if frames come irregularly."""
    if len(times) < 2:
        return None, False, ""
    steps = np.diff(times)
    median = float(np.median(steps))
    off = np.abs(steps - median) > 0.05 * median + 1.01 * tick
    if off.sum() > max(1, 0.01 * len(off)):
        slow, fast = 1 / steps.max(), 1 / steps.min()
        text = f"variable frame rate: {slow:.4g} to {fast:.4g} frames per second, median {1 / median:.4g}"
        return 1 / median, True, text
    fps = 1 / float(steps[~off].mean())
    lost = f"{off.sum()} of {len(off)} frames come out of step, up to {steps.max():.3g} s after the last"
    return fps, False, lost if off.any() else ""


def _path(path: Path, fps: float | None, notes: Notes) -> Source:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise VideoError(f"{path} cannot be opened ({reason(error)}); check its name") from error
    if stat.S_ISDIR(mode):
        yield from folder_frames(path, fps, notes)
    elif not stat.S_ISREG(mode):
        raise VideoError(f"{path} is neither a file nor a folder; give a video, or a camera by its number")
    elif is_stack(path):
        yield from stack_frames(path, fps, notes)
    else:
        with opened(path) as container:
            yield from file_frames(container, fps, notes)
