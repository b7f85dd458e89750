"""The whole API, asked with what its own description allows and with what it does not: never a fault."""

from datetime import timedelta

import hypothesis
import pytest
import schemathesis
from starlette.testclient import TestClient

from fleeting.web.app import application
from fleeting.web.settings import Limits, ServiceSettings
from tests.fixtures.service import seed

pytestmark = pytest.mark.slow
EXAMPLES = 8
"""Requests for each operation."""
LEFT_OUT = r"/media|/pictures/\{|/magnified|/events/\{\w+\}/\{?\w+\}?\.|/boxes|\.jpg|\.png"
"""Pictures and videos: each is decoded anew, and their own tests ask for them."""


@pytest.fixture(scope="module")
def described(tmp_path_factory, short_analysis):
    folder = tmp_path_factory.mktemp("api")
    settings = ServiceSettings(folder=folder, workers=0, limits=Limits(requests=10**6, uploads=10**6))
    id_ = seed(settings, short_analysis)
    app = application(settings)
    with TestClient(app, base_url="http://localhost"):
        yield schemathesis.openapi.from_asgi("/openapi.json", app, headers={"Host": "localhost"}), id_


def cases(operation):
    """Requests that the description allows, and such that it does not."""
    allowed = operation.as_strategy()
    if not operation.body and not [*operation.iter_parameters()]:
        return allowed  # there is nothing to get wrong
    return allowed | operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)


def test_no_request_meets_a_fault(described):
    schema, id_ = described
    statuses = set()
    for found in schema.exclude(path_regex=LEFT_OUT).get_all_operations():
        operation = found.ok()

        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=timedelta(seconds=30),
            database=None,
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=cases(operation), real=hypothesis.strategies.booleans())
        def ask(case, real):
            forgets = (case.method, case.path) == ("DELETE", "/api/jobs/{id}")
            if real and not forgets and "id" in (case.path_parameters or {}):
                case.path_parameters["id"] = id_
            answer = case.call(headers={"Host": "localhost"})
            statuses.add(answer.status_code)
            assert answer.status_code < 500, (case.method, case.formatted_path, answer.text)
            if answer.status_code >= 400:
                assert answer.json()["detail"].strip(), (case.method, case.formatted_path)

        ask()
    assert {200, 404, 422} <= statuses
