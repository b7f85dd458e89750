"""Lists the frames of a video file without decoding it, so that any part can be read with exact numbers.

What the packets of a file promise is compared, frame by frame, with what is decoded later. A file that cannot
be listed (a raw stream, a damaged or cut off file, a folder of pictures), or that does not keep its promises,
can only be read from its first frame on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fleeting.errors import VideoError
from fleeting.types import Frame, Image
from fleeting.video.clock import is_raw, set_clock
from fleeting.video.containers import (
    EARLY_END,
    Converter,
    decoded_of,
    file_frames,
    opened,
    packets_of,
    stated_end,
    stream_of,
)
from fleeting.video.reader import Video, VideoReport, refuse_wrong, window
from fleeting.video.sources import Decoded, Notes, Source

Seconds = npt.NDArray[np.float64]
Ticks = npt.NDArray[np.int64]
BEGINNING = np.iinfo(np.int64).min
"""Stands for the stamp of a file's first frame, before which nothing is sought."""
EARLIER = 5.0
"""Seconds that are sought earlier where the key frame was missed, as in files that have no index."""
_NOTHING = np.empty((0, 0, 3), np.uint8)


class SeekError(VideoError):
    """What a file decodes to, from somewhere in it, is not what its packets promise."""


@dataclass(frozen=True, eq=False)
class FrameIndex:
    """Frames of a file, numbered from ``first`` on: their times as a reader from the first frame gives them.

    ``times`` (n,) are in seconds, ``stamps`` (n,) in ticks of the stream, ``starts`` (n,) are the stamps of
    the key frames from which on decoding gives each, or BEGINNING. ``played`` (n,) are the file's own times
    in seconds. ``coded`` is width and height of the pictures as they are coded.
    """

    coded: tuple[int, int]
    first: int
    times: Seconds
    played: Seconds
    stamps: Ticks
    starts: Ticks

    def __len__(self) -> int:
        return len(self.times)

    def part(self, first: int, last: int) -> FrameIndex:
        """The frames from number ``first`` up to and with number ``last``."""
        part = slice(first - self.first, last + 1 - self.first)
        names = ("times", "played", "stamps", "starts")
        return replace(self, first=first, **{name: getattr(self, name)[part] for name in names})


@dataclass(frozen=True, eq=False)
class Promised:
    """What a video file promises without being decoded: the frames that were asked for, and its report.

    ``report`` and ``played`` are as `fleeting.video.reader.Video` has them once it has read all frames;
    ``size`` is height and width of the pictures.
    """

    index: FrameIndex
    report: VideoReport
    played: Seconds
    size: tuple[int, int]


def promised(
    path: Path, fps: float | None = None, start: float | None = None, end: float | None = None
) -> Promised | None:
    """What a video file promises; None where it has to be decoded from its first frame on.

    The options are as `fleeting.open_video` takes them. Raises VideoError where the file cannot be opened,
    and where no frame lies between ``start`` and ``end``, OptionError on wrong options.
    """
    refuse_wrong(fps, start, end)
    if (index := _index(path, fps)) is None:
        return None
    notes = Notes(str(path))
    with opened(path) as container, closing(file_frames(container, fps, notes)) as frames:
        if next(frames, None) is None or notes.damaged:
            return None
    notes.picture = lambda _: _NOTHING
    video = Video(_frames(index, counted=fps is not None), notes, *window(start, end))
    numbers = [frame.number for frame in video]
    size = video.height, video.width
    return Promised(index.part(numbers[0], numbers[-1]), video.report, video.played, size)


def _frames(index: FrameIndex, *, counted: bool) -> Source:
    """The frames of a file, without pictures."""
    for time, played in zip(index.times.tolist(), index.played.tolist(), strict=True):
        yield Decoded(time, None, played=played if counted else None)


def _index(path: Path, fps: float | None) -> FrameIndex | None:
    """All frames of a file; None where they cannot be known without decoding them."""
    notes = Notes(str(path))
    with opened(path) as container:
        if is_raw(container):
            return None
        stream = stream_of(container, notes)
        rate = set_clock(container, stream, fps, notes)
        facts = [_facts(packet) for packet in packets_of(container, stream, notes) if packet.size]
        if notes.truncated or not facts or None in facts or stream.frames not in (0, len(facts)):
            return None
        stamps, lasts, keys = np.array(facts, np.int64).T
        ends = float((stamps.max() + lasts[stamps.argmax()]) * stream.time_base)
        if ends + EARLY_END < stated_end(container, stream) or len(np.unique(stamps)) < len(stamps):
            return None
        tick, coded = stream.time_base, (stream.codec_context.width, stream.codec_context.height)
    shown = np.sort(stamps)
    played = np.array([float(stamp) * tick.numerator / tick.denominator for stamp in shown.tolist()])
    times = played if rate is None else np.arange(len(shown)) / rate
    return FrameIndex(coded, 0, times, played, shown, _starts(stamps, keys > 0))


def _facts(packet: Any) -> tuple[int, int, bool] | None:
    """Stamp, duration, and whether it is a key frame; None of a packet that promises nothing."""
    if packet.pts is None or packet.is_corrupt or packet.is_discard:
        return None
    return packet.pts, packet.duration or 0, packet.is_keyframe


def _starts(stamps: Ticks, keys: npt.NDArray[np.bool_]) -> Ticks:
    """From which stamp on to decode for each frame in the order of time; ``stamps`` are in that of the file.

    That is the last key frame before it, where no later packet is shown before that key frame: what is shown
    after it may depend on frames before it (an open group of pictures), so it is one key frame earlier then.
    """
    later = np.append(np.minimum.accumulate(stamps[::-1])[::-1][1:], np.iinfo(np.int64).max)
    places = np.union1d([0], np.flatnonzero(keys))
    closed = stamps[places] < later[places]
    begin = np.maximum(np.arange(len(places)) - ~closed, 0)
    order = np.argsort(stamps[places], kind="stable")
    before = np.searchsorted(stamps[places][order], np.sort(stamps), side="right") - 1
    starts = np.append(BEGINNING, stamps[places[1:]])
    return np.asarray(starts[begin[order][np.maximum(before, 0)]], np.int64)


def part_frames(path: Path, part: FrameIndex) -> Generator[Frame]:
    """The frames of a part of a file, as a reader from the file's first frame gives them.

    Raises SeekError where the file does not decode to them.
    """
    with closing(_decoded(path, part)) as frames:
        for number, decoded, picture in frames:
            time = float(part.times[number - part.first])
            yield Frame(number, time, picture(), "", bool(decoded.key_frame))


def _decoded(path: Path, part: FrameIndex) -> Generator[tuple[int, Any, Callable[[], Image]]]:
    """Number, decoded frame, and picture when it is asked for, of each frame of a part."""
    done = 0
    for earlier in (0.0, EARLIER):
        with closing(_decoded_from(path, part, earlier)) as frames:
            for found in frames:
                done += 1
                yield found
        if done == len(part):
            return
        if done:
            break
    raise SeekError(f"{path} does not decode to frame {part.first + done} from the key frame before it")


def _decoded_from(
    path: Path, part: FrameIndex, earlier: float
) -> Generator[tuple[int, Any, Callable[[], Image]]]:
    """The frames of a part, as far as they are those that were promised; seeks ``earlier``, by seconds."""
    notes, at, damaged = Notes(str(path)), 0, 0
    with opened(path) as container:
        stream = stream_of(container, notes)
        if part.starts[0] != BEGINNING:
            container.seek(int(part.starts[0]) - round(earlier / stream.time_base), stream=stream)
        for frame in decoded_of(container, stream, notes):
            if not at and (frame.pts is None or frame.pts < part.stamps[0]):
                damaged = notes.damaged  # frames before the part may lack those that they depend on
                continue
            is_next = frame.pts == part.stamps[at] and frame.time == part.played[at]
            if not is_next or notes.damaged > damaged or (frame.width, frame.height) != part.coded:
                return
            if not at:
                notes.picture = Converter(frame, stream.sample_aspect_ratio, notes)
            yield part.first + at, frame, partial(_picture, notes, frame)
            at += 1
            if at == len(part):
                return


def _picture(notes: Notes, decoded: Any) -> Image:
    image = notes.picture(decoded)
    if image is None:
        raise SeekError(f"{notes.name}: {notes.damage[-1]}")
    return image


class Pictures:
    """Decodes the pictures of a file by the numbers of their frames; those in a row are decoded once.

    Used as a context manager, it closes the file. Calling it raises SeekError as `part_frames` does.
    """

    def __init__(self, path: Path, index: FrameIndex) -> None:
        self._path, self._index = path, index
        self._decoding: Any = iter(())
        self._next = -1

    def __call__(self, number: int) -> Image:
        """The picture of a frame, RGB uint8 (height, width, 3)."""
        index, first = self._index, self._index.first
        if not 0 <= self._next <= number or index.starts[number - first] > index.stamps[self._next - first]:
            self.close()
            self._decoding = _decoded(self._path, index.part(number, first + len(index) - 1))
        for found, _, picture in self._decoding:
            self._next = found + 1
            if found == number:
                image: Image = picture()
                return image
        raise SeekError(f"{self._path} does not decode to frame {number}")

    def __enter__(self) -> Pictures:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, until the next picture is asked for."""
        if hasattr(self._decoding, "close"):
            self._decoding.close()
        self._decoding, self._next = iter(()), -1
