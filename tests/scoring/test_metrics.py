"""Scores of classes, against scikit-learn and against published values."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    mean_absolute_error,
    mean_squared_error,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

from fleeting.errors import ScoreError
from fleeting.scoring.metrics import (
    confusion,
    measures,
    over_seeds,
    per_subject,
    score,
    unweighted_f1,
    unweighted_recall,
)
from fleeting.scoring.roc import roc
from fleeting.types import Prediction

CLASSES = ("negative", "positive", "surprise")
COMPOSITE = [0] * 250 + [1] * 109 + [2] * 83  # MEGC 2019: 442 clips


def say(truth, predicted, *, subjects=None, datasets=None, chances=None):
    """Predictions of samples s0, s1, ...; six subjects in turn unless given."""
    subjects = subjects if subjects is not None else [i % 6 for i in range(len(truth))]
    datasets = datasets if datasets is not None else ["drawn"] * len(truth)
    chances = chances if chances is not None else np.eye(3)[np.asarray(predicted)]
    rows = zip(datasets, subjects, truth, predicted, chances, strict=True)
    return [
        Prediction(f"s{i}", d, f"{d}/{s}", f"{s}", int(t), int(p), tuple(map(float, c)))
        for i, (d, s, t, p, c) in enumerate(rows)
    ]


def guesses(n, seed, right=0.5):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    return truth, np.where(rng.random(n) < right, truth, rng.integers(0, 3, n))


labels = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40).map(
    lambda pairs: np.array([*pairs, (0, 1), (1, 2), (2, 0)])
)


@pytest.mark.parametrize("seed", range(5))
def test_the_numbers_are_those_of_scikit_learn(seed):
    truth, predicted = guesses(200, seed)
    found = score(say(truth, predicted), CLASSES, draws=10)
    assert found.uf1 == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert found.uar == found.recall == pytest.approx(recall_score(truth, predicted, average="macro"))
    assert found.precision == pytest.approx(precision_score(truth, predicted, average="macro"))
    assert found.accuracy == pytest.approx(accuracy_score(truth, predicted))
    assert found.mse == pytest.approx(mean_squared_error(truth, predicted))
    assert found.mae == pytest.approx(mean_absolute_error(truth, predicted))
    assert found.weighted_f1 == pytest.approx(f1_score(truth, predicted, average="weighted"))
    assert found.weighted_recall == pytest.approx(recall_score(truth, predicted, average="weighted"))
    assert found.weighted_recall == pytest.approx(found.accuracy)
    assert found.weighted_precision == pytest.approx(precision_score(truth, predicted, average="weighted"))
    assert np.array_equal(found.confusion, confusion_matrix(truth, predicted))
    by_class = f1_score(truth, predicted, average=None)
    assert [c.f1 for c in found.per_class] == pytest.approx(list(by_class))
    assert [c.support for c in found.per_class] == np.bincount(truth).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_errors_of_the_probabilities_are_their_formulas(seed):
    truth, predicted = guesses(80, seed)
    chances = np.random.default_rng(seed).dirichlet(np.ones(3), 80)
    found = score(say(truth, predicted, chances=chances), CLASSES, draws=10)
    wanted = np.eye(3)[truth]
    assert found.brier == pytest.approx(3 * mean_squared_error(wanted, chances))
    assert found.probability_mae == pytest.approx(mean_absolute_error(wanted, chances))


def test_without_probabilities_they_have_no_error():
    found = score(say(*guesses(60, 0)), CLASSES, draws=10)
    assert (found.brier, found.probability_mae, found.auc) == (None, None, None)


@pytest.mark.parametrize("rounded", [None, 1])  # rounded: many equal probabilities
def test_auc_and_curves_are_those_of_scikit_learn(rounded):
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 150)
    chances = rng.dirichlet([1, 1, 1], 150) + 0.3 * np.eye(3)[truth]
    chances = chances if rounded is None else np.round(chances, rounded)
    chances = chances / chances.sum(axis=1, keepdims=True)
    predictions = say(truth, chances.argmax(axis=1), chances=chances)
    expected = roc_auc_score(truth, chances, multi_class="ovr", average="macro")
    assert score(predictions, CLASSES, draws=0).auc == pytest.approx(expected)
    for i, curve in enumerate(roc(predictions, CLASSES)):
        false_positive, true_positive, _ = roc_curve(truth == i, chances[:, i], drop_intermediate=False)
        assert curve.false_positive == pytest.approx(false_positive)
        assert curve.true_positive == pytest.approx(true_positive)


def test_a_log_has_no_auc_and_a_class_without_samples_no_curve():
    truth, predicted = guesses(60, 0)
    assert score(say(truth, predicted), CLASSES, draws=0).auc is None
    curves = roc(say([0, 1], [0, 1]), CLASSES)
    assert [curve.auc for curve in curves] == [1.0, 1.0, None]


def test_constant_negative_on_the_composite():
    constant = [0] * len(COMPOSITE)
    assert unweighted_f1(COMPOSITE, constant, 3) == pytest.approx(0.2408, abs=5e-5)
    assert unweighted_recall(COMPOSITE, constant, 3) == pytest.approx(1 / 3)
    assert score(say(COMPOSITE, constant), CLASSES, draws=0).precision == pytest.approx(250 / 442 / 3)


@settings(max_examples=50, deadline=None)
@given(labels, st.randoms(use_true_random=False))
def test_the_order_of_samples_changes_nothing(pairs, random):
    shuffled = pairs.tolist()
    random.shuffle(shuffled)
    mixed = np.array(shuffled)
    assert np.array_equal(confusion(*pairs.T, 3), confusion(*mixed.T, 3))
    predictions = say(*pairs.T)
    again = predictions.copy()
    random.shuffle(again)
    assert score(predictions, CLASSES, draws=20).as_dict() == score(again, CLASSES, draws=20).as_dict()


@given(labels)
def test_exchanging_truth_and_prediction_exchanges_precision_and_recall(pairs):
    here, there = (measures(confusion(*columns, 3)) for columns in (pairs.T, pairs.T[::-1]))
    assert there["recall"] == pytest.approx(here["precision"])
    assert there["precision"] == pytest.approx(here["recall"])
    for name in ("uf1", "accuracy", "mse", "mae"):
        assert there[name] == pytest.approx(here[name])


@given(labels)
def test_every_measure_stays_in_its_range(pairs):
    found = measures(confusion(*pairs.T, 3))
    assert all(0 <= found[name] <= 1 for name in ("uf1", "uar", "accuracy", "precision"))
    assert found["mae"] <= found["mse"] <= 4


def test_a_missing_class_is_refused_by_name_in_the_whole_score():
    with pytest.raises(ScoreError, match="no sample of surprise, UF1 over 3 classes is undefined"):
        score(say([0, 1, 1], [0, 1, 2]), CLASSES)
    with pytest.raises(ScoreError, match="no sample of 1, 2"):
        unweighted_f1([0, 0], [0, 0], 3)


def test_parts_and_subjects_that_lack_a_class_say_none_and_skip_nothing():
    truth, predicted = [0, 1, 2, 0, 1, 1], [0, 1, 2, 0, 1, 0]
    predictions = say(truth, predicted, subjects=[1, 2, 3, 1, 2, 2], datasets=["a"] * 3 + ["b"] * 3)
    found = score(predictions, CLASSES, draws=200)
    assert (found.parts["a"].uf1, found.parts["a"].n) == (1.0, 3)
    lacking = found.parts["b"]
    assert (lacking.uf1, lacking.uar, lacking.precision, lacking.auc) == (None, None, None, None)
    assert lacking.accuracy == pytest.approx(2 / 3)
    assert lacking.ci95 == {"uf1": None, "uar": None}
    assert lacking.undefined_draws == 200
    assert lacking.per_class[2].f1 is None
    rows = per_subject([predictions], CLASSES)
    assert [row.subject for row in rows] == ["a/1", "a/2", "a/3", "b/1", "b/2"]
    assert rows[4].n == 2
    assert rows[4].accuracy == 0.5
    assert rows[4].uf1 is rows[4].uar is None


def test_one_dataset_has_no_parts():
    assert score(say(*guesses(60, 0)), CLASSES, draws=10).parts == {}


def test_the_dictionary_is_json_with_the_promised_keys():
    datasets = ["a", "b"] * 30
    found = score(say(*guesses(60, 0), datasets=datasets), CLASSES, draws=50).as_dict()
    promised = {"n", "uf1", "uar", "accuracy", "precision", "recall", "mse", "mae", "auc", "ci95", "parts"}
    more = {"weighted_precision", "weighted_recall", "weighted_f1", "brier", "probability_mae"}
    more |= {"undefined_draws", "classes", "confusion", "people", "ci95_method"}
    assert set(found) == promised | more
    assert set(found["parts"]["a"]) == set(found)
    low, high = found["ci95"]["uf1"]
    assert low < found["uf1"] < high
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p[:0], "no predictions"),
        (lambda p: [*p, p[0]], "s0 is predicted twice"),
        (lambda p: [Prediction("x", "d", "d/1", "1", 0, 0, (0.5, 0.5)), *p], "x has 2 probabilities for 3"),
        (lambda p: [Prediction("x", "d", "d/1", "1", 0, 0, (float("nan"),) * 3), *p], "x: a probability"),
    ],
)
def test_what_cannot_be_scored_is_named(change, message):
    with pytest.raises(ScoreError, match=message):
        score(change(say(*guesses(60, 0))), CLASSES)


def test_labels_outside_the_classes_and_unequal_lengths_are_refused():
    with pytest.raises(ScoreError, match="a prediction is 3; expected class indices 0 to 2"):
        confusion([0, 1], [0, 3], 3)
    with pytest.raises(ScoreError, match="2 truths, 1 predictions"):
        confusion([0, 1], [0], 3)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Balanced classes, 70 % right, the rest spread evenly: UAR is 0.7 in the long run."""
    rng = np.random.default_rng(5)
    covered = 0
    for seed in range(100):
        truth = np.tile([0, 1, 2], 100)
        wrong = (truth + rng.integers(1, 3, 300)) % 3
        predicted = np.where(rng.random(300) < 0.7, truth, wrong)
        found = score(say(truth, predicted, subjects=np.arange(300) // 10), CLASSES, draws=300, seed=seed)
        low, high = found.ci95["uar"]
        covered += low <= 0.7 <= high
    assert 87 <= covered <= 100


def test_over_seeds_is_the_mean_with_a_deviation():
    truth, _ = guesses(90, 0)
    datasets = ["a", "b"] * 45
    runs = [say(truth, guesses(90, seed, 0.9)[1], datasets=datasets) for seed in range(3)]
    singles = [score(run, CLASSES, draws=0) for run in runs]
    found = over_seeds(runs, CLASSES, draws=500)
    assert found.uf1 == pytest.approx(np.mean([s.uf1 for s in singles]))
    assert found.std["uar"] == pytest.approx(np.std([s.uar for s in singles], ddof=1))
    assert (found.n, found.seeds, np.sum(found.confusion)) == (90, 3, 270)
    assert found.parts["a"].accuracy == pytest.approx(np.mean([s.parts["a"].accuracy for s in singles]))
    assert found.as_dict()["std"].keys() >= {"uf1", "uar", "accuracy"}
    low, high = found.ci95["uf1"]
    assert low < found.uf1 < high


def test_a_subjects_row_is_the_mean_over_seeds():
    truth, _ = guesses(90, 0)
    runs = [say(truth, guesses(90, seed, 0.7)[1]) for seed in range(3)]
    singles = [per_subject([run], CLASSES) for run in runs]
    found = per_subject([runs[0], runs[1][::-1], runs[2]], CLASSES)
    assert [(row.subject, row.n) for row in found] == [(row.subject, row.n) for row in singles[0]]
    for i, row in enumerate(found):
        assert row.accuracy == pytest.approx(np.mean([rows[i].accuracy for rows in singles]))
        assert row.uf1 == pytest.approx(np.mean([rows[i].uf1 for rows in singles]))
    with pytest.raises(ScoreError, match="predicted on one side only"):
        per_subject([runs[0], runs[1][:-1]], CLASSES)
    with pytest.raises(ScoreError, match="at least one seed"):
        per_subject([], CLASSES)


def test_the_same_run_twice_has_its_own_interval_and_no_deviation():
    run = say(*guesses(90, 0))
    once, twice = score(run, CLASSES), over_seeds([run, run[::-1]], CLASSES)
    assert twice.ci95["uf1"] == pytest.approx(once.ci95["uf1"])
    assert twice.std["uf1"] == 0


def test_seeds_over_other_samples_are_refused():
    run = say(*guesses(90, 0))
    with pytest.raises(ScoreError, match="s89 predicted on one side only"):
        over_seeds([run, run[:-1]], CLASSES)
    with pytest.raises(ScoreError, match="at least one seed"):
        over_seeds([], CLASSES)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_a_curve_never_turns_back(seed):
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet([1, 1, 1], 30).round(2)
    for curve in roc(say(rng.integers(0, 3, 30), chances.argmax(axis=1), chances=chances), CLASSES):
        for rates in (curve.false_positive, curve.true_positive):
            assert all(a <= b for a, b in pairwise(rates))
