"""The command, as a user types it: what it prints, where, and its exit status."""

import json
import os
import subprocess
import sys

import pytest

import fleeting
from fleeting.cli import main
from fleeting.datasets import datasets
from fleeting.experiments.recipe import recipe_names
from fleeting.models import models
from tests.fixtures.command import typed

SMALL = ["--set", "protocol.name=kfold", "--set", "training.epochs=2", "--set", "protocol.folds=3"]


def in_one_line(complaint):
    return complaint.startswith("fleeting: ") and complaint.count("\n") == 1


def test_run_prints_the_table_and_names_the_report(capsys, tmp_path):
    status, out, err = typed(capsys, "run", "drawn/ststnet", "--out", tmp_path / "run", *SMALL)
    assert status == 0
    assert "clean" in out
    assert "oracle" in out
    assert "not comparable" in out
    assert (tmp_path / "run" / "report.html").exists()
    assert err == ""


def test_json_is_all_there_is_on_stdout(capsys, tmp_path):
    status, out, _ = typed(
        capsys,
        "run",
        "drawn/linear-flow",
        "--out",
        tmp_path / "run",
        "--json",
        "--set",
        "protocol.name=kfold",
    )
    assert status == 0
    assert json.loads(out) == json.loads((tmp_path / "run" / "scores.json").read_text())


def test_without_out_the_same_experiment_finds_its_folder(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert typed(capsys, "run", "drawn/linear-flow", "--set", "protocol.name=kfold")[0] == 0
    assert len(list((tmp_path / "runs").iterdir())) == 1


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["run", "drawn/stsnet"], "did you mean 'drawn/ststnet'"),
        (["run", "drawn/ststnet", "--set", "training.epoch=3"], "did you mean 'training.epochs'"),
        (["run", "drawn/ststnet", "--executor", "process"], "did you mean 'processes'"),
        (["run", "drawn/ststnet", "--data", "drawn"], "is not NAME=PATH"),
        (["run", "drawn/ststnet", "--workers", "0"], "use 1 or more"),
        (["run", "drawn/ststnet", "--set", "reported.uf1=high"], "reported.uf1 is 'high'"),
        (["run", "drawn/ststnet", "--set", "reported.uf1=nan"], "finite number"),
        (["run", "drawn/linear-flow", "--set", "model.sigma=nan"], "expected a finite number"),
        (["run", "drawn/ststnet", "--set", "training.seed=-1"], "greater than or equal to 0"),
        (["run", "drawn/ststnet", "--set", "training.lr=nan"], "training.lr is nan"),
        (["run", "drawn/ststnet", "--set", "training.threads=100000"], "less than or equal to 256"),
        (["run", "drawn/ststnet", "--set", "model.size=99999"], "less than or equal to 1024"),
        (["run", "drawn/ststnet", "--set", "model.channels=7"], "leave it out"),
        (["run", "megc2019/ststnet", "--data", "megc2019-flow=~nobody123/x"], "write the path out"),
        (["run", "a\0.toml"], "cannot be read"),
        (["run", "megc2019/linear-flow"], "add --data megc2019-flow=PATH"),
        (["run", "megc2019/linear-flow", "--data", "megc2019-flow=/nowhere"], "is no folder"),
        (["run"], "--recipe requires an argument"),
        (["run", "drawn/ststnet", "--nonsense"], "--nonsense"),
        (["list", "model"], "did you mean 'models'"),
        (["check", "casme", "/nowhere"], "did you mean 'casme"),
        (["check", "casme2", "/nowhere"], "nowhere"),
        (["score", "/nowhere.txt"], "nowhere.txt"),
        (["null", "--labels", "/nowhere.csv", "--epochs", "3"], "nowhere.csv"),
        (["report", "/nowhere"], "nowhere"),
        (["report"], "no run was named"),
        (["anything"], "anything"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_status_2(capsys, tmp_path, monkeypatch, words, hint):
    monkeypatch.chdir(tmp_path)
    status, out, err = typed(capsys, *words)
    assert status == 2
    assert in_one_line(err), err
    assert hint in err
    assert out == ""
    assert not list(tmp_path.iterdir())


def test_a_traceback_only_when_asked(capsys):
    with pytest.raises(fleeting.errors.UnknownNameError):
        main(["run", "nonsense", "--debug"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    ["models", "modalities", "datasets", "protocols", "recipes", "augmentations", "executors", "label-sets"],
)
def test_list_says_what_exists(capsys, kind):
    status, out, _ = typed(capsys, "list", kind, "--json")
    rows = json.loads(out)
    assert status == 0
    assert rows
    assert all(row["name"] and row["what"] for row in rows)
    status, table, _ = typed(capsys, "list", kind)
    assert status == 0
    assert all(row["name"][:12] in table for row in rows)


@pytest.mark.slow
def test_list_measures_models(capsys, monkeypatch):
    few = {name: models[name] for name in ("dfrnet", "linear-flow", "ststnet")}  # all take minutes
    monkeypatch.setattr("fleeting.models.models", few)
    status, out, err = typed(capsys, "list", "models", "--measure", "--json")
    found = {row["name"]: row for row in json.loads(out)}
    assert (status, err) == (0, "")
    assert found["ststnet"]["parameters"] == 1683
    assert found["ststnet"]["flops"] > 100_000
    assert list(found["dfrnet"]["inputs"]) == ["temporal", "spatial", "differential"]
    assert found["linear-flow"]["parameters"] is None
    assert all(0 < row["latency_ms"] <= row["latency_p95_ms"] for row in found.values())
    status, out, _ = typed(capsys, "list", "models", "--measure")
    lines = out.splitlines()
    assert len(lines) == 1 + len(few) + 1, "a line for each model, and one that explains"
    assert all(len(line.rstrip()) <= 80 for line in lines[:-1])


def test_only_models_are_measured(capsys):
    status, out, err = typed(capsys, "list", "recipes", "--measure")
    assert (status, out) == (2, "")
    assert in_one_line(err)


def test_check_of_a_sound_dataset_ends_with_0(capsys, tmp_path):
    datasets["casme2"].fabricate(tmp_path)
    status, out, _ = typed(capsys, "check", "casme2", tmp_path, "--json")
    found = json.loads(out)
    assert status == 0
    assert found["problems"] == []
    assert found["clips"] == sum(found["labels"].values())


def test_check_names_the_clip_and_what_to_do_with_status_1(capsys, tmp_path):
    datasets["casme2"].fabricate(tmp_path)
    victim = sorted(tmp_path.rglob("*.jpg"))[4]
    victim.write_bytes(b"")
    status, out, _ = typed(capsys, "check", "casme2", tmp_path, "--json")
    problems = json.loads(out)["problems"]
    assert status == 1
    assert victim.parent.name in problems[0]["clip"]
    assert problems[0]["do"]
    status, text, _ = typed(capsys, "check", "casme2", tmp_path)
    assert status == 1
    assert "1 problems" in text


@pytest.fixture
def damaged(tmp_path):
    datasets["casme2"].fabricate(tmp_path / "casme2")
    victim = sorted((tmp_path / "casme2").rglob("*.jpg"))[4]
    victim.write_bytes(victim.read_bytes()[:40])
    words = ["run", "drawn/linear-flow", "--data", f"casme2={tmp_path / 'casme2'}", "--out", tmp_path / "run"]
    words += [
        "--set",
        "data.dataset=casme2",
        "--set",
        "data.labels=raw",
        "--set",
        "model.inputs=['flow-map']",
    ]
    return words, victim


def test_run_on_damaged_clips_is_refused_in_a_line(capsys, tmp_path, damaged):
    words, victim = damaged
    status, _, err = typed(capsys, *words)
    assert status == 2
    assert in_one_line(err)
    assert victim.parent.name in err
    assert "--skip-damaged" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_run_without_them_is_marked_and_ends_with_1(capsys, tmp_path, damaged):
    words, victim = damaged
    status, out, err = typed(capsys, *words, "--skip-damaged")
    assert status == 1
    assert "clean" in out
    assert victim.parent.name in err
    assert json.loads((tmp_path / "run" / "scores.json").read_text())["incomplete"] is True


def test_score_says_where_truth_and_prediction_were_exchanged(capsys, tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("casme2 sub01\na 0 0\nb 1 0\nc 1 1\nd 2 2\ne 2 0\nf 2 2\n")
    status, out, err = typed(capsys, "score", log, "--json")
    found = json.loads(out)
    assert (status, err) == (0, "")
    assert found["n"] == 6
    status, _, err = typed(capsys, "score", log, "--claimed", f"uar={found['precision']:.4f}")
    assert status == 0
    assert "exchanged" in err
    status, _, err = typed(capsys, "score", log, "--claimed", "uar=high")
    assert status == 2


def test_null_says_what_guessing_scores(capsys, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("subject,label\n" + "".join(f"p{i % 5},{i % 3}\n" for i in range(60)))
    _, once, _ = typed(capsys, "null", "--labels", labels, "--epochs", 1, "--json")
    _, often, _ = typed(capsys, "null", "--labels", labels, "--epochs", 100, "--json")
    assert 0.2 < json.loads(once)["uf1"] < 0.45
    assert json.loads(often)["uf1"] > json.loads(once)["uf1"] + 0.1
    assert "guessing on 60 clips" in typed(capsys, "null", "--labels", labels, "--epochs", 3)[1]


@pytest.mark.slow
def test_report_compares_runs(capsys, tmp_path):
    for name in ("linear-flow", "ststnet"):
        typed(capsys, "run", f"drawn/{name}", "--out", tmp_path / name, *SMALL)
    page = tmp_path / "both.html"
    status, out, _ = typed(capsys, "report", tmp_path / "linear-flow", tmp_path / "ststnet", "--out", page)
    assert status == 0
    assert out.strip() == str(page)
    assert "permutation p" in page.read_text()


@pytest.mark.slow
def test_a_reader_who_leaves_early_is_no_failure():
    command = f"{sys.executable} -m fleeting list datasets | true; exit ${{PIPESTATUS[0]}}"
    assert subprocess.run(["bash", "-c", command], check=False).returncode == 0


def test_names_are_printed_as_they_are(capsys, tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("a[/b] s1\nc1 0 0\nc2 1 1\nc3 2 2\nsamm 006\nc1 0 0\nc2 1 1\nc3 2 2\n")
    assert "a[/b]" in typed(capsys, "score", log)[1]
    status, out, _ = typed(capsys, "run", "drawn/linear-flow", "--out", tmp_path / ":car:", *SMALL)
    assert status == 0
    assert ":car:/report.html" in out


def test_the_installed_command_is_this_one():
    command = [os.path.join(os.path.dirname(sys.executable), "fleeting"), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == fleeting.__version__


def test_there_are_recipes():
    assert {"megc2019/linear-flow", "megc2019/ststnet", "megc2019/off-apexnet"} <= set(recipe_names())
