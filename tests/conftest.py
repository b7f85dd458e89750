"""What several test files need: the shared data, samples to split, and a guard over skips."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from fleeting.types import Sample
from tests.fixtures.browser import browser  # noqa: F401 - a fixture of the tests that open pages

os.environ.setdefault("OMP_NUM_THREADS", "1")  # test processes side by side fight over cores otherwise
os.environ["FLEETING_CACHE"] = "off"  # a test that wants one names its own folder
settings.register_profile("soak", deadline=None)  # tests.fixtures.fuzzing gives it fifty times the examples
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
ROOT = Path(__file__).parent.parent
NEEDS_SHARED = "needs ../shared"
_skips: list[tuple[str, str]] = []


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout; skips where it is missing."""
    folder = Path(os.environ.get("FLEETING_SHARED", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"{NEEDS_SHARED}: {folder.name} is not there")
    return folder


@pytest.fixture(scope="session")
def maps(shared: Path) -> Path:
    """The 442 real motion maps."""
    folder = shared / "megc2019-flow"
    if not folder.is_dir():
        pytest.skip(f"{NEEDS_SHARED}: megc2019-flow is not there")
    return folder


@pytest.fixture
def samples() -> list[Sample]:
    """Three datasets of eight subjects, each with two clips of three classes, and frames' worth of ids."""
    return [
        Sample(f"{dataset}/s{subject}/{label}{number}", dataset, f"{dataset}/s{subject}", label)
        for dataset in ("one", "two", "three")
        for subject in range(8)
        for label in ("negative", "positive", "surprise")
        for number in range(2)
    ]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped:
        _skips.append((report.nodeid, _reason(report)))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        _skips.append((report.nodeid, _reason(report)))


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    where = report.longrepr
    return str(where[2] if isinstance(where, tuple) else where).removeprefix("Skipped: ")


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """In CI a skip is a failure, unless the data it needs cannot be there."""
    yield
    unexcused = [skip for skip in _skips if not skip[1].startswith(NEEDS_SHARED)]
    if unexcused and os.environ.get("FLEETING_CI") and session.exitstatus == 0:
        for test, reason in unexcused:
            sys.stderr.write(f"\nskipped without excuse: {test}: {reason}\n")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
