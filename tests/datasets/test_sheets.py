"""Sheets come as .xlsx, .xls and .csv, with prose above, renamed columns, wrong encodings, and broken."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleeting.datasets import datasets
from fleeting.datasets.reading.miniature import save_workbook
from fleeting.datasets.reading.sheets import decoded, headerless, read_workbook, tables
from fleeting.errors import DatasetError

REQUIRED = ("subject", "clip", "onset", "offset", "label")
HEAD = ("Subject", "Filename", "", "OnsetFrame", "ApexFrame", "OffsetFrame", "", "Estimated Emotion")
ROWS = [("01", "EP02_01f", "", 46, "/", 86, "", "happiness"), (2, "EP03_02", "", "5", 7, 9.0, "", "others")]


def fields(path: Path) -> list[dict[str, str]]:
    (rows,) = tables(read_workbook(path), "Sheet1", REQUIRED).values()
    return [{field: str(cell) for field, cell in row.cells.items()} for row in rows]


def outcome(path: Path) -> str:
    try:
        fields(path)
    except DatasetError as error:
        return str(error)
    return ""


def biff(rows: list[tuple[str, ...]]) -> bytes:
    """A minimal worksheet in the oldest .xls format: a stream of labels."""
    records = struct.pack("<HHHH", 0x0009, 4, 2, 0x0010) + struct.pack("<HHH", 0x0042, 2, 1252)
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            body = struct.pack("<HH3xB", row, column, len(cell)) + cell.encode("cp1252")
            records += struct.pack("<HH", 0x0004, len(body)) + body
    return records + struct.pack("<HH", 0x000A, 0)


def test_prose_above_and_blank_columns_between(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    prose = [("Symbol Key:",), (), ("Subject to change", "", "see the Filename")]
    save_workbook(path, {"Sheet1": [*prose, HEAD, *ROWS, (), ("", "")], "Sheet2": []})
    (rows,) = tables(read_workbook(path), "Sheet1", REQUIRED).values()
    assert [row.number for row in rows] == [5, 6]
    assert rows[0].cells["apex"] == "/"
    assert rows[1].cells["subject"] == 2


@pytest.mark.parametrize(
    "head",
    [
        ("Subject", "Fiename", "Onset Frame", "Apex Frame", "Offset Frame", "Emotion"),
        ("sub", "filename", "ONSET", "apex", "offset_frame", " estimated  emotion "),
        ("Subject", "Filename", "OnsetF", "ApexF1", "OffsetF", "Emotion"),
    ],
)
def test_renamed_columns(tmp_path: Path, head: tuple[str, ...]) -> None:
    path = tmp_path / "sheet.xlsx"
    save_workbook(path, {"renamed": [head, ("01", "a", 1, 2, 3, "fear")]})
    expected = {"subject": "01", "clip": "a", "onset": "1", "apex": "2", "offset": "3", "label": "fear"}
    assert fields(path) == [expected]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "cp1252"])
def test_text_in_five_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "sheet.csv"
    extra = {"gb18030": "\uff0c备注", "cp1252": "dégoût “é”"}.get(encoding, "naïve\uff0c")
    path.write_bytes(
        f"Subject,Filename,Onset,Offset,Emotion,Remark\n01,a,1,3,fear,{extra}\n".encode(encoding)
    )
    assert fields(path)[0]["label"] == "fear"
    book = read_workbook(path)
    assert book.encoding == encoding.replace("utf-8-sig", "utf-8").replace("utf-8", "utf-8-sig")
    assert book.pages["sheet"][1][-1] == extra


@pytest.mark.parametrize("encoding", ["utf-32", "utf-16-le"])
def test_text_that_is_none_of_them_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(DatasetError, match="is not text in UTF-8"):
        decoded(tmp_path / "list.csv", "casme2,sub01,EP02_01f,1\n".encode(encoding))


def test_the_old_xls_format(tmp_path: Path) -> None:
    path = tmp_path / "v1.xls"
    path.write_bytes(
        biff([("Subject", "Filename", "Onset", "Offset", "emotion"), ("s", "a", "1", "3", "sad")])
    )
    assert fields(path) == [{"subject": "s", "clip": "a", "onset": "1", "offset": "3", "label": "sad"}]


def test_a_workbook_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xls"
    save_workbook(tmp_path / "sheet.xlsx", {"Sheet1": [HEAD, *ROWS]})
    (tmp_path / "sheet.xlsx").rename(path)
    assert len(fields(path)) == 2


def test_a_missing_column_says_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    save_workbook(path, {"Sheet1": [("Subject", "Filename", "Emotion"), ("01", "a", "fear")]})
    with pytest.raises(
        DatasetError, match="columns for subject, clip, label only, expected one row that names"
    ):
        fields(path)


def test_columns_known_by_their_place(tmp_path: Path) -> None:
    path = tmp_path / "code.csv"
    path.write_text("1,anger1_1,557,572,608,4+10\n\n1,anger1_2,2854,2862,0,38\n")
    rows = headerless(read_workbook(path), "absent", ("subject", "clip", "onset", "apex", "offset"), "onset")
    assert [row.cells["offset"] for row in rows] == ["608", "0"]
    path.write_text("nothing,of,the,kind\n")
    with pytest.raises(DatasetError, match="does not start with subject, clip, onset"):
        headerless(read_workbook(path), "absent", ("subject", "clip", "onset"), "onset")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1), what=st.binary(min_size=1, max_size=64), cut=st.booleans(), old=st.booleans())
def test_any_damage_to_a_workbook_is_one_line(
    tmp_path: Path, where: float, what: bytes, cut: bool, old: bool
) -> None:
    path = tmp_path / ("sheet.xls" if old else "sheet.xlsx")
    if old:
        path.write_bytes(
            biff([("Subject", "Filename", "Onset", "Offset", "emotion"), ("s", "a", "1", "3", "sad")])
        )
    else:
        save_workbook(path, {"Sheet1": [HEAD, *ROWS]})
    data = path.read_bytes()
    place = int(where * len(data))
    path.write_bytes(data[:place] + what + (b"" if cut else data[place + len(what) :]))
    refusal = outcome(path)
    assert not refusal or path.name in refusal
    assert "\n" not in refusal


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_as_csv_are_rows_or_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(data)
    refusal = outcome(path)
    assert not refusal or path.name in refusal
    assert "\n" not in refusal


wild = (
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.datetimes()
    | st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=20)
    | st.sampled_from(["/", "-1", "0", "..", "a/b", "12?", "sub01 ", "\u2212", "macro", "=1+1"])
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["casme2", "samm", "samm-lv", "casme3", "casme-sq", "mmew"]), data=st.data())
def test_any_cell_may_hold_anything_and_the_other_rows_are_read(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp(name)
    dataset = datasets[name]
    dataset.fabricate(root)
    path = next(path for path in root.glob("*.xlsx") if path.stem in dataset.sheet.files)
    before = dataset.samples(root)
    book = openpyxl.load_workbook(path)
    page = book.worksheets[0]
    row = data.draw(st.integers(page.max_row - len(before) + 1, page.max_row))
    page.cell(row, data.draw(st.integers(1, page.max_column))).value = data.draw(wild)
    book.save(path)
    after = dataset.samples(root)
    place = row - page.max_row + len(before) - 1
    assert len(after) == len(before)
    others = [
        [replace(s, id=s.id.partition("@")[0]) for i, s in enumerate(read) if i != place]
        for read in (after, before)
    ]
    assert others[0] == others[1]  # but for the onset that a name gets if the changed row now shares it
    problems = list(dataset.problems(root, after))
    assert all("\n" not in str(problem) for problem in problems)
    assert {p.clip for p in problems if p.blocks} <= {after[place].id}
