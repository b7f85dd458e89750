"""Re-encodes the sound of a recording beside its pictures, packet by packet, as browsers play it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fleeting.errors import VideoError
from fleeting.optional import av
from fleeting.video.containers import opened

RATE = 48_000
"""Samples per second of the sound that is written."""


class Sound:
    """The sound of a file from ``begins`` seconds on, written into another as its pictures are.

    Nothing is written where ``source`` is None, and where it has no sound that decodes.
    """

    def __init__(self, source: Path | None, into: Any, codec: str, begins: float) -> None:
        self._into, self._begins = into, begins
        self._stream: Any = None
        self._packets: Iterator[Any] = iter(())
        self._next: Any = None
        if source is not None and _has_sound(source):
            self._stream = into.add_stream(codec, rate=RATE, layout="stereo")
            self._packets = self._encoded(source)
            self._next = next(self._packets, None)

    def until(self, time: float) -> None:
        """Write what is heard until ``time``, in seconds on the clock of the file that is written."""
        while self._next is not None and float(self._next.pts * self._next.time_base) <= time:
            self._into.mux(self._next)
            self._next = next(self._packets, None)

    def _encoded(self, source: Path) -> Iterator[Any]:
        resampler = av().AudioResampler(format=self._stream.format, layout="stereo", rate=RATE)
        place = None
        with opened(source) as container:
            for frame in _decoded(container):
                if frame.time is None or frame.time < self._begins:
                    continue
                if place is None:
                    place = round((frame.time - self._begins) * RATE)
                for part in resampler.resample(frame):
                    part.pts = place
                    place += part.samples
                    yield from self._stream.encode(part)
        yield from self._stream.encode(None)


def _has_sound(source: Path) -> bool:
    if not source.is_file():
        return False
    try:
        with opened(source) as container:
            return any(True for _ in _decoded(container))
    except VideoError:
        return False


def _decoded(container: Any) -> Iterator[Any]:
    """Frames of sound, as far as they decode."""
    try:
        stream = container.streams.best("audio")
        if stream is not None and stream.codec_context is not None:
            yield from container.decode(stream)
    except (av().FFmpegError, ValueError):
        return
