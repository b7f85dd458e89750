"""Datasets of drawn faces: their files, whether their truth is right, and whether a recipe runs on them."""

import json
import os
import signal
import subprocess
import sys

import av
import numpy as np
import pytest

import fleeting
from fleeting.benchmark.check import check
from fleeting.datasets import datasets, drawn_people
from fleeting.drawing import TWO_PEOPLE
from fleeting.errors import DatasetError, OptionError, UnknownNameError
from fleeting.experiments.recipe import read_recipe
from fleeting.synthetic.draw import draw
from fleeting.synthetic.takes import layouts
from fleeting.video.pictures import read_picture
from tests.fixtures.processes import alive_in_group, wait_until

pytestmark = pytest.mark.slow  # the fixtures that these tests share take seconds to make

SMALL = {"subjects": 2, "clips": 3, "flows": 1, "disturb": "none"}
SHORT = {"seconds": 3.1, "events_per_minute": 19, "flows": 1, "disturb": "none", "workers": 1}
LONG = ("casme-sq", "samm-lv")


@pytest.fixture(scope="module")
def smic(tmp_path_factory):
    """A small drawn SMIC: 100 frames a second, tight crops."""
    root = tmp_path_factory.mktemp("drawn") / "smic"
    draw(root, layout="smic", **{**SMALL, "clips": 6, "amplitude": 1.5})
    return root


def test_videos_have_the_frames_and_the_truth_they_say(tmp_path):
    truth = draw(tmp_path / "v", videos=2, seconds=4, fps=25, events_per_minute=15, seed=3)
    assert truth == json.loads((tmp_path / "v" / "truth.json").read_text())
    assert truth["people"] == TWO_PEOPLE
    assert [video["subject"] for video in truth["videos"]] == ["drawn/01", "drawn/02"]
    for video in truth["videos"]:
        with av.open(str(tmp_path / "v" / video["file"])) as file:
            times = [frame.time for frame in file.decode(video=0)]
        np.testing.assert_allclose(times, np.arange(100) / 25, atol=1e-3)
        assert (video["frames"], video["fps"]) == (100, 25)
        for event in video["events"]:
            assert 0 <= event["onset_frame"] < event["apex_frame"] < event["offset_frame"] < 100
            assert event["kind"] == "micro"
    assert len(list((tmp_path / "v" / "flow").iterdir())) == 2


def test_videos_show_heads_and_datasets_flat_faces_unless_asked(tmp_path):
    short = {"videos": 1, "seconds": 1, "fps": 25, "events_per_minute": 0, "workers": 1, "flows": 0}
    head, flat = draw(tmp_path / "v", **short), draw(tmp_path / "f", **short, style="flat")
    assert (head["style"], flat["style"]) == ("head", "flat")
    assert len(head["videos"][0]["pose"]["yaw"]) == 25
    assert "pose" not in flat["videos"][0]
    few = {"subjects": 1, "clips": 1, "flows": 1}
    assert draw(tmp_path / "d", layout="casme2", **few)["style"] == "flat"
    turned = draw(tmp_path / "h", layout="casme2", **few, style="head")
    (clip,) = turned["videos"]
    assert check("casme2", tmp_path / "h").problems == ()
    assert len(clip["pose"]["yaw"]) == clip["frames"]
    assert all(one["offset_frame"] < clip["frames"] for one in clip["disturbances"])
    with pytest.raises(UnknownNameError, match="head"):
        draw(tmp_path / "x", style="haed")


def test_a_folder_that_was_begun_is_finished_and_no_other(tmp_path):
    settings = {"videos": 2, "seconds": 2, "fps": 25, "events_per_minute": 0, "workers": 1}
    draw(tmp_path / "v", **settings)
    first, second = sorted((tmp_path / "v").glob("*.mp4"))
    whole, kept = second.read_bytes(), first.stat().st_mtime_ns
    second.unlink()
    draw(tmp_path / "v", **settings)
    assert second.read_bytes() == whole
    assert first.stat().st_mtime_ns == kept
    with pytest.raises(OptionError, match="of another input or with other settings"):
        draw(tmp_path / "v", **{**settings, "seed": 1})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "diary.txt").write_text("mine")
    with pytest.raises(OptionError, match=r"holds 'diary\.txt', which was not written for this"):
        draw(tmp_path / "other", **settings)
    assert (tmp_path / "other" / "diary.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"layout": "casme2", "videos": 3}, "--videos 3 does not go with layout casme2"),
        ({"layout": "casme2", "fps": 30}, "--fps 30 does not go with layout casme2"),
        ({"clips": 3}, "--clips 3 does not go with layout video"),
        ({"layout": "casme-sq", "clips": 3}, "--clips 3 does not go with layout casme-sq"),
        ({"layout": "casme3", "macro": 0.5}, r"--macro 0\.5 does not go with layout casme3"),
        ({"macro": 2.0}, r"macro is 2\.0, expected a share"),
        ({"videos": 0}, "--videos 0 draws nothing"),
        ({"fps": 1000}, "1000"),
        ({"amplitude": -1.0}, "-1"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_before_anything_is_written(tmp_path, options, said):
    with pytest.raises(OptionError, match=said):
        draw(tmp_path / "v", **options)
    assert not (tmp_path / "v").exists()


def test_more_people_than_a_dataset_has_names_for_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="names for 22 people"):
        draw(tmp_path / "v", layout="casme-sq", subjects=23, seconds=1, events_per_minute=0)
    assert not (tmp_path / "v").exists()


def test_an_unknown_layout_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'casme2'"):
        draw(tmp_path / "v", layout="casmee2")
    with pytest.raises(UnknownNameError, match="no layout is called 'megc2019-flow'"):
        draw(tmp_path / "v", layout="megc2019-flow")


@pytest.mark.parametrize("layout", [name for name in layouts() if name not in ("video", *LONG)])
def test_a_drawn_dataset_is_healthy_and_its_truth_fits_its_sheet(tmp_path, layout):
    truth = draw(tmp_path, layout=layout, **SMALL)
    checkup = check(layout, tmp_path)
    assert checkup.problems == ()
    assert checkup.drawn == TWO_PEOPLE
    assert checkup.clips == len(truth["videos"])
    samples = {sample.id: sample for sample in datasets[layout].samples(tmp_path)}
    for clip in truth["videos"]:
        sample, (event,) = samples[clip["id"]], clip["events"]
        assert (tmp_path / clip["file"]).is_dir()
        assert sample.onset == clip["first"] + event["onset_frame"]
        assert sample.offset == clip["first"] + event["offset_frame"]
        assert sample.apex in (None, clip["first"] + event["apex_frame"])
        files = datasets[layout].frames(tmp_path, sample)
        assert len(files) == event["offset_frame"] - event["onset_frame"] + 1


@pytest.mark.parametrize("layout", [LONG[0], pytest.param(LONG[1], marks=pytest.mark.slow)])
def test_long_videos_are_drawn_without_a_gap_and_their_truth_fits_the_sheet(tmp_path, layout):
    truth = draw(tmp_path, layout=layout, **SHORT, macro=0.5, seed=1)
    assert check(layout, tmp_path).problems == ()
    found, problems = datasets[layout].recordings(tmp_path)
    assert problems == []
    assert [one.name for one in found] == [video["id"] for video in truth["videos"]]
    for video, one in zip(truth["videos"], found, strict=True):
        assert (tmp_path / video["file"], video["subject"]) == (one.folder, one.subject)
        assert len(list(one.folder.iterdir())) == video["frames"] == 3.1 * one.fps
        assert [(s.kind, s.onset, s.offset) for s in one.samples] == [
            (event["kind"], video["first"] + event["onset_frame"], video["first"] + event["offset_frame"])
            for event in video["events"]
        ]
    assert {event["kind"] for video in truth["videos"] for event in video["events"]} == {"micro", "macro"}


def test_a_long_video_that_was_begun_is_drawn_anew(tmp_path):
    draw(tmp_path, layout="casme-sq", **SHORT, subjects=1)
    (folder,) = (tmp_path / "rawpic" / "s15").iterdir()
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    (tmp_path / ".partial" / "rawpic" / "s15").mkdir(parents=True)
    begun = folder.rename(tmp_path / ".partial" / "rawpic" / "s15" / folder.name)
    (begun / "img093.jpg").unlink()
    (begun / "img092.jpg").write_bytes(b"cut")
    draw(tmp_path, layout="casme-sq", **SHORT, subjects=1)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole
    assert not (tmp_path / ".partial").exists()


def test_exact_flow_is_that_of_the_written_pictures(smic):
    truth = json.loads((smic / "truth.json").read_text())
    clip = truth["videos"][0]
    (event,) = clip["events"]
    with np.load(smic / event["flow"]) as flow:
        u, v = flow["u"], flow["v"]
    sample = next(s for s in datasets["smic"].samples(smic) if s.id == clip["id"])
    files = datasets["smic"].frames(smic, sample)
    onset = read_picture(files[0]).astype(float)
    apex = read_picture(files[event["apex_frame"] - event["onset_frame"]]).astype(float)
    assert u.shape == onset.shape[:2]
    rows, columns = np.mgrid[0 : u.shape[0], 0 : u.shape[1]].astype(np.float32)
    import cv2

    back = cv2.remap(apex.astype(np.float32), columns + u, rows + v, cv2.INTER_CUBIC)
    moved = np.hypot(u, v) > 0.5 * np.hypot(u, v).max()
    before, after = (np.abs(picture - onset)[moved].mean() for picture in (apex, back))
    assert after < 0.5 * before


def test_only_drawn_folders_speak_of_two_people(tmp_path, smic):
    assert drawn_people(smic) == drawn_people(smic / "flow") == TWO_PEOPLE
    assert drawn_people(tmp_path) == ""
    (tmp_path / "truth.json").write_text("[1]")
    assert drawn_people(tmp_path) == ""


def test_a_drawn_dataset_runs_through_the_drawn_recipe(tmp_path, smic):
    run = fleeting.run(read_recipe("drawn/linear-flow"), {"smic": smic}, tmp_path / "run")
    assert run.scores["drawn"] is True
    assert run.scores["drawn_people"] == TWO_PEOPLE
    assert run.scores["crops"] == {"tight": 12}
    assert run.scores["apexes"] == {"middle": 12}
    assert run.scores["clean"]["n"] == 12
    assert run.experiment.data.dataset == "smic"
    assert TWO_PEOPLE in (run.path / "report.html").read_text()


@pytest.mark.slow
def test_its_workers_end_with_the_command_when_it_is_killed(tmp_path):
    command = [sys.executable, "-m", "fleeting", "draw", str(tmp_path / "drawn")]
    command += ["--videos", "2", "--seconds", "600", "--workers", "2"]  # a video takes minutes
    victim = subprocess.Popen(command, start_new_session=True)
    wait_until(lambda: len(list((tmp_path / "drawn").glob(".*.mp4"))) == 2, victim)  # both are being drawn
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    wait_until(lambda: not alive_in_group(victim.pid))
