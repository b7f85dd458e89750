"""The inputs in files and folders: every recording is taken or has a line that says why not."""

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fleeting.analysis.video_files import video_files
from fleeting.errors import VideoError
from tests.fixtures.films import film
from tests.fixtures.unprivileged import unprivileged


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return film(tmp_path_factory.mktemp("film") / "a.mp4", [np.zeros((48, 64, 3), np.uint8)] * 3)


def sources(*paths):
    found, passed = video_files(paths)
    return [str(item.source) for item in found], passed


def empty(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(
    "suffix",
    ["h264", "264", "hevc", "mjpg", "mjpeg", "m2v", "3g2", "f4v", "mod", "tod", "qt", "MPE", "divx", "ivf"],
)
def test_recordings_of_all_endings_are_taken(tmp_path, suffix):
    empty(tmp_path, f"P.{suffix}")
    assert sources(tmp_path) == ([str(tmp_path / f"P.{suffix}")], [])


@pytest.mark.parametrize("name", ["P01", "P01.dat", "P01.mp4.part", "P01.bak"])
def test_what_looks_like_a_recording_by_its_content_is_named(tmp_path, recording, name):
    shutil.copy(recording, tmp_path / "a.mp4")
    shutil.copy(recording, tmp_path / name)
    (tmp_path / "notes.txt").write_text("no recording")
    (tmp_path / "sheet.xlsx").write_bytes(b"PK\3\4")
    found, passed = sources(tmp_path)
    assert found == [str(tmp_path / "a.mp4")]
    assert [line.split(" looks like a recording")[0] for line in passed] == [str(tmp_path / name)]
    assert sources(tmp_path / name) == ([str(tmp_path / name)], [])


@pytest.mark.parametrize(
    "name", ["a.mkv", "a.avi", "a.ts", "a.flv", "a.mpg", "a.h264", "a.mov", "a.gif", "a.wmv"]
)
def test_every_usual_format_is_known_by_its_content(tmp_path, name):
    import av

    codec = {"a.gif": "gif", "a.mpg": "mpeg1video", "a.flv": "flv", "a.wmv": "wmv2", "a.avi": "mpeg4"}.get(
        name, "libx264"
    )
    with av.open(str(tmp_path / name), "w") as file:
        stream = file.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb8" if codec == "gif" else "yuv420p"
        for _ in range(5):
            file.mux(stream.encode(av.VideoFrame(64, 48, stream.pix_fmt)))
        file.mux(stream.encode())
    (tmp_path / name).rename(tmp_path / "unnamed")
    found, (line,) = sources(tmp_path)
    assert (found, "looks like a recording" in line) == ([], True)


def test_pictures_beside_videos_are_named_unless_one_poster(tmp_path):
    empty(tmp_path, "one/a.mp4", "one/poster.png", "many/a.mp4", "many/1.png", "many/2.png")
    found, (line,) = sources(tmp_path)
    assert found == [str(tmp_path / "many" / "a.mp4"), str(tmp_path / "one" / "a.mp4")]
    assert line.startswith(f"{tmp_path / 'many'} holds 2 pictures beside videos, which were passed over")


def test_links_are_followed_and_named_as_the_user_named_them(tmp_path):
    empty(tmp_path, "store/0001.mp4", "store/deep/1.png", "store/deep/2.png", "mine/b.mp4")
    (tmp_path / "mine" / "P01").symlink_to(tmp_path / "store")
    (tmp_path / "mine" / "P02.mp4").symlink_to(tmp_path / "store" / "0001.mp4")
    mine = tmp_path / "mine"
    found, passed = sources(mine)
    assert (found, passed) == ([str(mine / "P02.mp4"), str(mine / "b.mp4"), str(mine / "P01" / "deep")], [])


def test_loops_of_links_end_and_nothing_is_read_twice(tmp_path):
    empty(tmp_path, "P01/a.mp4")
    (tmp_path / "P01" / "up").symlink_to(tmp_path)
    (tmp_path / "P02").symlink_to(tmp_path / "P01")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "round.mp4").symlink_to("round.mp4")
    found, passed = sources(tmp_path)
    assert found == [str(tmp_path / "round.mp4"), str(tmp_path / "P01" / "a.mp4")]
    assert passed == []


def test_a_closed_folder_stops_only_itself(recording):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        for place in ("P01", "P02", "lost+found"):
            (root / place).mkdir()
            shutil.copy(recording, root / place / f"{place}.mp4")
        (root / "lost+found").chmod(0)
        try:
            with unprivileged():
                found, (line,) = sources(root)
                _, again = sources(root, root / "lost+found")
        finally:
            (root / "lost+found").chmod(0o755)
        assert found == [str(root / place / f"{place}.mp4") for place in ("P01", "P02")]
        assert line == f"{root / 'lost+found'} cannot be listed (permission denied); check its permissions"
        assert again == [line]


def test_a_stack_of_pages_is_a_video_and_a_single_picture_is_none(tmp_path):
    page = Image.new("L", (16, 12))
    for name in ("recA.tif", "recB.tif"):
        page.save(tmp_path / name, save_all=True, append_images=[page] * 4)
    assert sources(tmp_path) == ([str(tmp_path / "recA.tif"), str(tmp_path / "recB.tif")], [])
    assert sources(tmp_path / "recA.tif") == ([str(tmp_path / "recA.tif")], [])
    page.save(tmp_path / "one.tif")
    assert "is a single picture" in sources(tmp_path / "one.tif")[1][0]


def test_results_are_passed_over_and_recordings_among_them_are_not(tmp_path):
    written = ("summary.json", "frames.csv", "faces.csv")
    empty(
        tmp_path,
        *(f"r/{name}" for name in (*written, "events.json", "annotated.mp4", "event_1.png", "event_2.png")),
    )
    empty(tmp_path, *(f"faces/{name}" for name in (*written, "overlay.mp4")))
    empty(tmp_path, "r/mine.mp4", "a.mp4")
    found, passed = sources(tmp_path)
    assert (found, passed) == ([str(tmp_path / "a.mp4"), str(tmp_path / "r" / "mine.mp4")], [])


def test_a_name_that_is_not_utf8_is_an_input(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.mp4"
    with open(path, "wb"):
        pass
    found, passed = video_files([tmp_path])
    assert [os.fsencode(item.source) for item in found] == [path]
    assert passed == []


def test_analyze_does_the_rest_and_names_what_was_passed_over(tmp_path, recording):
    from fleeting import analyze

    (tmp_path / "in").mkdir()
    shutil.copy(recording, tmp_path / "in" / "a.mp4")
    shutil.copy(recording, tmp_path / "in" / "a.dat")
    found = analyze(tmp_path / "in", tmp_path / "out", model=None, formats=("csv",))
    assert [one.folder.name for one in found.done] == ["a"]
    assert [line.split(" looks")[0] for line in found.failed] == [str(tmp_path / "in" / "a.dat")]
    (tmp_path / "in" / "a.mp4").unlink()
    with pytest.raises(VideoError, match=r"a\.dat looks like a recording"):
        analyze(tmp_path / "in", tmp_path / "out", model=None)


def test_a_links_results_are_called_as_the_link_and_found_again(tmp_path, recording):
    from fleeting import analyze

    (tmp_path / "store").mkdir()
    shutil.copy(recording, tmp_path / "store" / "0001.mp4")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "P01.mp4").symlink_to(tmp_path / "store" / "0001.mp4")
    for _ in range(2):
        (one,) = analyze(tmp_path / "in", tmp_path / "out", model=None, formats=("csv",)).done
        assert (one.folder.name, one.summary["input"]["file"]) == ("P01", "P01.mp4")


def test_a_missing_input_gets_a_sentence(tmp_path):
    found, failed = video_files([tmp_path / "gone.mp4"])
    assert found == []
    assert failed == [f"{tmp_path / 'gone.mp4'} cannot be opened (no such file or directory); check its name"]
