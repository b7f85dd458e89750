"""Intervals over people: those of SciPy on the clips themselves, what stands in for them, and caveats."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap, norm, t

from fleeting.scoring.bootstrap import caveats, interval, resample
from fleeting.scoring.metrics import confusion, measures, score
from fleeting.types import Prediction

CLASSES = ("negative", "positive", "surprise")


def say(truth, predicted, subjects):
    return [
        Prediction(f"d/{s}/c{i}", "d", f"d/{s}", str(s), int(a), int(b), tuple(np.eye(3)[b]))
        for i, (a, b, s) in enumerate(zip(truth, predicted, subjects, strict=True))
    ]


def guesses(number, right=0.7):
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, number)
    return truth, np.where(rng.random(number) < right, truth, rng.integers(0, 3, number))


@pytest.mark.parametrize("name", ["uf1", "uar"])
def test_an_interval_is_that_of_scipy_over_people_with_their_clips(name):
    truth, predicted = guesses(96)
    subjects = np.arange(96) % 12
    people = [np.flatnonzero(subjects == person) for person in range(12)]

    def of_people(chosen):
        rows = np.concatenate([people[int(person)] for person in chosen])
        return measures(confusion(truth[rows], predicted[rows], 3))[name]

    level = 1 - 2 * norm.sf(t.ppf(0.975, 11) * np.sqrt(12 / 11))
    rng = np.random.default_rng(9)
    expected = bootstrap(
        (np.arange(12),), of_people, n_resamples=2000, vectorized=False, confidence_level=level, rng=rng
    )
    found = score(say(truth, predicted, subjects), CLASSES)
    assert found.ci95_method[name] == "bca"
    assert found.ci95[name] == pytest.approx(tuple(expected.confidence_interval), abs=0.02)


def test_where_one_person_holds_a_class_limits_are_percentiles_and_draws_without_it_are_counted():
    truth, subjects = np.array([0, 1, 0, 1, 2, 0, 1]), [0, 0, 1, 1, 2, 2, 2]
    found = score(say(truth, [0, 1, 1, 1, 2, 0, 0], subjects), CLASSES, draws=3000)
    assert found.undefined_draws / 3000 == pytest.approx((2 / 3) ** 3, abs=0.03)
    assert found.ci95_method == {"uf1": "percentile", "uar": "percentile"}
    low, high = found.ci95["uf1"]
    assert low < found.uf1 < high
    assert any(text.startswith("Intervals of all are plain percentiles") for text in caveats(found.as_dict()))


def test_one_person_has_no_interval():
    lonely = score(say([0, 1, 2], [0, 1, 2], [0] * 3), CLASSES)
    assert lonely.ci95 == {"uf1": None, "uar": None}
    assert lonely.ci95_method == {"uf1": "", "uar": ""}
    assert caveats(lonely.as_dict()) == []


def test_a_perfect_score_is_no_certainty():
    truth = np.arange(72) % 3
    found = score(say(truth, truth, np.arange(72) // 3), CLASSES)
    assert found.ci95["uf1"] == (1, 1)
    (told,) = caveats(found.as_dict())
    assert told.startswith("all: every clip of 24 people is right")
    assert "up to 12% of such people" in told  # 0.88 ** 24 is 0.05


def test_few_people_are_told_and_many_are_not():
    truth, predicted = guesses(90)
    few, many = (score(say(truth, predicted, np.arange(90) % people), CLASSES) for people in (9, 30))
    (told,) = caveats(few.as_dict())
    assert "fewer than 20 people (all 9)" in told
    assert caveats(many.as_dict()) == []
    before = {name: value for name, value in few.as_dict().items() if name not in ("people", "ci95_method")}
    assert caveats(before) == []  # a run of an earlier version


def test_few_people_have_a_wider_interval_than_the_draws_alone():
    rng = np.random.default_rng(0)
    matrices = rng.multinomial(9, np.full(9, 1 / 9), size=(1, 8)).reshape(1, 8, 3, 3)
    drawn = resample(matrices, 2000, 0)
    found = interval(matrices, drawn, lambda pooled: measures(pooled)["accuracy"][..., 0])
    low, high = np.percentile(measures(drawn)["accuracy"], [2.5, 97.5])
    assert found.method == "bca"
    assert np.ptp(found.limits) > 1.1 * (high - low)
