"""What every executor promises: all results, the same whichever process computed them."""

import numpy as np
import pytest

from fleeting.executors import executors
from fleeting.experiments.fold import Job, evaluate
from fleeting.experiments.recipe import read_recipe
from fleeting.experiments.samples import prepare
from fleeting.experiments.stacked import FoldWork


def scaled(shared, job):
    if job < 0:
        raise ValueError("a job that fails")
    return shared * job


@pytest.mark.slow
@pytest.mark.parametrize("name", executors)
def test_does_every_job_once(name):
    assert sorted(executors[name](scaled, 10, range(7), 2)) == [0, 10, 20, 30, 40, 50, 60]


@pytest.mark.parametrize("name", executors)
def test_nothing_to_do_is_done_at_once(name):
    assert list(executors[name](scaled, 10, [], 2)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", executors)
def test_a_failing_job_is_told(name):
    with pytest.raises(ValueError, match="a job that fails"):
        list(executors[name](scaled, 10, [1, -1], 1))


class Scaled:
    """Work of somebody else's that can do many jobs as one computation."""

    def __call__(self, shared, job):
        return scaled(shared, job)

    def together(self, shared, jobs):
        yield from (np.array(jobs) * shared).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("name", executors)
def test_work_that_can_do_many_jobs_as_one_gives_the_same(name):
    assert sorted(executors[name](Scaled(), 10, range(7), 2)) == [0, 10, 20, 30, 40, 50, 60]


def test_stacked_asks_the_work_to_do_its_jobs_together():
    asked = []
    work = Scaled()
    work.together = lambda _, jobs: asked.append(list(jobs)) or iter(())
    assert list(executors["stacked"](work, 10, [1, 2], 2)) == []
    assert asked == [[1, 2]]


@pytest.mark.slow
@pytest.mark.parametrize("name", executors)
def test_whoever_trains_a_fold_gets_the_same_probabilities(name):
    small = read_recipe("drawn/ststnet", changes=["training.epochs=1", "protocol.name=kfold"])
    prepared = prepare(small, {}, skip_damaged=False, progress=lambda *_: None)
    jobs = [Job(fold, 0) for fold in prepared.folds[:2]]
    found = sorted(executors[name](FoldWork(), prepared.task, jobs, 2), key=lambda result: result.fold)
    for job, result in zip(jobs, found, strict=True):
        alone = evaluate(prepared.task, job)
        assert [p.id for p in result.predictions] == [p.id for p in alone.predictions]
        shares = [[p.probabilities for p in r.predictions] for r in (result, alone)]
        np.testing.assert_allclose(shares[0], shares[1], atol=1e-3)
