"""Settings are chosen on the training side alone, and everything downstream says which."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tomli_w

import fleeting
from fleeting import linear_maps
from fleeting.datasets import datasets
from fleeting.errors import FoldError, OptionError, UnknownNameError
from fleeting.experiments.fold import Job, choose, evaluate
from fleeting.experiments.recipe import read_recipe
from fleeting.experiments.run_folder import Run
from fleeting.experiments.samples import prepare
from fleeting.experiments.task import arrays_of, rows_of, trained
from fleeting.recognition.calibration import calibrate
from fleeting.recognition.recogniser import Recogniser
from fleeting.scoring.metrics import unweighted_f1
from fleeting.training.selection import inner_folds

BLIND = {"model": {"name": "svm-flow", "narrow": 1e6}}
"""A kernel so narrow that every clip is alone: it knows what it has seen and nothing else."""
GOOD = {"model": {"strength": 0.01}}
WEAK = {"model": {"strength": 1e-6}}


def recipe(tmp_path, *among, base="drawn/linear-flow", changes=(), **choice):
    """A recipe that chooses among these, as a user would write it."""
    table = read_recipe(base).model_dump(exclude_none=True)
    table["protocol"] = {"name": "kfold", "folds": 3}
    table["choose"] = {"among": list(among), "folds": 3, **choice}
    path = tmp_path / "choosing.toml"
    path.write_text(tomli_w.dumps(table), encoding="utf-8")
    return read_recipe(path, changes=changes)


def prepared(experiment):
    return prepare(experiment.completed(), {}, skip_damaged=False, progress=lambda *_: None)


@pytest.mark.slow
@pytest.mark.parametrize("among", [(GOOD, BLIND), (BLIND, GOOD)])
def test_each_fold_takes_what_did_better_on_people_held_out_of_its_training_side(tmp_path, among):
    run = fleeting.run(recipe(tmp_path, *among), {}, tmp_path / "run")
    best = among.index(GOOD)
    for folder in (run.path / "folds").iterdir():
        chosen = json.loads((folder / "fold.json").read_text())["chosen"]
        assert chosen["candidate"] == best
        assert chosen["uf1"][best] > 0.6 > 0.4 > chosen["uf1"][1 - best]
    assert [(one["settings"], one["folds"]) for one in run.scores["chosen"]] == [
        (change, 3 * (change is GOOD)) for change in among
    ]
    plain = read_recipe("drawn/linear-flow", changes=["protocol.name=kfold", "protocol.folds=3"])
    assert run.by_seed == fleeting.run(plain, {}, tmp_path / "plain").by_seed
    assert "of 3, " in (run.path / "report.html").read_text()
    assert "model.strength=0.01 in 3" in (run.path / "report.html").read_text()


def test_the_inner_scores_are_those_of_people_held_out(tmp_path):
    """The same by hand: each person of the training side predicted by a model that never saw him."""
    task, fold = (found := prepared(recipe(tmp_path, GOOD, WEAK))).task, found.folds[0]
    rows = rows_of(task, fold.train)
    _, chosen = choose(task, rows, seed=5)
    labels = np.array([task.classes.index(task.inputs.samples[row].label) for row in rows])
    for candidate, score in zip(task.experiment.candidates(), chosen.uf1, strict=True):
        said = np.full(len(rows), -1)
        for learnt, held in inner_folds([s.subject for s in fold.train], 3, seed=5):
            assert not {fold.train[i].subject for i in learnt} & {fold.train[i].subject for i in held}
            fitted = trained(replace(task, experiment=candidate.completed()), rows[learnt], 5)
            said[held] = fitted.probabilities(arrays_of(task, rows[held])).argmax(axis=1)
        assert score == unweighted_f1(labels, said, 3)


def test_no_test_clip_takes_part_in_the_choice(tmp_path):
    """With every clip of the test side made unusable, the same is chosen and the same is learnt."""
    task, fold = (found := prepared(recipe(tmp_path, WEAK, GOOD, BLIND))).task, found.folds[0]
    rows = rows_of(task, fold.train)
    poisoned = task.inputs.arrays[0].copy()
    poisoned[rows_of(task, fold.test)] = np.nan
    other = replace(task, inputs=replace(task.inputs, arrays=(poisoned,)))
    (settled, chosen), (again, same) = (choose(one, rows, seed=0) for one in (task, other))
    assert chosen == same
    one, two = (trained(t, rows, 0).state() for t in (settled, again))
    for name in one:  # as near as sums over differently aligned memory are
        np.testing.assert_allclose(one[name], two[name], rtol=1e-9, atol=1e-15)


def test_candidates_that_are_alike_leave_the_first(tmp_path):
    task, fold = (found := prepared(recipe(tmp_path, GOOD, GOOD))).task, found.folds[0]
    assert choose(task, rows_of(task, fold.train), seed=0)[1].candidate == 0


@pytest.mark.slow
def test_networks_choose_how_they_are_trained(tmp_path):
    """A learning rate of next to nothing loses; every executor makes the same choice."""
    slow, fast = {"training": {"lr": 1e-9}}, {"training": {"lr": 5e-3}}
    changes = ["training.epochs=8", "training.trace_oracle=false"]
    experiment = recipe(tmp_path, slow, fast, base="drawn/ststnet", changes=changes, folds=2)
    runs = [fleeting.run(experiment, {}, tmp_path / name, executor=name) for name in ("serial", "stacked")]
    assert [one["folds"] for one in runs[0].scores["chosen"]] == [0, 3]
    assert runs[0].by_seed == runs[1].by_seed
    assert list(runs[1].scores["executor"]) == ["one by one (each fold chooses settings of its own)"]


def test_the_oracle_is_of_the_settings_that_were_chosen(tmp_path):
    experiment = recipe(
        tmp_path,
        {"training": {"epochs": 2}},
        {"training": {"epochs": 3}},
        base="drawn/ststnet",
        changes=["training.trace_oracle=true"],
        folds=2,
    )
    found = prepared(experiment)
    done = evaluate(found.task, Job(found.folds[0], 0))
    assert len(done.test_accuracy) == len(done.curve) == 2 + done.chosen.candidate


@pytest.mark.slow
def test_weights_are_of_the_model_that_everybody_chose(tmp_path):
    done = fleeting.train(recipe(tmp_path, BLIND, GOOD), {}, tmp_path / "weights")
    assert done.weights.facts.model == "linear-flow"
    assert done.weights.facts.options["strength"] == 0.01
    maps = np.random.default_rng(0).uniform(0, 255, (2, 3, 28, 28)).astype(np.float32)
    assert Recogniser.load(done.path.parent).probabilities([maps]).shape == (2, 3)


@pytest.mark.slow
def test_confidences_are_those_of_the_model_that_was_chosen(tmp_path):
    """Not those of folds that chose another: the score is the search's, the calibration the model's."""
    close = {"model": {"name": "svm-flow"}}
    done = fleeting.train(recipe(tmp_path, GOOD, close), {}, tmp_path / "weights")
    alone = Run.load(tmp_path / "weights" / "run-of-the-chosen")
    assert alone.experiment.model.name == done.weights.facts.model
    assert done.weights.facts.calibration == calibrate(alone.by_seed[0])
    assert done.weights.facts.clean.uf1 == Run.load(tmp_path / "weights" / "run").scores["clean"]["uf1"]


@pytest.mark.slow
def test_weights_that_are_training_clips_say_so(tmp_path):
    """A person of the training side can be found in a kernel machine's weights; the card has to warn."""
    svm = {"model": {"name": "svm-flow"}}
    done = fleeting.train(recipe(tmp_path, BLIND, svm), {}, tmp_path / "weights")
    dataset = datasets["drawn"]
    maps = np.stack([dataset.ready_array(Path(), s, "flow-map") for s in dataset.samples(Path())])
    seen = linear_maps.features([maps], 1.0, 7)
    vectors = done.weights.arrays["vectors"]
    assert all((np.abs(seen - vector).max(axis=1) < 1e-6).any() for vector in vectors)
    assert "weights are training clips" in done.path.with_name("README.md").read_text()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"data": {"labels": "raw"}}, "changes data.labels"),
        ({"model": {"inputs": ["strain"]}}, "changes model.inputs"),
        ({"training": {"seeds": 2}}, "changes training.seeds"),
        ({"training": {"device": "cpu"}}, "changes training.device"),
        ({"name": "other"}, "changes name"),
        ({"model": 3}, "changes model;"),
        ({"model": {"strength": -1}}, "expected above 0"),
    ],
)
def test_a_candidate_that_is_another_experiment_is_refused(tmp_path, change, told):
    with pytest.raises(OptionError, match=told):
        fleeting.run(recipe(tmp_path, GOOD, change), {}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "near"),
    [({"model": {"name": "linear-flaw"}}, "linear-flow"), ({"training": {"learning": 1}}, "training")],
)
def test_a_name_that_is_mistyped_is_told(tmp_path, change, near):
    with pytest.raises(UnknownNameError, match=near):
        fleeting.run(recipe(tmp_path, change), {}, tmp_path / "run")


def test_what_cannot_go_with_a_choice_is_refused_before_anything_is_written(tmp_path):
    kept = recipe(tmp_path, GOOD, BLIND, changes=["training.keep_weights=true"])
    with pytest.raises(OptionError, match="keep different models"):
        fleeting.run(kept, {}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_folds_that_could_not_choose_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(FoldError, match="cannot make 60 inner folds"):
        fleeting.run(recipe(tmp_path, GOOD, BLIND, folds=60), {}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_training_side_without_a_class_chooses_by_the_classes_it_has(tmp_path):
    task, fold = (found := prepared(recipe(tmp_path, BLIND, GOOD))).task, found.folds[0]
    fewer = [sample for sample in fold.train if sample.label != "surprise"]
    _, chosen = choose(task, rows_of(task, fewer), seed=0)
    assert chosen.candidate == 1
    assert 0 < chosen.uf1[0] < chosen.uf1[1] <= 1


def test_too_few_people_to_choose_by_are_told():
    with pytest.raises(FoldError, match="3 training subjects cannot make 4 inner folds"):
        list(inner_folds(["a", "b", "c", "a"], 4, 0))
