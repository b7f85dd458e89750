"""What every executor promises: all results, whoever computed them."""

import pytest

from fleeting.executors import executors


def scaled(shared, job):
    if job < 0:
        raise ValueError("a job that fails")
    return shared * job


@pytest.mark.parametrize("name", executors)
def test_does_every_job_once(name):
    assert sorted(executors[name](scaled, 10, range(7), 2)) == [0, 10, 20, 30, 40, 50, 60]


@pytest.mark.parametrize("name", executors)
def test_nothing_to_do_is_done_at_once(name):
    assert list(executors[name](scaled, 10, [], 2)) == []


@pytest.mark.parametrize("name", executors)
def test_a_failing_job_is_told(name):
    with pytest.raises(ValueError, match="a job that fails"):
        list(executors[name](scaled, 10, [1, -1], 1))
