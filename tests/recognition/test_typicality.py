"""How usual a map is among real ones of people that the check was not learnt from."""

from __future__ import annotations

import numpy as np
import pytest

from fleeting.recognition.typicality import LEAST, learn, typicality_in, without_typicality
from fleeting.types import ArrayKind

KIND = ArrayKind(("u", "v", "strain"), 127.5)


def smooth(count, seed=0, patterns=6):
    """Maps (n, 3, 28, 28) that mix a few smooth patterns, with a little noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:28, 0:28] / 28
    base = np.random.default_rng(99)
    waves = [
        np.stack([np.sin(a * x + b * y + c) for a, b, c in base.uniform(1, 6, (3, 3))])
        for _ in range(patterns)
    ]
    mixed = np.tensordot(rng.normal(size=(count, patterns)), np.stack(waves), 1)
    return (mixed + rng.normal(0, 0.02, mixed.shape)).astype(np.float32)


def people(count, of=12):
    return [f"d/{n % of}" for n in range(count)]


@pytest.fixture(scope="module")
def check():
    return learn([smooth(240)], [KIND], people(240))


def test_nearly_all_maps_of_unseen_people_are_usual_and_noise_is_not(check):
    unseen = check.of([smooth(400, seed=1)])
    assert (unseen >= LEAST).mean() == pytest.approx(1 - LEAST, abs=0.04)
    assert unseen.mean() == pytest.approx(0.5, abs=0.1)
    noise = np.random.default_rng(2).normal(size=(50, 3, 28, 28)).astype(np.float32)
    assert (check.of([noise]) == 0).all()


def test_one_persons_habit_is_unusual_to_the_others():
    """What only one person does is measured without that person, so it does not count as known."""
    rng = np.random.default_rng(0)
    given = smooth(240)
    odd = np.arange(240) % 12 == 0
    given[odd] = rng.normal(size=(odd.sum(), 3, 28, 28))
    found = learn([given], [KIND], people(240))
    assert found.of_training()[odd].max() < found.of_training()[~odd].min()


def test_a_file_keeps_it(check):
    arrays = {"weight": np.zeros(3), **check.arrays()}
    again = typicality_in(arrays)
    given = [smooth(20, seed=3)]
    np.testing.assert_allclose(again.of(given), check.of(given), atol=0.01)
    assert list(without_typicality(arrays)) == ["weight"]
    assert typicality_in({"weight": np.zeros(3)}) is None


def test_parts_that_do_not_fit_together_are_refused(check):
    arrays = check.arrays()
    with pytest.raises(KeyError, match="plane"):
        typicality_in({name: array for name, array in arrays.items() if "plane" not in name})
    with pytest.raises(ValueError, match="expected"):
        typicality_in({**arrays, "typical.mean": np.zeros(5, np.float32)})


def test_inputs_that_are_no_motion_maps_and_a_single_person_have_no_check():
    pictures = np.zeros((10, 3, 56, 56), np.float32)
    assert learn([pictures], [KIND], people(10)) is None
    assert learn([smooth(10)], [KIND], ["d/1"] * 10) is None
