"""What every recipe promises: its whole protocol can be carried out on the complete dataset of its paper."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from fleeting.datasets import datasets, label_sets
from fleeting.experiments.groups import planned
from fleeting.experiments.recipe import Experiment, parse, read_recipe, recipe_names
from fleeting.experiments.samples import planned_folds
from fleeting.training.selection import inner_folds, validation_mask
from fleeting.types import Fold
from tests.fixtures.annotations import SAMM_FRAMES, folder, write_annotations

pytestmark = pytest.mark.slow  # the sheets take seconds to read

REAL = {"casme2": "CASME2-coding-20190701.xlsx", "samm": "SAMM_Micro_FACS_Codes_v2.xlsx"}
PLANNED = [
    (experiment.name, experiment.data.dataset)
    for experiment in planned(recipe_names(), dict.fromkeys(datasets, Path()), quick=False, changes=[])
    if experiment.data.dataset != "clips"  # whose clips are the user's
]
"""Every recipe with each dataset that it reports numbers for."""


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up sheets with the counts of the real ones."""
    root = tmp_path_factory.mktemp("made-up")
    write_annotations(root)
    return root


@pytest.fixture(scope="module")
def real(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real sheets of CASME II and SAMM, beside made-up ones of what else there is."""
    sheets = {name: shared / "annotations" / file for name, file in REAL.items()}
    if not all(path.is_file() for path in sheets.values()):
        pytest.skip("needs ../shared: the annotation sheets are not there")
    root = tmp_path_factory.mktemp("real")
    write_annotations(root, sheets)
    return root


def on(name: str, dataset: str) -> Experiment:
    (found,) = (
        one
        for one in planned([name], dict.fromkeys(datasets, Path()), quick=False, changes=[])
        if one.data.dataset == dataset
    )
    return found


def folds_of(experiment: Experiment, root: Path) -> tuple[Fold, ...]:
    """The folds of an experiment on the annotations below a root; alike experiments are read once."""
    return _folds(experiment.model_dump_json(include={"data", "protocol"}), root)


@cache
def _folds(settings: str, root: Path) -> tuple[Fold, ...]:
    experiment = parse(json.loads(settings), settings)
    name = experiment.data.dataset
    place = {name: folder(root, name)} if datasets[name].needs_root else {}
    return planned_folds(experiment, place)


def both_sides_have_what_they_need(experiment: Experiment, root: Path) -> None:
    classes, training = set(label_sets[experiment.data.labels].classes), experiment.training
    for fold in folds_of(experiment, root):
        assert fold.test
        labels, subjects = [s.label for s in fold.train], [s.subject for s in fold.train]
        assert set(labels) == classes, f"{fold.name} cannot learn every class"
        if training.selection == "inner":
            numbers = np.unique(labels, return_inverse=True)[1]
            held = validation_mask(subjects, numbers, training.validation_share, training.seed)
            assert 0 < held.sum() < len(held)
        if experiment.choose.among:
            assert list(inner_folds(subjects, experiment.choose.folds, training.seed))


@pytest.mark.parametrize(("name", "dataset"), PLANNED)
def test_a_protocol_can_be_carried_out_whole(name: str, dataset: str, made_up: Path) -> None:
    both_sides_have_what_they_need(on(name, dataset), made_up)


@pytest.mark.parametrize(("name", "dataset"), PLANNED)
def test_a_protocol_can_be_carried_out_whole_on_the_real_sheets(name: str, dataset: str, real: Path) -> None:
    both_sides_have_what_they_need(on(name, dataset), real)


CLIPS = [
    ("htnet/table1", "casme2", 145),
    ("compared/mmnet", "casme2", 145),
    ("meganet/three-classes", "casme2", 146),
    ("meganet/five-classes", "casme2", 245),
    ("meganet/five-classes", "samm", 136),
    ("dfrnet/casme2", "casme2", 154),
    ("dfrnet/samm", "samm", 133),
    ("dfrnet/three-stages", "megc2019", 451),
    ("htnet/base", "megc2019-flow", 442),
    ("inception-cbam-vit/dual", "megc2019", 442),
    ("broadbent/kfold", "samm", SAMM_FRAMES),
    ("htnet/samm-farneback", "samm", 159),
]
"""How many samples a paper's protocol tests on a dataset."""


@pytest.mark.parametrize(("name", "dataset", "count"), CLIPS)
@pytest.mark.parametrize("sheets", ["made_up", "real"])
def test_as_many_are_tested_as_the_paper_had(
    name: str, dataset: str, count: int, sheets: str, request: pytest.FixtureRequest
) -> None:
    folds = folds_of(on(name, dataset), request.getfixturevalue(sheets))
    assert sum(len(fold.test) for fold in folds) == count


TENTHS = [
    ("meganet/split-mesti", "casme2", 26),
    ("meganet/split-mesti", "samm", 16),
    ("meganet/split-active-image", "casme2", 25),
    ("meganet/split-active-image", "samm", 14),
]
"""The clips of which the accuracies in the table are shares, by whole clips."""


@pytest.mark.parametrize(("name", "dataset", "count"), TENTHS)
@pytest.mark.parametrize("sheets", ["made_up", "real"])
def test_a_tenth_is_as_many_clips_as_the_paper_tested(
    name: str, dataset: str, count: int, sheets: str, request: pytest.FixtureRequest
) -> None:
    experiment = on(name, dataset)
    (fold,) = folds_of(experiment, request.getfixturevalue(sheets))
    assert len(fold.test) == count
    assert {sample.label for sample in fold.test} == set(label_sets[experiment.data.labels].classes)
    printed = experiment.reported.parts[dataset].accuracy
    assert round(printed * count) / count == pytest.approx(printed, abs=6e-5)


def test_a_composite_can_be_left_for_a_dataset_it_has_not(made_up: Path) -> None:
    experiment = read_recipe("htnet/composite-to-casme3")
    (fold,) = folds_of(experiment, made_up)
    assert {sample.dataset for sample in fold.test} == {"casme3"}
    assert (len(fold.train), len(fold.test)) == (442, 699)
