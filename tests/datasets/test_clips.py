"""Own clips: what people type into a table, mark in ELAN or correct in an analysis, and what is said."""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from PIL import Image

import fleeting
from fleeting.analysis.elan_file import events_eaf
from fleeting.analysis.event_files import events_csv, events_json
from fleeting.datasets import datasets
from fleeting.errors import DatasetError, OutputError, Problem
from fleeting.inputs.footage import footage_of
from fleeting.output.records import sha256_of
from fleeting.types import Event, Sample
from tests.fixtures.films import film

CLIPS = datasets["clips"]
FRAMES = 90
HEAD = "file,subject,onset,apex,offset,label\n"
GOOD = HEAD + "anna.mp4,P1,10,15,22,joy\nben.mp4,P2,30,33,41,fear\n"
Put = Callable[[str | bytes], Path]


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of 90 frames, 30 a second, each frame of a grey that tells its number."""
    folder = tmp_path_factory.mktemp("films")
    for shift, name in enumerate(("anna.mp4", "ben.mp4")):
        greys = [np.full((48, 64, 3), 20 + 2 * number + shift, np.uint8) for number in range(FRAMES)]
        film(folder / name, greys)
    return folder


@pytest.fixture
def put(films: Path, tmp_path: Path) -> Put:
    """Writes a table beside the two videos, and gives the folder."""

    def write(table: str | bytes) -> Path:
        shutil.copytree(films, tmp_path, dirs_exist_ok=True)
        data = table.encode() if isinstance(table, str) else table
        (tmp_path / "clips.csv").write_bytes(data)
        return tmp_path

    return write


def said(root: Path) -> list[Problem]:
    return list(CLIPS.problems(root, CLIPS.samples(root)))


def only(root: Path) -> str:
    (problem, *alike) = [problem for problem in said(root) if problem.blocks]
    assert {one.do for one in alike} <= {problem.do}
    return str(problem)


def spans(root: Path) -> list[tuple[int | None, int | None, int | None]]:
    return [(sample.onset, sample.apex, sample.offset) for sample in CLIPS.samples(root)]


def test_a_table_in_frames(put: Put) -> None:
    root = put(GOOD)
    assert said(root) == []
    assert CLIPS.samples(root) == [
        Sample("clips/P1/anna.mp4@10", "clips", "clips/P1", "joy", 10, 15, 22, 30.0),
        Sample("clips/P2/ben.mp4@30", "clips", "clips/P2", "fear", 30, 33, 41, 30.0),
    ]


def test_the_frames_of_a_clip_are_those_of_the_row(put: Put) -> None:
    root = put(GOOD)
    footage = footage_of(CLIPS, root, CLIPS.samples(root)[0])
    greys = [image.mean() for image in footage.images()]
    np.testing.assert_allclose(greys, 20 + 2 * np.arange(10, 23), atol=1.2)
    np.testing.assert_allclose(np.diff(footage.times), 1 / 30, atol=1e-3)
    assert footage.numbers.tolist() == list(range(10, 23))


@pytest.mark.parametrize(
    ("onset", "offset"),
    [("0.333", "0.734"), ("0,333", "0,734"), ("0:00.333", "00:00:00.734"), ("0.333 s", "0.734s")],
)
def test_seconds_as_people_write_them_are_the_nearest_frames(put: Put, onset: str, offset: str) -> None:
    root = put(f"file;subject;onset_s;offset (s);label\nanna.mp4;P1;{onset};{offset};joy\n")
    assert said(root) == []
    assert spans(root) == [(10, None, 22)]


def test_minutes_in_excel_and_what_excel_makes_of_them(films: Path, tmp_path: Path) -> None:
    shutil.copytree(films, tmp_path, dirs_exist_ok=True)
    book = openpyxl.Workbook()
    page = book.active
    page.append(["file", "subject", "onset_s", "offset_s", "label"])
    page.append(["anna.mp4", "P1", datetime.time(0, 0, 0, 333000), datetime.time(0, 0, 0, 734000), "joy"])
    page.append(["ben.mp4", "P2", datetime.time(0, 1), 1.5, "joy"])  # 0:01 typed for a second is a minute
    page.append(["ben.mp4", "P2", datetime.datetime(2026, 10, 1), 2.5, "joy"])  # 1.10 typed
    page.append(["ben.mp4", "P2", "=1+1", 2.5, "joy"])
    book.save(tmp_path / "clips.xlsx")
    assert spans(tmp_path)[0] == (10, None, 22)
    clock, date, formula = (str(problem) for problem in said(tmp_path))
    assert "row 3 of clips.xlsx, column onset_s (C3): found 60 s, expected a time within ben.mp4" in clock
    assert "Excel takes 1:10 for 1 hour" in clock
    assert "2026-10-01 is a date: Excel made it" in date
    assert "formula without a value" in formula


@pytest.mark.parametrize(
    "name",
    [
        "anna",
        "ANNA.MP4",
        " anna.mp4 ",
        r"C:\Users\me\study\anna.mp4",
        "/home/me/anna.mp4",
        '"anna.mp4"',
        ".\\anna",
    ],
)
def test_names_of_files_as_people_write_them(put: Put, name: str) -> None:
    quoted = name.replace('"', '""')
    root = put(f'{HEAD}"{quoted}",P1,10,15,22,joy\n')
    assert said(root) == []
    assert CLIPS.samples(root)[0].id == "clips/P1/anna.mp4@10"


def test_of_a_file_that_is_not_there_nothing_else_is_said(put: Put) -> None:
    root = put("file,subject,onset_s,offset_s,label\nanne.mp4,P1,0.2,0.6,joy\n")
    assert "found 'anne.mp4', which is not there" in only(root)


def test_a_path_never_means_the_same_name_in_the_folder_of_another_person(put: Put) -> None:
    root = put(HEAD + "D:/study/P2/anna.mp4,P2,10,15,22,joy\n")
    (root / "P1").mkdir()
    (root / "anna.mp4").rename(root / "P1" / "anna.mp4")
    assert "found 'D:/study/P2/anna.mp4', which is not there" in only(root)
    assert "did you mean 'P1/anna.mp4'?" in only(root)
    (root / "clips.csv").write_text(HEAD + "anna.mp4,P1,10,15,22,joy\n")
    assert said(root) == []


def test_the_nearest_name_is_looked_for_in_the_folder_that_was_written(put: Put) -> None:
    root = put(HEAD + "P2/ana.mp4,P2,10,15,22,joy\n")
    for person in ("P1", "P2", "P3"):
        (root / person).mkdir()
        shutil.copy(root / "anna.mp4", root / person / "anna.mp4")
    (root / "anna.mp4").unlink()
    assert "did you mean 'P2/anna.mp4'?" in only(root)


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        (
            "ana.mp4,P1,10,15,22,joy",
            ["row 2 of clips.csv, column file (A2): found 'ana.mp4'", "did you mean 'anna.mp4'?"],
        ),
        (",P1,10,15,22,joy", ["column file (A2): found nothing", "merged cells"]),
        (
            "anna.mp4,,10,15,22,joy",
            ["column subject (B2): found nothing", "nobody may be trained and tested on"],
        ),
        ("anna.mp4,P1,soon,15,22,joy", ["column onset (C2): found 'soon', expected a frame number"]),
        ("anna.mp4,P1,1.5,15,22,joy", ["found '1.5'", "write seconds in the columns onset_s"]),
        ("anna.mp4,P1,10,15,90,joy", ["column offset (E2): found 90", "0 to 89", "first_frame with 1"]),
        ("anna.mp4,P1,22,,10,joy", ["column offset (E2): found 10, which is before the onset 22; swap them"]),
        ("anna.mp4,P1,10,25,22,joy", ["column apex (D2): found 25, expected from onset 10 to offset 22"]),
        ("anna.mp4,P1,10,,10,joy", ["the onset itself"]),
        (
            "anna.mp4,P1,10,15,,joy",
            ["column offset (E2): found nothing", "0 and 89 for the whole of anna.mp4"],
        ),
        ("anna.mp4,P1,10,15,22,", ["column label (F2): found nothing"]),
        ("anna.mp4,P/1,10,15,22,joy", ["'P/1' is not the name of a person"]),
        ("anna.mp4,?,10,15,22,joy", ["column subject (B2): found '?'", "one name for several people leaks"]),
        ("anna.mp4,unknown,10,15,22,joy", ["column subject (B2): found 'unknown'"]),
        ("anna.mp4,P1,10. Jan,15,22,joy", ["column onset (C2): found '10. Jan'", "Excel made a date"]),
        ("anna.mp4,P1,10,2026-01-15,22,joy", ["column apex (D2): found '2026-01-15'", "Excel made a date"]),
    ],
)
def test_a_row_that_cannot_be_used_is_explained(put: Put, row: str, parts: list[str]) -> None:
    found = only(put(f"{HEAD}{row}\n"))
    for part in parts:
        assert part in found


def test_frames_counted_from_one(put: Put) -> None:
    table = "file,subject,onset,apex,offset,label,first_frame\nanna.mp4,P1,1,15,90,joy,1\n"
    root = put(table)
    assert said(root) == []
    assert spans(root) == [(0, 14, 89)]


def test_frames_and_seconds_that_disagree_are_not_chosen_from(put: Put) -> None:
    head = "file,subject,onset,offset,onset_s,offset_s,label\n"
    assert said(put(f"{head}anna.mp4,P1,10,22,0.333,0.733,joy\n")) == []
    found = only(put(f"{head}anna.mp4,P1,10,22,0.333,0.9,joy\n"))
    assert "found frame 22, and offset_s says 0.9, which is another frame" in found


@pytest.mark.parametrize(
    ("rows", "part"),
    [
        (
            "anna,P1,10,,22,joy\nanna.mp4,P1,10,,22,joy\n",
            "row 2 of clips.csv and row 3 of clips.csv are the same",
        ),
        ("anna,P1,10,,22,joy\nanna,P1,10,,22,fear\n", "two labels, 'joy' and 'fear'"),
        ("anna,P1,10,,22,joy\nanna,P1,10,,25,joy\n", "end it twice"),
        (
            "anna,P01,10,,22,joy\nben,p1,10,,25,joy\n",
            "the subjects P01, p1 differ in capitals, zeros or blanks",
        ),
        ("anna,1,10,,22,joy\nben,1.0,10,,25,joy\n", "the subjects 1, 1.0 differ in"),
        ("anna,P1,10,,22,joy\nben,P1 & P2,10,,25,joy\n", "found 'P1 & P2', and P1 has rows of its own"),
        ("anna,P1,10,,22,joy\nben,P2,10,,20,fear,40,50\n", "row 3 of clips.csv: found 8 cells, expected 6"),
    ],
)
def test_rows_that_contradict_each_other(put: Put, rows: str, part: str) -> None:
    assert part in only(put(HEAD + rows))


@pytest.mark.parametrize(
    ("onset", "offset", "part"),
    [
        ("10", "20", "if it is a frame, name the columns onset, apex, offset"),
        ("600", "900", "if these are milliseconds, divide them by 1000"),
        ("01.Jun", "01.Jul", "01.Jun is a date"),
    ],
)
def test_times_in_another_unit(put: Put, onset: str, offset: str, part: str) -> None:
    root = put(f"file,subject,onset_s,offset_s,label\nanna,P1,{onset},{offset},joy\n")
    found, _ = said(root)
    assert "row 2 of clips.csv, column onset_s (C2)" in found.what
    assert part in str(found)


def test_seconds_in_the_columns_of_frames_are_noted_where_they_are_whole(put: Put) -> None:
    (note,) = said(put(HEAD + "anna,P1,1,,2,joy\n"))
    assert "row 2 of clips.csv lasts 0.033 s; a facial expression lasts at least 0.04 s" in note.what
    assert not note.blocks


def test_a_column_whose_name_is_misspelt_is_noted(put: Put) -> None:
    (note,) = said(put("file,subject,onset,apx,offset,label,notes\nanna,P1,10,15,22,joy,blinks\n"))
    assert "row 1 of clips.csv: the column 'apx' (D1) is not read; did you mean apex?" in str(note)
    assert not note.blocks


def test_what_nobody_sees_is_not_read(put: Put) -> None:
    root = put(HEAD + "\u202aC:\\study\\anna.mp4,P1\u200b,10,,22,joy\u200b\nben,P1,10,,22,joy\n")
    assert said(root) == []
    assert {(one.subject, one.label) for one in CLIPS.samples(root)} == {("clips/P1", "joy")}


def test_unicode_text_of_excel_and_a_workbook_under_the_name_of_a_csv(put: Put) -> None:
    (note,) = said(put(GOOD.replace(",", "\t").encode("utf-16")))
    assert "was read as utf-16" in note.what
    book = openpyxl.Workbook()
    for line in GOOD.splitlines():
        book.active.append(line.split(","))
    root = put("")
    book.save(root / "clips.csv")
    assert said(root) == []
    assert len(CLIPS.samples(root)) == 2


def test_a_quotation_mark_that_is_never_closed_is_told_with_its_line(put: Put) -> None:
    with pytest.raises(DatasetError, match="line 3 has a quotation mark without a second one"):
        CLIPS.samples(put(HEAD + 'anna,P1,10,,22,joy\nben,"P2,10,,22,joy\n'))


def test_rows_that_overlap_are_noted(put: Put) -> None:
    (note,) = said(put(HEAD + "anna,P1,10,,22,joy\nanna,P1,20,,30,joy\n"))
    assert "row 3 of clips.csv overlaps with row 2" in str(note)
    assert not note.blocks


def test_the_same_video_under_two_names(put: Put) -> None:
    root = put(HEAD + "anna,P1,10,,22,joy\ncopy,P3,50,,60,joy\n")
    shutil.copy(root / "anna.mp4", root / "copy.mp4")
    assert "copy.mp4 is the same recording as anna.mp4" in only(root)


def test_labels_are_left_alone_and_listed(put: Put) -> None:
    root = put(
        HEAD + "anna,P1,10,,22,Happy\nben,P2,1,,9,happy \nben,P2,30,,41,Überraschung\n".replace("Ü", "Ü")
    )
    assert [sample.label for sample in CLIPS.samples(root)] == ["Happy", "happy", "Überraschung"]
    classes = CLIPS.remarks(root)[-1]
    assert "happiness (2 clips, written Happy, happy)" in classes
    assert "überraschung (1 clips, of one person: never trained when tested)" in classes


def test_windows_letters_and_empty_lines(put: Put) -> None:
    table = "file;subject;onset;apex;offset;label\n\n;;;;;\nanna.mp4;Zoë;10;;22;dégoût\n;;;;;\n"
    root = put(table.encode("cp1252"))
    assert [(s.subject, s.label) for s in CLIPS.samples(root)] == [("clips/Zoë", "dégoût")]
    (note,) = said(root)
    assert "was read as cp1252" in note.what
    assert said(put(b"\xef\xbb\xbf" + table.encode())) == []


def test_a_row_without_a_movement_is_a_recording_in_which_nothing_moves(put: Put) -> None:
    root = put(HEAD + "anna,P1,10,,22,joy\nben,P2,,,,\n")
    assert said(root) == []
    assert len(CLIPS.samples(root)) == 1
    found, problems = CLIPS.recordings(root)
    assert problems == []
    assert [(one.name, len(one.samples)) for one in found] == [("anna.mp4", 1), ("ben.mp4", 0)]


def test_a_table_that_nobody_has_filled_in(put: Put) -> None:
    with pytest.raises(DatasetError, match="names 2 recordings and no movement; write subject, onset"):
        CLIPS.samples(put(HEAD + "anna,,,,,\nben,,,,,\n"))


@pytest.mark.parametrize(
    ("head", "part"),
    [
        ("file,subjct,onst,offst,label", "onst (did you mean onset?)"),
        ("file,subject,onset_ms,offset_ms,label", "onset_ms (milliseconds are not read: write seconds into"),
        ("file,subject,frames,,label\n,,onset,offset,", "its header in rows 1 and 2 (file, subject, onset"),
        ("a,b,c", "found a, b, c"),
        ("", "is empty"),
    ],
)
def test_a_table_without_a_header(put: Put, head: str, part: str) -> None:
    with pytest.raises(DatasetError) as refused:
        CLIPS.samples(put(head))
    assert part in str(refused.value)


def test_two_tables_and_two_pages(put: Put) -> None:
    root = put(GOOD)
    book = openpyxl.Workbook()
    for page in (book.active, book.create_sheet("old")):
        page.append(HEAD.strip().split(","))
        page.append(["anna", "P1", 10, None, 22, "joy"])
    book.save(root / "clips.xlsx")
    with pytest.raises(DatasetError, match="expected one table; delete or rename"):
        CLIPS.samples(root)
    (root / "clips.csv").unlink()
    assert "the page Sheet of clips.xlsx is read, its page old is not" in only(root)
    book.worksheets[1].title = "clips"
    book.save(root / "clips.xlsx")
    (note,) = said(root)
    assert "the page clips of clips.xlsx is read" in note.what
    assert not note.blocks


def pictures(folder: Path, numbers: range) -> None:
    folder.mkdir(parents=True)
    for number in numbers:
        Image.new("L", (24, 32), number).save(folder / f"img{number}.png")


def test_folders_of_pictures_count_as_their_names_do(tmp_path: Path) -> None:
    pictures(tmp_path / "P1" / "take1", range(101, 131))
    (tmp_path / "clips.csv").write_text(
        "file,subject,onset,offset,label,fps,first_frame\n"
        "P1/take1,P1,105,114,joy,200,\ntake1,P1,16,25,joy,200,1\n"
    )
    assert spans(tmp_path) == [(105, None, 114), (116, None, 125)]
    assert said(tmp_path) == []
    footage = footage_of(CLIPS, tmp_path, CLIPS.samples(tmp_path)[0])
    assert footage.times[1] == pytest.approx(1 / 200)
    (tmp_path / "clips.csv").write_text(
        "file,subject,onset_s,offset_s,label,fps\ntake1,P1,0.02,0.055,joy,200\n"
    )
    assert spans(tmp_path) == [(105, None, 112)]


@pytest.mark.parametrize("end", ["mp4", "mkv", "avi", "ts"])
def test_a_stretch_late_in_a_video_is_the_same_from_its_key_frame(tmp_path: Path, end: str) -> None:
    greys = [np.full((48, 64, 3), 20 + number // 3, np.uint8) for number in range(600)]
    path = film(tmp_path / f"long.{end}", greys)
    (tmp_path / "clips.csv").write_text(f"{HEAD}long,P1,537,,560,joy\n")
    assert said(tmp_path) == []
    footage = footage_of(CLIPS, tmp_path, CLIPS.samples(tmp_path)[0])
    with fleeting.open_video(path) as video:
        whole = [frame.image for frame in video if 537 <= frame.number <= 560]
    np.testing.assert_array_equal(footage.images(), whole)


def test_a_slow_motion_file_counts_at_the_rate_that_is_stated(put: Put) -> None:
    root = put("file,subject,onset_s,offset_s,label,fps\nanna,P1,0.05,0.11,joy,200\n")
    assert spans(root) == [(10, None, 22)]
    footage = footage_of(CLIPS, root, CLIPS.samples(root)[0])
    np.testing.assert_allclose(footage.times, np.arange(10, 23) / 200)
    assert footage.images()[0].mean() == pytest.approx(40, abs=1.2)


def test_init_writes_a_table_once(films: Path, tmp_path: Path) -> None:
    for person, name in (("P1", "anna.mp4"), ("P2", "ben.mp4")):
        (tmp_path / person).mkdir()
        shutil.copy(films / name, tmp_path / person)
    begun = fleeting.init(tmp_path)
    assert (begun.recordings, begun.rows) == (2, 2)
    assert any("subject is the folder" in note for note in begun.notes)
    text = begun.path.read_text(encoding="utf-8-sig")
    assert text.splitlines()[1] == "P1/anna.mp4,P1,,,,,90,2.967"
    with pytest.raises(OutputError, match="exists, and nothing was changed"):
        fleeting.init(tmp_path)
    assert begun.path.read_text(encoding="utf-8-sig") == text


EVENT = Event(1, 0, "micro", 10, 15, 22, 0.333, 0.5, 0.734, 9.0, label="joy", probabilities={"joy": 0.9})


def test_annotations_of_elan_are_clips_of_the_participant(put: Put) -> None:
    root = put("")
    (root / "clips.csv").unlink()
    (root / "mine.eaf").write_bytes(events_eaf([EVENT], root / "anna.mp4", root, classes=("joy", "fear")))
    assert "annotation 1 of mine.eaf (tier face 0 micro), column subject: found nothing" in only(root)
    text = (
        (root / "mine.eaf")
        .read_text(encoding="utf-8")
        .replace('TIER_ID="face 0 micro"', 'PARTICIPANT="P1" \\g')
    )
    text = text.replace("\\g", 'TIER_ID="face 0 micro"')
    (root / "mine.eaf").write_text(text, encoding="utf-8")
    assert said(root) == []
    (sample,) = CLIPS.samples(root)
    assert (sample.subject, sample.label, sample.onset, sample.apex, sample.offset) == (
        "clips/P1",
        "joy",
        10,
        15,
        22,
    )


@pytest.mark.parametrize("edited", ["", "events.csv", "events.eaf", "both", "seconds"])
def test_corrected_events_of_an_analysis_come_back(put: Put, edited: str) -> None:
    root = put("")
    (root / "clips.csv").unlink()
    folder = root / "results" / "anna"
    folder.mkdir(parents=True)
    (folder / "events.csv").write_text(events_csv([EVENT], ("joy", "fear")))
    (folder / "events.json").write_text(events_json([EVENT], ("joy", "fear")))
    (folder / "events.eaf").write_bytes(
        events_eaf([EVENT], root / "anna.mp4", folder, classes=("joy", "fear"))
    )
    files = {name: sha256_of(folder / name) for name in ("events.csv", "events.eaf")}
    pictures(folder / "stills", range(3))  # of the results, not a recording
    record = {"purpose": "analyze", "input": {"file": "anna.mp4", "path": "../../anna.mp4"}, "files": files}
    (folder / "summary.json").write_text(json.dumps(record))
    if edited in ("events.csv", "both"):
        (folder / "events.csv").write_text((folder / "events.csv").read_text().replace(",22,", ",25,"))
    if edited == "seconds":
        (folder / "events.csv").write_text((folder / "events.csv").read_text().replace("0.734", "0.6"))
    if edited in ("events.eaf", "both"):
        text = (folder / "events.eaf").read_text().replace('TIME_VALUE="734"', 'TIME_VALUE="667"')
        (folder / "events.eaf").write_text(text)
    begun = fleeting.init(root)
    assert begun.recordings == 2
    rows = begun.path.read_text(encoding="utf-8-sig").splitlines()
    offset = {"": 22, "events.csv": 25, "events.eaf": 20, "seconds": 18}.get(edited)
    if offset is None:
        assert any("were both edited" in note for note in begun.notes)
    else:
        assert rows[1].startswith(f"anna.mp4,,10,15,{offset},joy,micro")


@pytest.mark.parametrize(
    ("label", "unsure", "kept"), [("joy", "true", ""), ("fear", "true", "fear"), ("joy", "", "joy")]
)
def test_a_label_of_which_the_analysis_was_unsure_counts_once_a_person_stands_by_it(
    put: Put, label: str, unsure: str, kept: str
) -> None:
    root = put("")
    (root / "clips.csv").unlink()
    folder = root / "anna"
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps({"purpose": "analyze", "input": {"file": "anna.mp4"}}))
    (folder / "events.csv").write_text(  # as a spreadsheet saves it that writes decimal commas
        "event;face;kind;onset_frame;apex_frame;offset_frame;label;unsure;p_joy;p_fear\n"
        f"1;0;micro;10;15;22;{label};{unsure};0,7;0,3\n"
    )
    (sample,) = CLIPS.samples(root)
    assert (sample.label, sample.onset) == (kept, 10)
