"""Pretraining: it learns, from the training side of a fold alone, and needs no label."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fleeting.errors import OptionError
from fleeting.experiments.fold import evaluate, rehearse
from fleeting.experiments.task import fold_seed, training_set
from fleeting.models import build
from fleeting.models.micron_bert import MicronBERT, Pretext
from fleeting.training.fitting import begun, fit
from fleeting.training.options import Pretraining, Training
from fleeting.training.pretraining import pretrain
from fleeting.training.selection import validation_mask
from fleeting.types import ArrayKind
from tests.fixtures.tasks import jobs_of, task_of

SMALL = {"dim": 8, "depth": 1, "heads": 2}
BEFORE = Pretraining(epochs=1, batch=8)


def pairs_of_frames(**training):
    """A task whose clips are pairs of frames, of which each pixel is the number of the clip's row."""
    options = {"epochs": 1, "normalize": "none", "pretraining": BEFORE, **training}
    task = task_of("micron-bert", options=SMALL, **options)
    rows = np.arange(len(task.inputs.samples), dtype=np.float32)
    frames = np.broadcast_to(rows[:, None, None, None], (len(rows), 6, 16, 16)).copy()
    return replace(task, inputs=replace(task.inputs, arrays=(frames,), kinds=(ArrayKind(("picture",) * 6),)))


@pytest.fixture
def seen(monkeypatch):
    """The rows that pretraining is given, as they are given."""
    rows: list[int] = []

    class Noting(Pretext):
        def forward(self, frames):
            rows.extend(frames[:, 0, 0, 0].int().tolist())
            return super().forward(frames)

    monkeypatch.setattr(MicronBERT, "pretext", lambda self: Noting(self, 0.5))
    return rows


@pytest.mark.parametrize("selection", ["fixed", "inner"])
def test_no_clip_of_the_test_side_reaches_pretraining(seen, selection):
    """Nor does one of the people whom an inner selection holds out."""
    task = pairs_of_frames(selection=selection)
    whole = training_set(task, np.arange(len(task.inputs.samples)))
    for job in jobs_of(task):
        seen.clear()
        evaluate(task, job)
        learns = np.array([subject != job.fold.name for subject in whole.subjects])
        if selection == "inner":
            train, seed = whole.only(learns), fold_seed(job.seed, job.fold.name)
            learns[learns] = ~validation_mask(train.subjects, train.labels, 0.2, seed)
        assert sorted(seen) == np.flatnonzero(learns).tolist()


def test_what_the_test_side_shows_changes_no_weight():
    task = pairs_of_frames(keep_weights=True)
    job = jobs_of(task)[1]
    tested = {sample.id for sample in job.fold.test}
    spoilt = task.inputs.arrays[0].copy()
    spoilt[[sample.id in tested for sample in task.inputs.samples]] += 100
    other = replace(task, inputs=replace(task.inputs, arrays=(spoilt,)))
    first, second = evaluate(task, job).weights, evaluate(other, job).weights
    assert all(np.array_equal(first[name], second[name]) for name in first)


def weights_after(training, labels=None):
    task = pairs_of_frames()
    data = training_set(task, np.arange(12))
    data = data if labels is None else replace(data, labels=labels)
    model = build("micron-bert", 3, [(6, 16, 16)], SMALL, 0)
    begun(model, data, Training(device="cpu", **training), seed=4)
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


def test_it_needs_a_seed_and_no_label():
    torch.manual_seed(1)
    once = weights_after({"pretraining": BEFORE})
    torch.manual_seed(2)
    assert torch.equal(weights_after({"pretraining": BEFORE}, np.zeros(12, np.int64)), once)
    assert torch.equal(weights_after({"pretraining": BEFORE, "order": "balanced", "batch": 3}), once)
    assert not torch.equal(weights_after({}), once)


def test_it_learns_to_make_the_pixels_again(monkeypatch):
    found = []

    class Noting(Pretext):
        def losses(self, frames):
            both = super().losses(frames)
            found.append(float(both[0].detach()))
            return both

    monkeypatch.setattr(MicronBERT, "pretext", lambda self: Noting(self, 0.2))
    frames = torch.randn(8, 6, 1, 1, generator=torch.Generator().manual_seed(0)).expand(8, 6, 16, 16).clone()
    model = build("micron-bert", 3, [(6, 16, 16)], SMALL, 0)
    options = Pretraining(epochs=60, lr=1e-2)
    losses = pretrain(model, [([frames], torch.zeros(8))], options, seed=0, autocast=False)
    assert len(losses) == len(found) == 60
    assert np.mean(found[-10:]) < 0.6 * found[0]
    assert all(weight.grad is None for weight in model.parameters())


def test_a_model_without_a_task_of_its_own_is_refused():
    with pytest.raises(OptionError, match="STSTNet has no task without labels"):
        rehearse(task_of(pretraining=BEFORE))
    task = task_of("linear-flow")
    model = build("linear-flow", 3, [(3, 28, 28)], {}, 0)
    with pytest.raises(OptionError, match="without epochs"):
        fit(model, training_set(task, np.arange(9)), Training(pretraining=BEFORE), 0)
