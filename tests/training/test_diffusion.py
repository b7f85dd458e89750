"""Samples drawn by diffusion for rare classes, seen by training and never by validation."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from fleeting.errors import OptionError
from fleeting.models import build
from fleeting.training.diffusion import drawn
from fleeting.training.fitting import fit
from fleeting.training.options import Diffusion, Training
from fleeting.training.training_set import TrainingSet
from fleeting.types import ArrayKind

CPU = torch.device("cpu")
LITTLE = Diffusion(epochs=60, lr=3e-3, batch=16, width=8, steps=100, sampling_steps=20)


def bright_or_dark(counts=(12, 5), side=8, seed=0):
    """Pictures with a bright half: the left one in class 0, the right one in class 1."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    pictures = rng.normal(50, 5, size=(len(labels), 1, side, side)).astype(np.float32)
    for picture, label in zip(pictures, labels, strict=True):
        picture[0, :, label * side // 2 : (label + 1) * side // 2] += 150
    return pictures, labels.astype(np.int64)


@pytest.mark.slow
def test_classes_are_filled_up_with_what_looks_like_them():
    pictures, labels = bright_or_dark()
    twice = LITTLE.model_copy(update={"fill": 2.0})
    (more,), classes = drawn([pictures], labels, 2, twice, 0, CPU)
    assert classes.tolist() == [0] * 12 + [1] * 19
    assert more.shape == (31, 1, 8, 8)
    assert more.dtype == np.float32
    assert pictures.min() - 0.01 < more.min() < more.max() < pictures.max() + 0.01
    right = more[..., 4:].mean(axis=(1, 2, 3)) - more[..., :4].mean(axis=(1, 2, 3))
    assert right[classes == 1].mean() > 30
    assert right[classes == 0].mean() < -30


@pytest.mark.slow
def test_the_seed_decides_what_is_drawn():
    pictures, labels = bright_or_dark()
    few = LITTLE.model_copy(update={"epochs": 1, "sampling_steps": 3})
    first, second, other = (drawn([pictures], labels, 2, few, seed, CPU)[0][0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_inputs_of_one_clip_are_drawn_together_and_keep_their_channels():
    pictures, labels = bright_or_dark(side=7)  # odd: padded inside
    few = LITTLE.model_copy(update={"epochs": 1, "sampling_steps": 3})
    (one, two), _ = drawn([pictures, np.repeat(pictures, 2, axis=1)], labels, 2, few, 0, CPU)
    assert (one.shape, two.shape) == ((7, 1, 7, 7), (7, 2, 7, 7))
    with pytest.raises(OptionError, match="one size"):
        drawn([pictures, pictures[..., :4]], labels, 2, few, 0, CPU)


def test_balanced_classes_and_those_that_never_occur_get_nothing():
    pictures, labels = bright_or_dark((4, 4))
    (more,), classes = drawn([pictures], labels, 3, LITTLE, 0, CPU)
    assert len(more) == len(classes) == 0


def test_training_sees_the_drawn_samples_and_validation_only_real_ones():
    pictures, labels = bright_or_dark((18, 6), side=28)
    maps = np.repeat(pictures, 3, axis=1)
    subjects = tuple(f"d/s{i % 6}" for i in range(24))
    data = TrainingSet((maps,), (ArrayKind(("picture",) * 3),), labels, subjects, 2)
    few = Diffusion(epochs=1, width=8, steps=10, sampling_steps=2)
    model = build("ststnet", 2, [(3, 28, 28)], {}, 0)
    seen = []
    model.register_forward_pre_hook(lambda module, given: seen.append((module.training, len(given[0]))))
    fit(
        model, data, Training(epochs=1, batch=100, diffusion=few, selection="inner", validation_share=0.25), 0
    )
    (in_training, trained_on), (_, held) = seen[0], seen[1]
    assert in_training
    assert held < 24
    assert trained_on > 24 - held  # filled up
    assert trained_on % 2 == 0  # to two classes of one size


def test_no_test_clip_can_reach_it(tmp_path):
    """Test clips that are not a number would spoil whatever was made of them: training stays finite."""
    from fleeting.experiments.recipe import Experiment
    from fleeting.experiments.recipe_tables import ModelChoice
    from fleeting.experiments.task import Task, trained
    from fleeting.inputs.loading import Inputs
    from fleeting.types import Sample

    pictures, labels = bright_or_dark((12, 6), side=28)
    maps = np.repeat(pictures, 3, axis=1)
    train = np.arange(18) % 3 != 0
    maps[~train] = np.nan
    samples = tuple(
        Sample(f"d/s{i % 3}/{i}", "d", f"d/s{i % 3}", "ab"[label]) for i, label in enumerate(labels)
    )
    few = Training(epochs=1, diffusion=Diffusion(epochs=1, width=8, steps=10, sampling_steps=2))
    experiment = Experiment(model=ModelChoice(name="ststnet"), training=few)
    inputs = Inputs(samples, (maps,), (ArrayKind(("picture",) * 3),), (), {}, {})
    fitted = trained(Task(experiment, inputs, ("a", "b")), np.flatnonzero(train), seed=0)
    assert all(np.isfinite(array).all() for array in fitted.state().values())
    assert not np.isfinite(fitted.probabilities((maps[~train],))).any()


@pytest.mark.slow
def test_diffusers_tells_nobody_that_it_is_used():
    switched = (
        "import os; from fleeting.training.diffusion import refuse_undrawable; refuse_undrawable(());"
        " print(os.environ['HF_HUB_OFFLINE'])"
    )
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "DO_NOT"))}
    said = subprocess.run(
        [sys.executable, "-c", switched], capture_output=True, text=True, env=plain, check=True
    )
    assert said.stdout.split() == ["1"]
