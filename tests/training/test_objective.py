"""A second target, episodes, and a network's own loss: what each learns from, and what is left of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from fleeting.errors import FoldError, OptionError
from fleeting.experiments.fold import evaluate
from fleeting.experiments.task import training_set
from fleeting.models import build
from fleeting.training.episodes import drawn_episodes
from fleeting.training.fitting import fit
from fleeting.training.objective import InEpisodes, WithUnits, head_of, is_support, nearest
from fleeting.training.options import Episodes, Training
from fleeting.training.side_by_side import why_apart
from fleeting.training.training_set import TrainingSet
from fleeting.types import ArrayKind
from tests.fixtures.tasks import jobs_of, task_of

NAN = float("nan")
PLAIN = (ArrayKind(("picture",)),)


def points(count=40, unknown=False):
    """Pictures of one pixel in four channels; the class is the first, unit 4 the second, unit 12 random."""
    rng = np.random.default_rng(0)
    pictures = rng.normal(size=(count, 4, 1, 1)).astype(np.float32)
    units = np.stack([pictures[:, 1, 0, 0] > 0, rng.random(count) > 0.5], axis=1).astype(np.float32)
    if unknown:
        units[:] = NAN
    labels = (pictures[:, 0, 0, 0] > 0).astype(np.int64)
    return TrainingSet((pictures,), PLAIN, labels, tuple(f"d/{n}" for n in range(count)), 2, units)


class Small(nn.Module):
    """A linear layer of features, and one of classes."""

    def __init__(self):
        super().__init__()
        self.features, self.head = nn.Linear(4, 3), nn.Linear(3, 2)

    def forward(self, pictures):
        return self.head(torch.relu(self.features(pictures.flatten(1))))


def entropy(logits, labels):
    return nn.functional.cross_entropy(logits, labels)


def small(seed=0):
    torch.manual_seed(seed)
    return Small()


def test_the_second_target_is_the_mean_over_what_is_known():
    data = replace(points(4), units=np.array([[1, NAN], [NAN, NAN], [0, 1], [NAN, 0]], np.float32))
    model = small()
    both = WithUnits(model, entropy, data, Training(units=(4, 12), units_weight=0.5))
    inputs, labels = [torch.from_numpy(data.arrays[0])], torch.from_numpy(data.labels)
    step = both(inputs, labels, torch.arange(4))
    said = torch.sigmoid(both.beside(torch.relu(model.features(inputs[0].flatten(1))))).detach().numpy()
    by_hand = -(np.log(said[0, 0]) + np.log(1 - said[2, 0]) + np.log(said[2, 1]) + np.log(1 - said[3, 1])) / 4
    assert float(step.loss.detach()) == pytest.approx(
        float(entropy(model(*inputs), labels).detach()) + 0.5 * by_hand, rel=1e-5
    )
    alone = both([inputs[0][1:2]], labels[1:2], torch.tensor([1]))  # nothing is known of it
    assert float(alone.loss.detach()) == pytest.approx(
        float(entropy(model(inputs[0][1:2]), labels[1:2]).detach()), rel=1e-6
    )


def test_units_change_what_is_learnt_and_leave_nothing_behind():
    recipe = Training(epochs=3, batch=16, device="cpu")
    plain, both = (
        fit(small(), points(), given, 0) for given in (recipe, recipe.model_copy(update={"units": (4, 12)}))
    )
    assert set(plain.state()) == set(both.state())
    assert any((a != b).any() for a, b in zip(plain.state().values(), both.state().values(), strict=True))
    assert not both.model.head._forward_pre_hooks


def test_copies_of_a_clip_keep_its_units():
    given = points(6)
    more = given.with_more([given.arrays[0][:2]], given.labels[:2], given.subjects[:2])
    assert np.isnan(more.units[6:]).all()
    kept = more.only(np.arange(8) < 6)
    np.testing.assert_array_equal(kept.units, given.units)
    again = given.with_more(given.arrays, given.labels, given.subjects, given.units)
    np.testing.assert_array_equal(again.units[6:], given.units)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"units": (4, 12), "episodes": Episodes(count=1)}, "units beside training.episodes"),
        ({"units": (4, 12), "unknown": True}, "no clip"),
    ],
)
def test_what_cannot_be_learnt_is_refused(given, said):
    data = points(unknown=given.pop("unknown", False))
    with pytest.raises(OptionError, match=said):
        fit(small(), data, Training(epochs=1, **given), 0)


def test_a_network_whose_last_layer_does_not_name_classes_is_refused():
    with pytest.raises(OptionError, match="last linear layer of 2"):
        head_of(small(), 3)
    with pytest.raises(OptionError, match="no linear layer"):
        head_of(nn.Conv2d(3, 3, 1), 3)
    estimator = build("linear-flow", 2, [(3, 28, 28)], {}, 0)
    for asked in ({"units": (4,)}, {"episodes": Episodes(count=1)}):
        with pytest.raises(OptionError, match="without epochs"):
            fit(estimator, points(), Training(**asked), 0)


def test_sheets_give_the_targets_of_the_training_side_alone():
    task = task_of(units=(4, 12), epochs=1)
    samples = tuple(
        replace(s, action_units="" if n % 3 else "4+L12 or L14") for n, s in enumerate(task.inputs.samples)
    )
    task = replace(task, inputs=replace(task.inputs, samples=samples))
    rows = np.array([3, 4, 6])
    expected = np.array([[1, NAN], [NAN, NAN], [1, NAN]], np.float32)
    np.testing.assert_array_equal(training_set(task, rows).units, expected)
    spoilt = tuple(
        replace(s, action_units="12" if s.subject == "d/s0" else s.action_units) for s in task.inputs.samples
    )
    other = replace(task, inputs=replace(task.inputs, samples=spoilt))
    job = next(job for job in jobs_of(task) if job.fold.name == "d/s0")
    first, second = evaluate(task, job), evaluate(other, job)
    assert [p.probabilities for p in first.predictions] == [p.probabilities for p in second.predictions]


def test_episodes_hold_every_class_and_no_clip_twice():
    labels = np.array([0] * 9 + [1] * 3 + [2] * 5)
    given = list(drawn_episodes(labels, Episodes(count=20, shots=2, queries=2), np.random.default_rng(0)))
    assert len(given) == 20
    for rows in given:
        assert len(set(rows)) == len(rows)
        assert np.bincount(labels[rows]).tolist() == [4, 3, 4]
    assert {*np.concatenate(given)} == {*range(17)}
    with pytest.raises(FoldError, match="1, 2"):
        list(drawn_episodes(np.array([0, 1, 1]), Episodes(count=1), np.random.default_rng(0)))


def test_the_first_of_each_class_are_its_support_and_one_is_always_asked():
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 1, 2, 2])
    assert is_support(labels, 2).tolist() == [True, True, False, False, True, True, False, True, False]
    assert is_support(labels, 9).tolist() == [True, True, True, False, True, True, False, True, False]


def test_nearest_is_the_squared_distance_to_the_means():
    features = torch.randn(7, 5)
    labels = torch.tensor([0, 0, 2, 2, 2, 0, 2])
    weight, bias = nearest(features, labels, 3)
    asked = torch.randn(4, 5)
    logits = asked @ weight.T + bias - asked.square().sum(dim=1, keepdim=True)
    for label in (0, 2):
        away = (asked - features[labels == label].mean(dim=0)).square().sum(dim=1)
        torch.testing.assert_close(logits[:, label], -away, atol=1e-4, rtol=1e-4)
    assert (logits[:, 1] < -1000).all()


def test_after_episodes_the_last_layer_knows_the_prototypes_of_the_training_side():
    data = points(60)
    recipe = Training(epochs=20, lr=1e-2, device="cpu", episodes=Episodes(count=10))
    fitted = fit(small(), data, recipe, 0)
    with torch.no_grad():
        features = torch.relu(fitted.model.features(fitted.scaled(data.arrays)[0].flatten(1)))
    weight, bias = nearest(features, torch.from_numpy(data.labels), 2)
    torch.testing.assert_close(fitted.model.head.weight.detach(), weight)
    torch.testing.assert_close(fitted.model.head.bias.detach(), bias)
    right = fitted.probabilities(data.arrays).argmax(axis=1) == data.labels
    assert right.mean() > 0.9
    assert fitted.curve[-1].loss < fitted.curve[0].loss
    assert isinstance(InEpisodes(fitted.model, entropy, 2, 3), nn.Module)


class Doubled(Small):
    """A network that asks for twice the loss."""

    def objective(self):
        return Twice(self)


class Twice(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model, self.extra = model, nn.Parameter(torch.ones(()))

    def forward(self, inputs, labels, loss_of):
        logits = self.model(*inputs)
        return logits, 2 * self.extra * loss_of(logits, labels)


def test_a_network_may_bring_its_own_loss_and_what_learns_it_is_thrown_away():
    torch.manual_seed(0)
    model = Doubled()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    recipe = Training(
        optimizer="sgd", momentum=0, lr=0.1, batch=100, epochs=1, normalize="none", device="cpu"
    )
    data = points()
    own = fit(model, data, recipe, 0)
    alone = fit(small(), data, recipe, 0)
    assert own.curve[0].loss == pytest.approx(2 * alone.curve[0].loss, rel=1e-6)
    assert set(own.state()) == set(alone.state())
    for name, weight in own.state().items():
        if name.startswith(("head", "features")):
            step = weight - before[name].numpy()
            np.testing.assert_allclose(step, 2 * (alone.state()[name] - before[name].numpy()), atol=1e-6)
    assert "loss beside" in why_apart(model, recipe)
    with pytest.raises(OptionError, match="the network's own"):
        fit(Doubled(), data, Training(units=(4, 12)), 0)
