"""A paper's numbers beside ours: losses of each side, weighted averages and errors of probabilities too."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fleeting.experiments.recipe import Experiment, read_recipe
from fleeting.experiments.recipe_tables import Reported
from fleeting.reports.beside_paper import beside_paper
from fleeting.scoring.metrics import score
from fleeting.types import Prediction

CHANCES = np.random.default_rng(0).dirichlet(np.ones(3), 60)
SAID = [
    Prediction(f"s{i}", "d", f"d/{i % 6}", "1", i % 3, int(p.argmax()), tuple(map(float, p)))
    for i, p in enumerate(CHANCES)
]
LOSSES = {"training_loss": 0.3, "test_loss": 0.7}
OURS = score(SAID, ("negative", "positive", "surprise"), draws=10).as_dict() | LOSSES


def rows(reported):
    scores = {"clean": OURS, "oracle": None, "drawn": False}
    run = SimpleNamespace(
        experiment=Experiment(reported=reported), scores=scores, rule="clean", path=Path("run")
    )
    return {row["score"]: (row["paper"], row["own"]) for row in beside_paper(run)}


def test_each_loss_stands_beside_that_of_its_side():
    found = rows(Reported(training_loss=0.0986, test_loss=0.0149))
    assert found["training loss"] == (0.0986, 0.3)
    assert found["test loss"] == (0.0149, 0.7)


def test_weighted_averages_and_errors_of_probabilities_are_ours():
    found = rows(Reported(weighted_recall=0.9972, weighted_f1=0.9972, f1=0.5))
    assert found["recall (weighted)"] == (0.9972, pytest.approx(OURS["accuracy"]))
    assert found["F1 (weighted)"] == (0.9972, OURS["weighted_f1"])
    assert found["F1"] == (0.5, OURS["uf1"])


def test_every_number_that_a_recipe_may_report_stands_beside_ours():
    numbers = [name for name, field in Reported.model_fields.items() if field.annotation == (float | None)]
    found = rows(Reported(**dict.fromkeys(numbers, 0.5)))
    assert len(found) == len(numbers)
    assert {paper for paper, _ in found.values()} == {0.5}
    assert None not in {own for _, own in found.values()}


@pytest.mark.parametrize(
    ("recipe", "loss"),
    [
        ("broadbent/kfold", "test_loss"),
        ("broadbent/stratified-kfold", "test_loss"),
        ("inception-cbam-vit/dual", "training_loss"),
        ("inception-cbam-vit/dual-flow", "training_loss"),
        ("inception-cbam-vit/dual-lstm", "training_loss"),
    ],
)
def test_recipes_say_of_which_side_the_papers_loss_is(recipe, loss):
    found = read_recipe(recipe)
    assert getattr(found.reported, loss) is not None
    assert found.training.trace_loss
