"""Reads video files of any container through PyAV, with the file's own times; damage is noted and skipped."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fleeting import optional
from fleeting.errors import VideoError
from fleeting.types import Image
from fleeting.video.clock import is_raw, set_clock
from fleeting.video.sources import Decoded, Notes, Source, reason

MOST_PIXELS = 2**27
"""Most pixels of a picture. 16K still fits; a header that claims more is taken to be damaged."""
REFUSED = frozenset({"hls", "dash", "concat", "imf", "tty", "image2"})
"""FFmpeg formats that are refused: playlists (they open other files), text and single pictures."""
HEADS = (
    *(rb".{4}ftyp(?!heic|heix|mif1|msf1|avif|M4A |M4B )", rb".{4}(moov|mdat|wide)", rb"RIFF.{4}AVI "),
    *(rb"\x1aE\xdf\xa3", rb"FLV\x01", rb"\x00\x00\x01[\xba\xb3]", rb"(G.{187}){3}", rb".{4}(G.{191}){3}"),
    *(rb"0&\xb2u\x8ef\xcf\x11", rb"YUV4MPEG2 ", rb"DKIF", rb"GIF8[79]a", rb"\x06\x0e\x2b\x34", rb"\.RMF"),
    *(rb"\x00\x00\x00?\x01[\x67\x27\x40\x09]", rb"nut/multimedia container"),
)
"""How files of the usual video formats begin, as patterns of bytes."""
EARLY_END = 0.5
"""Seconds: a file whose frames end earlier than its stated end by more than this was cut off."""


def looks_like_video(path: Path) -> bool:
    """Whether a file begins as a video of a usual format does; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(768)
    except (OSError, ValueError):
        return False
    return any(re.match(pattern, head, re.DOTALL) for pattern in HEADS)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The file as a PyAV container. Raises VideoError, with the reason, where it is not a readable video."""
    library = optional.av()
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise VideoError(
            f"{path} cannot be read ({reason(error)}); check its path and permissions"
        ) from error
    if not head:
        raise VideoError(f"{path} is empty; copy or export it again")
    try:
        container = library.open(
            f"file:{path}",
            options={"max_pixels": str(MOST_PIXELS)},
            container_options={"protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except (library.FFmpegError, ValueError) as error:
        cut = "its index is missing, as after a recording that was cut off" if head[4:] == b"ftyp" else ""
        raise VideoError(
            f"{path} is no video that can be read ({cut or reason(error)}); see whether it plays, and copy"
            " or export it again"
        ) from error
    with container:
        form = str(container.format.name)
        if form in REFUSED or form.endswith("_pipe"):
            what = "a playlist or text" if form in REFUSED - {"image2"} else "a single picture"
            raise VideoError(f"{path} is {what} ({form}), and a movement needs time; give a video or folder")
        yield container


def file_frames(container: Any, fps: float | None, notes: Notes) -> Source:
    """Frames of the container's best video stream, with the container's own times unless ``fps`` is given."""
    stream = stream_of(container, notes)
    notes.header_frames = stream.frames or None
    rate = set_clock(container, stream, fps, notes)
    last, played = None, 0.0
    for number, last in enumerate(decoded_of(container, stream, notes)):
        if number == 0:
            notes.picture = Converter(last, stream.sample_aspect_ratio, notes)
        if rate is None:
            yield Decoded(last.time, last)
        else:
            later = played + 1 / rate if number else notes.start
            played = later if last.time is None else last.time
            yield Decoded(number / rate, last, played=None if is_raw(container) else played)
    if last is not None and last.time is not None:
        end = last.time + float((last.duration or 0) * last.time_base)
        notes.truncated |= end + EARLY_END < stated_end(container, stream)


def stream_of(container: Any, notes: Notes) -> Any:
    """The container's best video stream, ready to be decoded. Raises VideoError where there is none."""
    from av.stream import Disposition

    stream = container.streams.best("video")
    if stream is None or stream.disposition & Disposition.attached_pic:
        kinds = ", ".join(sorted({str(s.type) for s in container.streams})) or "nothing"
        raise VideoError(f"{notes.name} holds no video ({kinds} only); give a file with moving pictures")
    if stream.codec_context is None:
        raise VideoError(f"{notes.name} is in a format without a decoder here; export it as H.264")
    if len(container.streams.video) > 1:
        count, index = len(container.streams.video), stream.index
        notes.warnings.append(f"the file holds {count} video streams, stream {index} is read")
    stream.codec_context.thread_count = 1
    stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    return stream


def stated_end(container: Any, stream: Any) -> float:
    """When the last frame should end, in seconds, as the container states; minus infinity if it does not."""
    if "matroska" in container.format.name and container.duration:
        return float(container.duration / 1e6)  # counted from zero, not from the first frame
    if stream.duration:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    return -math.inf


def decoded_of(container: Any, stream: Any, notes: Notes) -> Iterator[Any]:
    """Every frame that decodes, in the order of presentation; packets that do not decode are noted."""
    import av

    for packet in packets_of(container, stream, notes):
        try:
            frames = stream.codec_context.decode(packet)
        except (av.FFmpegError, ValueError) as error:
            last = packet.pts is None
            where = "at the end" if last else f"at {float(packet.pts * packet.time_base):.2f} s"
            notes.damages(f"{where} ({reason(error)})")
            continue
        for frame in frames:
            if frame.is_corrupt:
                notes.damages(f"at {frame.time or 0:.2f} s (patched up by the decoder)")
            yield frame


def packets_of(container: Any, stream: Any, notes: Notes) -> Iterator[Any]:
    """The stream's packets, then an empty one that makes the decoder return the frames it still holds."""
    import av

    cut = False
    try:
        for packet in container.demux(stream):
            if packet.size:  # an empty packet stands for a dropped frame, or for the end
                cut = packet.is_corrupt
                yield packet
    except av.FFmpegError:
        cut = True
    except IndexError:  # from PyAV at the end of a file whose number of streams grew while it was read
        pass
    notes.truncated |= cut
    end = av.Packet()
    end.stream, end.time_base = stream, stream.time_base
    yield end


class Converter:
    """Turns decoded frames into upright RGB pictures, all of the first frame's size."""

    def __init__(self, first: Any, shape: Fraction | None, notes: Notes) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformatter, self._notes, self._scaled = VideoReformatter(), notes, False
        self._size = _square(first, shape, notes)
        self._coded = first.width, first.height
        self._turned, self._flips = _orientation(first)
        notes.size = self._size[::-1] if self._turned else self._size
        notes.rotation = -int(first.rotation) % 360
        if first.interlaced_frame:
            notes.warnings.append("the pictures are interlaced: edges that move look torn")
        if (self._flips[0] == self._flips[1]) == self._turned:
            notes.warnings.append("the file says to mirror the pictures, and so they are: left is right")

    def __call__(self, frame: Any) -> Image | None:
        """The picture of a decoded frame; None, and a note, where it cannot be converted."""
        import av

        size = frame.width, frame.height
        if size != self._coded and not self._scaled:
            self._scaled = True
            sizes = "{}x{} is scaled to {}x{}".format(*size, *self._size)
            self._notes.warnings.append(f"the picture changes size at {frame.time or 0:.2f} s: {sizes}")
        try:
            rgb = self._reformatter.reformat(frame, *self._size, format="rgb24", threads=1)
        except (av.FFmpegError, ValueError) as error:
            self._notes.damages(f"at {frame.time or 0:.2f} s ({frame.format.name}: {reason(error)})")
            return None
        image = rgb.to_ndarray()
        if rgb is frame:  # the decoder may build the next frame on this one
            image = image.copy()
        image = image.swapaxes(0, 1) if self._turned else image
        return np.ascontiguousarray(image[:: self._flips[0], :: self._flips[1]])


def _square(frame: Any, shape: Fraction | None, notes: Notes) -> tuple[int, int]:
    """Width and height of the picture once its pixels (width by height: ``shape``) are made square."""
    if not shape or shape == 1:
        return frame.width, frame.height
    size = max(1, round(frame.width * float(shape))), frame.height
    sizes = f"{frame.width}x{frame.height} is stretched to {size[0]}x{size[1]}"
    notes.warnings.append(f"the pixels are not square: {sizes}")
    return size


def _orientation(frame: Any) -> tuple[bool, tuple[int, int]]:
    """Whether rows and columns are swapped, then the steps (1 or -1) along rows and columns.

    The display matrix maps x, y to a x + c y, b x + d y; its rotation is rounded to the nearest quarter turn.
    """
    from av.sidedata.sidedata import Type

    matrix = frame.side_data.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return False, (1, 1)
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
    turned = abs(b) + abs(c) > abs(a) + abs(d)
    down, across = (b, c) if turned else (d, a)
    return turned, (-1 if down < 0 else 1, -1 if across < 0 else 1)
