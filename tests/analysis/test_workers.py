"""One function over many inputs: each once, failures named, a recogniser loaded once in a process."""

import os
import pickle
import shutil

import numpy as np
import pytest

import fleeting
from fleeting.analysis.analyze import AnalysisSettings, analyze
from fleeting.analysis.workers import WorkerContext, each, workers_of
from fleeting.errors import OptionError, UnknownNameError
from fleeting.recognition.recogniser import SHIPPED, Recogniser
from tests.fixtures.films import film


def halved(context, number):
    if number % 2:
        raise OptionError(f"{number} is odd,\nexpected an even number")
    return number // 2


def named(number, reason):
    return f"{number}: {reason}"


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_every_input_has_an_outcome_and_a_failure_its_reason(workers):
    context = WorkerContext(None, lambda *_: None)
    found = dict(each(halved, context, [4, 5, 6], workers, named))
    assert found == {4: 2, 5: "5: 5 is odd, expected an even number", 6: 3}


def deadly(context, number):
    if number == 6:
        os.kill(os.getpid(), 9)
    return number // 2


@pytest.mark.slow
def test_where_a_worker_dies_the_others_are_delivered_and_each_that_is_not_done_is_named():
    context = WorkerContext(None, lambda *_: None)
    found = dict(each(deadly, context, [2, 4, 6], 2, named))
    assert set(found) == {2, 4, 6}
    assert found[6].startswith("6: a worker process died")
    assert "--resume" in found[6]


def process(context, number):
    return os.getpid(), context.recogniser is context.recogniser, context.recogniser.name


@pytest.mark.slow
@pytest.mark.parametrize(("executor", "workers"), [("processes", 1), ("serial", 1), ("ray", None)])
def test_where_no_number_is_asked_for_a_cluster_gives_all_it_has(executor, workers):
    assert workers_of(None, executor) == workers
    assert workers_of(3, executor) == 3
    with pytest.raises(OptionError, match="workers is 0, expected 1 or more"):
        workers_of(0, executor)


def test_every_process_loads_a_recogniser_of_its_own_once():
    context = WorkerContext(SHIPPED, lambda *_: None)
    assert context.recogniser is context.recogniser
    found = [outcome for _, outcome in each(process, context, [1, 2, 3, 4], 2, named)]
    assert {(same, name) for _, same, name in found} == {(True, SHIPPED)}
    assert os.getpid() not in {pid for pid, _, _ in found}


def test_a_context_travels_without_its_recogniser():
    context = WorkerContext(SHIPPED, fleeting.types.silent)
    assert context.recogniser is not None
    assert "recogniser" not in vars(pickle.loads(pickle.dumps(context)))


def test_the_recogniser_is_loaded_once_for_all_videos(tmp_path, monkeypatch):
    loads = []
    load = Recogniser.load
    monkeypatch.setattr(Recogniser, "load", lambda which: loads.append(which) or load(which))
    film(tmp_path / "one.mp4", [np.full((48, 64, 3), shade, np.uint8) for shade in (80, 90, 100)])
    shutil.copy(tmp_path / "one.mp4", tmp_path / "two.mp4")
    found = analyze([tmp_path / "one.mp4", tmp_path / "two.mp4"], tmp_path / "out", formats=["csv"])
    assert len(found.done) == 2
    assert loads == [SHIPPED]


def test_settings_are_a_value_or_names(tmp_path):
    film(tmp_path / "one.mp4", [np.full((48, 64, 3), shade, np.uint8) for shade in (80, 90, 100)])
    settings = AnalysisSettings(model=None, formats=("csv",), people=2)
    given = analyze(tmp_path / "one.mp4", tmp_path / "value", settings)
    by_name = analyze(tmp_path / "one.mp4", tmp_path / "names", model=None, formats=("csv",), people=2)
    assert given.done[0].summary == by_name.done[0].summary
    with pytest.raises(UnknownNameError, match="did you mean 'people'"):
        analyze(tmp_path / "one.mp4", tmp_path / "typo", peopel=2)
    assert not (tmp_path / "typo").exists()
