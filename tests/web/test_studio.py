"""Studios: processes beside the server that make pictures, and break, end and begin again without it."""

import asyncio
import os

import pytest
from starlette.requests import Request

from fleeting.web.service import MissingError, NotYetError
from fleeting.web.studio import Studio, StudioFault, Turns
from tests.fixtures.studio import GREETING

pytestmark = pytest.mark.slow  # most start a process


@pytest.fixture(scope="module")
def studio():
    one = Studio()
    yield one
    one.end()


def test_what_a_function_gives_comes_back_whatever_it_prints(studio):
    assert studio.make("tests.fixtures.studio:greeted", {"name": "Ada"}) == GREETING + b"Ada"
    assert int(studio.make("tests.fixtures.studio:process", {})) != os.getpid()


def test_one_process_does_all_of_it(studio):
    first, second = (studio.make("tests.fixtures.studio:process", {}) for _ in range(2))
    assert first == second


def test_errors_are_raised_here_as_there_and_faults_are_told_apart(studio):
    with pytest.raises(NotYetError, match="wait for it"):
        studio.make("tests.fixtures.studio:refused", {"kind": "NotYetError"})
    with pytest.raises(MissingError, match="no longer there"):
        studio.make("tests.fixtures.studio:refused", {"kind": "FileNotFoundError"})
    with pytest.raises(StudioFault, match=r"ZeroDivisionError at studio\.py"):
        studio.make("tests.fixtures.studio:refused", {"kind": "ZeroDivisionError"})


def test_a_task_that_kills_its_process_is_refused_and_the_next_one_done(studio):
    before = studio.make("tests.fixtures.studio:process", {})
    with pytest.raises(MissingError, match="broke its process"):
        studio.make("os:abort", {})
    assert studio.make("tests.fixtures.studio:process", {}) != before


def test_a_task_that_takes_too_long_is_ended(studio, monkeypatch):
    monkeypatch.setattr("fleeting.web.studio.PATIENCE", 0.2)
    with pytest.raises(MissingError, match="took longer than"):
        studio.make("tests.fixtures.studio:slept", {})


def test_a_studio_that_ended_idle_begins_again(studio):
    before = studio.make("tests.fixtures.studio:process", {})
    os.kill(int(before), 0)  # it lives
    with pytest.raises(MissingError, match="ends as soon as it is asked"):
        studio.make("tests.fixtures.studio:ended", {})
    assert studio.make("tests.fixtures.studio:process", {}) != before


def test_what_nobody_waits_for_any_more_is_not_made():
    told = iter([{"type": "http.request", "body": b""}, {"type": "http.disconnect"}])

    async def receive():
        return next(told)

    gone = Request({"type": "http", "method": "GET", "headers": []}, receive)
    with pytest.raises(MissingError, match="nobody waits for it"):
        asyncio.run(Turns().made(gone, "judged", {}))
