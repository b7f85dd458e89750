"""What every protocol promises: each sample tested once, and nobody on both sides unless it says so."""

import inspect
import math

import pytest

from fleeting.errors import FoldError
from fleeting.experiments.run_folder import file_name
from fleeting.protocols import protocols
from fleeting.types import Sample


@pytest.mark.parametrize("name", protocols)
def test_tests_each_sample_once(name, samples):
    tested = [sample.id for fold in protocols[name](samples) for sample in fold.test]
    assert len(tested) == len(set(tested))
    if "test_share" in inspect.signature(protocols[name]).parameters:
        assert 0 < len(tested) < len(samples) / 2
    else:
        assert sorted(tested) == sorted(sample.id for sample in samples)


@pytest.mark.parametrize("name", protocols)
def test_a_protocol_that_declares_shared_subjects_shares_some(name, samples):
    declared = [fold for fold in protocols[name](samples) if fold.subjects_shared]
    shared = [{s.subject for s in fold.train} & {s.subject for s in fold.test} for fold in declared]
    assert all(shared), f"{name} gives its clean score away"


@pytest.mark.parametrize("name", protocols)
def test_trains_only_on_what_it_was_given(name, samples):
    for fold in protocols[name](samples):
        assert set(fold.train) | set(fold.test) <= set(samples)


@pytest.mark.parametrize("name", protocols)
def test_fold_names_are_distinct_and_the_same_again(name, samples):
    first, second = list(protocols[name](samples)), list(protocols[name](samples))
    assert first == second
    assert len({file_name(fold.name) for fold in first}) == len(first), "each fold has a folder of its own"


@pytest.mark.parametrize("name", protocols)
def test_one_subject_is_too_few(name, samples):
    one = [sample for sample in samples if sample.subject == samples[0].subject]
    folds = protocols[name](one)
    if "frames" in name or "clips" in name:
        assert inspect.getdoc(protocols[name])
        return  # these split one person's clips, as their papers do
    with pytest.raises(FoldError):
        list(folds)


@pytest.mark.parametrize("name", protocols)
@pytest.mark.parametrize("option", [{"folds": 0}, {"folds": 1000}, {"test_share": 0.0}, {"test_share": 1.0}])
def test_an_option_that_cannot_be_met_is_refused(name, option, samples):
    if set(option) <= set(inspect.signature(protocols[name]).parameters):
        with pytest.raises(FoldError, match=";"):
            list(protocols[name](samples, **option))


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("counts", [(63, 32, 108, 27, 25), (57, 26, 12, 15, 26)], ids=["CASME II", "SAMM"])
def test_a_holdout_of_clips_has_each_class_on_both_sides(counts, seed):
    clips = [
        Sample(f"one/s{number % 26}/{label}{number}", "one", f"one/s{number % 26}", str(label))
        for label, count in enumerate(counts)
        for number in range(count)
    ]
    (fold,) = protocols["holdout-clips"](clips, test_share=0.1, seed=seed)
    assert len(fold.test) == math.ceil(len(clips) / 10)
    for side in (fold.train, fold.test):
        assert {sample.label for sample in side} == {"0", "1", "2", "3", "4"}


def test_a_dataset_can_be_named_to_be_the_only_one_tested(samples):
    (fold,) = protocols["leave-one-dataset-out"](samples, test="two")
    assert {sample.dataset for sample in fold.test} == {"two"}
    assert {sample.dataset for sample in fold.train} == {"one", "three"}
    with pytest.raises(FoldError, match=r"no sample of four, only of one, three, two"):
        list(protocols["leave-one-dataset-out"](samples, test="four"))


@pytest.mark.parametrize("name", protocols)
def test_options_have_defaults_and_a_docstring_stands(name):
    parameters = list(inspect.signature(protocols[name]).parameters.values())
    assert all(p.default is not p.empty for p in parameters[1:])
    assert inspect.getdoc(protocols[name])
