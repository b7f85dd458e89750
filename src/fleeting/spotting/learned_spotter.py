"""A spotter that looks at the course of the whole face around each fast rise: networks correct the trees."""

from __future__ import annotations

from fleeting.spotting import Spotter, spotters
from fleeting.spotting.rising.learnt import learnt
from fleeting.spotting.rising_spotter import Rising


@spotters.register("learned")
def learned() -> Spotter:
    """Fast rises of the skin, judged by trees that networks correct, both trained on real motion (ours)."""
    return Rising(learnt("learned"))
