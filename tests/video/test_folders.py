"""Folders of pictures as cameras and other programs leave them: gaps, times, pairs, covers, stacks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from fleeting.errors import VideoError
from fleeting.video.picture_names import arranged
from fleeting.video.pictures import read_pictures
from fleeting.video.reader import VideoReport, open_video
from tests.video.test_reader import read, said


def save(folder: Path, names: Sequence[str], size: tuple[int, int] = (8, 8)) -> None:
    for level, name in enumerate(names):
        Image.new("L", size, 2 * level).save(folder / name)


def found(folder: Path, **options: float) -> tuple[list[str], list[float], VideoReport]:
    frames, report = read(folder, **options)
    return [frame.file for frame in frames], [frame.time for frame in frames], report


def test_every_frame_knows_its_file(tmp_path: Path) -> None:
    save(tmp_path, ["img1.png", "img2.png", "img10.png"])
    assert found(tmp_path, fps=10)[0] == ["img1.png", "img2.png", "img10.png"]


def test_missing_numbers_are_said(tmp_path: Path) -> None:
    save(tmp_path, [f"{number:04d}.png" for number in range(120) if not 40 <= number < 80])
    names, times, report = found(tmp_path, fps=100)
    assert (names[40], times[40]) == ("0080.png", pytest.approx(0.8))
    assert said(report, "40 numbers are missing, the first behind 0039.png: they leave gaps in time")


@pytest.mark.parametrize(
    "odd", ["cover.png", "poster_0040.png", "thumb.webp", "0007 - Copy.png", "drawn_7.bmp"]
)
def test_a_picture_that_is_no_frame_is_left_out_and_gaps_stay(tmp_path: Path, odd: str) -> None:
    numbers = [number for number in range(60) if not 20 <= number < 25]
    save(tmp_path, [*(f"{number:04d}.png" for number in numbers), odd])
    names, times, report = found(tmp_path, fps=100)
    assert names == [f"{number:04d}.png" for number in numbers]
    assert times == pytest.approx(np.array(numbers) / 100)
    assert said(report, f"{odd} left out") is said(report, "5 numbers are missing") is True


def test_a_number_far_from_all_others_is_left_out(tmp_path: Path) -> None:
    save(tmp_path, [*(f"img_{number}.png" for number in range(20)), "img_20240101.png"])
    names, times, report = found(tmp_path, fps=100)
    assert (len(names), times[-1]) == (20, pytest.approx(0.19))
    assert said(report, "img_20240101.png left out: its number is far from the others'")


def test_numbers_that_count_nothing_leave_no_gaps(tmp_path: Path) -> None:
    save(tmp_path, [f"{number}.png" for number in (17, 90210, 90333, 4711001, 4799999, 5000003)])
    _, times, report = found(tmp_path, fps=10)
    assert times == pytest.approx(np.arange(6) / 10)
    assert said(report, "are no frame numbers")


@pytest.mark.parametrize(
    "pairs",
    [
        ("left_{:04d}.png", "right_{:04d}.png"),
        ("{:04d}_L.png", "{:04d}_R.png"),
        ("cam1_{:04d}.png", "cam2_{:04d}.png"),
        ("{:04d}_0.png", "{:04d}_1.png"),
    ],
)
def test_of_two_cameras_in_one_folder_one_is_read(tmp_path: Path, pairs: tuple[str, str]) -> None:
    save(tmp_path, [name.format(number) for number in range(12) for name in pairs])
    names, times, report = found(tmp_path, fps=10)
    assert names == [pairs[0].format(number) for number in range(12)]
    assert times == pytest.approx(np.arange(12) / 10)
    assert said(report, "2 series of pictures in one folder")


def test_a_series_goes_on_under_another_name(tmp_path: Path) -> None:
    names = [
        *(f"a_{number}_neutral.png" for number in range(5)),
        *(f"a_{number}_happy.png" for number in range(5, 8)),
    ]
    save(tmp_path, names)
    assert found(tmp_path, fps=10)[0] == names


@pytest.mark.parametrize("rate", [25, 60, 100])
def test_names_that_are_milliseconds_since_1970(tmp_path: Path, rate: int) -> None:
    stamps = [1700000000000 + round(1000 * number / rate) for number in range(90)]
    save(tmp_path, [f"{stamp}.png" for stamp in stamps])
    _, times, report = found(tmp_path)
    assert times == pytest.approx((np.array(stamps) - stamps[0]) / 1000)
    assert (report.fps_assumed, report.variable_frame_rate) == (False, False)
    assert report.fps == pytest.approx(rate, rel=2e-3)
    assert said(report, "are times in milliseconds")


def test_a_stated_rate_places_timed_pictures_a_period_apart_and_keeps_gaps(tmp_path: Path) -> None:
    kept = [number for number in range(90) if not 30 <= number < 40]
    save(tmp_path, [f"{1700000000000 + round(1000 * number / 60)}.png" for number in kept])
    _, times, report = found(tmp_path, fps=60)
    assert times == pytest.approx(np.array(kept) / 60)
    assert said(report, "counted at 60 frames per second as asked, not the names'")


@pytest.mark.parametrize(
    ("unit", "scale"), [("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9)]
)
def test_counts_from_zero_that_look_like_times_are_assumed_to_be(
    tmp_path: Path, unit: str, scale: float
) -> None:
    save(tmp_path, [f"frame_{round(scale * number / 60)}.png" for number in range(60)])
    _, times, report = found(tmp_path)
    assert times == pytest.approx(np.arange(60) / 60, abs=1e-3)
    assert report.fps_assumed
    assert said(report, f"are assumed to be times in {unit}: 60")


@pytest.mark.parametrize("step", [1, 2, 50])
def test_frame_numbers_are_no_times(tmp_path: Path, step: int) -> None:
    rng = np.random.default_rng(0)
    numbers = [step * number for number in range(60) if rng.random() < 0.8]
    save(tmp_path, [f"{number}.png" for number in numbers])
    _, times, report = found(tmp_path, fps=10)
    assert times == pytest.approx((np.array(numbers) - numbers[0]) / step / 10)
    assert not said(report, "times in")


@pytest.mark.parametrize("form", ["{:.6f}.png", "rgb_{:.6f}.png"])
def test_seconds_with_decimals_across_seconds(tmp_path: Path, form: str) -> None:
    rng = np.random.default_rng(0)
    seconds = 1305031102.175304 + np.arange(80) / 30 + rng.normal(0, 2e-4, 80)
    save(tmp_path, [form.format(second) for second in seconds])
    _, times, report = found(tmp_path)
    assert times == pytest.approx(seconds - seconds[0], abs=1e-5)
    assert report.fps == pytest.approx(30, rel=1e-3)
    assert said(report, "are times in seconds")


def test_short_seconds_are_in_order_of_time(tmp_path: Path) -> None:
    save(tmp_path, [f"{number * 0.025:g}.png" for number in range(60)])
    names, times, _ = found(tmp_path)
    assert names[:3] == ["0.png", "0.025.png", "0.05.png"]
    assert times == pytest.approx(np.arange(60) / 40)


@pytest.mark.parametrize(
    "names", [[f"shot2.{n:04d}.png" for n in range(1, 9)], [f"shot2.{n}.png" for n in range(1, 12)]]
)
def test_a_counter_behind_a_point_is_no_decimal(tmp_path: Path, names: list[str]) -> None:
    save(tmp_path, names)
    found_names, times, _ = found(tmp_path, fps=10)
    assert found_names == names
    assert times == pytest.approx(np.arange(len(names)) / 10)


@pytest.mark.parametrize(
    "form",
    ["IMG_20240101_{h:02d}{m:02d}{s:02d}_{ms:03d}.png", "2024-01-01T{h:02d}-{m:02d}-{s:02d}.{ms:03d}.png"],
)
def test_dates_with_milliseconds(tmp_path: Path, form: str) -> None:
    stamps = [round(1000 * number / 25) for number in range(60)]
    names = [form.format(h=23, m=59, s=57 + stamp // 1000, ms=stamp % 1000) for stamp in stamps]
    save(tmp_path, names)
    found_names, times, report = found(tmp_path)
    assert found_names == names
    assert times == pytest.approx(np.array(stamps) / 1000)
    assert said(report, "are dates and times of day: 25 frames per second")


def test_a_date_before_a_counter_is_no_time(tmp_path: Path) -> None:
    save(tmp_path, [f"20240101_120000_{number:03d}.png" for number in range(1, 20)])
    _, times, report = found(tmp_path, fps=100)
    assert times == pytest.approx(np.arange(19) / 100)
    assert report.warnings == ()


def test_the_size_of_most_pictures_counts(tmp_path: Path) -> None:
    save(tmp_path, [f"{number:02d}.png" for number in range(90)], (20, 10))
    save(tmp_path, ["00.png"], (10, 5))
    names, _, report = found(tmp_path, fps=10)
    assert (len(names), names[0], report.width) == (89, "01.png", 20)
    assert said(report, "1 damaged: 00.png (10x5, expected 20x10)")


@pytest.mark.parametrize(("bits", "mode"), [(10, "tif"), (12, "tif"), (12, "png"), (14, "tif"), (16, "tif")])
def test_greys_are_scaled_by_the_bits_in_use(tmp_path: Path, bits: int, mode: str) -> None:
    levels = np.linspace(0, 2**bits - 1, 64).astype(np.uint16).reshape(8, 8)
    for number in range(3):
        Image.fromarray(levels // (number + 1)).save(tmp_path / f"{number}.{mode}")  # later ones are darker
    frames, report = read(tmp_path, fps=10)
    np.testing.assert_array_equal(frames[0].image[..., 0], levels >> (bits - 8))
    np.testing.assert_array_equal(frames[2].image[..., 0], levels // 3 >> (bits - 8))
    assert said(report, f"values end at {2**bits - 1}: taken for {bits} bits") is (bits < 16)
    paths = sorted(tmp_path.iterdir())
    np.testing.assert_array_equal(read_pictures(paths)[0], frames[0].image)


def stack(path: Path, pages: int, size: tuple[int, int] = (16, 12), description: str = "") -> Path:
    images = [Image.new("L", size, 2 * number) for number in range(pages)]
    info = TiffImagePlugin.ImageFileDirectory_v2()
    if description:
        info[270] = description
    images[0].save(path, save_all=True, append_images=images[1:], tiffinfo=info)
    return path


def test_the_pages_of_a_tiff_file_are_frames(tmp_path: Path) -> None:
    frames, report = read(stack(tmp_path / "a.tif", 30))
    assert [int(frame.image[0, 0, 0]) for frame in frames] == list(range(0, 60, 2))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(30) / 30)
    assert (report.header_frames, report.fps_assumed) == (30, True)
    assert said(report, "30 frames per second were assumed for a TIFF file with many pages")
    frames, report = read(tmp_path / "a.tif", fps=200)
    assert frames[1].time == pytest.approx(1 / 200)
    assert report.warnings == ()


def test_imagej_notes_the_interval_of_its_pages(tmp_path: Path) -> None:
    described = "ImageJ=1.53t\nimages=12\nframes=12\nfinterval=0.005\nloop=false\n"
    frames, report = read(stack(tmp_path / "a.tif", 12, description=described))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(12) / 200)
    assert (report.fps_assumed, report.warnings) == (False, ())


def test_a_stack_among_pictures_is_left_out_and_several_are_no_video(tmp_path: Path) -> None:
    stack(tmp_path / "rec1.tif", 5)
    stack(tmp_path / "rec2.tif", 5)
    with pytest.raises(VideoError, match=r"holds files with many pages \(rec1.tif, rec2.tif\), each a video"):
        open_video(tmp_path)
    for number in range(3):
        Image.new("L", (16, 12)).save(tmp_path / f"{number}.tif")
    names, _, report = found(tmp_path, fps=10)
    assert names == ["0.tif", "1.tif", "2.tif"]
    assert said(report, "rec1.tif, rec2.tif left out: a file with many pages is a video of its own")


def test_a_preview_on_a_second_page_is_no_frame(tmp_path: Path) -> None:
    for number in range(3):
        Image.new("L", (16, 12), number).save(
            tmp_path / f"{number}.tif", save_all=True, append_images=[Image.new("L", (4, 3))]
        )
    assert found(tmp_path, fps=10)[0] == ["0.tif", "1.tif", "2.tif"]


words = ["img", "_", "-", ".", "L", "R"]
parts = st.sampled_from([*words, "1", "02", "10", "1.5", "2.25", "17", "1700000000033", "20240131", "235959"])
joined = st.lists(parts, min_size=1, max_size=5).map("".join)
names = st.lists(joined | st.text("019._aé٣", min_size=1, max_size=9))


@given(names)
def test_any_names_are_put_in_order_or_left_out_with_a_word(stems: list[str]) -> None:
    paths = sorted({Path(f"{stem}.png") for stem in stems} | {Path("7.png"), Path("8.png")})
    found = arranged(paths)
    assert set(found.files) <= set(paths)
    assert len(found.files) == len(set(found.files)) == len(found.slots) > 0
    assert found.slots[0] == 0
    assert (np.diff(found.slots) > 0).all()
    assert found.times is None or (np.diff(found.times) > 0).all()
    told = " | ".join(found.remarks)
    assert len(found.files) == len(paths) or "left out" in told or "series of pictures" in told
    assert "\n" not in told
