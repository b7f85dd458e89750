"""Odd cells, names and folders of the published releases, dataset by dataset: read, mended or named."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from fleeting.benchmark.check import check
from fleeting.datasets import Drawing, datasets, labelled
from fleeting.datasets.casme2 import CASME2
from fleeting.datasets.casme3 import CASME3
from fleeting.datasets.casme_sq import CASME_SQ
from fleeting.datasets.mmew import MMEW
from fleeting.datasets.samm import SAMM
from fleeting.datasets.samm_lv import SAMM_LV
from fleeting.datasets.smic import SMIC
from fleeting.errors import DatasetError, Problem
from fleeting.types import Sample

FRAME = np.full((6, 5), 90, np.uint8)


def edit(path: Path, change: Callable[[openpyxl.worksheet.worksheet.Worksheet], object]) -> None:
    book = openpyxl.load_workbook(path)
    change(book.worksheets[0])
    book.save(path)


def clip(dataset: str, subject: str, name: str, *numbers: int | None, label: str = "disgust") -> Drawing:
    onset, apex, offset = numbers
    facts = Sample(f"{subject}/{name}", dataset, subject, label, onset, apex, offset, objective=3)
    return Drawing(facts, [FRAME] * 3, first=onset)


def said(name: str, root: Path) -> dict[str, str]:
    """What stands in the sheet, the folders apart."""
    problems = [p for p in check(name, root).problems if "frames" not in p.what]
    return {problem.clip: problem.what for problem in problems}


# CASME II


def test_casme2_subjects_and_au_are_read_whatever_their_type(tmp_path: Path) -> None:
    CASME2.fabricate(tmp_path)
    before = CASME2.samples(tmp_path)
    sheet = tmp_path / "CASME2-coding-20190701.xlsx"
    edit(sheet, lambda page: [page.cell(row, 1, int(page.cell(row, 1).value)) for row in range(2, 22)])
    assert CASME2.samples(tmp_path) == before
    assert before[0].subject == "casme2/sub01"
    assert before[0].action_units == "12"


def test_casme2_slash_is_a_missing_apex_and_a_note(tmp_path: Path) -> None:
    CASME2.write(tmp_path, [clip("casme2", "casme2/sub04", "EP12_01f", 261, None, 263)])
    (sample,) = CASME2.samples(tmp_path)
    assert sample.apex is None
    assert CASME2.sheet.row(sample)[4] == "/"
    (problem,) = check("casme2", tmp_path).problems
    assert problem.what == "has no annotated apex"
    assert not problem.blocks


def test_casme2_says_where_the_releases_differ(tmp_path: Path) -> None:
    CASME2.write(tmp_path, [clip("casme2", "casme2/sub24", "EP07_01", 24, 25, 26, label="surprise")])
    (problem,) = check("casme2", tmp_path).problems
    assert problem.clip == "casme2/sub24/EP07_01"
    assert "sadness in 2014, surprise in 2019" in problem.what
    assert not problem.blocks


def test_casme2_offset_before_onset_is_named(tmp_path: Path) -> None:
    CASME2.write(tmp_path, [clip("casme2", "casme2/sub07", "EP06_01", 15, 20, 12)])
    assert said("casme2", tmp_path) == {"casme2/sub07/EP06_01": "onset 15 comes after offset 12"}


def test_casme2_strange_names_of_clips(tmp_path: Path) -> None:
    names = ("EP09f", "EP06_02_01", "EP06_02_02")
    rows = [clip("casme2", "casme2/sub08", name, 46, 47, 48) for name in names]
    CASME2.write(tmp_path, rows)
    assert [s.id.rpartition("/")[2] for s in CASME2.samples(tmp_path)] == list(names)
    assert check("casme2", tmp_path).problems == ()


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("Cropped/sub01/EP01_01f", "reg_img{}.jpg"),
        ("CASME2-RAW/CASME2-RAW/sub01/EP01_01f", "img{}.jpg"),
        ("casme2_raw_selected/SUB01/ep01_01F", "img{:04d}.jpg"),
        ("sub01/EP01_01f", "img{}.jpg"),
    ],
)
def test_casme2_lies_on_disks_in_several_ways(tmp_path: Path, place: str, name: str) -> None:
    written = tmp_path / "written"
    CASME2.write(written, [clip("casme2", "casme2/sub01", "EP01_01f", 9, 10, 11)])
    root = tmp_path / "root"
    (root / place).mkdir(parents=True)
    shutil.copy(written / "CASME2-coding-20190701.xlsx", root)
    for path in written.rglob("*.jpg"):
        shutil.copy(path, root / place / name.format(int(path.stem[3:])))
    (sample,) = CASME2.samples(root)
    assert [path.name for path in CASME2.frames(root, sample)] == [name.format(n) for n in (9, 10, 11)]
    assert check("casme2", root).problems == ()


def test_one_arrangement_is_read_and_no_copy_fills_its_gaps(tmp_path: Path) -> None:
    CASME2.fabricate(tmp_path)
    shutil.copytree(tmp_path / "CASME2_RAW_selected", tmp_path / "Cropped")
    shutil.rmtree(tmp_path / "Cropped" / "sub01" / "EP01_01f")
    (problem,) = check("casme2", tmp_path).problems
    assert problem.clip == "casme2/sub01/EP01_01f"
    assert "Cropped" in problem.what


def test_a_sheet_in_a_folder_of_its_own(tmp_path: Path) -> None:
    CASME2.fabricate(tmp_path)
    (tmp_path / "annotation").mkdir()
    (tmp_path / "CASME2-coding-20190701.xlsx").rename(tmp_path / "annotation" / "CASME2-coding-20140508.xlsx")
    assert check("casme2", tmp_path).problems == ()


# rows of any sheet


def test_cells_that_cannot_be_read_are_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    CASME2.fabricate(tmp_path)
    sheet = tmp_path / "CASME2-coding-20190701.xlsx"
    ids = [sample.id for sample in CASME2.samples(tmp_path)]

    def damage(page: openpyxl.worksheet.worksheet.Worksheet) -> None:
        page["D3"], page["E4"], page["F5"], page["A6"], page["B7"] = (
            "soon",
            "12?",
            True,
            "nobody",
            "../../etc",
        )
        page["I8"], page["I9"], page["J10"] = "hapiness", "", "VIII"

    edit(sheet, damage)
    checkup = check("casme2", tmp_path)
    assert checkup.clips == len(ids)
    texts = {p.clip: p.what for p in checkup.problems if p.what.startswith(("row", "emotion", "has no emo"))}
    assert texts[ids[1]] == "row 3 of CASME2-coding-20190701.xlsx, onset: 'soon' is not a frame number"
    assert "row 4" in texts[ids[2]]
    assert "apex: '12?'" in texts[ids[2]]
    assert "offset: 'True'" in texts[ids[3]]
    assert any("subject: 'nobody' holds no number" in what for what in texts.values())
    assert any("'../../etc' is not the name of a clip" in what for what in texts.values())
    assert texts[ids[6]].startswith("emotion 'hapiness' is none of")
    assert texts[ids[7]] == "has no emotion"
    assert "objective: 'VIII'" in texts[ids[8]]
    assert set(texts) <= {p.clip for p in checkup.problems if p.blocks}
    untouched = set(ids[9:])
    assert not untouched & {p.clip for p in checkup.problems}


def test_a_clip_that_lost_its_class_is_named_though_it_is_not_asked_for(tmp_path: Path) -> None:
    CASME2.fabricate(tmp_path)
    sheet = tmp_path / "CASME2-coding-20190701.xlsx"
    first, second = CASME2.samples(tmp_path)[:2]
    edit(sheet, lambda page: [page.cell(2, 9, "hapiness"), page.cell(3, 10, "VIII")])
    samples = CASME2.samples(tmp_path)
    for label_set in ("casme2-5", "objective"):
        kept = labelled(samples, label_set)[0]
        assert {p.clip for p in CASME2.problems(tmp_path, kept) if p.blocks} == {first.id, second.id}


def test_cells_that_decide_nothing_do_not_block_those_who_do_not_ask(tmp_path: Path) -> None:
    CASME2.fabricate(tmp_path)
    sheet = tmp_path / "CASME2-coding-20190701.xlsx"
    before = CASME2.samples(tmp_path)
    row = 2 + next(number for number, sample in enumerate(before) if sample.label == "others")
    edit(sheet, lambda page: [page.cell(row, column, "unclear") for column in (4, 5, 6)])
    samples = CASME2.samples(tmp_path)
    asked = labelled(samples, "megc3")[0]
    assert [p for p in CASME2.problems(tmp_path, asked) if p.blocks] == []
    blocked = {p.clip for p in CASME2.problems(tmp_path, samples) if p.blocks}
    assert blocked == {before[row - 2].id}


def test_no_apex_is_missed_where_the_sheet_has_none_to_offer(tmp_path: Path) -> None:
    CASME2.fabricate(tmp_path)
    edit(tmp_path / "CASME2-coding-20190701.xlsx", lambda page: page.cell(2, 5, "unclear"))
    first = CASME2.samples(tmp_path)[:1]
    assert [p.clip for p in CASME2.problems(tmp_path, first) if p.blocks] == [first[0].id]


@pytest.mark.parametrize("name", ["n" * 5000, "bell\u0007", "..", "a@b", "soft\u00adhyphen"])
def test_a_name_that_no_folder_can_have_is_one_line(tmp_path: Path, name: str) -> None:
    CASME2.write(tmp_path, [clip("casme2", "casme2/sub01", "EP01", 9, 10, 11)])
    path = tmp_path / "CASME2-coding-20190701.csv"
    path.write_text(f"Subject,Filename,Onset,Apex,Offset,Emotion\n1,{name},9,10,11,fear\n", encoding="utf-8")
    (tmp_path / "CASME2-coding-20190701.xlsx").unlink()
    if "\u0007" in name:
        with pytest.raises(DatasetError, match="is not text"):
            check("casme2", tmp_path)
        return
    problems = [problem for problem in check("casme2", tmp_path).problems if problem.blocks]
    assert "is not the name of a clip" in problems[0].what
    assert all(len(str(problem)) < 400 for problem in problems)


def test_duplicates_are_named(tmp_path: Path) -> None:
    row = clip("casme2", "casme2/sub01", "EP01_01f", 9, 10, 11)
    CASME2.write(tmp_path, [row, row])
    (problem,) = check("casme2", tmp_path).problems
    assert problem == Problem(
        row.sample.id, "stands in the sheet 2 times", "delete the rows that are too many"
    )


def test_a_remark_below_the_table_is_no_clip(tmp_path: Path) -> None:
    CASME2.fabricate(tmp_path)
    edit(tmp_path / "CASME2-coding-20190701.xlsx", lambda page: page.append(["checked by two coders"]))
    checkup = check("casme2", tmp_path)
    assert checkup.clips == 21
    (problem,) = checkup.problems
    assert problem.clip == ""
    assert not problem.blocks


def test_folders_that_are_in_no_row_are_noted(tmp_path: Path) -> None:
    CASME2.fabricate(tmp_path)
    (tmp_path / "CASME2_RAW_selected" / "sub01" / "EP99_01").mkdir()
    (problem,) = check("casme2", tmp_path).problems
    assert "1 folders are in no row of the sheet, sub01/EP99_01" in problem.what
    assert not problem.blocks


def test_nearly_a_release_is_noted(tmp_path: Path) -> None:
    rows = [clip("samm", f"samm/{n:03d}", f"{n:03d}_1_1", 9, 10, 11, label="Other") for n in range(1, 159)]
    SAMM.write(tmp_path, rows)
    (problem,) = check("samm", tmp_path).problems
    assert problem.what == "the sheet has 158 clips, the release has 159"
    assert not problem.blocks


# SAMM and its long videos


@pytest.mark.parametrize(
    ("name", "numbers", "apex", "offset"),
    [
        ("028_4_1", (1071, 1143, 1134), 1105, 1134),
        ("032_3_1", (4896, 1930, 4970), 4945, 4970),
        ("032_3_2", (5126, 5127, 5190), 5130, 5190),
        ("013_1_9", (5700, 5720, 5793), 5720, 5739),
        ("028_4_1", (1071, 1100, 1134), 1100, 1134),
    ],
)
def test_samm_corrections_apply_only_to_the_wrong_value(
    tmp_path: Path, name: str, numbers: tuple[int, int, int], apex: int, offset: int
) -> None:
    SAMM.write(tmp_path, [clip("samm", f"samm/{name[:3]}", name, *numbers, label="Other")])
    (sample,) = SAMM.samples(tmp_path)
    assert (sample.apex, sample.offset) == (apex, offset)
    notes = [problem for problem in SAMM.problems(tmp_path, [sample]) if not problem.blocks]
    assert len(notes) == ((sample.apex, sample.offset) != numbers[1:])


def test_a_wrong_apex_without_a_correction_blocks(tmp_path: Path) -> None:
    SAMM.write(tmp_path, [clip("samm", "samm/006", "006_1_2", 5562, 5500, 5564, label="Anger")])
    (problem,) = check("samm", tmp_path).problems
    assert problem.what == "apex 5500 lies outside its clip, 5562 to 5564"
    assert problem.blocks


def test_samm_without_prose_and_with_renamed_columns(tmp_path: Path) -> None:
    SAMM.fabricate(tmp_path)
    before = SAMM.samples(tmp_path)
    sheet = tmp_path / "SAMM_Micro_FACS_Codes_v2.xlsx"
    edit(sheet, lambda page: page.delete_rows(1, 5))
    edit(sheet, lambda page: [page.cell(1, c, page.cell(1, c).value.replace(" ", "")) for c in range(1, 13)])
    sheet.rename(tmp_path / "SAMM_20181215_Micro_FACS_Codes_v2.xlsx")
    assert SAMM.samples(tmp_path) == before


def test_samm_unpadded_frame_names(tmp_path: Path) -> None:
    SAMM.fabricate(tmp_path)
    for path in tmp_path.rglob("*.jpg"):
        path.rename(path.with_name(f"{path.stem[:3]}_{int(path.stem[4:])}.jpg"))
    assert check("samm", tmp_path).problems == ()


def test_long_videos_round_noise_and_know_the_missing_apex(tmp_path: Path) -> None:
    SAMM_LV.fabricate(tmp_path)
    before = SAMM_LV.samples(tmp_path)

    def noise(page: openpyxl.worksheet.worksheet.Worksheet) -> None:
        for row in page.iter_rows(min_row=6):
            row[3].value, row[5].value = row[3].value + 0.4000000000001, row[5].value - 0.3
        page["E6"] = -1

    edit(tmp_path / "SAMM_LongVideos_V3_Release.xlsx", noise)
    assert SAMM_LV.samples(tmp_path) == [replace(before[0], apex=None), *before[1:]]
    (problem,) = check("samm-lv", tmp_path).problems
    assert (problem.clip, problem.blocks) == (before[0].id, False)


def test_long_videos_join_their_emotion_from_the_micro_sheet(tmp_path: Path) -> None:
    SAMM_LV.fabricate(tmp_path)
    samples = SAMM_LV.samples(tmp_path)
    assert {s.kind for s in samples} == {"micro", "macro"}
    assert all(bool(s.label) == (s.kind == "micro") for s in samples)
    (tmp_path / "SAMM_Micro_FACS_Codes_v2.xlsx").unlink()
    assert {s.label for s in SAMM_LV.samples(tmp_path)} == {""}
    (problem,) = check("samm-lv", tmp_path).problems
    assert problem.what == (
        "no clip has an emotion, because the sheet with the emotions, SAMM_Micro_FACS_Codes_v2, is missing"
    )
    assert problem.do == "put SAMM_Micro_FACS_Codes_v2 into the folder of the other sheet"
    assert not problem.blocks
    assert samples[0].subject.startswith("samm/")


# CAS(ME)^3


def test_casme3_cells_are_text_and_folders_spell_the_subject_otherwise(tmp_path: Path) -> None:
    CASME3.fabricate(tmp_path)
    page = openpyxl.load_workbook(tmp_path / "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx")["label"]
    assert {type(cell.value) for row in page.iter_rows() for cell in row} == {str}
    for path in (tmp_path / "Part_A_ME_clip" / "frame").iterdir():
        path.rename(path.with_name(path.name.replace("spNO", "spNo").replace("_J_", "_j_")))
    assert CASME3.samples(tmp_path)[0].id == "casme3/spNO.1/a_355"
    assert check("casme3", tmp_path).problems == ()


@pytest.mark.parametrize(
    ("subject", "name", "numbers", "right"),
    [
        ("spNO.149", "d_112", (112, 83, 170), (112, 160, 170)),
        ("spNO.216", "d_3647", (3647, 2668, 2694), (2647, 2668, 2694)),
        ("spNO.216", "e_0", (0, None, 9), (1, None, 9)),
        ("spNO.40", "e_1812", (1812, 1830, None), (1812, 1830, 1845)),
        ("spNO.40", "e_2327", (2327, 2350, None), (2327, 2350, 2403)),
        ("spNO.214", "c_5", (5, 20, 3460), (5, 20, 34)),
    ],
)
def test_casme3_broken_rows_of_the_second_release(
    tmp_path: Path, subject: str, name: str, numbers: tuple[int | None, ...], right: tuple[int | None, ...]
) -> None:
    CASME3.write(tmp_path, [clip("casme3", f"casme3/{subject}", name, *numbers)])
    page = tmp_path / "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx"
    edit(page, lambda sheet: [sheet.cell(2, c, "0") for c in (3, 4, 5) if sheet.cell(2, c).value == "None"])
    (sample,) = CASME3.samples(tmp_path)
    assert sample.id == f"casme3/{subject}/{name}"
    assert (sample.onset, sample.apex, sample.offset) == right


def test_casme3_full_videos_serve_where_the_clips_are_not_cut(tmp_path: Path) -> None:
    CASME3.fabricate(tmp_path)
    for sample in CASME3.samples(tmp_path):
        video = tmp_path / sample.subject.partition("/")[2] / sample.id.rpartition("/")[2][0] / "color"
        video.mkdir(parents=True, exist_ok=True)
        for path in CASME3.frames(tmp_path, sample):
            shutil.copy(path, video)
    shutil.rmtree(tmp_path / "Part_A_ME_clip")
    assert [p for p in check("casme3", tmp_path).problems if p.blocks] == []


def test_casme3_a_subject_that_is_none_is_named(tmp_path: Path) -> None:
    CASME3.fabricate(tmp_path)
    edit(tmp_path / "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx", lambda page: page.cell(2, 1, "somebody"))
    problems = " ".join(problem.what for problem in check("casme3", tmp_path).problems)
    assert "row 2 of cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx, subject: 'somebody'" in problems


# CAS(ME)^2


def test_casme_sq_has_no_header_and_three_pages(tmp_path: Path) -> None:
    CASME_SQ.fabricate(tmp_path)
    book = openpyxl.load_workbook(tmp_path / "CAS(ME)^2code_final.xlsx")
    assert book.sheetnames == ["CASFEcode_final", "naming rule1", "naming rule2"]
    assert [cell.value for cell in book.worksheets[0][1]][:3] == [1, "anger1_1", 21]
    assert book.worksheets[2]["A1"].value == "0101"
    samples = CASME_SQ.samples(tmp_path)
    assert samples[0].id == "casme-sq/s15/anger1_1"
    assert {sample.kind for sample in samples} == {"micro", "macro"}


def test_casme_sq_zero_offsets_end_at_the_apex(tmp_path: Path) -> None:
    CASME_SQ.fabricate(tmp_path)
    edit(tmp_path / "CAS(ME)^2code_final.xlsx", lambda page: [page.cell(row, 5, 0) for row in (1, 2)])
    first, second = CASME_SQ.samples(tmp_path)[:2]
    assert (first.offset, second.offset) == (first.apex, second.apex)
    (problem,) = check("casme-sq", tmp_path).problems
    assert problem.what == "2 clips have no offset; their apex ends them"
    assert not problem.blocks


def test_casme_sq_repeated_names_get_their_onset(tmp_path: Path) -> None:
    CASME_SQ.fabricate(tmp_path)
    edit(tmp_path / "CAS(ME)^2code_final.xlsx", lambda page: page.cell(3, 2, "anger1_1"))
    ids = [sample.id for sample in CASME_SQ.samples(tmp_path)]
    assert ids[:3] == ["casme-sq/s15/anger1_1@21", "casme-sq/s15/anger1_2", "casme-sq/s15/anger1_1@101"]
    assert check("casme-sq", tmp_path).problems == ()


def test_casme_sq_damage_is_named_at_the_right_one_of_two(tmp_path: Path) -> None:
    CASME_SQ.fabricate(tmp_path)
    edit(
        tmp_path / "CAS(ME)^2code_final.xlsx",
        lambda page: [page.cell(3, 2, "anger1_1"), page.cell(1, 4, "soon")],
    )
    blocking = {p.clip for p in check("casme-sq", tmp_path).problems if p.blocks}
    assert blocking == {"casme-sq/s15/anger1_1@21"}


def test_casme_sq_subjects_follow_the_naming_rule_of_the_workbook(tmp_path: Path) -> None:
    CASME_SQ.fabricate(tmp_path)
    book = openpyxl.load_workbook(tmp_path / "CAS(ME)^2code_final.xlsx")
    book["naming rule2"]["A1"] = 101  # the leading zero is gone
    book.save(tmp_path / "CAS(ME)^2code_final.xlsx")
    assert check("casme-sq", tmp_path).problems == ()
    for row in book["naming rule1"].iter_rows():
        row[1].value = {"s15": "s40"}.get(row[1].value, row[1].value)
    book["naming rule2"]["A1"] = "0999"
    book.save(tmp_path / "CAS(ME)^2code_final.xlsx")
    assert CASME_SQ.samples(tmp_path)[0].subject == "casme-sq/s40"
    assert (
        said("casme-sq", tmp_path)[""]
        == "CAS(ME)^2code_final.xlsx calls the film disgust1 0999, expected 0101"
    )


def test_casme_sq_as_csv_without_naming_rules(tmp_path: Path) -> None:
    CASME_SQ.fabricate(tmp_path)
    before = CASME_SQ.samples(tmp_path)
    book = openpyxl.load_workbook(tmp_path / "CAS(ME)^2code_final.xlsx")
    with (tmp_path / "CAS(ME)^2code_final(Updated).csv").open("w", newline="") as file:
        csv.writer(file).writerows(book.worksheets[0].iter_rows(values_only=True))
    (tmp_path / "CAS(ME)^2code_final.xlsx").unlink()
    assert CASME_SQ.samples(tmp_path) == before


def test_casme_sq_cropped_long_videos(tmp_path: Path) -> None:
    CASME_SQ.fabricate(tmp_path)
    (tmp_path / "longVideoFaceCropped").mkdir()
    (tmp_path / "rawpic").rename(tmp_path / "longVideoFaceCropped" / "longVideoFaceCropped")
    for path in tmp_path.rglob("img*.jpg"):
        path.rename(path.with_name(f"img_{int(path.stem[3:])}.jpg"))
    assert check("casme-sq", tmp_path).problems == ()


# MMEW and SMIC


def test_mmew_clips_lie_below_their_emotion(tmp_path: Path) -> None:
    MMEW.fabricate(tmp_path)
    assert (tmp_path / "Micro_Expression" / "surprise" / "S01-01-001" / "1.jpg").is_file()
    (tmp_path / "Micro_Expression" / "surprise").rename(tmp_path / "Micro_Expression" / "Surprise")
    assert {sample.onset for sample in MMEW.samples(tmp_path)} == {1}
    assert check("mmew", tmp_path).problems == ()


def test_mmew_as_csv(tmp_path: Path) -> None:
    MMEW.fabricate(tmp_path)
    before = MMEW.samples(tmp_path)
    page = openpyxl.load_workbook(tmp_path / "MMEW_Micro_Exp.xlsx").worksheets[0]
    with (tmp_path / "MMEW_Micro_Exp.csv").open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows(page.iter_rows(values_only=True))
    (tmp_path / "MMEW_Micro_Exp.xlsx").unlink()
    assert MMEW.samples(tmp_path) == before


def test_smic_ids_are_padded_though_the_disk_is_not(tmp_path: Path) -> None:
    SMIC.fabricate(tmp_path)
    assert (tmp_path / "SMIC_all_cropped" / "HS" / "s1" / "micro" / "negative" / "s1_ne_01").is_dir()
    assert SMIC.samples(tmp_path)[0].id == "smic/s01/s01_ne_01"
    assert [s.subject for s in SMIC.samples(tmp_path)][::6] == ["smic/s01", "smic/s02", "smic/s11"]
    assert datasets["smic-vis"].has_frames


@pytest.mark.parametrize("place", ["SMIC_all_raw/HS", "HS", "SMIC/HS", "."])
def test_smic_lies_on_disks_in_several_ways(tmp_path: Path, place: str) -> None:
    SMIC.fabricate(tmp_path / "written")
    root = tmp_path / "root"
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(tmp_path / "written" / "SMIC_all_cropped" / "HS", root / place, dirs_exist_ok=True)
    (root / place / "s1" / "non_micro" / "s1_non_01").mkdir(parents=True)
    assert SMIC.samples(root) == SMIC.samples(tmp_path / "written")
    assert check("smic", root).problems == ()


def test_smic_folders_may_be_padded_as_in_the_lists(tmp_path: Path) -> None:
    SMIC.fabricate(tmp_path)
    before = SMIC.samples(tmp_path)
    person = tmp_path / "SMIC_all_cropped" / "HS" / "s1"
    for path in sorted(person.glob("micro/*/*")):
        path.rename(path.with_name(path.name.replace("s1_", "s01_")))
    person.rename(person.with_name("s01"))
    assert SMIC.samples(tmp_path) == before
    assert check("smic", tmp_path).problems == ()


def test_smic_clip_in_the_wrong_folder_and_empty_clip(tmp_path: Path) -> None:
    SMIC.fabricate(tmp_path)
    micro = tmp_path / "SMIC_all_cropped" / "HS" / "s1" / "micro"
    (micro / "negative" / "s1_ne_01").rename(micro / "positive" / "s1_ne_01")
    (micro / "negative" / "s1_ne_03").mkdir()
    found = {p.clip: p.what for p in check("smic", tmp_path).problems}
    assert set(found) == {"smic/s01/s01_ne_01", "smic/s01/s01_ne_03"}
    assert found["smic/s01/s01_ne_01"] == "the folder says positive, its name s1_ne_01 says negative"


@pytest.mark.parametrize("composite", [False, True])
def test_smic_a_label_that_is_none_is_named_with_what_is_lost(tmp_path: Path, composite: bool) -> None:
    dataset = datasets["megc2019"] if composite else SMIC
    dataset.fabricate(tmp_path)
    home = tmp_path / "smic" if composite else tmp_path
    micro = home / "SMIC_all_cropped" / "HS" / "s1" / "micro"
    count = len(dataset.samples(tmp_path))
    (micro / "negative").rename(micro / "Negativ")
    (micro / "notes").mkdir()
    shutil.copytree(micro / "positive" / "s1_po_01", micro / "s1_po_07")
    checkup = check(dataset.name, tmp_path)
    assert checkup.clips == count - 2
    first, second = checkup.problems
    assert (first.clip, second.clip, first.blocks, second.blocks) == ("", "", True, True)
    place = "SMIC_all_cropped/HS/s1/micro"
    end = "is none of negative, positive, surprise: {} in it are not read"
    assert first.what == f"{place}/Negativ {end.format('2 clips')}"
    assert second.what == f"{place}/s1_po_07 {end.format('13 pictures')}"


def test_smic_a_clip_under_two_spellings_is_named_with_both(tmp_path: Path) -> None:
    SMIC.fabricate(tmp_path)
    place = tmp_path / "SMIC_all_cropped" / "HS" / "s1" / "micro" / "negative"
    shutil.copytree(place / "s1_ne_01", place / "s01_ne_01")
    (problem,) = check("smic", tmp_path).problems
    assert (problem.clip, problem.blocks) == ("smic/s01/s01_ne_01", True)
    shown = place.relative_to(tmp_path)
    assert problem.what == f"lies on the disk 2 times, {shown}/s01_ne_01 and {shown}/s1_ne_01"
    others = [sample for sample in SMIC.samples(tmp_path) if sample.id != problem.clip]
    assert [p for p in SMIC.problems(tmp_path, others) if p.blocks] == []


def test_the_three_cameras_are_three_datasets_of_the_same_people(tmp_path: Path) -> None:
    names = ("smic", "smic-vis", "smic-nir")
    for name in names:
        datasets[name].fabricate(tmp_path)
    samples = [sample for name in names for sample in datasets[name].samples(tmp_path)]
    assert len({sample.id for sample in samples}) == len(samples) == 54
    assert {sample.subject for sample in samples} == {"smic/s01", "smic/s02", "smic/s11"}
    assert all(check(name, tmp_path).problems == () for name in names)
