"""What every model without epochs promises."""

import numpy as np
import pytest

from fleeting.models import build, is_network, models
from tests.fixtures.small_models import small

ESTIMATORS = [name for name in models if not is_network(name)]


def fitted(name, classes=3, seed=0, train_classes=None):
    rng = np.random.default_rng(0)
    shapes, chosen = small(name)
    labels = np.arange(24) % (train_classes or classes)
    arrays = []
    for shape in shapes:
        array = rng.normal(100, 20, size=(24, *shape)).astype(np.float32)
        for label in range(classes):
            array[labels == label, :, label * 4 : label * 4 + 4] += 60
        arrays.append(array)
    model = build(name, classes, shapes, chosen, seed)
    model.fit(arrays, labels, seed)
    return model, arrays, labels


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_learns_what_is_plain_and_gives_probabilities(name, classes):
    model, arrays, labels = fitted(name, classes)
    chances = model.probabilities(arrays)
    assert chances.shape == (24, classes)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert (chances.argmax(axis=1) == labels).mean() > 0.8


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_class_never_seen_is_never_predicted(name):
    model, arrays, _ = fitted(name, classes=3, train_classes=2)
    chances = model.probabilities(arrays)
    assert np.isfinite(chances).all()
    assert set(chances.argmax(axis=1)) <= {0, 1}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_its_state_is_all_it_learnt(name):
    model, arrays, _ = fitted(name)
    other = build(name, 3, *small(name), seed=0)
    other.load_state(model.state())
    np.testing.assert_array_equal(model.probabilities(arrays), other.probabilities(arrays))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_same_data_teach_the_same(name):
    (first, arrays, _), (second, _, _) = fitted(name), fitted(name)
    np.testing.assert_array_equal(first.probabilities(arrays), second.probabilities(arrays))


def test_there_are_estimators_to_test():
    assert "linear-flow" in ESTIMATORS
