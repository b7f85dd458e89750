"""What a report says of how a run came about follows from its recipe."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from fleeting.experiments.recipe import read_recipe
from fleeting.reports.notes import EXPLANATIONS, choices, notes


@dataclass
class Made:
    """A run, as far as its recipe goes, with the scores that notes look at."""

    experiment: Any
    rule: str = "clean"
    scores: Any = field(default_factory=dict)


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
        ("drawn/ststnet", ["training.trace_oracle=false", "training.trace_loss=true"], {FIXED, TRACED}),
        ("drawn/ststnet", ["training.selection=inner", "training.trace_oracle=false"], {INNER}),
        ("megc2019/chosen", ["training.trace_oracle=false"], {CHOSEN}),
    ],
)
def test_the_report_says_how_settings_and_epochs_were_chosen(recipe, changes, said):
    told = choices(Made(read_recipe(recipe, changes=changes)))
    assert {part for part in (FIXED, INNER, CHOSEN, TRACED) if part in told} == said


def test_the_report_says_whose_clips_and_labels_and_apexes_were_used():
    score = {"parts": {}, "ci95": {"uf1": None}}
    plain = {"drawn": False, "shuffled_labels": False, "incomplete": False, "clean": score}
    found = {"apex": "annotated-or-dc-rois", "apexes": {"annotated": 281, "dc-rois": 164}}
    assert notes(Made(read_recipe("htnet/table1"), scores=plain | found)) == [
        "Clips that the releases label differently have their labels of 2014.",
        "The recipe leaves out 2 clips by name (data.leave_out).",
        "164 clips have no annotated apex; theirs was found by dc-rois.",
    ]
    middle = {"apex": "annotated", "apexes": {"annotated": 281, "middle": 164}}
    (note,) = notes(Made(read_recipe("htnet/base"), scores=plain | middle))
    assert note == "164 clips have no annotated apex; their middle frame was taken."
    assert notes(Made(read_recipe("htnet/base"), scores=plain | {"apex": None, "apexes": None})) == []


def test_no_rule_claims_what_a_run_cannot_know():
    assert not any("nothing was chosen" in text for text in EXPLANATIONS.values())
