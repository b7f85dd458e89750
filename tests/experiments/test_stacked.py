"""Folds that are trained as one computation learn what they learn alone."""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

import fleeting
from fleeting.errors import OptionError, ScoreError
from fleeting.executors import executors
from fleeting.experiments import stacked as folds
from fleeting.experiments.fold import Job, evaluate
from fleeting.experiments.recipe import read_recipe
from fleeting.experiments.task import fold_seed, rows_of, training_set
from fleeting.models import build, models
from fleeting.training import side_by_side
from fleeting.training.fitting import fit
from fleeting.training.options import Diffusion, Training
from fleeting.training.training_set import TrainingSet
from fleeting.training.vmapped import InTheirPlace
from fleeting.types import ArrayKind, Fold
from tests.fixtures.tasks import CLIPS, jobs_of, task_of


def probabilities(results):
    return np.array([p.probabilities for result in results for p in result.predictions])


HTNET = {
    "model": "htnet",
    "side": 56,
    "options": {"size": 56, "dim": 12, "repeats": (1, 1, 1), "dropout": 0.1},
}
WEIGHED = {"class_weights": "balanced", "label_smoothing": 0.1, "optimizer": "adamw", "schedule": "cosine"}
FILLED = {"diffusion": Diffusion(epochs=1, width=8, steps=10, sampling_steps=2)}
COPIED = {"augmented_copies": 2, "order": "by-class"}
FOCAL = {"loss": "focal", "class_weights": "balanced", "optimizer": "sgd", "schedule": "step"}


@pytest.mark.slow
@pytest.mark.parametrize("augment", [(), ("mirror", "shift")])
@pytest.mark.parametrize(
    "asked",
    [{}, HTNET, WEIGHED, FOCAL, FILLED, COPIED],
    ids=["ststnet", "htnet", "weighed", "focal", "filled", "copied"],
)
def test_together_they_learn_what_they_learn_alone(asked, augment):
    task = task_of(**asked, augment=augment, trace_oracle=True)
    jobs = jobs_of(task)
    alone = [evaluate(task, job) for job in jobs]
    together = list(folds.evaluate_together(task, jobs))
    assert [r.fold for r in together] == [r.fold for r in alone]
    np.testing.assert_allclose(probabilities(together), probabilities(alone), atol=1e-3)
    assert np.ptp(probabilities(alone), axis=0).max() > 0.02, "something was learnt"
    for one, other in zip(alone, together, strict=True):
        assert (one.epoch, one.seed) == (other.epoch, other.seed)
        losses = [[line.loss for line in result.curve] for result in (one, other)]
        np.testing.assert_allclose(losses[1], losses[0], atol=1e-3)
        np.testing.assert_allclose(other.test_accuracy, one.test_accuracy, atol=1.01 / len(one.predictions))
        assert other.test_accuracy[other.oracle_epoch - 1] == max(other.test_accuracy)
        assert [p.id for p in other.oracle] == [p.id for p in one.oracle]
        assert other.cost.how == "in a group of 5 on cpu"


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked", [pytest.param({}, id="ststnet"), pytest.param(HTNET, id="htnet", marks=pytest.mark.slow)]
)
def test_at_the_end_they_predict_the_same(asked):
    task = task_of(**asked, epochs=25)
    jobs = jobs_of(task)
    alone = probabilities(map(evaluate, [task] * len(jobs), jobs)).argmax(axis=1)
    together = probabilities(folds.evaluate_together(task, jobs)).argmax(axis=1)
    assert (alone == together).mean() >= 0.99
    assert len(set(alone)) == 3


RANDOM = {
    "inception-cbam-vit": {"size": 28, "dim": 32, "depth": 1, "heads": 2, "hidden": 32},
    "mmnet": {"size": 32, "width": 8, "filters": 12},
    "vit": {"size": 32, "dim": 24, "depth": 1, "heads": 2, "mlp": 32, "attention_dropout": 0.2},
}
"""Networks that leave out heads, whole ways, and attention."""


@pytest.mark.parametrize("name", RANDOM)
def test_every_kind_of_random_layer_draws_what_it_draws_alone(name):
    """Each fold has another number of clips."""
    given = RANDOM[name]
    rng = np.random.default_rng(0)
    shapes = [(shape[0], given["size"], given["size"]) for shape in models[name].inputs.values()]
    sets = [
        TrainingSet(
            tuple(rng.normal(size=(count, *shape)).astype(np.float32) for shape in shapes),
            tuple(ArrayKind(tuple(f"c{i}" for i in range(shape[0]))) for shape in shapes),
            np.arange(count) % 3,
            ("d/s",) * count,
            3,
        )
        for count in (6, 4)
    ]
    recipe = Training(optimizer="sgd", lr=1e-3, epochs=1, batch=4, device="cpu")
    alone = [fit(build(name, 3, shapes, given, i), data, recipe, i) for i, data in enumerate(sets)]
    fresh = [build(name, 3, shapes, given, i) for i in range(2)]
    together = side_by_side.fit_together(fresh, sets, recipe, [0, 1])
    for one, other, data in zip(alone, together, sets, strict=True):
        assert other.curve[0].loss == pytest.approx(one.curve[0].loss, abs=1e-4)
        found = [fitted.probabilities(data.arrays) for fitted in (one, other)]
        np.testing.assert_allclose(found[1], found[0], atol=1e-3)


@pytest.mark.slow
def test_nothing_of_a_test_clip_reaches_any_training():
    """One that is not a number would spoil whatever was made of it."""
    found = []
    for spoilt in (False, True):
        task = task_of(spoilt=spoilt, keep_weights=True, trace_oracle=True)
        jobs = jobs_of(task)
        jobs = [Job(Fold(j.fold.name, without_first(j.fold.train), j.fold.test), j.seed) for j in jobs]
        results = folds.evaluate_together(task, jobs)
        others = [next(results) for _ in jobs[1:]] if spoilt else list(results)[1:]
        found.append({r.fold: (r.predictions, r.curve, weights(r.weights)) for r in others})
        if spoilt:
            with pytest.raises(ScoreError, match=f"fold {jobs[0].fold.name}"):
                next(results)
    assert found[0] == found[1]


def test_nor_the_training_of_its_own_fold():
    """Even while its probabilities are asked for after each epoch."""
    ends = []
    for spoilt in (False, True):
        task = task_of(spoilt=spoilt)
        jobs = jobs_of(task)[:2]
        jobs = [Job(Fold(j.fold.name, without_first(j.fold.train), j.fold.test), j.seed) for j in jobs]
        tests = [[task.inputs.arrays[0][rows_of(task, job.fold.test)]] for job in jobs]
        asked = []
        folds = side_by_side.fit_together(
            [build("ststnet", 3, [(3, 28, 28)], {}, seed) for seed in (0, 1)],
            [training_set(task, rows_of(task, job.fold.train)) for job in jobs],
            task.experiment.training,
            [fold_seed(job.seed, job.fold.name) for job in jobs],
            lambda _epoch, predict, tests=tests, asked=asked: asked.append(predict(tests)),
        )
        assert [np.isfinite(of_fold).all() for of_fold in asked[-1]] == [not spoilt, True]
        assert [len(of_fold) for of_fold in asked[-1]] == list(CLIPS[:2])
        ends.append([weights(fitted.state()) for fitted in folds])
    assert ends[0] == ends[1]


def without_first(samples):
    return tuple(sample for sample in samples if sample.id != "d/s0/0")


def weights(arrays):
    return {name: array.tobytes() for name, array in arrays.items()}


def test_training_together_leaves_the_global_generator_alone():
    task = task_of(epochs=1)
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    list(folds.evaluate_together(task, jobs_of(task)))
    assert torch.equal(torch.rand(4), expected)


@pytest.mark.parametrize("changes", [{"selection": "inner"}, {"remove_attention": 1}])
def test_what_ends_folds_in_different_ways_is_done_one_by_one(changes):
    task = task_of(**HTNET, **changes)
    assert "each fold" in folds.why_alone(task)
    with pytest.raises(OptionError, match="another executor"):
        list(folds.evaluate_together(task, jobs_of(task)))


def test_an_estimator_is_no_network():
    assert "in one go" in folds.why_alone(task_of("linear-flow"))


def as_on_a_gpu(_):
    """What `why_apart` asks for: folds are trained together where training is on a GPU."""
    return torch.device("cuda")


def test_a_network_that_torch_cannot_stack_is_named_with_the_reason(monkeypatch):
    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(3 * 28 * 28, 3)

        def forward(self, maps):
            return self.head((maps + torch.randn_like(maps)).flatten(1))

    monkeypatch.setattr(side_by_side, "device_of", as_on_a_gpu)
    task = task_of()
    assert folds.why_alone(task) == ""
    monkeypatch.setattr(folds, "model_of", lambda *_, **__: Noisy())
    assert "random" in folds.why_alone(task)


def halved_in_training(numbers, halves):
    return InTheirPlace(numbers, halves or torch.is_grad_enabled())


@pytest.mark.slow
@pytest.mark.parametrize("asked", [{}, HTNET], ids=["ststnet", "htnet"])
def test_halved_products_change_little(asked, monkeypatch):
    """What a GPU is asked to do; the processor can do it too."""
    task = task_of(**asked, epochs=2)
    whole = probabilities(folds.evaluate_together(task, jobs_of(task)))
    monkeypatch.setattr(side_by_side, "InTheirPlace", halved_in_training)
    halved = probabilities(folds.evaluate_together(task, jobs_of(task)))
    assert 1e-6 < np.abs(halved - whole).max() < 0.05


def test_memory_a_fold_grows_with_what_it_holds():
    def needs(**asked):
        task = task_of(**asked)
        return folds.fold_bytes(task, jobs_of(task)[0])

    parameters = sum(p.numel() for p in build("ststnet", 3, [(3, 28, 28)], {}, 0).parameters())
    clips = 45 * 3 * 28 * 28 * 4
    small, large = needs(batch=10), needs(batch=20)
    assert small > 16 * parameters + clips
    activations = large - small  # of ten clips, twice
    assert activations > 2 * 10 * (16 * 28 * 28 * 4)
    assert small - activations == pytest.approx(16 * parameters + clips, rel=0.1)


RUN = ("training.epochs=2", "protocol.name=kfold", "protocol.folds=3", "training.device=cpu")


def facts(folder):
    return {path.parent.name: json.loads(path.read_text()) for path in folder.glob("folds/*/fold.json")}


@pytest.mark.slow
def test_on_a_cpu_folds_are_done_one_by_one_and_that_is_said(tmp_path):
    small = read_recipe("drawn/ststnet", changes=RUN)
    serial = fleeting.run(small, {}, tmp_path / "serial")
    stacked = fleeting.run(small, {}, tmp_path / "stacked", executor="stacked")
    csv = [(run.path / "predictions.csv").read_bytes() for run in (serial, stacked)]
    assert csv[0] == csv[1]
    assert {f["how"] for f in facts(stacked.path).values()} == {
        "one by one (on a CPU convolutions are faster one after another)"
    }


@pytest.mark.slow
def test_stopped_after_a_group_the_rest_is_done_on_the_next_start(tmp_path, monkeypatch):
    monkeypatch.setattr(side_by_side, "device_of", as_on_a_gpu)
    monkeypatch.setattr(folds, "folds_at_once", lambda *_: 2)
    small = read_recipe("drawn/ststnet", changes=RUN)
    folder = tmp_path / "run"

    def stop_at(what, done, of):
        if (what, done) == ("training", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fleeting.run(small, {}, folder, executor="stacked", progress=stop_at)
    before = facts(folder)
    assert len(before) == 2
    run = fleeting.run(small, {}, folder, executor="stacked")
    after = facts(folder)
    assert len(after) == 3
    assert {name: after[name] for name in before} == before
    assert Counter(f["how"] for f in after.values()) == {
        "in a group of 2 on cpu": 2,
        "in a group of 1 on cpu": 1,
    }
    serial = fleeting.run(small, {}, tmp_path / "serial")
    pairs = zip(run.by_seed[0], serial.by_seed[0], strict=True)
    assert max(np.abs(np.subtract(a.probabilities, b.probabilities)).max() for a, b in pairs) < 1e-3


def test_seeds_and_folds_go_into_one_group():
    task = task_of(epochs=2)
    jobs = [Job(job.fold, seed) for seed in (0, 1) for job in jobs_of(task)[:2]]
    results = list(executors["stacked"](folds.FoldWork(), task, jobs, 1))
    together = list(folds.evaluate_together(task, jobs))
    assert [(r.fold, r.seed) for r in together] == [(r.fold, r.seed) for r in results]
    np.testing.assert_allclose(probabilities(together), probabilities(results), atol=1e-3)
