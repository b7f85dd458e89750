"""Lists of training and test clips in the forms that people write them: who stands on both sides."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

import fleeting
from fleeting.benchmark.clip_paths import Place, person_of, place_of
from fleeting.benchmark.leaks import sides
from fleeting.errors import FleetingError, LogError, OptionError
from tests.fixtures.command import typed
from tests.fixtures.fuzzing import examples, fingerprint


@pytest.mark.parametrize(
    ("path", "database", "person", "clip"),
    [
        ("sub05/EP02_01f/img46.jpg", "casme2", "5", "ep02_01f"),
        ("/data/CASME II/Cropped/sub01/EP02_01f/reg_img46.jpg", "casme2", "1", "ep02_01f"),
        ("sub05_EP02_01f.avi", "casme2", "5", "ep02_01f"),
        ("SAMM/006/006_1_2/006_05562.jpg", "samm", "6", "006_1_2"),
        ("SAMM_longvideos/006_1/006_1_0001.jpg", "samm", "6", "006_1"),
        ("HS/s1/micro/negative/s1_ne_01/image559740.bmp", "smic", "1", "s1_ne_01"),
        ("original/micro/s1/06-1/image559758.bmp", "smic", "1", "06-1"),
        ("spNO.1/a/color/355.jpg", "casme3", "1", "a"),
        ("Part_A_ME_clip/frame/spNo.1_a_355/355.jpg", "casme3", "1", "spno.1_a_355"),
        ("C:\\data\\spNO.12\\d", "casme3", "12", "d"),
        ("Micro_Expression/anger/S01-07-001/1.jpg", "mmew", "1", "s01-07-001"),
        ("rawpic/s15/15_0101disgustingteeth/img001.jpg", "casme-sq", "15", "15_0101disgustingteeth"),
        ("apex/006/006_1_2.jpg", "samm", "6", "006_1_2"),
        ("data/fold_3/train/sub07/EP01_01", "casme2", "7", "ep01_01"),
        ("participant 12/video.mp4", "", "12", "video"),
        ("fold_3/happy/12.jpg", "", "", "happy"),
    ],
)
def test_person_and_clip_of_a_path(path, database, person, clip):
    assert place_of(path) == Place(database, person, clip)


@pytest.mark.parametrize("spelt", ["5", "05", "005", "sub05", "s5", "S05", "Subject 5", "spNO.5", "P-05"])
def test_one_person_in_any_spelling(spelt):
    assert person_of(spelt) == "5"


def lists(folder, train, test, ending="txt"):
    paths = [folder / f"{side}.{ending}" for side in ("train", "test")]
    for path, lines in zip(paths, (train, test), strict=True):
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return paths


def test_lines_of_paths_with_labels_and_numbers_of_frames(tmp_path):
    train = ["/data/CAS (ME)3/spNO.1_a_355 27 0", "/data/CAS (ME)3/spNO.2_b_10 12 3"]
    test = ["/data/CAS (ME)3/spNO.1_c_90 30 2", "/data/CAS (ME)3/spNO.9_b_10 8 1"]
    found = fleeting.leaks(*lists(tmp_path, train, test))
    (pair,) = found.pairs
    assert found.found
    assert pair.people == ("casme3/spNO.1",)
    assert (pair.clips, pair.share) == ((), 0.5)
    assert "CAS(ME)^3" in found.person


def test_people_of_equal_numbers_in_two_databases_are_two(tmp_path):
    assert not fleeting.leaks(*lists(tmp_path, ["sub05/EP02_01f 0"], ["s5/s5_ne_01 0", "005_1_2 1"])).found


def test_columns_in_their_many_spellings(tmp_path):
    train = ["Participant;Filename;Emotion", "01;EP02_01f;happy", "02;EP03_02;other"]
    test = ["Participant;Filename;Emotion", "1;EP02_01f;happy"]
    found = fleeting.leaks(*lists(tmp_path, train, test, "csv"))
    assert found.pairs[0].people == ("casme2/sub01",)
    assert len(found.pairs[0].clips) == 1
    assert found.person == "the column Participant"
    assert found.clip == "the column Filename"


def test_a_clip_is_one_clip_in_two_spellings_and_its_frames_count_once(tmp_path):
    train = [f"HS/s1/micro/negative/s1_ne_01/image{i}.bmp" for i in range(9)]
    found = fleeting.leaks(*lists(tmp_path, train, ["smic/s01/s01_ne_01 0", "smic/s20/s20_po_02 1"]))
    (pair,) = found.pairs
    assert (pair.train_clips, pair.test_clips, pair.share) == (1, 2, 0.5)
    assert len(pair.clips) == 1
    assert any("counted once" in remark for remark in found.remarks)


def test_megcs_list_without_a_header_and_an_excel_sheet(tmp_path):
    (train := tmp_path / "train.csv").write_text("casme2,sub05,EP02_01f,0\nsamm,6,006_1_2,1\n")
    book = Workbook()
    for row in (["legend"], ["Subject", "Filename", "Estimated Emotion"], ["006", "006_1_3", "Anger"]):
        book.active.append(row)
    book.save(test := tmp_path / "test.xlsx")
    (pair,) = fleeting.leaks(train, test).pairs
    assert pair.people == ("samm/006",)
    assert pair.clips == ()


def test_a_subject_column_without_a_database_joins_by_number_and_says_so(tmp_path):
    (train := tmp_path / "train.csv").write_text("subject,label\n5,0\n")
    (test := tmp_path / "test.txt").write_text("sub05/EP02_01f 0\n")
    found = fleeting.leaks(train, test)
    assert found.found
    assert any("equal numbers are taken as one" in remark for remark in found.remarks)
    assert any("only people are compared" in remark for remark in found.remarks)


def test_a_column_that_contradicts_the_path_counts_and_is_remarked(tmp_path):
    train, test = ["subject,path", "2,sub05/EP01_01"], ["subject,path", "5,sub05/EP02_01"]
    found = fleeting.leaks(*lists(tmp_path, train, test, "csv"))
    assert not found.found
    assert any("names another person" in remark for remark in found.remarks)


def test_onsets_tell_movements_of_one_film_apart(tmp_path):
    head = "Subject,Filename,Onset"
    found = fleeting.leaks(*lists(tmp_path, [head, "spNO.1,a,10"], [head, "spNO.1,a,90"], "csv"))
    assert found.pairs[0].people == ("casme3/spNO.1",) or found.pairs[0].people == ("1",)
    assert found.pairs[0].clips == ()


def test_folders_of_folds(tmp_path):
    for fold in (1, 2, 10):
        (folder := tmp_path / "folds" / f"fold{fold}").mkdir(parents=True)
        (folder / "train.csv").write_text("sub01/EP01_01 0\nsub02/EP01_01 1\n")
        (folder / "test.csv").write_text(f"sub0{fold}/EP01_02 0\n" if fold < 10 else "sub09/EP01_02 0\n")
    found = fleeting.leaks(tmp_path / "folds")
    assert [pair.share for pair in found.pairs] == [1, 1, 0]
    assert any("3 pairs: 0.0% to 100.0%" in line for line in sides(found))
    sides_ = tmp_path / "train", tmp_path / "test"
    for side in sides_:
        side.mkdir()
        (side / f"{side.name}_0.txt").write_text("sub01/EP01_01 0\n")
    assert len(fleeting.leaks(*sides_).pairs[0].clips) == 1


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("train.json", "{}", "expected a table"),
        ("train.txt", "happy/12.jpg 0\n", "a path in which the person stands"),
        ("train.csv", "file,label\n12.jpg,0\n", "add a column subject"),
        ("train.csv", "subject,label\n", "has no rows below it"),
        ("train.csv", "subject,file\n,a/b\n", "a person in the column subject"),
        ("train.txt", "", "holds nothing"),
    ],
)
def test_what_says_nobody_is_refused_in_a_sentence(tmp_path, name, text, hint):
    (train := tmp_path / name).write_text(text)
    (test := tmp_path / "test.txt").write_text("sub05/EP02_01f 0\n")
    with pytest.raises((LogError, FleetingError), match=hint):
        fleeting.leaks(train, test)


def test_lists_come_in_pairs(tmp_path):
    for given_ in ((), ("a.txt",), ("a.txt", "b.txt", "c.txt"), (tmp_path,)):
        with pytest.raises(OptionError):
            fleeting.leaks(*given_)


def test_the_command_says_what_it_understood_and_ends_with_0_1_or_2(capsys, tmp_path):
    paths = lists(tmp_path, ["sub05/EP02_01f 0"], ["sub05/EP02_01f 0"])
    status, out, _ = typed(capsys, "leaks", *paths)
    assert status == 1
    assert "person: read from the path, as in CASME II" in out
    assert "casme2/sub05" in out
    status, out, _ = typed(capsys, "leaks", *paths, "--json")
    assert (status, json.loads(out)["pairs"][0]["share"]) == (1, 1)
    status, out, _ = typed(capsys, "leaks", *lists(tmp_path, ["sub05/EP02_01f"], ["sub06/EP02_01f"]))
    assert (status, "nobody and nothing" in out) == (0, True)
    status, out, err = typed(capsys, "leaks", tmp_path / "train.txt", tmp_path / "none.txt")
    assert (status, out, err.count("\n")) == (2, "", 1)


WORDS = st.sampled_from(
    ["sub05", "EP02_01f", "spNO.1", "006_1_2", "s1", "/", "\\", " ", ",", "\t", "subject", "file"]
)
LISTS = st.lists(st.lists(WORDS | st.text(max_size=3), max_size=6).map("".join), max_size=5).map("\n".join)


@examples(60)
@given(train=LISTS, test=LISTS, ending=st.sampled_from(["csv", "txt"]))
def test_any_two_lists_are_compared_or_refused(tmp_path_factory, train, test, ending):
    folder = tmp_path_factory.mktemp("lists")
    paths = [folder / f"{side}.{ending}" for side in ("train", "test")]
    for path, text in zip(paths, (train, test), strict=True):
        path.write_bytes(text.encode("utf-8", "replace"))
    before = fingerprint(folder)
    refused = ""
    try:
        found = fleeting.leaks(*paths)
    except FleetingError as error:
        refused = str(error)
    else:
        assert all(0 <= pair.share <= 1 for pair in found.pairs)
        assert found.found == any(pair.share > 0 for pair in found.pairs)
    assert "\n" not in refused
    assert fingerprint(folder) == before
