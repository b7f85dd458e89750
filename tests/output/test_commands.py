"""Every command that writes leaves what is not its own as it is: refused, or kept aside with --replace."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fleeting.cli import main
from tests.fixtures.command import typed
from tests.fixtures.films import film
from tests.fixtures.processes import wait_until

pytestmark = pytest.mark.slow  # whole commands

NONE = ("--model", "none")
OURS = (
    *("frames.csv", "faces.csv", "events.csv", "events.json", "candidates.json", "events.eaf", "report.html"),
    *("annotated.mp4", "overlay.mp4", "summary.json", "truth.json", "drawn_001.mp4", "flow/drawn_001.npz"),
    *("experiment.toml", "environment.json", "scores.json", "predictions.csv", "log.txt", "folds/fold-1"),
    *("truth.csv", "found.csv", "recordings/a.json", "weights.safetensors", "README.md", "comparison.html"),
    *(
        "drawn/truth.json",
        "analysis/drawn_001/events.csv",
        "page.html",
        "page.md",
        "weights.onnx",
        "tables.csv",
    ),
    *("event-1.png", "thesis.doc"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A video without a face, another, a run, a folder of a long-video dataset."""
    root = tmp_path_factory.mktemp("made")
    film(root / "wall.mp4", [np.full((64, 96, 3), 90, np.uint8)] * 9)
    film(root / "other.mp4", [np.full((64, 96, 3), 120, np.uint8)] * 7)
    run = ("run", "drawn/linear-flow", "--set", "protocol.name=kfold", "--set", "protocol.folds=2")
    drawn = ("draw", root / "lv", "--layout", "samm-lv", "--subjects", 1, "--seconds", 1)
    for words in ((*run, "--out", root / "run"), (*drawn, "--events-per-minute", 0, "--flows", 0)):
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        assert end.value.code == 0
    return root


def state(folder):
    """The hash and the time of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): (digest(path), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def users(folder):
    """A tree of a user's files that have the names of ours."""
    for name in OURS:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"the user's own {name}")
    return folder


def commands(made, out):
    video, run = made / "wall.mp4", made / "run"
    kfold = ("--set", "protocol.name=kfold", "--set", "protocol.folds=2")
    return {
        "analyze": ("analyze", video, "--out", out, *NONE, "--formats", "csv,json,elan,html,video"),
        "faces": ("faces", video, "--out", out / "wall", "--overlay"),
        "draw": ("draw", out / "wall", "--videos", 1, "--seconds", 1, "--fps", 25, "--events-per-minute", 0),
        "run": ("run", "drawn/linear-flow", *kfold, "--out", out / "wall"),
        "train": ("train", "drawn/linear-flow", *kfold, "--out", out / "wall"),
        "train a file": ("train", "drawn/linear-flow", *kfold, "--out", out / "wall" / "weights.safetensors"),
        "spot": ("spot", "samm-lv", made / "lv", "--out", out / "wall", *NONE),
        "report": ("report", run, run, "--out", out / "wall" / "page.html"),
        "report to keep": ("report", run, run, "--out", out / "wall" / "page.md"),
        "export": ("export", "megc2019-symmetric-flow", "--out", out / "wall" / "weights.onnx"),
    }


@pytest.mark.parametrize("name", list(commands(Path(), Path())))
def test_what_a_user_has_is_refused_or_kept_aside(made, tmp_path, capsys, monkeypatch, name):
    monkeypatch.chdir(tmp_path)  # a run without --out lies below the current folder
    users(tmp_path / "out" / "wall")
    before, inputs = state(tmp_path), state(made)
    command = commands(made, tmp_path / "out")[name]
    status, _, err = typed(capsys, *command)
    assert status == 2
    assert "--replace" in err
    assert len(err.strip().splitlines()) == 1
    after = state(tmp_path)
    assert {path: after.get(path) for path in before} == before
    assert {path for path in after if path not in before and not path.startswith("runs/")} == set()
    status, _, err = typed(capsys, *command, "--replace")
    assert status == 0, err
    kept = {found for found, _ in state(tmp_path).values()}
    assert {found for found, _ in before.values()} <= kept
    assert "edited-1" in err
    assert state(made) == inputs


def test_an_input_is_never_deleted_whatever_its_name(made, tmp_path, capsys):
    video = tmp_path / "annotated" / "annotated.mp4"
    video.parent.mkdir()
    shutil.copy(made / "wall.mp4", video)
    before = state(tmp_path)
    for words in ((), ("--replace",), ("--resume", "--formats", "csv,json")):
        status, _, err = typed(capsys, "analyze", video, "--out", tmp_path, *NONE, *words)
        assert status == 2
        assert "lies in" in err
        assert state(tmp_path) == before


def test_annotations_beside_a_video_stay(made, tmp_path, capsys):
    shutil.copy(made / "wall.mp4", tmp_path / "P01.mp4")
    (tmp_path / "P01").mkdir()
    (tmp_path / "P01" / "events.csv").write_text("onset,apex,offset\n12,15,20\n")
    before = state(tmp_path)
    status, _, err = typed(capsys, "analyze", tmp_path / "P01.mp4", "--out", tmp_path, *NONE)
    assert (status, state(tmp_path)) == (2, before)
    assert "holds 'events.csv'" in err
    assert "--replace" in err


@pytest.mark.parametrize("again", [(), ("--resume", "--formats", "csv,json,video")])
def test_a_corrected_file_is_kept_aside_and_named(made, tmp_path, capsys, again):
    command = ("analyze", made / "wall.mp4", "--out", tmp_path, *NONE)
    assert typed(capsys, *command)[0] == 0
    corrected = tmp_path / "wall" / "events.eaf"
    text = corrected.read_text() + "<!-- by hand -->"
    corrected.write_text(text)
    status, _, err = typed(capsys, *command, *again)
    assert status == 0
    assert "events.edited-1.eaf" in err
    assert (tmp_path / "wall" / "events.edited-1.eaf").read_text() == text
    assert corrected.exists() != bool(again)


def test_results_of_a_version_without_hashes_count_as_edited(made, tmp_path, capsys):
    command = ("analyze", made / "wall.mp4", "--out", tmp_path, *NONE, "--formats", "csv")
    assert typed(capsys, *command)[0] == 0
    path = tmp_path / "wall" / "summary.json"
    summary = json.loads(path.read_text())
    del summary["files"], summary["purpose"], summary["input"]["path"]
    path.write_text(json.dumps(summary))
    (tmp_path / "wall" / "events.csv").write_text("by hand")
    before = state(tmp_path)
    assert typed(capsys, *command, "--resume")[0] == 0  # complete, so it is left alone
    assert state(tmp_path) == before
    assert typed(capsys, *command)[0] == 0
    names = {one.name for one in (tmp_path / "wall").iterdir() if "edited" in one.name}
    assert names == {"events.edited-1.csv", "summary.edited-1.json"}  # the others are the same again


@pytest.mark.parametrize("twins", [False, True])
def test_inputs_of_the_same_name_find_their_own_folders_again(made, tmp_path, capsys, twins):
    for person, video in (("P01", "wall.mp4"), ("P02", "wall.mp4" if twins else "other.mp4")):
        (tmp_path / person).mkdir()
        shutil.copy(made / video, tmp_path / person / "cam.mp4")
    out = tmp_path / "results"

    def folder_of(*people):
        videos = [tmp_path / person / "cam.mp4" for person in people]
        status, said, _ = typed(capsys, "analyze", *videos, "--out", out, *NONE, "--formats", "csv", "--json")
        assert status == 0
        return [Path(one["folder"]).name for one in json.loads(said)]

    assert folder_of("P01") == ["cam"]
    assert folder_of("P02") == ["cam-2"]
    assert folder_of("P02", "P01") == ["cam-2", "cam"]
    assert folder_of("P02") == ["cam-2"]
    assert sorted(path.name for path in out.iterdir()) == ["cam", "cam-2"]
    shutil.move(tmp_path / "P01", tmp_path / "moved")
    assert folder_of("moved") == ["cam"]


@pytest.mark.parametrize("name", ["...mp4", "..mp4", ". .mp4"])
def test_a_name_of_dots_stays_inside_out(made, tmp_path, capsys, name):
    (tmp_path / "in").mkdir()
    shutil.copy(made / "wall.mp4", tmp_path / "in" / name)
    out = tmp_path / "in" / "out"
    assert typed(capsys, "analyze", tmp_path / "in" / name, "--out", out, *NONE, "--formats", "csv")[0] == 0
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == sorted([name, "out"])
    (folder,) = out.iterdir()
    assert (folder / "summary.json").is_file()
    assert not folder.name.startswith(".")


def test_a_second_process_is_kept_out_by_name(made, tmp_path):
    long = film(tmp_path / "long.mp4", [np.full((640, 960, 3), 90, np.uint8)] * 150)
    command = [sys.executable, "-m", "fleeting", "analyze", str(long), "--out", str(tmp_path / "r"), *NONE]
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: list((tmp_path / "r").glob("long/.*.partial")), first)
    second = subprocess.run([*command, "--end", "1"], capture_output=True, text=True, check=False)
    _, err = first.communicate(timeout=100)
    assert first.returncode == 0, err
    assert second.returncode == 2
    assert f"{tmp_path / 'r' / 'long'} is being written by another process" in second.stderr
    summary = json.loads((tmp_path / "r" / "long" / "summary.json").read_text())
    assert summary["settings"]["end"] is None
    assert len((tmp_path / "r" / "long" / "frames.csv").read_text().splitlines()) == 151


def test_a_full_disk_is_one_sentence(made, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fleeting.analysis.one_input.events_csv", full)
    status, _, err = typed(capsys, "analyze", made / "wall.mp4", "--out", tmp_path / "out", *NONE)
    assert status == 2
    assert "cannot be written (No space left on device): free some space, or name another place" in err
    assert list((tmp_path / "out").iterdir()) == []
