import numpy as np
import pytest
import torch

from fleeting.errors import FoldError, OptionError
from fleeting.models import build
from fleeting.training.attention_removal import removable
from fleeting.training.fitted import Fitted
from fleeting.training.fitting import fit
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


def test_focal_loss_and_weights_are_their_formula():
    from fleeting.training.fitting import _loss

    given = data()
    logits = torch.tensor([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]])
    labels = torch.tensor([0, 2])
    chance = torch.softmax(logits, 1)[torch.arange(2), labels]
    focal = _loss(Training(loss="focal", focal_gamma=2), given, torch.device("cpu"))(logits, labels)
    torch.testing.assert_close(focal, (-((1 - chance) ** 2) * chance.log()).mean())
    uneven = given.only(np.arange(48) % 6 != 2)  # half of class 2 gone
    weighted = _loss(Training(class_weights="balanced"), uneven, torch.device("cpu"))(logits, labels)
    counts = np.bincount(uneven.labels)
    weight = torch.tensor(len(uneven.labels) / (3 * counts))[labels].float()
    torch.testing.assert_close(weighted, (-weight * chance.log()).sum() / weight.sum())
    smooth = _loss(Training(label_smoothing=0.1), given, torch.device("cpu"))(logits, labels)
    assert not torch.isclose(smooth, -chance.log().mean())


def test_a_last_batch_of_one_is_no_batch_of_its_own():
    assert trained(Training(epochs=1, batch=47)).curve
    assert trained(Training(epochs=1, batch=1000)).curve


def test_a_model_without_epochs_refuses_their_options():
    model = build("linear-flow", 3, [(3, 28, 28)], {}, 0)
    for recipe in (Training(trace_oracle=True), Training(selection="inner"), Training(augment=("mirror",))):
        with pytest.raises(OptionError, match="without epochs"):
            fit(model, data(), recipe, 0)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(OptionError, match="no GPU is visible"):
        trained(Training(device="cuda"))


def test_mirroring_a_map_turns_its_arrows():
    from fleeting.augment import augmentations

    flow = np.zeros((64, 3, 4, 4), np.float32)
    flow[:, 0, :, 0] = 200
    (mirrored,) = augmentations["mirror"]([flow], [MAP], np.random.default_rng(0))
    turned = [row for row in mirrored if row[0, 0, 3] != 0]
    assert 16 < len(turned) < 48
    assert all(row[0, 0, 3] == 255 - 200 and row[0, 0, 0] == 255 for row in turned)
    (pixels,) = augmentations["mirror"]([flow], [ArrayKind(("u", "v", "strain"))], np.random.default_rng(0))
    assert pixels.min() == -200


def test_turning_a_flow_turns_its_arrows_too():
    from fleeting.augment.rotate import _turned

    flow = np.zeros((2, 9, 9), np.float32)
    flow[0] = 1  # everything moves right
    turned = _turned(flow, ArrayKind(("u", "v")), 90)  # counter-clockwise: right becomes up
    np.testing.assert_allclose(turned[0], 0, atol=1e-6)
    np.testing.assert_allclose(turned[1], -1, atol=1e-6)
