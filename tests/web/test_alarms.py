"""The pairs of false alarms and likelihood that the page's slider offers: the spotter's own."""

import pytest

from fleeting.spotting import DEFAULT, spotters
from fleeting.web.page.alarms import points


def test_every_pair_is_what_the_spotter_says():
    spotter = spotters[DEFAULT]()
    pairs = points(DEFAULT)
    assert len(pairs) > 20
    for rate, likelihood in pairs[1:-1]:
        assert spotter.point(rate) == pytest.approx(likelihood, abs=1e-3)


def test_more_false_alarms_go_with_a_lower_likelihood():
    rates, likelihoods = zip(*points(DEFAULT), strict=True)
    assert list(rates) == sorted(rates)
    assert list(likelihoods) == sorted(likelihoods, reverse=True)


def test_rates_that_were_not_measured_are_left_out():
    """The shipped spotter was measured between 0.25 and 16 false alarms a minute."""
    rates = [rate for rate, _ in points(DEFAULT)]
    assert (rates[0], rates[-1]) == (0.25, 16)
    assert {1.0, 4.0} < set(rates)


@pytest.mark.parametrize("name", ["matched", "no such spotter"])
def test_a_spotter_that_does_not_judge_has_none(name):
    assert points(name) == ()
