"""A dataset's folder on disk: letter case, the order of frames, stray files, and files nobody may read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from fleeting.benchmark.check import check
from fleeting.datasets import datasets
from fleeting.datasets.reading.disk import fault, find_sheet, listing, number_of, pictures, under
from fleeting.errors import DatasetError
from tests.fixtures.unprivileged import unprivileged


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder that an unprivileged user reaches, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def closed(*paths: Path) -> Iterator[None]:
    """Paths that nobody may read."""
    before = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(0)
    try:
        with unprivileged():
            yield
    finally:
        for path, mode in reversed(before.items()):
            path.chmod(mode)


def test_frames_sort_by_their_last_number(tmp_path: Path) -> None:
    for name in (
        "img9.jpg",
        "img10.jpg",
        "reg_2_img100.JPG",
        "Thumbs.db",
        "Thumbs1.db",
        "notes.txt",
        "cover.png",
    ):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "._img11.jpg").write_bytes(b"x")
    assert list(pictures(tmp_path)) == [9, 10, 100]


def test_letter_case_of_folders_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "part_a_me_CLIP" / "frame" / "spNo.1_J_355").mkdir(parents=True)
    found = under(tmp_path, "Part_A_ME_clip/frame/{person}_{clip}", {"person": "spNO.1", "clip": "j_355"})
    assert [path.name for path in found] == ["spNo.1_J_355"]


def test_brackets_in_names_are_letters(tmp_path: Path) -> None:
    (tmp_path / "a[1]x").mkdir()
    (tmp_path / "a1x").mkdir()
    assert [p.name for p in under(tmp_path, "{clip}*", {"clip": "a[1]"})] == ["a[1]x"]


def test_the_preferred_sheet_wins_and_lock_files_are_ignored(tmp_path: Path) -> None:
    for name in ("~$new.xlsx", "old-1.xlsx", "old-2.xlsx", "old.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert find_sheet(tmp_path, ("new", "old*")) == tmp_path / "old-2.xlsx"
    (tmp_path / "annotation").mkdir()
    (tmp_path / "annotation" / "below.csv").write_bytes(b"x")
    assert find_sheet(tmp_path, ("below",)) == tmp_path / "annotation" / "below.csv"
    assert find_sheet(tmp_path, ("nowhere",)) is None


def test_a_file_that_is_a_folder_is_a_fault(tmp_path: Path) -> None:
    assert "cannot be opened" in fault(tmp_path)


def test_a_closed_root_is_one_line(outside: Path) -> None:
    with closed(outside), pytest.raises(DatasetError, match="permission denied"):
        listing(outside)


@pytest.mark.parametrize("name", ["casme2", "megc2019-flow", "smic"])
def test_a_closed_root_is_refused_by_every_kind_of_dataset(outside: Path, name: str) -> None:
    datasets[name].fabricate(outside)
    with closed(outside), pytest.raises(DatasetError, match="permission"):
        check(name, outside)


def test_a_closed_sheet_is_one_line(outside: Path) -> None:
    datasets["casme2"].fabricate(outside)
    sheet = outside / "CASME2-coding-20190701.xlsx"
    with closed(sheet), pytest.raises(DatasetError, match=r"20190701\.xlsx cannot be read"):
        check("casme2", outside)


def test_closed_folders_and_frames_are_named_by_clip(outside: Path) -> None:
    dataset = datasets["casme2"]
    dataset.fabricate(outside)
    samples = dataset.samples(outside)
    frame = dataset.frames(outside, samples[0])[2]
    folder = dataset.frames(outside, samples[1])[0].parent
    person = dataset.frames(outside, samples[-1])[0].parent.parent
    with closed(frame, folder, person):
        problems = check("casme2", outside).problems
    expected = {samples[0].id, samples[1].id, *(s.id for s in samples if s.subject == samples[-1].subject)}
    assert {problem.clip for problem in problems} == expected
    assert all("permission denied" in str(problem) for problem in problems)


def test_a_closed_map_is_named_by_clip(outside: Path) -> None:
    dataset = datasets["megc2019-flow"]
    dataset.fabricate(outside)
    sample = dataset.samples(outside)[0]
    with closed(next((outside / "maps").glob("sub06_EP01_06f *"))):
        (problem,) = check("megc2019-flow", outside).problems
        assert problem.clip == sample.id
        with pytest.raises(DatasetError, match=sample.id):
            dataset.ready_array(outside, sample, "flow-map")


def test_junk_beside_frames_is_ignored(tmp_path: Path) -> None:
    dataset = datasets["casme-sq"]
    dataset.fabricate(tmp_path)
    folder = dataset.frames(tmp_path, dataset.samples(tmp_path)[0])[0].parent
    (folder / "Thumbs.db").write_bytes(b"junk")
    (folder / ".DS_Store").write_bytes(b"junk")
    (folder / "no number.jpg").write_bytes(b"junk")
    assert check("casme-sq", tmp_path).problems == ()


def test_damage_outside_the_clips_is_noted_and_does_not_matter(tmp_path: Path) -> None:
    dataset = datasets["casme2"]
    dataset.fabricate(tmp_path)
    first = dataset.frames(tmp_path, dataset.samples(tmp_path)[0])[0]
    (first.parent / "img1.jpg").write_bytes(b"")
    (first.parent / "img2.jpg").write_bytes(b"cut")
    Image.new("L", (3, 3)).save(first.parent / "img9999.jpg")
    (problem,) = check("casme2", tmp_path).problems
    assert problem.what == "img1.jpg is empty; it is outside 46 to 58"
    assert problem.do == "nothing to do, nothing of the clip needs it"
    assert not problem.blocks


@pytest.mark.parametrize("video", ["spNO.1/a/color", "spNO.1_a"])
def test_a_video_with_several_clips_has_no_spare_frames(tmp_path: Path, video: str) -> None:
    dataset = datasets["casme3"]
    dataset.fabricate(tmp_path)
    sample = dataset.samples(tmp_path)[0]
    folder = dataset.frames(tmp_path, sample)[0].parent
    assert len(dataset.spare(tmp_path, sample)) == 2
    (tmp_path / video).parent.mkdir(parents=True, exist_ok=True)
    folder.rename(tmp_path / video)
    (tmp_path / "Part_A_ME_clip").rename(tmp_path / "elsewhere")
    assert dataset.spare(tmp_path, sample) == []


def test_digits_that_are_no_numbers_name_no_frame(tmp_path: Path) -> None:
    for name in ("img\u00b2.jpg", "img\u0663.jpg", "img7.jpg"):
        (tmp_path / name).write_bytes(b"x")
    assert list(pictures(tmp_path)) == [7]
    with pytest.raises(DatasetError, match="has no frame number in its name"):
        number_of(tmp_path / "img\u00b2.jpg")
