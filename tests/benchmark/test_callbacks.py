"""Callbacks hear of a run and change none of its bytes; trackers keep curves and scores, and call nobody."""

import logging
import os
import socket
import struct
from itertools import groupby

import pytest

import fleeting
from fleeting.benchmark.trackers import tracker
from fleeting.errors import OptionError, UnknownNameError
from tests.fixtures.command import typed


def experiment():
    changes = ["training.epochs=2", "training.trace_oracle=false", "protocol.name=kfold", "protocol.folds=2"]
    return fleeting.read_recipe("drawn/ststnet", changes=changes)


class Heard(fleeting.Callback):
    """Writes down what it hears."""

    def __init__(self):
        self.said = []

    def run_begins(self, experiment, folder, folds):  # noqa: ARG002
        self.said.append(("begins", experiment.name, folds))

    def epoch_ended(self, result, epoch):
        self.said.append(("epoch", result.fold, epoch.epoch, round(epoch.loss, 6)))

    def fold_ended(self, result):
        self.said.append(("fold", result.fold, len(result.predictions)))

    def run_ended(self, run):
        self.said.append(("ended", run.scores["clean"]["uf1"]))

    def run_failed(self, error):
        self.said.append(("failed", str(error)))


class Broken(Heard):
    """Fails at its first epoch."""

    def epoch_ended(self, result, epoch):  # noqa: ARG002
        self.said.append("epoch")
        raise ValueError("the disk of the tracker is full")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A run to which nobody listens."""
    return fleeting.run(experiment(), out=tmp_path_factory.mktemp("alone") / "run")


@pytest.fixture
def offline(monkeypatch):
    """No socket can be connected and no name be resolved; who tries is written down."""
    tried = []

    def refuse(*where, **how):
        tried.append(where)
        raise OSError("no network in this test")

    for owner, name in ((socket.socket, "connect"), (socket, "getaddrinfo"), (socket, "create_connection")):
        monkeypatch.setattr(owner, name, refuse)
    return tried


def same_bytes(one, other):
    for path in (one / "folds").rglob("*.csv"):
        assert path.read_bytes() == (other / path.relative_to(one)).read_bytes()
    for name in ("predictions.csv", "experiment.toml", "log.txt"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def records(folder):
    """What TensorBoard would read: (tag, step, value) of each number."""
    from tensorboardX.proto.event_pb2 import Event

    (path,) = folder.iterdir()
    content = path.read_bytes()
    found, start = [], 0
    while start < len(content):
        (length,) = struct.unpack_from("<Q", content, start)
        event = Event.FromString(content[start + 12 : start + 12 + length])
        start += length + 16
        found += [(v.tag, event.step, v.simple_value) for v in event.summary.value if v.tag[:6] != "recipe"]
    return found


@pytest.mark.slow
def test_trackers_get_curves_and_scores_offline_and_change_no_byte(alone, offline, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    heard, broken = Heard(), Broken()
    trackers = [heard, broken, fleeting.MLflowLogger(), fleeting.TensorBoardLogger()]
    done = fleeting.run(experiment(), out="run", callbacks=trackers)
    assert offline == []
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    same_bytes(alone.path, done.path)
    assert {key for key in done.scores if done.scores[key] != alone.scores[key]} <= {
        *("seconds", "peak_memory_mb", "cpu_percent")
    }
    kinds = [kind for kind, _ in groupby(line[0] for line in heard.said)]
    assert kinds == ["begins", "epoch", "fold", "epoch", "fold", "ended"]
    assert heard.said[0] == ("begins", "drawn/ststnet", 2)
    assert broken.said == [("begins", "drawn/ststnet", 2), "epoch"]

    from mlflow import MlflowClient

    client = MlflowClient("sqlite:///mlflow.db")
    (kept,) = client.search_runs([client.get_experiment_by_name("fleeting").experiment_id])
    assert kept.info.status == "FINISHED"
    assert kept.data.metrics["clean/uf1"] == pytest.approx(done.scores["clean"]["uf1"])
    assert kept.data.params["training.epochs"] == "2"
    fold = next(line[1] for line in heard.said if line[0] == "fold")
    curve = client.get_metric_history(kept.info.run_id, f"{fold}/seed-0/loss")
    assert [(one.step, round(one.value, 6)) for one in curve] == [
        line[2:] for line in heard.said if line[:2] == ("epoch", fold)
    ]
    shown = {tag: value for tag, _, value in records(tmp_path / "tensorboard" / "run")}
    assert shown["clean/uf1"] == pytest.approx(done.scores["clean"]["uf1"])
    assert shown[f"{fold}/seed-0/loss"] == pytest.approx(curve[-1].value, abs=1e-6)


@pytest.mark.slow
def test_who_fails_is_named_once_and_a_finished_run_trains_nothing(alone, caplog):
    heard, broken = Heard(), Broken()
    broken.run_ended = lambda run: broken.epoch_ended(None, run)
    with caplog.at_level(logging.WARNING, "fleeting"):
        fleeting.run(experiment(), out=alone.path, callbacks=[broken, heard])
    assert heard.said == [("begins", "drawn/ststnet", 0), ("ended", alone.scores["clean"]["uf1"])]
    assert len(caplog.messages) == 1
    assert "Broken fails and hears no more of this run" in caplog.text


@pytest.mark.parametrize(
    ("callback", "error", "words"),
    [(fleeting.MLflowLogger("mlflow.db"), OptionError, "expected a URL"), (None, UnknownNameError, "mlflow")],
)
def test_what_cannot_be_tracked_stops_a_run_before_it_trains(callback, error, words, tmp_path):
    heard = Heard()
    with pytest.raises(error, match=words):
        fleeting.run(experiment(), out=tmp_path, callbacks=[heard, callback or tracker("mlflwo")])
    assert [line[0] for line in heard.said] == (["begins", "failed"] if callback else [])
    assert not list(tmp_path.glob("folds/*"))


@pytest.mark.slow
def test_the_command_tracks(capsys, tmp_path):
    words = [
        "run",
        "drawn/linear-flow",
        "--out",
        tmp_path / "run",
        "--track",
        f"tensorboard={tmp_path / 'tb'}",
    ]
    status, _, said = typed(capsys, *words)
    assert (status, said) == (0, "")
    assert "clean/uf1" in {tag for tag, _, _ in records(tmp_path / "tb" / "run")}
    status, _, said = typed(capsys, "run", "drawn/linear-flow", "--track", "wandb")
    assert status == 2
    assert "no tracker is called 'wandb'" in said
