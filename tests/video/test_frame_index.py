"""Any part of a file has the numbers, times and pictures of a straight read, or the file is refused."""

import zlib
from fractions import Fraction

import av
import numpy as np
import pytest

from fleeting.errors import VideoError
from fleeting.video.frame_index import Pictures, SeekError, part_frames, promised
from fleeting.video.reader import open_video

MILLISECOND = Fraction(1, 1000)


def gradients(count):
    rows, columns = np.mgrid[0:48, 0:64]
    moving = [(rows * 255 // 48, columns * 255 // 64, (rows + columns + 9 * n) % 256) for n in range(count)]
    return [np.stack(channels, 2).astype(np.uint8) for channels in moving]


def write(path, count=60, codec="libx264", milliseconds=None, **options):
    """A video of ``count`` frames with a key frame every 12, and B-frames where the codec has them."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"g": "12", **options})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if milliseconds is not None:
            stream.codec_context.time_base = MILLISECOND
        for number, image in enumerate(gradients(count)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if milliseconds is not None:
                frame.pts, frame.time_base = milliseconds[number], MILLISECOND
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def facts(frames):
    return [(frame.number, frame.time, frame.key, zlib.crc32(frame.image.tobytes())) for frame in frames]


def straight(path, **options):
    with open_video(path, **options) as video:
        return facts(video), video.report, video.played


UNEVEN = np.cumsum(np.random.default_rng(0).integers(20, 90, 60)).tolist()


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.mp4", {}),
        ("a.mkv", {}),
        ("a.ts", {}),
        ("a.mp4", {"bf": "3", "x264-params": "open-gop=1:keyint=12:min-keyint=12"}),
        ("a.mkv", {"milliseconds": UNEVEN}),
        ("a.mp4", {"codec": "mpeg4"}),
        ("a.webm", {"codec": "libvpx-vp9", "deadline": "realtime", "cpu-used": "8"}),
        ("a.mkv", {"codec": "mpeg2video"}),
        ("a.avi", {"codec": "mpeg4", "bf": "2"}),
    ],
)
@pytest.mark.parametrize("options", [{}, {"fps": 50.0}, {"start": 0.5, "end": 1.3}])
def test_a_part_is_what_a_straight_read_gives_there(tmp_path, name, how, options):
    path = write(tmp_path / name, **how)
    frames, report, played = straight(path, **options)
    found = promised(path, **options)
    assert (found.report, found.size) == (report, (48, 64))
    assert found.played.tolist() == played.tolist()
    first, last = frames[0][0], frames[-1][0]
    assert (found.index.first, len(found.index)) == (first, len(frames))
    for begin in {first, first + 1, (first + last) // 2, last - 7}:
        part = found.index.part(begin, min(begin + 15, last))
        assert facts(part_frames(path, part)) == frames[begin - first : begin - first + 16]
    with Pictures(path, found.index) as pictures:
        for number in (last, first, first + 2, first + 3, last - 1, last - 9, last - 9):
            assert zlib.crc32(pictures(number).tobytes()) == frames[number - first][3]


def test_what_promises_nothing_is_read_from_its_beginning(tmp_path):
    whole = write(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(write(tmp_path / "whole.mkv").read_bytes()[:-3000])
    assert promised(write(tmp_path / "raw.h264")) is None
    assert promised(tmp_path / "cut.mkv") is None
    (tmp_path / "noise.mp4").write_bytes(whole[:500])
    with pytest.raises(VideoError, match="is no video that can be read"):
        promised(tmp_path / "noise.mp4")
    with pytest.raises(VideoError, match="no frame from 99 s"):
        promised(tmp_path / "whole.mp4", start=99)


def test_a_file_that_breaks_its_promise_is_noticed(tmp_path):
    path = write(tmp_path / "a.mp4")
    found = promised(path)
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        at, length = packets[30].pos, packets[30].size
    data[at + 5 : at + length] = bytes(length - 5)
    path.write_bytes(data)
    with pytest.raises(SeekError, match=r"does not decode to frame \d+ from the key frame before it"):
        list(part_frames(path, found.index.part(20, 50)))
    assert len(list(part_frames(path, found.index.part(40, 59)))) == 20
