"""Spotting in a dataset's long videos: the truth it reads, the files it writes, the problems it names."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fleeting.benchmark.spot import spot
from fleeting.datasets import Drawing, datasets
from fleeting.errors import DatasetError, OptionError, UnknownNameError
from fleeting.scoring.intervals import score_intervals
from fleeting.spotting import DEFAULT
from fleeting.synthetic.draw import draw
from tests.fixtures.command import typed

pytestmark = pytest.mark.slow  # the fixtures that these tests share take seconds to make

SQ, LV, CAS3 = (datasets[name] for name in ("casme-sq", "samm-lv", "casme3"))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Two people, 4 s at 30 frames a second, one clear movement each."""
    root = tmp_path_factory.mktemp("drawn") / "casme-sq"
    how = {"seconds": 4, "events_per_minute": 15, "amplitude": 1.5, "disturb": "none"}
    draw(root, layout="casme-sq", **how, flows=0, workers=1)
    return root


@pytest.fixture(scope="module")
def done(drawn, tmp_path_factory):
    return spot("casme-sq", drawn, tmp_path_factory.mktemp("spotted"), megc=2022)


def sample(adapter, person, number, onset, offset, **facts):
    made = adapter.invent(person, number, adapter.words[0], apex=0, length=1)
    return replace(made, onset=onset, apex=onset, offset=offset, **facts)


def still(count):
    return [np.full((24, 32, 3), 90, np.uint8)] * count


@pytest.fixture
def faceless(tmp_path):
    """CAS(ME)^2 of three people, 20 empty pictures each; in the sheet they have two rows, one and none."""
    root = tmp_path / "root"
    rows = [sample(SQ, 1, 0, 3, 9), sample(SQ, 1, 1, 11, 18, kind="macro"), sample(SQ, 2, 0, 2, 8)]
    SQ.write_sheets(root, rows)
    for person in (1, 2, 3):
        SQ.write_frames(root, Drawing(sample(SQ, person, 0, 1, 2), still(20), 1))
    return root


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def said(done):
    return {problem.clip: problem.what for problem in done.problems}


def folder(root, person):
    (found,) = (root / "rawpic" / person).iterdir()
    return found


def test_the_truth_is_that_of_the_sheet_and_of_what_was_drawn(drawn, done):
    truth = json.loads((drawn / "truth.json").read_text())
    events = [
        {
            "video": video["id"],
            "onset": str(video["first"] + event["onset_frame"]),
            "offset": str(video["first"] + event["offset_frame"]),
            "label": event["label"],
            "kind": event["kind"],
        }
        for video in truth["videos"]
        for event in video["events"]
    ]
    assert len(events) == 2
    assert rows_of(done.folder / "truth.csv") == events


def test_the_scores_are_those_of_the_lists(done, tmp_path):
    scores = json.loads((done.folder / "scores.json").read_text())
    assert scores == json.loads(json.dumps(done.scores))
    for kind in ("micro", "macro"):
        paths = []
        for name in ("truth", "found"):
            rows = [row for row in rows_of(done.folder / f"{name}.csv") if row["kind"] == kind]
            lines = [f"{row['video']},{row['onset']},{row['offset']}" for row in rows]
            bare = {"15_0401", "16_0402"} - {row["video"] for row in rows}
            paths.append(tmp_path / f"{name}_{kind}.csv")
            paths[-1].write_text("\n".join(["video,onset,offset", *lines, *(f"{v},," for v in bare)]))
        assert scores[kind] == score_intervals(*paths).pooled.as_dict()
    assert scores["micro"]["tp"] > 0
    assert scores["strs"] == scores["micro"]["f1"] * scores["recognised"]["uf1"]
    assert scores["overall"]["fn"] == scores["micro"]["fn"] + scores["macro"]["fn"]
    assert scores["incomplete"] is False
    assert "two people" in scores["drawn"]
    assert scores["notes"] == []
    assert scores["settings"]["spotter"] == DEFAULT
    assert scores["settings"]["alarms_per_minute"] == 1.0
    score_intervals(done.folder / "truth.csv", done.folder / "found.csv")


def test_the_files_of_megc_hold_what_was_found(drawn, done, tmp_path):
    of_lists = score_intervals(done.folder / "truth.csv", done.folder / "found.csv").pooled
    entry = done.folder / "megc2022" / "cas_pred.csv"
    assert score_intervals(done.folder / "truth.csv", entry).pooled == of_lists
    shutil.copytree(done.folder, tmp_path / "out")
    logged = spot("casme-sq", drawn, tmp_path / "out", megc=2020, resume=True)
    assert score_intervals(logged.folder / "megc2020" / "log.txt").pooled.tp == of_lists.tp > 0


def test_several_workers_write_the_same_bytes(drawn, done, tmp_path):
    spot("casme-sq", drawn, tmp_path, workers=2)
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("[!.]*.*"))
    assert len(files) == 5
    for path in files:
        assert (tmp_path / path).read_bytes() == (done.folder / path).read_bytes()


def test_what_was_found_is_kept_on_resuming(drawn, done, tmp_path):
    shutil.copytree(done.folder, tmp_path, dirs_exist_ok=True)
    kept, lost = sorted((tmp_path / "recordings").iterdir())
    marked = json.loads(kept.read_text())
    marked["mark"] = True
    kept.write_text(json.dumps(marked))
    whole = lost.read_bytes()
    lost.write_bytes(whole[: len(whole) // 2])
    (tmp_path / "scores.json").unlink()
    again = spot("casme-sq", drawn, tmp_path, resume=True)
    assert again.scores == done.scores
    assert lost.read_bytes() == whole
    assert json.loads(kept.read_text())["mark"]


def test_intervals_have_the_numbers_of_the_pictures_whatever_is_damaged_before(drawn, done, tmp_path):
    (onset, offset) = next(
        (int(row["onset"]), int(row["offset"]))
        for row in rows_of(done.folder / "truth.csv")
        if row["video"] == "15_0401"
    )
    root = tmp_path / "root"
    SQ.write_sheets(root, [sample(SQ, 1, 0, onset + 1000, offset + 1000)])
    target = root / SQ.place(sample(SQ, 1, 0, 1, 1))
    target.mkdir(parents=True)
    for path in folder(drawn, "s15").iterdir():
        shutil.copy(path, target / f"img{int(path.stem[3:]) + 1000}.jpg")
    harmed = range(1005, 1005 + onset - 10, 5)
    for number in harmed:
        (target / f"img{number}.jpg").write_bytes(b"cut")
    Image.new("RGB", (9, 9)).save(target / "img1118.jpg")
    found = spot("casme-sq", root, tmp_path / "out", model=None)
    assert found.scores["micro"]["tp"] == 1
    assert found.scores["strs"] is None
    assert found.scores["incomplete"] is True
    assert said(found) == {
        "15_0401": f"{len(harmed) + 1} of 120 pictures are damaged or of another size"
        " (img1005.jpg, img1010.jpg, img1015.jpg)"
    }
    assert "label" not in rows_of(tmp_path / "out" / "found.csv")[0]


def test_missing_recordings_are_named_and_the_rest_is_scored(faceless, tmp_path, capsys):
    gone = folder(faceless, "s16")
    shutil.rmtree(gone)
    status, out, err = typed(capsys, "spot", "casme-sq", faceless, "--out", tmp_path / "out", "--json")
    scores = json.loads(out)
    assert status == 1
    assert f"fleeting: 16_0402: its folder {gone.parent / '16_0402*'} is missing" in err
    assert (scores["videos"], scores["incomplete"]) == (2, True)
    assert scores == json.loads((tmp_path / "out" / "scores.json").read_text())
    assert {row["video"] for row in rows_of(tmp_path / "out" / "truth.csv")} == {"15_0401", "19_0401"}


def test_recordings_that_no_row_names_are_such_in_which_nothing_moves(faceless, tmp_path):
    (faceless / "rawpic" / "s15" / "notes").mkdir()
    (faceless / "rawpic" / "s15" / "15_0502empty").mkdir()
    done = spot("casme-sq", faceless, tmp_path / "out")
    counts = done.scores["per_video"]
    assert sorted(counts) == ["15_0401", "16_0402", "19_0401"]
    assert counts["19_0401"]["micro"] == counts["19_0401"]["macro"]
    assert done.scores["overall"]["fn"] == 3
    assert rows_of(tmp_path / "out" / "truth.csv")[-1] == {
        "video": "19_0401",
        **dict.fromkeys(("onset", "offset", "label", "kind"), ""),
    }
    assert done.scores["notes"] == [
        "no row of the sheet names 19_0401: nothing moves there, so whatever is found is false"
    ]
    assert not done.scores["incomplete"]
    assert set(said(done).values()) == {"no face was found in any of 20 pictures"}


def test_gaps_and_movements_beyond_the_pictures_are_named(faceless, tmp_path):
    (folder(faceless, "s15") / "img007.jpg").unlink()
    for number in (18, 19, 20):
        (folder(faceless, "s15") / f"img{number:03d}.jpg").unlink()
    for path in folder(faceless, "s16").iterdir():
        path.write_bytes(b"")
    done = spot("casme-sq", faceless, tmp_path / "out")
    blocking = {problem.clip: problem.what for problem in done.problems if problem.blocks}
    assert blocking == {
        "15_0401": "1 pictures are missing between 1 and 17, 7 is the first",
        "casme-sq/s15/anger1_2": "frames 11 to 18 are not all among those of 15_0401, 1 to 17",
        "16_0402": f"none of 20 pictures in {folder(faceless, 's16')} can be read",
    }
    assert sorted(done.scores["per_video"]) == ["15_0401", "19_0401"]


def test_rows_without_an_interval_are_named_and_left_out(faceless, tmp_path):
    rows = [
        sample(SQ, 1, 0, 3, 9),
        replace(sample(SQ, 1, 1, 12, 5), apex=12),
        replace(sample(SQ, 2, 0, 3, 9), id="casme-sq/s16/laughter1_1"),
    ]
    SQ.write_sheets(faceless, rows)
    done = spot("casme-sq", faceless, tmp_path / "out")
    blocking = {problem.clip: problem.what for problem in done.problems if problem.blocks}
    assert blocking == {
        "casme-sq/s15/anger1_2": "onset 12 comes after offset 5",
        "casme-sq/s16/laughter1_1": "is in a long video that has no known name",
    }
    assert done.scores["micro"]["fn"] == 1


def test_without_any_recording_nothing_is_scored(faceless, tmp_path, capsys):
    shutil.rmtree(faceless / "rawpic")
    status, out, err = typed(capsys, "spot", "casme-sq", faceless, "--out", tmp_path / "out")
    assert (status, out) == (2, "")
    assert "holds no long video of casme-sq that can be read (15_0401: its folder" in err
    assert not (tmp_path / "out").exists()


def test_samm_lays_its_recordings_bare_beside_other_folders(tmp_path):
    rows = [sample(LV, 6, 0, 3, 9), sample(LV, 6, 1, 11, 18, kind="macro")]
    LV.write_sheets(tmp_path, rows)
    for person in (6, 7):
        LV.write_frames(tmp_path, Drawing(sample(LV, person, 0, 1, 2), still(20), 1))
    for path in (tmp_path / "SAMM_longvideos").iterdir():
        path.rename(tmp_path / path.name)
    (tmp_path / "SAMM_longvideos").rmdir()
    (tmp_path / "flow").mkdir()
    found, problems = LV.recordings(tmp_path)
    assert problems == []
    assert [(one.name, one.subject, one.fps) for one in found] == [
        ("006_1", "samm/006", 200),
        ("007_1", "samm/007", 200),
    ]
    assert [len(one.samples) for one in found] == [2, 0]
    assert found[0].folder == tmp_path / "006_1"
    done = spot("samm-lv", tmp_path, tmp_path / "out")
    assert done.scores["notes"][-1] == (
        "megc2019-symmetric-flow was trained on people of samm: the STRS is not clean"
    )


def test_casme3_is_read_in_its_full_videos_and_on_micro_expressions_alone(tmp_path):
    rows = [sample(CAS3, 1, 0, 3, 9), sample(CAS3, 1, 3, 12, 15)]
    rows = [replace(row, id=f"{row.subject}/{'aJ'[i]}_{row.onset}") for i, row in enumerate(rows)]
    CAS3.write_sheets(tmp_path, rows)
    for video in ("a", "j", "m"):
        (tmp_path / "spNo.1" / video / "color").mkdir(parents=True)
        for number, picture in enumerate(still(20), start=1):
            Image.fromarray(picture).save(tmp_path / "spNo.1" / video / "color" / f"{number}.jpg")
    (tmp_path / "Part_A_ME_clip" / "frame").mkdir(parents=True)
    done = spot("casme3", tmp_path, tmp_path / "out")
    assert sorted(done.scores["per_video"]) == ["spNO.1/J", "spNO.1/a", "spNO.1/m"]
    assert done.scores["micro"]["fn"] == 2
    assert (done.scores["macro"], done.scores["overall"]) == (None, None)
    assert (tmp_path / "out" / "recordings" / "spNO.1" / "a.json").is_file()
    assert any("micro-expressions only" in note for note in done.scores["notes"])


def test_wrong_asks_are_refused_in_a_sentence(faceless, tmp_path):
    with pytest.raises(
        OptionError,
        match="casme2 has no long videos, expected a dataset that has; name one of casme-sq, casme3, clips",
    ):
        spot("casme2", faceless, tmp_path)
    with pytest.raises(OptionError, match="megc2019 has no long videos"):
        spot("megc2019", faceless, tmp_path)
    with pytest.raises(DatasetError, match="no sheet of samm-lv"):
        spot("samm-lv", faceless, tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean 'matched'"):
        spot("casme-sq", faceless, tmp_path, spotter="match")
    with pytest.raises(OptionError, match="workers is 0"):
        spot("casme-sq", faceless, tmp_path, workers=0)
    with pytest.raises(DatasetError, match="casme2 has no long videos, only clips"):
        datasets["casme2"].recordings(faceless)
