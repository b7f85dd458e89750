"""The example in the docstring of every public call: it runs, on files that lie beside it, and gives that."""

from __future__ import annotations

import doctest
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import fleeting
from fleeting.errors import FleetingError, OptionError
from tests.fixtures.short_video import TRUTH, drawn_video

CALLS = [name for name in dir(fleeting) if callable(getattr(fleeting, name))]
QUICK = {
    "Clip",
    "Event",
    "Experiment",
    "Fold",
    "Frame",
    "Prediction",
    "Sample",
    "catalogue",
    "init",
    "leaks",
    "null_score",
    "read_recipe",
    "recognisers",
    "score",
    "score_intervals",
    "weights",
}


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the examples name."""
    folder = tmp_path_factory.mktemp("beside")
    for name in ("recordings", "videos", "taken/drawn"):
        (folder / name).mkdir(parents=True)
    drawn_video(folder / "interview.mp4")
    shutil.copy(folder / "interview.mp4", folder / "recordings")
    shutil.copy(folder / "interview.mp4", folder / "videos")
    (folder / "taken" / "drawn" / "notes.txt").write_text("mine")
    span = f"{TRUTH.onset_frame},{TRUTH.apex_frame},{TRUTH.offset_frame}"
    (folder / "recordings" / "clips.csv").write_text(
        f"file,subject,onset,apex,offset,label\ninterview.mp4,P1,{span},surprise\n"
    )
    (folder / "labels.csv").write_text("subject,label\na,0\na,1\nb,0\nb,2\nc,1\nc,2\n")
    (folder / "log.txt").write_text("smic s1\na 0 0\nb 1 1\nsmic s2\nc 0 1\nd 1 1\nsmic s3\ne 2 2\nf 2 0\n")
    (folder / "truth.csv").write_text("video,onset,offset\na,10,20\na,50,60\n")
    (folder / "found.csv").write_text("video,onset,offset\na,11,21\n")
    (folder / "train.csv").write_text("sub05/EP02_01f 0\nsub01/EP03_02 1\n")
    (folder / "test.csv").write_text("sub05/EP07_01 0\nsub09/EP02_01f 2\n")
    return folder


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in CALLS]
)
def test_the_example_of_a_public_call_is_true(
    name: str, beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(beside, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    found = doctest.DocTestFinder(recurse=False).find(
        getattr(fleeting, name), name, globs={"fleeting": fleeting}
    )
    assert any(test.examples for test in found), "has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    said: list[str] = []
    for test in found:
        runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)


def test_dir_shows_the_public_names_and_nothing_else() -> None:
    assert dir(fleeting) == sorted(fleeting.__all__)


@pytest.mark.parametrize(
    "call",
    [
        lambda: fleeting.score(3),
        lambda: fleeting.null_score(None, 30),
        lambda: fleeting.score_intervals("truth.csv", b"found.csv"),
        lambda: fleeting.run(3),
        lambda: fleeting.run("drawn/linear-flow", ["maps"]),
        lambda: fleeting.run("drawn/linear-flow", {"drawn": 3}),
        lambda: fleeting.train("drawn/linear-flow", out=3),
        lambda: fleeting.report([3]),
        lambda: fleeting.check("clips", None),
        lambda: fleeting.init(5),
        lambda: fleeting.analyze(3, "out"),
        lambda: fleeting.analyze(["a.mp4", None], "out"),
        lambda: fleeting.Run.load(None),
        lambda: fleeting.Recogniser.load(3),
    ],
)
def test_what_is_no_path_is_an_error_of_ours(call: Callable[[], object]) -> None:
    with pytest.raises(OptionError, match="expected"):
        call()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fleeting.Experiment(modle={}), "no recipe key is called 'modle'"),
        (lambda: fleeting.Experiment(training={"epochs": "many"}), "training.epochs is 'many'"),
        (lambda: fleeting.samples(3, "recordings"), "no dataset is called 3"),
        (lambda: fleeting.cut("interview.mp4", "one", 2.0), "start is 'one', expected a number"),
        (lambda: fleeting.run("drawn/linear-flow", workers="two"), "'two' workers cannot"),
        (lambda: fleeting.run("drawn/linear-flow", callbacks=["mlflow"]), "a list of fleeting.Callback"),
        (lambda: fleeting.run("drawn/linear-flow", callbacks=fleeting.Callback()), "a list of fleeting"),
        (lambda: fleeting.Session(people="two"), "'two', expected a number"),
        (lambda: fleeting.Clip([[0]], [0.0], 0, 0, 0), "clip frames are list"),
        (lambda: fleeting.Sample("mine/a", "mine", None, "joy"), "the subject is None"),
        (lambda: fleeting.Event(1, 0, "brief", 0, 1, 2, 0.0, 0.1, 0.2, 1.0), "kind 'brief', expected micro"),
    ],
)
def test_a_wrong_value_is_an_error_of_ours(call: Callable[[], object], words: str) -> None:
    with pytest.raises(FleetingError, match=words):
        call()
