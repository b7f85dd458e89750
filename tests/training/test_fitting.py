"""Training of one model: it learns what is plain, the same from the same seed, and can be watched."""

import numpy as np
import pytest
import torch

from fleeting.errors import FoldError, OptionError
from fleeting.models import build
from fleeting.training.attention_removal import removable
from fleeting.training.fitted import Fitted
from fleeting.training.fitting import begun, fit
from fleeting.training.optimisation import optimizer_of, schedule_of
from fleeting.training.options import Training
from fleeting.training.selection import BestEpoch, validation_mask
from fleeting.training.training_set import TrainingSet
from fleeting.types import ArrayKind

MAP = ArrayKind(("u", "v", "strain"), rest=127.5)


def data(count=48, seed=0):
    """Maps whose class is where they are bright."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    maps = rng.uniform(100, 140, size=(count, 3, 28, 28)).astype(np.float32)
    for label in range(3):
        maps[labels == label, :, label * 8 : label * 8 + 8] += 60
    subjects = tuple(f"d/s{i // 6}" for i in range(count))
    return TrainingSet((maps,), (MAP,), labels.astype(np.int64), subjects, 3)


def trained(recipe, given=None, watch=None, seed=0):
    model = build("ststnet", 3, [(3, 28, 28)], {}, seed)
    return fit(model, given or data(), recipe, seed, watch)


def weights(fitted):
    return {name: array.tobytes() for name, array in fitted.state().items()}


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("loss", ["cross-entropy", "focal"])
def test_learns_what_is_plain(optimizer, loss):
    fitted = trained(Training(optimizer=optimizer, loss=loss, lr=1e-2, batch=16, epochs=25))
    other = data(seed=5)
    found = fitted.probabilities(other.arrays).argmax(axis=1)
    assert (found == other.labels).mean() > 0.9
    assert fitted.curve[-1].loss < fitted.curve[0].loss


def test_the_same_seed_gives_the_same_weights_bit_for_bit():
    recipe = Training(epochs=3, augment=("mirror", "shift"))
    first = weights(trained(recipe))
    torch.manual_seed(99)
    np.random.seed(99)
    assert weights(trained(recipe)) == first
    assert weights(trained(recipe, seed=1)) != first


def regions(count=24):
    given = data(count)
    larger = given.arrays[0].repeat(2, axis=2).repeat(2, axis=3)
    return TrainingSet((larger,), given.kinds, given.labels, given.subjects, 3)


def htnet():
    return build("htnet", 3, [(3, 56, 56)], {"dim": 12, "repeats": (1, 1, 2)}, 0)


def test_attention_layers_go_while_training_goes_on_and_their_weights_with_them():
    recipe = Training(epochs=8, batch=12, remove_attention=2)
    whole = fit(htnet(), regions(), Training(epochs=8, batch=12), 0)
    fitted = fit(htnet(), regions(), recipe, 0)
    assert len(removable(fitted.model)) == len(removable(whole.model)) - 2
    assert len(fitted.state()) < len(whole.state())
    alike = [a.loss == b.loss for a, b in zip(fitted.curve, whole.curve, strict=True)]
    assert alike[:4] == [True] * 4
    assert not alike[4]
    again = Fitted.of(htnet(), fitted.state())
    np.testing.assert_allclose(
        again.probabilities(regions().arrays), fitted.probabilities(regions().arrays), atol=1e-6
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"remove_attention": 5}, "has 4"),
        ({"remove_attention": 1, "selection": "inner"}, "selection=fixed"),
        ({"remove_attention": 1, "remove_from": 0.9}, "more than 1"),
    ],
)
def test_a_removal_that_cannot_be_is_refused(changes, said):
    with pytest.raises(OptionError, match=said):
        fit(htnet(), regions(), Training(epochs=2, **changes), 0)


def test_watching_changes_nothing():
    """Whatever is done with the test side after an epoch cannot reach the training."""

    def watch(epoch, predict):
        predict(data(seed=epoch).arrays)
        torch.rand(7)

    assert weights(trained(Training(epochs=4), watch=watch)) == weights(trained(Training(epochs=4)))


def test_training_leaves_the_global_generator_alone():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    trained(Training(epochs=1))
    assert torch.equal(torch.rand(4), expected)


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("constant", [1, 1, 1, 1]),
        ("exponential", [1, 0.5, 0.25, 0.125]),
        ("step", [1, 1, 0.5, 0.5]),
        ("cosine", [1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2]),
    ],
)
def test_schedules_follow_their_formula(schedule, factors, monkeypatch):
    seen = []
    step = torch.optim.SGD.step

    def watched(self, *args, **kwargs):
        seen.append(self.param_groups[0]["lr"])
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.SGD, "step", watched)
    recipe = Training(
        optimizer="sgd", lr=0.1, epochs=4, batch=48, schedule=schedule, decay=0.5, step_epochs=2
    )
    trained(recipe)
    np.testing.assert_allclose(np.array(seen) / 0.1, factors, atol=1e-9)


def rates_of(recipe):
    """The learning rate of each epoch, relative to the recipe's."""
    optimizer = optimizer_of([torch.nn.Linear(1, 1)], recipe)
    schedule = schedule_of(optimizer, recipe)
    seen = []
    for _ in range(recipe.epochs):
        seen.append(optimizer.param_groups[0]["lr"] / recipe.lr)
        optimizer.step()
        schedule.step()
    return seen


def test_the_rate_rises_to_its_whole_before_the_schedule_begins():
    rising = rates_of(Training(epochs=6, warm_up=0.34, schedule="cosine"))
    np.testing.assert_allclose(rising[:2], [1 / 3, 2 / 3])
    np.testing.assert_allclose(rising[2:], rates_of(Training(epochs=4, schedule="cosine")))
    assert rates_of(Training(epochs=3, warm_up=0.99))[-1] == 1, "the last epoch has the whole rate"


def test_each_layer_has_a_share_of_the_rate_of_the_next():
    model = build("vit", 3, [(3, 32, 32)], {"dim": 16, "depth": 2, "heads": 4, "mlp": 16}, 0)
    groups = optimizer_of([model], Training(lr=1.0, layer_decay=0.5)).param_groups
    rate = {id(weight): group["lr"] for group in groups for weight in group["params"]}
    found = {name: rate[id(weight)] for name, weight in model.named_parameters()}
    assert len(found) == len(rate), "every weight is in one group"
    assert found["class_token"] == found["conv_proj.weight"] == 0.125
    assert found["encoder.layers.encoder_layer_0.ln_1.bias"] == 0.25
    assert found["encoder.layers.encoder_layer_1.mlp.0.weight"] == 0.5
    assert found["encoder.ln.weight"] == found["heads.head.bias"] == 1
    with pytest.raises(OptionError, match="layer_decay"):
        trained(Training(layer_decay=0.5))


def test_inner_selection_keeps_the_best_validation_epoch_and_stops():
    recipe = Training(selection="inner", patience=3, epochs=200, lr=3e-2, batch=8)
    fitted = trained(recipe)
    losses = [epoch.validation_loss for epoch in fitted.curve]
    assert fitted.epoch == int(np.argmin(losses)) + 1
    assert len(losses) < 200
    assert len(losses) == fitted.epoch + 3


def test_validation_subjects_are_whole_and_leave_every_class():
    given = data()
    held = validation_mask(given.subjects, given.labels, 0.25, seed=2)
    inside = {s for s, h in zip(given.subjects, held, strict=True) if h}
    outside = {s for s, h in zip(given.subjects, held, strict=True) if not h}
    assert inside
    assert not inside & outside
    assert set(given.labels[~held]) == {0, 1, 2}


def test_a_subject_with_the_only_samples_of_a_class_stays_in_training():
    labels = np.array([0, 0, 1, 1, 2, 2])
    subjects = ["d/a", "d/b", "d/a", "d/b", "d/c", "d/c"]
    for seed in range(20):
        held = validation_mask(subjects, labels, 0.9, seed)
        assert set(labels[~held]) == {0, 1, 2}
    with pytest.raises(FoldError, match="selection=fixed"):
        validation_mask(["d/a"] * 6, labels, 0.2, 0)


def test_best_epoch_waits_as_long_as_told():
    best = BestEpoch(patience=2)
    assert [best.improves(i, loss) for i, loss in enumerate([3, 1, 2, 1.5], start=1)] == [1, 1, 0, 0]
    assert best.epoch == 2
    assert best.exhausted


class Copying(torch.nn.Module):
    """A network whose logits are its inputs: its loss before the first step is known."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, maps):
        return self.scale * maps.flatten(1)


def test_focal_loss_and_weights_are_their_formula():
    logits = np.random.default_rng(0).normal(size=(48, 3)).astype(np.float32)
    logits, labels = logits[np.arange(48) % 6 != 2], (np.arange(48) % 3)[np.arange(48) % 6 != 2]
    given = TrainingSet((logits[:, :, None, None],), (MAP,), labels, ("d/s",) * 40, 3)

    def loss(**asked):
        recipe = Training(epochs=1, batch=1000, normalize="none", device="cpu", **asked)
        return fit(Copying(), given, recipe, 0).curve[0].loss

    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    chance = chances[np.arange(40), labels]
    assert loss() == pytest.approx(-np.log(chance).mean(), rel=1e-5)
    assert loss(loss="focal", focal_gamma=2) == pytest.approx(
        -((1 - chance) ** 2 * np.log(chance)).mean(), rel=1e-5
    )
    weight = (40 / (3 * np.bincount(labels)))[labels]  # half of class 2 is gone
    assert loss(class_weights="balanced") == pytest.approx(
        -(weight * np.log(chance)).sum() / weight.sum(), rel=1e-5
    )
    smooth = 0.9 * np.log(chance) + 0.1 * np.log(chances).mean(axis=1)
    assert loss(label_smoothing=0.1) == pytest.approx(-smooth.mean(), rel=1e-5)


def test_a_last_batch_of_one_is_no_batch_of_its_own():
    assert trained(Training(epochs=1, batch=47)).curve
    assert trained(Training(epochs=1, batch=1000)).curve


def batches_of(**asked):
    """The batches of two epochs: all inputs and labels."""
    recipe = Training(normalize="none", device="cpu", **asked)
    _, batches = begun(build("ststnet", 3, [(3, 28, 28)], {}, 0), data(10), recipe, 0)
    return batches, [[(inputs[0].numpy(), labels.tolist()) for inputs, labels in batches] for _ in range(2)]


def test_by_class_the_batches_are_the_same_in_each_epoch_class_after_class():
    _, (first, second) = batches_of(order="by-class", batch=4)
    assert [labels for _, labels in first] == [[0, 0, 0, 0], [1, 1, 1, 2], [2, 2]]
    assert [labels for _, labels in second] == [labels for _, labels in first]
    in_order = data(10).arrays[0][np.argsort(np.arange(10) % 3, kind="stable")]
    for epoch in (first, second):
        np.testing.assert_array_equal(np.concatenate([arrays for arrays, _ in epoch]), in_order)
    _, (shuffled, again) = batches_of(batch=4)
    assert [labels for _, labels in shuffled] != [labels for _, labels in again]


def test_balanced_batches_draw_each_class_equally_often():
    labels = np.repeat([0, 2], [190, 10])  # nobody has class 1
    given = TrainingSet((np.zeros((200, 3, 28, 28), np.float32),), (MAP,), labels, ("d/s",) * 200, 3)
    model = build("ststnet", 3, [(3, 28, 28)], {}, 0)
    _, batches = begun(model, given, Training(order="balanced", batch=50, device="cpu"), 0)
    seen = [np.concatenate([labels.numpy() for _, labels in batches]) for _ in range(2)]
    for drawn in seen:
        assert len(drawn) == 200
        assert 70 <= (drawn == 2).sum() <= 130  # a hundred of ten clips, give or take four deviations
    assert not np.array_equal(*seen)


def test_raw_values_reach_the_network_as_they_are():
    _, ((only,), _) = batches_of(order="by-class", batch=10)
    assert only[0].max() > 190


def test_copies_are_augmented_once_before_training():
    batches, (first, second) = batches_of(augment=("noise",), augmented_copies=3, batch=4, order="by-class")
    assert len(batches.data.labels) == 40
    assert len(first) == 10  # four times the steps
    np.testing.assert_array_equal(batches.data.arrays[0][:10], data(10).arrays[0])
    assert (batches.data.labels.reshape(4, 10) == data(10).labels).all()
    assert batches.data.subjects[10:20] == data(10).subjects
    copies = batches.data.arrays[0].reshape(4, 10, -1)
    assert all(np.ptp(copies[:, row], axis=0).max() > 0 for row in range(10))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one[0], other[0])


def test_copies_of_the_same_seed_train_the_same():
    recipe = Training(epochs=2, augment=("mirror", "shift"), augmented_copies=2)
    assert weights(trained(recipe)) == weights(trained(recipe))
    assert len(trained(recipe).curve) == 2


def test_a_model_without_epochs_refuses_their_options():
    model = build("linear-flow", 3, [(3, 28, 28)], {}, 0)
    for asked in (
        {"trace_oracle": True},
        {"trace_loss": True},
        {"selection": "inner"},
        {"augment": ("mirror",)},
    ):
        recipe = Training(**asked)
        with pytest.raises(OptionError, match="without epochs"):
            fit(model, data(), recipe, 0)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(OptionError, match="no GPU is visible"):
        trained(Training(device="cuda"))
