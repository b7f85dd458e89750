"""What a report says of how a run came about follows from its recipe."""

from dataclasses import dataclass
from typing import Any

import pytest

from fleeting.experiments.recipe import read_recipe
from fleeting.reports.notes import EXPLANATIONS, choices


@dataclass
class Made:
    """A run, as far as its recipe goes."""

    experiment: Any


FIXED, INNER = (
    "All settings were fixed before, the number of epochs too.",
    "epoch was chosen by people held out",
)
CHOSEN, TRACED = "Settings were chosen in each fold, by people held out", "looked at after each epoch"


@pytest.mark.parametrize(
    ("recipe", "changes", "said"),
    [
        ("drawn/linear-flow", ["training.trace_oracle=false"], {FIXED}),
        ("drawn/ststnet", ["training.trace_oracle=true"], {FIXED, TRACED}),
        ("drawn/ststnet", ["training.selection=inner", "training.trace_oracle=false"], {INNER}),
        ("megc2019/chosen", ["training.trace_oracle=false"], {CHOSEN}),
    ],
)
def test_the_report_says_how_settings_and_epochs_were_chosen(recipe, changes, said):
    told = choices(Made(read_recipe(recipe, changes=changes)))
    assert {part for part in (FIXED, INNER, CHOSEN, TRACED) if part in told} == said


def test_no_rule_claims_what_a_run_cannot_know():
    assert not any("nothing was chosen" in text for text in EXPLANATIONS.values())
