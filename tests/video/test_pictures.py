"""Picture files: whatever is wrong with one is said in one line, and Pillow's own messages are kept back."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fleeting.errors import DatasetError
from fleeting.video.pictures import read_picture, read_pictures

PICTURES = {"BMP": ".bmp", "TIFF": ".tif", "PNG": ".png", "JPEG": ".jpg"}


def picture(kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.effect_mandelbrot((20, 16), (-2, -1, 1, 1), 50).convert("RGB").save(file, kind, **options)
    return file.getvalue()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(sorted(PICTURES)),
    tiff=st.sampled_from([None, "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"]),
    flips=st.lists(st.tuples(st.floats(0, 1) | st.floats(0, 0.1), st.integers(1, 255)), max_size=6),
    cut=st.floats(0, 1) | st.just(1.0),
)
def test_any_damage_to_a_picture_is_one_line(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    kind: str,
    tiff: str | None,
    flips: list[tuple[float, int]],
    cut: float,
) -> None:
    data = bytearray(picture(kind, compression=tiff) if kind == "TIFF" else picture(kind))
    for where, change in flips:
        data[int(where * (len(data) - 1))] ^= change
    path = tmp_path / f"img1{PICTURES[kind]}"
    path.write_bytes(data[: int(cut * len(data))])
    refusal = ""
    try:
        assert read_picture(path).shape[2:] == (3,)
    except DatasetError as error:
        refusal = str(error)
    assert not refusal or path.name in refusal
    assert "\n" not in refusal
    out, err = capfd.readouterr()
    assert (out, "" if kind == "TIFF" else err) == ("", "")  # libtiff itself writes to stderr


def test_a_header_of_a_giant_is_no_bomb(tmp_path: Path) -> None:
    data = picture("JPEG")
    size = data.index(b"\xff\xc0") + 5
    path = tmp_path / "img1.jpg"
    path.write_bytes(data[:size] + struct.pack(">HH", 60000, 60000) + data[size + 4 :])
    with pytest.raises(DatasetError, match=r"img1\.jpg is no readable image \(.*could be decompression bomb"):
        read_picture(path)


def test_what_pillow_only_warns_of_is_read_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)  # of 320
    path = tmp_path / "img1.jpg"
    path.write_bytes(picture("JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0cut"))
    assert read_picture(path).shape == (16, 20, 3)
    palette = Image.new("P", (4, 4))
    palette.save(tmp_path / "img2.png", transparency=b"\x00\x80")
    assert read_picture(tmp_path / "img2.png").shape == (4, 4, 3)


@pytest.mark.parametrize("name", ["n" * 300 + ".jpg", "img1.jpg/img2.jpg", "a\0b.jpg"])
def test_a_name_that_no_picture_can_have(tmp_path: Path, name: str) -> None:
    (tmp_path / "img1.jpg").write_bytes(b"x")
    with pytest.raises(DatasetError):
        read_picture(tmp_path / name)


def test_pictures_of_several_sizes_are_one_line(tmp_path: Path) -> None:
    paths = [tmp_path / f"img{number}.png" for number in range(5)]
    for number, path in enumerate(paths):
        Image.new("L", (3 + number, 4)).save(path)
    with pytest.raises(DatasetError, match=r"frames of 5 sizes \(3x4, 4x4, 5x4, \.\.\.\), expected one;"):
        read_pictures(paths)
