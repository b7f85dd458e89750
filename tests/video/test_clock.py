"""On which clock a file's times are: its own, an assumed one, that of a slowed recording, a player's."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fleeting.spotting.rising_spotter import BRIDGED
from fleeting.video.clock import FURTHEST, capture_rate
from fleeting.video.reader import open_video
from tests.video.test_reader import pictures, read, said, write


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "rate"),
    [
        ("a.mjpeg", "mjpeg", "yuvj420p", 25),
        ("a.h264", "libx264", "yuv420p", 60),
        ("a.h265", "libx265", "yuv420p", 60),
        ("a.m2v", "mpeg2video", "yuv420p", 60),
    ],
)
def test_a_raw_stream_has_no_clock(tmp_path: Path, name: str, codec: str, pixels: str, rate: int) -> None:
    quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    path = write(tmp_path / name, pictures(12), codec, pixels, rate=60, **quiet)
    found, report = read(path)
    assert [frame.time for frame in found] == pytest.approx(np.arange(12) / rate)
    assert (report.fps_assumed, report.fps) == (True, pytest.approx(rate))
    assert said(report, f"{rate} frames per second")
    assert said(report, "assumed: a raw stream") is said(report, "--fps") is True
    found, report = read(path, fps=120)
    assert [frame.time for frame in found] == pytest.approx(np.arange(12) / 120)
    assert (report.fps_assumed, report.warnings) == (False, ())


def test_an_assumed_rate_is_called_so_in_every_warning(tmp_path: Path) -> None:
    _, report = read(write(tmp_path / "a.mjpeg", pictures(12), "mjpeg", "yuvj420p"))
    named = [text for text in report.warnings if "25 frames per second" in text]
    assert len(named) == 2
    assert all("assumed" in text for text in named)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
@pytest.mark.parametrize("count", [30, 480])
def test_sixty_is_not_under_sixty(tmp_path: Path, name: str, count: int) -> None:
    pts = [round(1000 * number / 60) for number in range(count)] if name == "a.mkv" else None
    codec = "ffv1" if name == "a.mkv" else "mpeg4"
    _, report = read(write(tmp_path / name, pictures(count, 16, 16), codec, rate=60, pts=pts))
    assert report.fps == pytest.approx(60, rel=2e-3)
    assert not said(report, "40 ms")


def test_59_94_is_under_sixty(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", pictures(60, 16, 16), "mpeg4", rate=Fraction(60000, 1001))
    assert said(read(path)[1], "59.94 frames per second: a 40 ms movement")


@pytest.mark.parametrize("rate", [1, 5, 6])
def test_a_rate_too_low_for_any_micro_expression_is_said_to_be(tmp_path: Path, rate: int) -> None:
    _, report = read(write(tmp_path / "a.mp4", pictures(20, 16, 16), "mpeg4", rate=rate))
    assert said(report, f"{rate} frames per second: no micro-expression can be found")
    assert FURTHEST == BRIDGED  # the spotter starts anew after a longer gap


def test_a_low_rate_says_what_it_may_miss(tmp_path: Path) -> None:
    _, report = read(write(tmp_path / "a.mp4", pictures(20, 16, 16), "mpeg4", rate=10))
    assert said(
        report, "10 frames per second: a 40 ms movement may fall between two frames, and one under 0.3 s"
    )


@pytest.mark.parametrize("tag", ["com.android.capture.fps", "com.apple.quicktime.capture.fps"])
def test_a_phones_capture_rate_is_named_beside_the_files(tmp_path: Path, tag: str) -> None:
    muxing = {"movflags": "use_metadata_tags"}
    path = write(tmp_path / "a.mp4", pictures(12), rate=30, muxing=muxing, metadata={tag: "240.000000"})
    found, report = read(path)
    assert found[3].time == pytest.approx(0.1)
    assert said(report, f"plays at 30 frames per second and says that it was recorded at 240 ({tag})")
    assert said(report, "8 times too long") is said(report, "--fps 240") is True
    _, report = read(path, fps=240)
    assert report.warnings == ("times are counted at 240 frames per second as asked, not the file's (30)",)


def test_a_capture_rate_that_is_played_is_not_worth_a_word(tmp_path: Path) -> None:
    muxing = {"movflags": "use_metadata_tags"}
    tags = {
        "com.android.capture.fps": "60.0",
        "com.apple.quicktime.full-frame-rate-playback-intent": "0",  # of every iPhone's file
    }
    path = write(tmp_path / "a.mp4", pictures(12), rate=60, muxing=muxing, metadata=tags)
    assert read(path)[1].warnings == ()


@pytest.mark.parametrize(
    ("tags", "rate"),
    [
        ({"com.android.capture.fps": "240"}, 240),
        ({"CaptureFrameRate": "120000/1001"}, 120000 / 1001),
        ({"com.arri.camera.SensorFps": "48.000"}, 48),
        ({"com.apple.quicktime.full-frame-rate-playback-intent": "1"}, None),
        ({"framerate": "30", "encoder": "Lavf"}, None),
        ({"capture_fps": "high", "camera fps": "0"}, None),
        ({"recorded_fps": "1/0"}, None),
    ],
)
def test_tags_of_the_recordings_rate(tags: dict[str, str], rate: float | None) -> None:
    found = capture_rate(tags)
    assert (found and found[1]) == (rate and pytest.approx(rate))


def with_sound(path: Path, picture_at: float, sound_at: float) -> Path:
    """A file of ten frames at 25 a second whose picture and sound begin at different times, in seconds."""
    with av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as file:
        video, sound = file.add_stream("libx264", rate=25), file.add_stream("pcm_s16le", rate=8000)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        packets = []
        for number in range(8):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
            frame.sample_rate, frame.time_base = 8000, Fraction(1, 8000)
            frame.pts = round(8000 * sound_at) + 800 * number
            packets += sound.encode(frame)
        for number, image in enumerate(pictures(10)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.time_base, frame.pts = Fraction(1, 25), round(25 * picture_at) + number
            packets += video.encode(frame)
        packets += [*sound.encode(), *video.encode()]
        for packet in sorted(packets, key=lambda one: float(one.dts * one.time_base)):
            file.mux(packet)
    return path


@pytest.mark.parametrize("name", ["a.mov", "a.mkv"])
def test_players_count_from_where_the_sound_begins(tmp_path: Path, name: str) -> None:
    with open_video(with_sound(tmp_path / name, 1.2, 0.0)) as video:
        times = [frame.time for frame in video]
    assert times == pytest.approx(1.2 + np.arange(10) / 25, abs=1e-3)
    assert video.played == pytest.approx(times)
    assert video.report.container_start == 0
    assert not said(video.report, "clock begins")


def test_a_clock_that_begins_late_is_told_from_a_players(tmp_path: Path) -> None:
    with open_video(with_sound(tmp_path / "a.mkv", 5.2, 5.0)) as video:
        times = [frame.time for frame in video]
    assert times[0] == pytest.approx(5.2, abs=1e-3)
    assert video.played == pytest.approx(0.2 + np.arange(10) / 25, abs=1e-3)
    assert said(video.report, "the file's clock begins at 5.000 s")


def test_a_player_keeps_the_files_times_where_others_were_asked_for(tmp_path: Path) -> None:
    with open_video(write(tmp_path / "slow.mp4", pictures(10)), fps=200) as video:
        assert [frame.time for frame in video] == pytest.approx(np.arange(10) / 200)
    assert video.played == pytest.approx(np.arange(10) / 25)
