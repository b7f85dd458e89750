"""The lists of models, datasets and other kinds of things: which lists there are, and what their rows say."""

import pytest

from fleeting.datasets import datasets
from fleeting.errors import OptionError, UnknownNameError
from fleeting.inventory.catalogue import catalogue

KINDS = (
    "apex-finders",
    "augmentations",
    "datasets",
    "executors",
    "label-sets",
    "modalities",
    "models",
    "protocols",
    "recipes",
    "recognisers",
    "spotters",
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_row_has_a_name_of_its_own_and_says_what_the_thing_is(kind):
    rows = catalogue(kind)
    assert rows
    assert len({row["name"] for row in rows}) == len(rows)
    assert all(row["what"].strip() and "\n" not in row["what"] for row in rows)


def test_a_dataset_says_where_it_comes_from_and_who_may_have_it():
    (row,) = [row for row in catalogue("datasets") if row["name"] == "casme2"]
    assert row["what"] == datasets["casme2"].title
    assert row["source"]
    assert row["access"]
    assert row["licence"]
    assert row["labels"] == list(datasets["casme2"].label_sets)


def test_options_come_with_their_defaults():
    (row,) = [row for row in catalogue("protocols") if row["name"] == "kfold"]
    assert row["options"]["folds"] > 1


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(UnknownNameError) as refusal:
        catalogue("everything at once")
    assert str(refusal.value).endswith(f"known: {', '.join(KINDS)}")


def test_only_models_can_be_measured():
    with pytest.raises(OptionError, match="only models are measured"):
        catalogue("protocols", measure=True)
