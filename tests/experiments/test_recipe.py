"""Recipes: each shipped one is complete, changes are laid over it, and wrong keys and values are refused."""

import pytest

from fleeting.errors import OptionError, UnknownNameError
from fleeting.experiments.recipe import Experiment, parse, read_recipe, recipe_names


@pytest.mark.parametrize("name", recipe_names())
@pytest.mark.parametrize("quick", [False, True])
def test_every_recipe_is_complete_and_replays(name, quick, tmp_path):
    experiment = read_recipe(name, quick=quick).completed()
    assert experiment.name == name
    path = tmp_path / "experiment.toml"
    path.write_text(experiment.toml())
    again = read_recipe(path).completed()
    assert again.toml() == experiment.toml()


def test_quick_and_changes_are_laid_over_the_recipe():
    recipe = read_recipe("megc2019/ststnet", quick=True, changes=["training.lr=0.5", "protocol.name=kfold"])
    assert recipe.training.epochs == 30
    assert recipe.training.lr == 0.5
    assert recipe.protocol.name == "kfold"
    assert recipe.training.batch == 64


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("training.epoch=3", "did you mean 'training.epochs'"),
        ("trainin.epochs=3", "did you mean 'training'"),
        ("data.datset=drawn", "did you mean 'data.dataset'"),
    ],
)
def test_an_unknown_key_is_met_with_the_nearest(change, words):
    with pytest.raises(UnknownNameError, match=words):
        read_recipe("drawn/ststnet", changes=[change])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("training.epochs=many", "training.epochs is 'many'"),
        ("training.epochs=0", "greater than or equal to 1"),
        ("training.optimizer=sdg", "'adam', 'adamw' or 'sgd'"),
        ("training.epochs", "not KEY=VALUE"),
        ("training.lr=-1", "greater than 0"),
    ],
)
def test_a_wrong_value_says_what_was_expected(change, words):
    with pytest.raises(OptionError, match=words):
        read_recipe("drawn/ststnet", changes=[change])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("model.name=stsnet", "did you mean 'ststnet'"),
        ("model.dropuot=0.1", "option of model"),
        ("protocol.fold=3", "option of protocol"),
        ("protocol.name=losso", "did you mean 'loso'"),
        ("data.dataset=casme", "did you mean 'casme"),
    ],
)
def test_names_and_options_are_checked_before_anything_runs(change, words):
    with pytest.raises(UnknownNameError, match=words):
        read_recipe("drawn/ststnet", changes=[change]).completed()


def test_a_completed_experiment_writes_its_options_out():
    experiment = parse({"protocol": {"name": "kfold", "folds": 4}}, "test").completed()
    assert experiment.protocol.model_extra == {"folds": 4, "seed": 0}
    assert "folds = 4" in experiment.toml()
    assert experiment.toml() != Experiment().completed().toml()


@pytest.mark.parametrize(
    ("text", "words"),
    [("a = ", "is no TOML"), ("\xff", "recipe .* cannot be read|is no TOML"), (None, "cannot be read")],
)
def test_a_broken_recipe_file_is_refused_in_a_line(tmp_path, text, words):
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(OptionError, match=words):
        read_recipe(path)


@pytest.mark.parametrize(
    ("quick", "words"),
    [("quick = 5", "expected a table"), ("[quick]\ntrainin.epochs = 3", "did you mean 'training'")],
)
def test_a_wrong_quick_table_is_refused_even_where_it_is_not_used(tmp_path, quick, words):
    path = tmp_path / "mine.toml"
    path.write_text(quick)
    with pytest.raises((OptionError, UnknownNameError), match=words):
        read_recipe(path)


def test_what_was_changed_of_a_recipe_is_kept():
    experiment = read_recipe("megc2019/ststnet", quick=True, changes=["training.lr=0.5"])
    assert experiment.changed == ("quick", "training.lr=0.5")
    assert "training.lr=0.5" in experiment.toml()


def test_another_dataset_takes_over_neither_release_nor_left_out_clips():
    own = read_recipe("htnet/table1").data
    assert (own.release, len(own.leave_out)) == ("2014", 2)
    other = read_recipe("htnet/table1", changes=["data.dataset=samm"]).completed().data
    assert (other.release, other.leave_out) == ("", ())


@pytest.mark.parametrize("order", [1, -1])
def test_a_release_is_a_number_or_a_word_and_is_kept_where_the_dataset_is_changed_too(order):
    changes = ["data.dataset=casme2", "data.release=2019"][::order]
    assert read_recipe("drawn/linear-flow", changes=changes).completed().data.release == "2019"


@pytest.mark.parametrize(
    ("dataset", "error", "words"),
    [("casme2", UnknownNameError, "no release of casme2"), ("samm", OptionError, "no releases that differ")],
)
def test_a_release_that_the_dataset_has_not_is_refused(dataset, error, words):
    changes = [f"data.dataset={dataset}", "data.release=2015"]
    with pytest.raises(error, match=words):
        read_recipe("drawn/linear-flow", changes=changes).completed()


def test_another_protocol_takes_over_no_option():
    other = ["protocol.name=holdout-clips", "protocol.test_share=0.2"]
    recipe = read_recipe("broadbent/kfold", changes=other)
    assert recipe.completed().protocol.model_extra == {"test_share": 0.2, "seed": 0}
    assert read_recipe("broadbent/kfold", changes=["protocol.folds=3"]).protocol.model_extra["seed"] == 42


def test_an_unknown_recipe_is_met_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'megc2019/ststnet'"):
        read_recipe("megc2019/stsnet")


def test_colours_that_are_not_those_of_the_frames_are_refused():
    with pytest.raises(OptionError, match="has 3"):
        read_recipe("compared/lbp-top", changes=["data.color=rgb"]).completed()
    both = ["data.color=rgb", "model.colours=3"]
    assert read_recipe("compared/lbp-top", changes=both).completed().model.colours == 3
