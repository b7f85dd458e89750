"""Who may ask: the host, the token, the origin, the rate; and what browsers may do with the answers."""

import re
from dataclasses import replace

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from fleeting.errors import OptionError
from fleeting.web.app import application
from fleeting.web.settings import Limits, ServiceSettings

TOKEN = "correct horse battery"
BASE = "http://192.0.2.7:8000"


@pytest.fixture
def public(settings):
    return replace(settings, host="0.0.0.0", token=TOKEN)


@pytest.fixture
def outside(public):
    with TestClient(application(public), base_url=BASE) as client:
        yield client


PLACES = ("/", "/docs", "/docs.css", "/openapi.json", "/static/x.js", "/favicon.ico", "/live", "/nothing")
"""Addresses that are not in the description."""


def walked(app):
    """Every address with a method that it takes, path parameters filled in."""
    described = [
        (method.upper(), re.sub(r"\{[^}]*\}", "1", path))
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    ]
    return [*described, *(("GET", path) for path in PLACES)]


def test_nothing_answers_without_the_token(public):
    app = application(public)
    with TestClient(app, base_url=BASE) as client:
        asked = walked(app)
        assert {"/metrics", "/api/jobs", "/api/jobs/1/media"} <= {path for _, path in asked}
        for method, path in asked:
            answer = client.request(method, path)
            assert answer.status_code == 401, (method, path)
            wrong = client.request(method, path, headers={"Authorization": "Bearer wrong wrong wrong"})
            assert wrong.status_code == 401, (method, path)
        host = {"Host": "192.0.2.7:8000"}
        with (
            pytest.raises(WebSocketDisconnect) as refused,
            client.websocket_connect("/api/live", headers=host),
        ):
            pass
        assert refused.value.code == 4401
        known = {**host, "Authorization": f"Bearer {TOKEN}"}
        with client.websocket_connect("/api/live?model=none", headers=known) as socket:
            assert socket.receive_json()["kind"] == "ready"


def test_the_token_is_taken_as_bearer_or_from_the_address_once(outside):
    assert outside.get("/api/health", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    wrong = outside.get("/", params={"token": "guess"}, follow_redirects=False)
    assert wrong.status_code == 401
    answer = outside.get("/", params={"token": TOKEN}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert outside.get("/api/health").status_code == 200  # by the cookie


def test_another_name_for_this_machine_is_refused(asking):
    for host in (
        "evil.example:8000",
        "evil.example",
        "127.0.0.1.evil.example",
        "192.0.2.7",
        "",
        "a/b@localhost",
        "[",
        "[::1",
    ):
        answer = asking.get("/api/health", headers={"Host": host})
        assert answer.status_code in (400, 421), host
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
        assert asking.get("/api/health", headers={"Host": host}).status_code == 200, host


def test_a_page_of_another_site_changes_nothing(asking):
    for origin in ("https://evil.example", "http://127.0.0.1:9000", "null", "http://["):
        answer = asking.post("/api/jobs/local", json={"path": "x"}, headers={"Origin": origin})
        assert answer.status_code == 403
        assert asking.delete(f"/api/jobs/{'0' * 32}", headers={"Origin": origin}).status_code == 403
        with (
            pytest.raises(WebSocketDisconnect) as refused,
            asking.websocket_connect("/api/live", headers={"Origin": origin, "Host": "127.0.0.1:8000"}),
        ):
            pass
        assert refused.value.code == 4403
    own = asking.post("/api/jobs/local", json={"path": "x"}, headers={"Origin": "http://127.0.0.1:8000"})
    assert own.status_code == 422


def test_every_answer_says_what_browsers_may_do(asking):
    for path in ("/api/health", "/docs", "/metrics", "/nothing", "/api/jobs/x"):
        headers = asking.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


def test_a_report_stands_alone(reviewing):
    client, address = reviewing
    answer = client.get(f"{address}/report")
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "sandbox allow-scripts" in policy  # an origin of its own: it reaches nothing of this site
    assert "connect-src" not in policy
    assert "default-src 'none'" in policy


def test_who_asks_too_often_waits(settings):
    few = replace(settings, limits=Limits(requests=5))
    with TestClient(application(few), base_url="http://localhost") as client:
        answers = [client.get("/api/health") for _ in range(6)]
    assert [one.status_code for one in answers] == [200] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) > 50
    assert "ask again in" in answers[-1].json()["detail"]


def test_uploads_have_a_rate_of_their_own(settings):
    few = replace(settings, limits=Limits(uploads=1))
    with TestClient(application(few), base_url="http://localhost") as client:
        assert client.post("/api/jobs", content=b"").status_code == 422
        assert client.post("/api/jobs", content=b"").status_code == 429
        assert client.get("/api/jobs").status_code == 200


def test_off_the_loopback_address_a_token_is_needed(tmp_path):
    with pytest.raises(OptionError, match="a token is needed"):
        ServiceSettings(folder=tmp_path, host="0.0.0.0")
    with pytest.raises(OptionError, match="has 5 characters"):
        ServiceSettings(folder=tmp_path, token="short")


def test_the_description_needs_no_script_and_no_network(asking):
    text = asking.get("/docs").text
    assert "<script" not in text
    assert re.findall(r'(?:src|href)="(?!/|#)', text) == []
    for path in asking.get("/openapi.json").json()["paths"]:
        assert f"<code>{path}</code>" in text
    assert asking.get("/docs.css").headers["content-type"].startswith("text/css")


def test_numbers_hold_routes_and_no_names(asking):
    asking.get("/api/jobs/secret-name")
    text = asking.get("/metrics").text
    assert 'fleeting_jobs{state="queued"} 0.0' in text
    assert 'route="/api/jobs/{id}"' in text
    assert "secret" not in text


def test_health_says_what_is_kept(settings):
    with TestClient(application(replace(settings, keep_days=30)), base_url="http://localhost") as client:
        found = client.get("/api/health").json()
    assert (found["status"], found["keep_days"], found["limits"]["bytes"]) == ("ok", 30, 2_000_000)
    assert "at most 30 days" in found["keeps"]["recordings"]
