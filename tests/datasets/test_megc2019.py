"""The composite of three datasets by rule, and its ready-made motion maps in the public layout."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fleeting.benchmark.check import check
from fleeting.datasets import Drawing, datasets, labelled
from fleeting.datasets.casme2 import CASME2
from fleeting.datasets.megc2019_flow import LISTS
from fleeting.datasets.samm import SAMM
from fleeting.datasets.smic import SMIC
from fleeting.errors import DatasetError
from fleeting.types import Sample

COMPOSITE, FLOW = datasets["megc2019"], datasets["megc2019-flow"]
GT, HTNET = LISTS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    FLOW.fabricate(tmp_path)
    return tmp_path


def lines(path: Path) -> list[str]:
    return path.read_bytes().decode().splitlines()


# the composite


def test_parts_keep_their_names_and_words(tmp_path: Path) -> None:
    COMPOSITE.fabricate(tmp_path)
    samples = COMPOSITE.samples(tmp_path)
    assert {sample.dataset for sample in samples} == {"casme2", "samm", "smic"}
    words = {s.label for s in labelled(samples, "raw")[0] if s.dataset == "casme2"}
    assert words == {"disgust", "repression", "happiness", "surprise", "sadness", "fear"}
    assert "Other" not in {sample.label for sample in samples}
    listed, broad = (labelled(samples, name)[0] for name in ("megc3", "megc3-broad"))
    assert {s.id for s in samples} == {s.id for s in broad}
    more = {s.id for s in broad} - {s.id for s in listed}
    assert {s.label for s in samples if s.id in more} == {"sadness", "fear"}
    assert {s.label for s in broad if s.id in more} == {"negative"}


@pytest.mark.slow
@pytest.mark.parametrize("folders", [(".", ".", "."), ("CASME II", "SAMM_data", "SMIC"), ("a", "b", "c")])
def test_members_are_found_wherever_they_lie(tmp_path: Path, folders: tuple[str, str, str]) -> None:
    COMPOSITE.fabricate(tmp_path / "written")
    root = tmp_path / "root"
    for member, folder in zip(("casme2", "samm", "smic"), folders, strict=True):
        shutil.copytree(tmp_path / "written" / member, root / folder, dirs_exist_ok=True)
    assert COMPOSITE.samples(root) == COMPOSITE.samples(tmp_path / "written")
    assert check("megc2019", root).problems == ()


def test_a_missing_member_is_named(tmp_path: Path) -> None:
    COMPOSITE.fabricate(tmp_path)
    shutil.rmtree(tmp_path / "smic")
    with pytest.raises(DatasetError, match="does not hold smic"):
        COMPOSITE.samples(tmp_path)


def test_the_labels_of_2014_and_the_two_clips_left_out(tmp_path: Path) -> None:
    COMPOSITE.fabricate(tmp_path)
    frame = np.zeros((4, 4), np.uint8)
    facts = {
        "casme2/sub24/EP07_01": "surprise",
        "casme2/sub24/EP07_02": "surprise",
        "casme2/sub04/EP12_01f": "disgust",
        "casme2/sub05/EP09_05f": "disgust",
    }
    rows = [
        Drawing(Sample(name, "casme2", name.rpartition("/")[0], label, 9, 10, 11), [frame] * 3)
        for name, label in facts.items()
    ]
    shutil.rmtree(tmp_path / "casme2")
    CASME2.write(tmp_path / "casme2", rows)
    listed, broad = (labelled(COMPOSITE.samples(tmp_path), name)[0] for name in ("megc3", "megc3-broad"))
    assert [s.id for s in listed if s.dataset == "casme2"] == ["casme2/sub24/EP07_02"]
    assert [s.id for s in broad if s.dataset == "casme2"] == ["casme2/sub24/EP07_01", "casme2/sub24/EP07_02"]
    assert len(CASME2.samples(tmp_path / "casme2")) == 4
    (note,) = (p for p in check("megc2019", tmp_path).problems if "frames" not in p.what)
    assert (note.clip, note.blocks) == ("casme2/sub24/EP07_01", False)
    assert "the sheet says surprise for the label; sadness is used" in note.what


def test_the_sheet_of_2014_is_preferred(tmp_path: Path) -> None:
    COMPOSITE.fabricate(tmp_path)
    folder = tmp_path / "casme2"
    assert (folder / "CASME2-coding-20140508.xlsx").is_file()
    (folder / "CASME2-coding-20190701.xlsx").write_bytes(b"broken")
    assert check("megc2019", tmp_path).problems == ()
    with pytest.raises(DatasetError, match="20190701"):
        CASME2.samples(folder)


def test_damage_of_a_member_is_named(tmp_path: Path) -> None:
    COMPOSITE.fabricate(tmp_path)
    chosen = {}
    for sample in COMPOSITE.samples(tmp_path):
        chosen.setdefault(sample.dataset, sample)
    for sample in chosen.values():
        COMPOSITE.frames(tmp_path, sample)[3].unlink()
    problems = check("megc2019", tmp_path).problems
    assert [problem.clip for problem in problems] == [sample.id for sample in chosen.values()]
    (tmp_path / "samm" / "SAMM_Micro_FACS_Codes_v2.xlsx").write_bytes(b"PK cut")
    with pytest.raises(DatasetError, match=r"SAMM_Micro_FACS_Codes_v2\.xlsx is not a whole Excel workbook"):
        check("megc2019", tmp_path)


def test_a_composite_with_casme3_holds_the_clips_of_both(tmp_path: Path) -> None:
    both = datasets["megc2019-casme3"]
    both.fabricate(tmp_path)
    found = both.samples(tmp_path)
    alone = datasets["casme3"].samples(tmp_path / "casme3")
    assert [s for s in found if s.dataset != "casme3"] == COMPOSITE.samples(tmp_path)
    assert [s for s in found if s.dataset == "casme3"] == [s for s in alone if s.label not in ("others",)]
    assert check("megc2019-casme3", tmp_path).problems == ()


def test_members_are_the_datasets_of_that_name() -> None:
    assert datasets["samm"] == SAMM
    assert datasets["smic"] == SMIC
    stranger = Sample("mmew/S01/x", "mmew", "mmew/S01", "fear")
    with pytest.raises(DatasetError, match="expected casme2, samm, smic"):
        COMPOSITE.frames(Path(), stranger)


# the maps


def test_either_list_alone_suffices(root: Path) -> None:
    both = FLOW.samples(root)
    assert lines(root / GT)[18].startswith("samm,6,006_")
    for absent, present in ((GT, HTNET), (HTNET, GT)):
        shutil.move(root / absent, root / "away")
        assert FLOW.samples(root) == both
        assert check("megc2019-flow", root).problems == ()
        shutil.move(root / "away", root / absent)
        assert (root / present).is_file()


def test_ids_are_those_of_the_datasets(root: Path) -> None:
    samples = {sample.dataset: sample for sample in reversed(FLOW.samples(root))}
    assert samples["casme2"].id == "casme2/sub06/EP01_06f"
    assert (samples["samm"].subject, samples["samm"].id) == ("samm/006", "samm/006/006_1_1")
    assert samples["smic"].id == "smic/s06/s06_ne_01"


def test_maps_are_u_v_strain_in_rgb_order(root: Path) -> None:
    pixels = np.arange(28 * 28 * 3, dtype=np.uint32).reshape(28, 28, 3).astype(np.uint8)
    sample = FLOW.samples(root)[0]
    Image.fromarray(pixels).save(root / "maps" / "sub06_EP01_06f .png")
    array = FLOW.ready_array(root, sample, "flow-map")
    assert (array.shape, array.dtype) == ((3, 28, 28), np.float32)
    np.testing.assert_array_equal(array[1], pixels[:, :, 1])
    with pytest.raises(DatasetError, match=r"casme2/sub06/EP01_06f: strain is not ready-made; use flow-map"):
        FLOW.ready_array(root, sample, "strain")


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name.replace(" .png", ".png"),
        lambda name: name.replace("006_006", "6_006").replace("s06_s06", "s6_s6"),
        lambda name: name.replace(" .png", " .PNG"),
    ],
)
def test_maps_are_found_however_they_are_spelled(root: Path, rename: object) -> None:
    before = [FLOW.ready_array(root, sample, "flow-map") for sample in FLOW.samples(root)]
    for path in sorted((root / "maps").iterdir()):
        path.rename(path.with_name(rename(path.name)))
    assert check("megc2019-flow", root).problems == ()
    after = [FLOW.ready_array(root, sample, "flow-map") for sample in FLOW.samples(root)]
    np.testing.assert_array_equal(before, after)


def test_maps_may_lie_in_the_root_itself(root: Path) -> None:
    for path in sorted((root / "maps").iterdir()):
        path.rename(root / path.name)
    (root / "maps").rmdir()
    assert check("megc2019-flow", root).problems == ()


def test_blank_lines_and_disk_spelling_in_the_lists(root: Path) -> None:
    before = FLOW.samples(root)
    text = (root / GT).read_text().replace("s06_", "s6_").replace("sub06,", "sub06 ,")
    (root / GT).write_text(",,,\n" + text.replace("\n", "\n,,,\n"))
    assert FLOW.samples(root) == before


def test_rows_that_cannot_be_read_are_named(root: Path) -> None:
    (root / HTNET).unlink()
    samples = FLOW.samples(root)
    rows = lines(root / GT)
    rows[0] = rows[0][:-1] + "7"
    rows[1] = "casme2,sub06,,1"
    rows[2] = "casme9,sub06,EP,1"
    (root / GT).write_text("\n".join(rows) + f"\n{rows[5]}\n")
    problems = check("megc2019-flow", root).problems
    assert [p.clip for p in problems if p.blocks] == ["", "", samples[0].id, samples[5].id]
    assert "row 1 of combined_3class_gt.csv: label '7' is none of 0, 1, 2" in {p.what for p in problems}
    assert "2 maps are in no list" in " ".join(p.what for p in problems if not p.blocks)


@pytest.mark.parametrize("damaged", ['"EP01_06f', 'EP01_06f"x"', '"EP01_06f"x', '"EP\\n"'])
def test_a_stray_quotation_mark_swallows_nothing(root: Path, damaged: str) -> None:
    rows = lines(root / GT)
    rows[2] = rows[2].replace("EP03_06f", damaged.replace("\\n", "\n"))
    (root / GT).write_text("\n".join(rows))
    if damaged == 'EP01_06f"x"':  # within a cell it is a letter like any other
        assert [s.id for s in FLOW.samples(root)][2] == 'casme2/sub06/EP01_06f"x"'
        return
    with pytest.raises(DatasetError, match=rf"{GT}, line 3, is no row".replace(".", r"\.")) as refused:
        check("megc2019-flow", root)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("person", "clip"),
    [("sub06", "n" * 5000), ("6" * 5000, "EP"), ("6" * 300, "EP"), ("sub06", ".."), ("sub06", "a/b")],
)
def test_names_that_no_map_can_have_are_one_line(root: Path, person: str, clip: str) -> None:
    count = len(FLOW.samples(root))
    with (root / GT).open("a") as file:
        file.write(f"casme2,{person},{clip},1\n")
    checkup = check("megc2019-flow", root)
    assert checkup.clips == count
    (problem,) = checkup.problems
    assert f"row {count + 1} of {GT}: 'casme2,{person[:5]}" in problem.what
    assert len(str(problem)) < 300


def test_smic_clips_without_their_person_are_kept_apart(root: Path) -> None:
    (root / HTNET).unlink()
    (root / GT).write_text("smic,s6,one,0\nsmic,s6,two,0\n")
    assert [sample.id for sample in FLOW.samples(root)] == ["smic/s06/s06_one", "smic/s06/s06_two"]


def test_lists_that_differ_are_named_by_clip(root: Path) -> None:
    samples = FLOW.samples(root)
    rows = lines(root / HTNET)
    rows[1] = rows[1].replace(",0,", ",2,")
    (root / HTNET).write_text("\n".join([*rows[:3], *rows[4:], "smic,s99,s99_ne_01,0,,,"]))
    problems = {p.clip: p.what for p in check("megc2019-flow", root).problems}
    assert problems[samples[0].id] == f"{GT} says negative, {HTNET} surprise"
    assert problems[samples[2].id] == f"{GT} says surprise, {HTNET} nothing"
    assert problems[""].startswith(f"{HTNET} has 1 clips more")


@pytest.mark.parametrize("encoding", ["utf-32", "cp500"])
def test_a_list_in_another_encoding_is_refused(root: Path, encoding: str) -> None:
    for name in LISTS:
        (root / name).write_bytes((root / name).read_text().encode(encoding))
    with pytest.raises(DatasetError) as refused:
        check("megc2019-flow", root)
    assert GT in str(refused.value)
    assert "UTF-8" in str(refused.value)


def test_a_list_that_is_read_in_another_encoding_is_noted(root: Path) -> None:
    (root / GT).write_bytes((root / GT).read_bytes() + ",,,,é\n".encode("latin-1"))
    (problem,) = check("megc2019-flow", root).problems
    assert "was read as" in problem.what
    assert not problem.blocks


@pytest.mark.parametrize("damage", [b"", b"\n\n", b"nothing,of\nthe,kind\n", b"PK\x03\x04"])
def test_a_broken_list_is_one_line(root: Path, damage: bytes) -> None:
    (root / GT).write_bytes(damage)
    with pytest.raises(DatasetError, match=GT.replace(".", r"\.")) as refused:
        FLOW.samples(root)
    assert "\n" not in str(refused.value)
