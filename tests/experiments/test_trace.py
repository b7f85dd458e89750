"""Losses of training and of the test side, and the trace of the test side, which changes nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch.nn.functional as F
from torch import from_numpy

import fleeting
from fleeting.experiments import stacked
from fleeting.experiments.fold import Trace, evaluate
from fleeting.experiments.recipe import read_recipe
from fleeting.experiments.run_folder import fold_folders, read_curve
from tests.fixtures.tasks import jobs_of, task_of

SMALL = ("training.epochs=3", "protocol.name=kfold", "protocol.folds=3", "training.device=cpu")
KEEP = "training.keep_weights=true"


def run(out, *changes, recipe="drawn/ststnet"):
    return fleeting.run(read_recipe(recipe, changes=(*SMALL, *changes)), {}, out)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run(tmp_path_factory.mktemp("plain"), KEEP, "training.trace_oracle=false")


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    changes = (KEEP, "training.trace_oracle=false", "training.trace_loss=true")
    return run(tmp_path_factory.mktemp("traced"), *changes)


def files(done):
    """Every byte that training and testing left, but for the columns of the trace."""
    found = {"predictions": (done.path / "predictions.csv").read_bytes()}
    for folder in fold_folders(done.path):
        for name in ("predictions.csv", "weights.safetensors"):
            found[f"{folder.name}/{name}"] = (folder / name).read_bytes()
        rows = (folder / "curve.csv").read_text().splitlines()
        found[f"{folder.name}/curve"] = [row.split(",")[:4] for row in rows]
    return found


@pytest.mark.slow
def test_the_trace_changes_no_byte_of_what_is_learnt_and_said(plain, traced):
    assert files(traced) == files(plain)
    assert traced.scores["clean"] == plain.scores["clean"]
    assert traced.scores["oracle"] is None


@pytest.mark.slow
def test_a_curve_has_the_test_side_by_epoch_and_fold_where_it_was_traced(plain, traced):
    for done, expected in ((plain, set()), (traced, {"test_accuracy_traced", "test_loss_traced"})):
        for folder in fold_folders(done.path):
            curve = read_curve(folder / "curve.csv")
            assert set(curve) == {"loss", "accuracy"} | expected
            assert {len(values) for values in curve.values()} == {3}


@pytest.mark.slow
def test_the_test_loss_is_the_cross_entropy_of_the_predictions(traced):
    said = traced.by_seed[0]
    loss = -np.mean([np.log(p.probabilities[p.truth]) for p in said])
    assert traced.scores["clean"]["test_loss"] == pytest.approx(loss)
    last = [(read_curve(f / "curve.csv")["test_loss_traced"][-1], f.name) for f in fold_folders(traced.path)]
    for found, fold in last:
        of_fold = [p.probabilities[p.truth] for p in said if p.fold == fold]
        assert found == pytest.approx(-np.log(of_fold).mean(), rel=1e-6)


@pytest.mark.slow
def test_the_training_loss_is_that_of_the_epoch_kept_the_mean_over_folds(traced, tmp_path):
    curves = [read_curve(folder / "curve.csv")["loss"] for folder in fold_folders(traced.path)]
    assert traced.scores["clean"]["training_loss"] == pytest.approx(np.mean([c[-1] for c in curves]))
    assert {part["training_loss"] for part in traced.scores["clean"]["parts"].values()} <= {None}
    oracle = run(tmp_path, "training.trace_oracle=true")
    kept = []
    for folder in fold_folders(oracle.path):
        epoch = json.loads((folder / "fold.json").read_text())["oracle_epoch"]
        kept.append(read_curve(folder / "curve.csv")["loss"][epoch - 1])
    assert oracle.scores["oracle"]["training_loss"] == pytest.approx(np.mean(kept))


def test_an_estimator_has_a_test_loss_only(tmp_path):
    scores = run(tmp_path, recipe="drawn/linear-flow").scores["clean"]
    assert scores["training_loss"] is None
    assert scores["test_loss"] > 0


@pytest.mark.parametrize("loss", ["cross-entropy", "focal"])
def test_the_traced_loss_is_the_recipes(loss):
    rng = np.random.default_rng(0)
    task = task_of(loss=loss, class_weights="balanced", trace_loss=True)
    rows = np.arange(len(task.inputs.samples))
    labels = np.array([task.classes.index(s.label) for s in task.inputs.samples])
    chances = rng.dirichlet(np.ones(3), len(rows))
    trace = Trace(task, rows)
    trace.take(1, chances)
    true = chances[np.arange(len(rows)), labels]
    power = 2 if loss == "focal" else 0
    assert trace.losses[0] == pytest.approx(-((1 - true) ** power * np.log(true)).mean())
    if loss == "cross-entropy":
        logits = np.log(chances)
        assert trace.losses[0] == pytest.approx(
            float(F.cross_entropy(from_numpy(logits), from_numpy(labels)))
        )


@pytest.mark.parametrize(("ties", "epoch"), [("first", 2), ("last", 3)])
def test_of_equally_good_epochs_the_oracle_keeps_the_one_asked_for(ties, epoch):
    task = task_of(oracle_ties=ties)
    rows = np.arange(6)
    labels = np.array([task.classes.index(task.inputs.samples[row].label) for row in rows])
    right, wrong = np.eye(3)[labels], np.eye(3)[(labels + 1) % 3]
    trace = Trace(task, rows)
    for number, said in enumerate((wrong, right, 0.9 * right + 0.05, wrong), start=1):
        trace.take(number, said)
    assert trace.epoch == epoch
    assert trace.best is not None
    assert trace.accuracies == [0, 1, 1, 0]


@pytest.mark.slow
def test_folds_trained_together_trace_what_they_trace_alone():
    task = task_of(trace_loss=True)
    jobs = jobs_of(task)
    alone = [evaluate(task, job) for job in jobs]
    for one, other in zip(alone, stacked.evaluate_together(task, jobs), strict=True):
        np.testing.assert_allclose(other.test_loss, one.test_loss, atol=1e-3)
        assert len(other.test_accuracy) == len(one.test_accuracy) == 5
        assert (one.oracle, one.oracle_epoch) == (other.oracle, other.oracle_epoch) == ((), None)
