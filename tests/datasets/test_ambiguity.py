"""What may be meant in two ways is named: twin frames, twin folders, several sheets, several filled pages."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import openpyxl
import pytest
from PIL import Image

from fleeting.benchmark.check import check
from fleeting.datasets import datasets
from fleeting.datasets.reading.disk import pictures
from fleeting.errors import Problem

SHEET = "CASME2-coding-20190701"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    datasets["casme2"].fabricate(tmp_path)
    return tmp_path


def rows(root: Path) -> list[list[object]]:
    page = openpyxl.load_workbook(root / f"{SHEET}.xlsx").worksheets[0]
    return [list(row) for row in page.iter_rows(values_only=True)]


def save_csv(path: Path, table: list[list[object]], mark: str = ",") -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=mark).writerows(table)


def problems(root: Path, name: str = "casme2") -> tuple[Problem, ...]:
    return check(name, root).problems


@pytest.mark.parametrize("twin", ["img50 - Copy.jpg", "drawn_50.jpg", "img50.bmp", "img0050.jpg"])
def test_two_pictures_of_one_frame_block_and_the_whole_series_is_preferred(root: Path, twin: str) -> None:
    folder = root / "CASME2_RAW_selected" / "sub01" / "EP01_01f"
    Image.new("RGB", (24, 32)).save(folder / twin)
    (problem,) = problems(root)
    assert problem.clip == "casme2/sub01/EP01_01f"
    assert problem.what == f"frame 50 is there twice (img50.jpg, {twin})"
    assert problem.blocks
    assert pictures(folder)[50].name == "img50.jpg"


def test_twins_outside_of_the_clip_are_a_note(root: Path) -> None:
    folder = root / "CASME2_RAW_selected" / "sub01" / "EP01_01f"
    shutil.copy(folder / "img45.jpg", folder / "x_45.jpg")
    (problem,) = problems(root)
    assert "frame 45 is there twice (img45.jpg, x_45.jpg), outside the clip" in problem.what
    assert not problem.blocks


def test_twins_in_a_long_video_are_a_problem_of_the_video(tmp_path: Path) -> None:
    dataset = datasets["casme-sq"]
    dataset.fabricate(tmp_path)
    frame = dataset.frames(tmp_path, dataset.samples(tmp_path)[0])[0]
    shutil.copy(frame, frame.with_name(f"{frame.stem} - Copy.jpg"))
    found = [p for p in dataset.recordings(tmp_path)[1] if "is there twice" in p.what]
    assert [p.clip for p in found] == ["15_0401"]


def test_two_folders_of_one_clip_block(tmp_path: Path) -> None:
    dataset = datasets["casme-sq"]
    dataset.fabricate(tmp_path)
    folder = dataset.frames(tmp_path, dataset.samples(tmp_path)[0])[0].parent
    shutil.copytree(folder, folder.with_name(f"{folder.name} - Copy"))
    found = [p for p in problems(tmp_path, "casme-sq") if p.blocks]
    assert found
    assert all("its folder is there 2 times" in p.what for p in found)


def test_two_maps_of_one_clip_block(tmp_path: Path) -> None:
    datasets["megc2019-flow"].fabricate(tmp_path)
    path = next((tmp_path / "maps").glob("sub06_EP01_06f *"))
    shutil.copy(path, path.with_name(path.name.replace(" .png", ".png")))
    (problem,) = problems(tmp_path, "megc2019-flow")
    assert "its map is there 2 times" in problem.what


@pytest.mark.parametrize("mark", [";", "\t", ","])
def test_a_sheet_is_read_whatever_separates_its_cells(root: Path, mark: str) -> None:
    before, table = datasets["casme2"].samples(root), rows(root)
    (root / f"{SHEET}.xlsx").unlink()
    save_csv(root / f"{SHEET}.csv", table, mark)
    assert datasets["casme2"].samples(root) == before
    assert problems(root) == ()


def test_a_number_of_thousands_or_decimals_is_refused_in_such_a_sheet(root: Path) -> None:
    table = rows(root)
    table[1][3] = "1.200"
    (root / f"{SHEET}.xlsx").unlink()
    save_csv(root / f"{SHEET}.csv", table, ";")
    (problem,) = problems(root)
    assert "row 2" in problem.what
    assert "onset: '1.200' is not a frame number: it may be 1200 or 1.2" in problem.what
    assert problem.do.startswith("correct D2 of the sheet")


def test_a_corrected_csv_beside_the_workbook_blocks(root: Path) -> None:
    table = rows(root)
    save_csv(root / f"{SHEET}.csv", table)
    assert problems(root) == ()  # the two say the same
    table[1][5] = 57
    save_csv(root / f"{SHEET}.csv", table)
    (problem,) = problems(root)
    assert problem.what == (
        f"{SHEET}.xlsx is read, {SHEET}.csv is not: they differ in 1 rows, casme2/sub01/EP01_01f"
    )
    assert problem.blocks


def test_another_release_beside_the_sheet_is_a_note(root: Path) -> None:
    save_csv(root / "CASME2-coding-20140508.csv", rows(root)[:-1])
    (problem,) = problems(root)
    assert problem.what.endswith("is not: they have 21 and 20 clips")
    assert not problem.blocks


@pytest.mark.parametrize("named", [True, False])
def test_a_second_filled_page_is_named_and_blocks_where_neither_is_the_release_s(
    root: Path, named: bool
) -> None:
    path = root / f"{SHEET}.xlsx"
    book = openpyxl.load_workbook(path)
    second = book.copy_worksheet(book["Sheet1"])
    second.title = "corrected"
    second["F2"] = 57
    if not named:
        book["Sheet1"].title = "coding"
    book.save(path)
    (problem,) = problems(root)
    assert (
        f"the page {'Sheet1' if named else 'coding'} of {path.name} is read, its page corrected is not"
        in (problem.what)
    )
    assert problem.blocks is not named


def test_fractions_block_with_row_and_column(root: Path) -> None:
    path = root / f"{SHEET}.xlsx"
    book = openpyxl.load_workbook(path)
    page = book["Sheet1"]
    page["D2"], page["E2"], page["F3"] = 46.5, 54.49, f"{page['F3'].value}.7"
    book.save(path)
    found = problems(root)
    assert [(p.clip[-8:], p.do[:10], p.blocks) for p in found] == [
        ("EP01_01f", "correct D2", True),
        ("EP01_01f", "correct E2", True),
        ("EP02_01f", "correct F3", True),
    ]
    assert all("is not a frame number: it has a fraction" in p.what for p in found)


def test_a_sheet_in_seconds_blocks_even_where_the_release_has_fractions(tmp_path: Path) -> None:
    dataset = datasets["samm-lv"]
    dataset.fabricate(tmp_path)
    path = tmp_path / "SAMM_LongVideos_V3_Release.xlsx"
    book = openpyxl.load_workbook(path)
    for row in book.worksheets[0].iter_rows(min_row=6, min_col=4, max_col=6):
        for cell in row:
            cell.value = cell.value / 200 + 0.001
    book.save(path)
    blocked = {p.clip for p in problems(tmp_path, "samm-lv") if p.blocks}
    assert len(blocked) == len({s.id for s in dataset.samples(tmp_path)})


def test_a_formula_without_a_value_is_named_by_its_cell(root: Path) -> None:
    path = root / f"{SHEET}.xlsx"
    book = openpyxl.load_workbook(path)
    page = book["Sheet1"]
    for row in range(2, page.max_row + 1):
        page.cell(row, 6).value = f"=D{row}+12"
    book.save(path)
    checkup = check("casme2", root)
    assert len(checkup.problems) == 21
    assert checkup.problems[0].what.endswith("offset: F2 holds a formula without a value")
    assert checkup.problems[0].do == "open it in Excel and save it"
    (line,) = checkup.lines()
    assert line.startswith(
        "21 clips (casme2/sub01/EP01_01f, casme2/sub01/EP02_01f, casme2/sub01/EP03_01f and 18"
    )
