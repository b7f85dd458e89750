"""Temperature, threshold and what they are worth, never measured on what they were fitted to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleeting.errors import OptionError, ScoreError
from fleeting.recognition.calibration import (
    FEWEST,
    Calibration,
    Reliability,
    Sureness,
    calibrate,
    reliability,
    softened,
    temperature_of,
    threshold_of,
)
from fleeting.types import Prediction


def drawn(count, temperature, seed=0, classes=3):
    """Probabilities that are right, said with another temperature: (n, classes), and truths drawn by them."""
    rng = np.random.default_rng(seed)
    honest = rng.dirichlet(np.full(classes, 0.7), size=count)
    truth = (honest.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)
    return softened(honest, 1 / temperature), np.minimum(truth, classes - 1)


def said(probabilities, truth, people=20, datasets=1):
    return [
        Prediction(
            f"s{n}", f"d{n % people % datasets}", f"d/{n % people}", "f", int(t), int(p.argmax()), tuple(p)
        )
        for n, (p, t) in enumerate(zip(probabilities.tolist(), truth, strict=True))
        for p in [np.array(p)]
    ]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(temperature):
    assert temperature_of(*drawn(4000, temperature)) == pytest.approx(temperature, rel=0.08)


def test_too_sure_a_model_gets_reliable_on_people_it_was_not_fitted_to():
    found = calibrate(said(*drawn(3000, 3.0)))
    assert found.before.ece > 0.1
    assert found.after.ece < 0.04
    assert found.after.nll < found.before.nll - 0.1


def test_sure_answers_are_right_as_often_as_asked_and_the_parts_add_up():
    found = calibrate(said(*drawn(3000, 2.0), datasets=2), target=0.8)
    assert found.sure.accuracy == pytest.approx(0.8, abs=0.02)
    assert 0.2 < found.sure.coverage < 1
    assert set(found.parts) == {"d0", "d1"}
    assert sum(part.n for part in found.parts.values()) == found.sure.n == 3000
    sure = sum(part.coverage * part.n for part in found.parts.values())
    assert sure / 3000 == pytest.approx(found.sure.coverage)


def test_nobody_is_measured_with_what_was_learnt_from_them():
    """A person whose truths are all other than said ruins the fit to all, not what is said of the rest."""
    predictions = said(*drawn(600, 1.0), people=3)
    odd = [replace(p, truth=(p.predicted + 1) % 3) if p.subject == "d/0" else p for p in predictions]
    found = calibrate(odd)
    losses, temperatures = [], []
    for person in ("d/0", "d/1", "d/2"):
        rest = [p for p in odd if p.subject != person]
        t = temperature_of(np.array([p.probabilities for p in rest]), np.array([p.truth for p in rest]))
        seen = [p for p in odd if p.subject == person]
        chances = softened(np.array([p.probabilities for p in seen]), t)
        losses.append(reliability(chances, np.array([p.truth for p in seen])).nll)
        temperatures.append(t)
    assert temperatures[1] > 1.5 * temperatures[0]
    assert found.after.nll == pytest.approx(np.mean(losses))


def test_a_temperature_that_does_not_help_people_it_was_not_learnt_from_is_left_out():
    """One person is too sure and one too little: what suits the other never suits the one left out."""
    probabilities, truth = drawn(800, 1.0)
    even = (np.arange(800) % 2 == 0)[:, None]
    bent = np.where(even, softened(probabilities, 0.5), softened(probabilities, 2.0))
    found = calibrate(said(bent, truth, people=2))
    assert found.after.nll >= found.before.nll
    assert found.temperature == 1
    confidence = bent.max(axis=1)
    learnt = threshold_of(confidence, bent.argmax(axis=1) == truth, 0.85)
    assert found.threshold == pytest.approx(learnt)


def test_a_temperature_that_helps_is_applied():
    found = calibrate(said(*drawn(3000, 3.0)))
    assert found.after.nll < found.before.nll
    assert found.temperature == pytest.approx(3, rel=0.1)


@given(st.integers(0, 2**31), st.floats(0.1, 10))
def test_softening_leaves_the_answer_and_sums_to_one(seed, temperature):
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(4), size=5)
    found = softened(probabilities, temperature)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_array_equal(found.argmax(axis=1), probabilities.argmax(axis=1))


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.integers(2, 60), st.integers(2, 5), st.floats(0.05, 0.95))
def test_any_predictions_of_two_people_calibrate(seed, count, people, target):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(3, 0.2), size=count).round(2)  # zeros, ties, sums that are off
    probabilities[:, 0] += 1e-3
    predictions = said(probabilities, rng.integers(0, 3, count), people=people)
    found = calibrate(predictions, target)
    assert 0 < found.temperature < np.inf
    assert 0 <= found.threshold <= 1
    assert 0 <= found.after.ece <= 1
    assert calibrate(predictions[::-1], target) == pytest.approx(found) or np.isclose(
        calibrate(predictions[::-1], target).temperature, found.temperature, rtol=1e-4
    )


def test_reliability_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.65, 0.35], [0.35, 0.65]])
    found = reliability(probabilities, np.array([0, 1, 0, 1]))
    assert found.ece == pytest.approx((abs(2 * 0.95 - 1) + abs(2 * 0.65 - 2)) / 4)
    assert found.nll == pytest.approx(-np.log([0.95, 0.05, 0.65, 0.65]).mean())


def test_the_threshold_is_the_lowest_that_does():
    confidence = np.linspace(0.4, 0.99, 100)
    right = np.arange(100) >= 40
    assert threshold_of(confidence, right, 0.6) == 0
    threshold = threshold_of(confidence, right, 0.9)
    assert right[confidence > threshold].mean() >= 0.9
    assert right[confidence >= threshold].mean() < 0.9
    assert threshold_of(confidence, ~right, 0.9) == 1
    assert threshold_of(confidence[:FEWEST], np.ones(FEWEST, bool), 0.9) == 0
    assert threshold_of(confidence[: FEWEST - 1], np.ones(FEWEST - 1, bool), 0.9) == 1


def test_refusals():
    predictions = said(*drawn(30, 1.0))
    with pytest.raises(ScoreError, match="1 subjects"):
        calibrate([replace(p, subject="d/0") for p in predictions])
    with pytest.raises(ScoreError, match="twice"):
        calibrate([*predictions, predictions[0]])
    with pytest.raises(OptionError, match="share"):
        calibrate(predictions, 1.0)
    reliable, sure = Reliability(1.0, 0.1), Sureness(3, 0.5, None)
    with pytest.raises(OptionError, match="temperature"):
        Calibration(0.0, 0.5, 0.85, 2, reliable, reliable, sure, {})
