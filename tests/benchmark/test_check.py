"""Checking a dataset's folder: clips are counted by its sheet, and each problem is named once."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest
from PIL import Image

from fleeting.benchmark.check import check
from fleeting.datasets import datasets
from fleeting.errors import DatasetError, UnknownNameError
from fleeting.inputs.loading import load
from fleeting.inputs.view import Input, View


@pytest.fixture
def root(tmp_path: Path) -> Path:
    datasets["casme2"].fabricate(tmp_path)
    return tmp_path


def test_counts_are_of_the_sheet_frames_or_not(root: Path) -> None:
    healthy = check("casme2", root)
    (root / "CASME2_RAW_selected").rename(root / "elsewhere")
    checkup = check("casme2", root)
    assert (checkup.clips, checkup.subjects, checkup.labels) == (21, 3, healthy.labels)
    assert {p.clip for p in checkup.problems} == {s.id for s in datasets["casme2"].samples(root)}
    assert len(checkup.problems) == 21


def test_as_json(root: Path) -> None:
    sample = datasets["casme2"].samples(root)[4]
    datasets["casme2"].frames(root, sample)[2].unlink()
    found = json.loads(json.dumps(check("casme2", root).as_dict()))
    assert set(found) == {"dataset", "clips", "subjects", "labels", "problems", "drawn", "remarks"}
    assert found["drawn"] == ""
    assert found["labels"]["disgust"] == 3
    (problem,) = found["problems"]
    assert problem["clip"] == sample.id
    assert problem["what"].startswith("1 of 13 frames are missing (208)")
    assert problem["do"]
    assert problem["blocks"] is True


def test_each_kind_of_damage_once(root: Path) -> None:
    dataset = datasets["casme2"]
    samples = dataset.samples(root)
    files = dataset.frames(root, samples[0])
    files[1].write_bytes(b"")
    files[2].write_bytes(files[2].read_bytes()[:200])
    files[3].write_bytes(b"GIF89a, cut")
    files[4].unlink()
    problems = [p.what for p in check("casme2", root).problems]
    assert len(problems) == 3
    assert problems[0].startswith("1 of 13 frames are missing (50)")
    assert problems[1] == "img47.jpg is empty"
    assert problems[2].startswith("frame img48.jpg cannot be read")
    assert problems[2].endswith("and 1 frames more")


def test_a_clip_without_a_problem_can_be_opened_and_nothing_else(root: Path) -> None:
    dataset = datasets["casme2"]
    samples = dataset.samples(root)
    data = [dataset.frames(root, sample)[3] for sample in samples[:3]]
    size = data[0].read_bytes().index(b"\xff\xc0") + 5
    data[0].write_bytes(data[0].read_bytes()[:size] + b"\xea\x60" * 2 + data[0].read_bytes()[size + 4 :])
    Image.new("L", (24, 31)).save(data[1])
    Image.new("1", (24, 32)).save(data[2].with_suffix(".bmp"))
    data[2].unlink()
    problems = {p.clip: p.what for p in check("casme2", root).problems}
    assert set(problems) == {samples[0].id, samples[1].id}
    assert "decompression bomb" in problems[samples[0].id]
    assert problems[samples[1].id] == "its frames are of 2 sizes (24x31, 24x32), expected one"
    view = View((Input("difference", (28, 28)),))
    loaded = load(dataset, root, samples, view)
    assert {problem.clip for problem in loaded.problems} == set(problems)
    assert all(problem.what and problem.do for problem in loaded.problems)


def test_an_offset_far_away_is_counted_not_listed(root: Path) -> None:
    path = root / "CASME2-coding-20190701.xlsx"
    book = openpyxl.load_workbook(path)
    book.worksheets[0]["F2"] = 10**8
    book.save(path)
    (problem,) = check("casme2", root).problems
    assert "99999941 of 99999955 frames are missing (60, 61, 62 and 99999938 more)" in problem.what


def test_problems_stand_in_the_order_of_the_sheet(root: Path) -> None:
    dataset = datasets["casme2"]
    samples = dataset.samples(root)
    for place in (20, 3, 11):
        path = dataset.frames(root, samples[place])[0]
        path.write_bytes(b"x") if place != 3 else path.unlink()
    (root / "CASME2_RAW_selected" / "sub01" / "unknown").mkdir()
    found = [p.clip for p in check("casme2", root).problems]
    assert found == ["", samples[3].id, samples[11].id, samples[20].id]


def test_progress_counts_the_clips(root: Path) -> None:
    seen: list[tuple[int, int]] = []
    check("casme2", root, lambda _, done, of: seen.append((done, of)))
    assert seen == [(number, 21) for number in range(1, 22)]


def test_what_is_not_the_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"holds no sheet of samm, expected SAMM_Micro_FACS_Codes_v2\.xlsx"
    ):
        check("samm", tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean 'casme2'"):
        check("casme-2", tmp_path)


def test_a_dataset_that_draws_itself_needs_no_folder(tmp_path: Path) -> None:
    assert check("drawn", tmp_path / "absent").problems == ()


def test_a_sheet_without_a_clip_is_no_sound_dataset(tmp_path):
    datasets["casme2"].fabricate(tmp_path)
    path = next(tmp_path.glob("*.xlsx"))
    book = openpyxl.load_workbook(path)
    book["Sheet1"].delete_rows(2, 500)
    book.save(path)
    with pytest.raises(DatasetError, match=r"lists no clip|no row"):
        check("casme2", tmp_path)


def test_equal_problems_are_one_line_with_a_count_and_the_first_three(root: Path) -> None:
    (root / "CASME2_RAW_selected").rename(root / "elsewhere")
    checkup = check("casme2", root)
    (line,) = checkup.lines()
    first = [sample.id for sample in datasets["casme2"].samples(root)[:3]]
    assert line.startswith(f"21 clips ({', '.join(first)} and 18 more), the first: its folder ")
    assert len(checkup.as_dict()["problems"]) == 21
