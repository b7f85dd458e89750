"""Settings of how a run is computed (executor, workers), given as one value or by name."""

import pytest

import fleeting
from fleeting.benchmark.execution import Execution
from fleeting.errors import OptionError, UnknownNameError
from fleeting.experiments.recipe import read_recipe

FEW = ["protocol.name=kfold", "protocol.folds=3"]


@pytest.mark.slow
def test_an_execution_is_a_value_or_names(tmp_path):
    recipe, told = read_recipe("drawn/linear-flow", changes=FEW), []
    execution = Execution(workers=1, progress=lambda what, done, of: told.append((what, done, of)))
    first = fleeting.run(recipe, {}, tmp_path / "value", execution)
    second = fleeting.run(recipe, {}, tmp_path / "names", executor="serial", workers=1)
    files = [(run.path / "predictions.csv").read_bytes() for run in (first, second)]
    assert files[0] == files[1]
    assert ("training", 3, 3) in told
    third = fleeting.run(recipe, {}, tmp_path / "both", execution, executor="processes")
    assert (third.path / "predictions.csv").read_bytes() == files[0]


def test_what_an_execution_lacks_is_named(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'executor'"):
        fleeting.run(read_recipe("drawn/linear-flow"), {}, tmp_path / "run", exekutor="serial")
    with pytest.raises(OptionError, match="0 workers"):
        Execution(workers=0)
    assert not (tmp_path / "run").exists()


def test_weights_are_trained_on_everybody(tmp_path):
    with pytest.raises(OptionError, match="on everybody"):
        fleeting.train(read_recipe("drawn/linear-flow"), {}, tmp_path, skip_damaged=True)
