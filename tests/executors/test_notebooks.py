"""Models and inputs that a script or a notebook defines run in other processes, with equal results."""

import csv
import subprocess
import sys
import textwrap

import pytest

import tests.fixtures
from fleeting.errors import OptionError
from fleeting.registry import Registry, given, take

SCRIPT = """
import sys

from torch import nn

import fleeting
from fleeting.models import models
from fleeting.protocols import protocols
from fleeting.types import Fold

WIDTH = 4


def layers(channels):  # found by the network only where the whole script is known
    return nn.Conv2d(channels, WIDTH, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten()


@models.register("of-mine")
class OfMine(nn.Module):
    '''A network of a notebook.'''

    inputs = {"maps": (3, 28, 28)}
    paper = "nobody's"

    def __init__(self, classes, *, channels=3):
        super().__init__()
        self.body = nn.Sequential(*layers(channels), nn.Linear(16 * WIDTH, classes))

    def forward(self, maps):
        return self.body(maps)


@protocols.register("halves")
def halves(samples):
    '''Everybody is tested once, after training on the other half of the people.'''
    people = sorted({sample.subject for sample in samples})
    for number in range(2):
        held = people[number::2]
        train = tuple(sample for sample in samples if sample.subject not in held)
        yield Fold(str(number), train, tuple(sample for sample in samples if sample.subject in held))


changes = ["model.name=of-mine", "protocol.name=halves", "training.epochs=1"]
experiment = fleeting.read_recipe("drawn/ststnet", changes=changes)
for executor in sys.argv[1:]:
    fleeting.run(experiment, out=executor, executor=executor, workers=2)
"""


def predictions(folder, *words):
    """Those of the run that a program leaves; the program reads the script from its input where it is "-"."""
    folder.mkdir()
    (folder / "mine.py").write_text(SCRIPT)
    subprocess.run([sys.executable, *words], cwd=folder, input=SCRIPT, text=True, check=True, timeout=600)
    return (folder / words[-1] / "predictions.csv").read_bytes()


@pytest.mark.slow
def test_a_model_of_a_script_runs_in_two_processes_and_gives_the_same(tmp_path):
    """The script has no ``if __name__ == "__main__"``; from a terminal, as in a notebook, it has no file."""
    alone = predictions(tmp_path / "alone", "mine.py", "serial")
    assert alone == predictions(tmp_path / "script", "mine.py", "processes")
    assert alone == predictions(tmp_path / "terminal", "-", "processes")
    rows = list(csv.DictReader(alone.decode().splitlines()))
    assert {row["fold"] for row in rows} == {"0", "1"}


def test_a_cell_can_be_run_again_and_other_names_stay_taken():
    registry = Registry("thing", "tests.fixtures")
    exec(
        textwrap.dedent("""
        @registry.register("mine")
        def first(): ...
        @registry.register("mine")
        def second(): ...
    """),
        {"registry": registry, "__name__": "__main__"},
    )
    assert registry["mine"].__name__ == "second"
    with pytest.raises(OptionError, match="two things"):
        registry.register("mine")(len)


def test_what_was_given_is_taken_once(monkeypatch):
    registry = Registry("thing", "tests.fixtures")
    registry.register("mine")(len)
    here = ("tests.fixtures", "mine", len, __name__)
    assert here not in given(), "a registry that is no variable of its package is nobody's"
    monkeypatch.setattr(tests.fixtures, "things", registry, raising=False)
    assert here in given()
    other = Registry("thing", "tests.fixtures")
    monkeypatch.setattr(tests.fixtures, "things", other)
    take([here])
    take([here])
    assert other["mine"] is len
