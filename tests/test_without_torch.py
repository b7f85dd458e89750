"""Without torch everything works but networks, and these say in one line what to install."""

import json
import subprocess
import sys

import pytest

import fleeting
from tests.fixtures.command import typed

COMMANDS = """
import json, sys

class WithoutTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "diffusers", "onnxscript"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, WithoutTorch())
from fleeting.cli import main

for words in json.loads(sys.argv[1]):
    try:
        main(words)
    except SystemExit as end:
        print("ENDED", end.code, *words, flush=True)
"""


def ended(commands, folder):
    """The exit status of each command where torch cannot be imported, and what was said on both streams."""
    words = [sys.executable, "-c", COMMANDS, json.dumps(commands)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("ENDED")]
    return [int(line[1]) for line in lines], done.stdout, done.stderr


@pytest.mark.slow
def test_a_video_is_drawn_analysed_and_explained(tmp_path):
    commands = [
        ["draw", "videos", "--videos", "1", "--seconds", "4", "--events-per-minute", "20"],
        ["analyze", "videos", "--out", "results", "--alarms-per-minute", "20"],
        ["faces", "videos/drawn_001.mp4", "--out", "faces"],
        ["live", "videos/drawn_001.mp4", "--json"],
        ["explain", "results/drawn_001", "--event", "1", "--out", "explained"],
        ["draw", "casme2", "--layout", "casme2", "--subjects", "2", "--clips", "2"],
        ["check", "casme2", "casme2"],
    ]
    statuses, said, complained = ended(commands, tmp_path)
    assert statuses == [0] * len(commands), (said, complained)
    assert json.loads((tmp_path / "results" / "drawn_001" / "events.json").read_text())


@pytest.mark.slow
def test_a_network_works_by_its_onnx_file(tmp_path):
    few = ("protocol.name=kfold", "protocol.folds=2", "training.epochs=2", "training.device=cpu")
    fleeting.train(fleeting.read_recipe("drawn/ststnet", changes=few), {}, tmp_path / "network")
    film = ["draw", "videos", "--videos", "1", "--seconds", "4", "--events-per-minute", "20"]
    analyze = ["analyze", "videos", "--model", "network", "--alarms-per-minute", "20", "--out"]
    statuses, said, complained = ended([film, [*analyze, "refused"]], tmp_path)
    assert statuses == [0, 2], (said, complained)
    assert "torch is not installed" in complained
    fleeting.export_onnx(tmp_path / "network")
    statuses, said, complained = ended([[*analyze, "results"]], tmp_path)
    assert statuses == [0], (said, complained)
    summary = json.loads((tmp_path / "results" / "drawn_001" / "summary.json").read_text())
    assert summary["runtime"] == "onnx"
    assert summary["events"] > 0


@pytest.mark.slow
def test_an_estimator_is_trained_and_scored_to_the_same_bytes(tmp_path):
    recipe = "drawn/linear-flow"
    commands = [
        ["run", recipe, "--out", "run"],
        ["report", "run"],
        ["score", "run/log.txt"],
        ["null", "--labels", "run/predictions.csv", "--epochs", "5"],
        ["train", recipe, "--out", "weights"],
    ]
    statuses, said, complained = ended(commands, tmp_path)
    assert statuses == [0] * len(commands), (said, complained)
    whole = fleeting.run(fleeting.read_recipe(recipe), {}, tmp_path / "with-torch")
    for name in ("predictions.csv", "log.txt"):
        assert (tmp_path / "run" / name).read_bytes() == (whole.path / name).read_bytes()


@pytest.mark.slow
def test_networks_say_what_to_install(tmp_path):
    commands = [
        ["run", "drawn/ststnet", "--out", "run"],
        ["export", "megc2019-symmetric-flow"],
        ["list", "models", "--measure"],
        ["list", "models"],
        ["list", "models", "--json"],
        ["list", "recipes"],
    ]
    statuses, said, complained = ended(commands, tmp_path)
    assert statuses == [2, 2, 2, 0, 0, 0], (said, complained)
    missing = "fleeting: torch is not installed; this needs it: pip install 'fleeting[train]'"
    assert complained.splitlines() == [missing] * 3
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_list_has_every_model_all_the_same(tmp_path, capsys):
    _, said, _ = ended([["list", "models", "--json"]], tmp_path)
    lacking = json.loads(said[: said.index("ENDED")])
    whole = json.loads(typed(capsys, "list", "models", "--json")[1])
    told = [[(row["name"], row["what"]) for row in rows] for rows in (lacking, whole)]
    assert told[0] == told[1]
    assert {row["source"] for row in lacking if row["name"] == "ststnet"} == {"needs torch: fleeting[train]"}
