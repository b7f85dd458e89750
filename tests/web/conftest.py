"""Fixtures of the service's tests: an app in this process, and an analysis made once."""

import pytest
from starlette.testclient import TestClient

from fleeting.web.app import application
from fleeting.web.settings import Limits, ServiceSettings
from tests.fixtures.service import seed, short_analysis  # noqa: F401 - a fixture

BASE = "http://127.0.0.1:8000"


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "mine").mkdir()
    limits = Limits(bytes=2_000_000, seconds=60, queue=2)
    return ServiceSettings(
        folder=tmp_path / "service", local_folder=tmp_path / "mine", workers=0, limits=limits
    )


@pytest.fixture
def asking(settings):
    """A client of an app without workers."""
    with TestClient(application(settings), base_url=BASE) as client:
        yield client


@pytest.fixture
def job(settings, short_analysis):  # noqa: F811
    """The id of a job that is done."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    return seed(settings, short_analysis)


@pytest.fixture
def reviewing(job, settings):
    """A client, and the address of a job that is done."""
    with TestClient(application(settings), base_url=BASE) as client:
        yield client, f"/api/jobs/{job}"
