"""Writes pictures with times as an H.264 video file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

from fleeting.files import appearing
from fleeting.optional import av
from fleeting.types import Image

CLOCK = 90_000
"""Ticks per second of a video without a fixed frame rate."""
LARGEST = 16384
"""Longest side of a video, in pixels, that x264 takes; pictures beyond it are scaled down."""
USUAL = {"crf": "20", "preset": "veryfast"}
"""Default options of x264."""


class VideoWriter:
    """Writes pictures with times into an H.264 file (MP4), in which the first picture is at 0 seconds.

    With a ``rate`` (frames per second) times are rounded to whole frames, otherwise to ticks of `CLOCK`;
    other keywords are options of x264. Sides are made even, and at most `LARGEST`; other pictures are
    scaled to the size of the first. Raises MissingExtraError without PyAV.
    """

    def __init__(self, path: Path, *, rate: Fraction | None = None, **options: str) -> None:
        self._av = av()
        self._file = self._av.open(str(path), "w", format="mp4")
        self._rate, self._options = rate, options or USUAL
        self._tick = 1 / rate if rate else Fraction(1, CLOCK)
        self._stream: Any = None
        self._first = 0.0
        self._last = -1

    def add(self, image: Image, time: float) -> None:
        """Add an RGB picture (height, width, 3) that was taken at ``time`` seconds, later than the last."""
        if self._stream is None:
            self._stream = self._start(image)
            self._first = time
        self._last = max(self._last + 1, round((time - self._first) / self._tick))
        frame = self._av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = self._last, self._tick
        self._file.mux(self._stream.encode(frame))

    def _start(self, image: Image) -> Any:
        stream = self._file.add_stream("libx264", rate=self._rate, options=dict(self._options))
        shrunk = min(1, LARGEST / max(image.shape[:2]))
        stream.height, stream.width = (max(2, int(shrunk * side) // 2 * 2) for side in image.shape[:2])
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = self._tick
        return stream

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._stream is not None and kind is None:
            self._file.mux(self._stream.encode(None))
        self._file.close()


@contextmanager
def video_appearing(path: Path, *, rate: Fraction | None = None, **options: str) -> Iterator[VideoWriter]:
    """A `VideoWriter` whose file appears at ``path`` when it is whole."""
    with appearing(path) as partial, VideoWriter(partial, rate=rate, **options) as writer:
        yield writer
