"""Models and runs: what can be used, and what was run, by names that are never paths."""

import json
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

import fleeting
from fleeting.web.app import application


@pytest.fixture
def client(settings, tmp_path):
    runs = tmp_path / "runs"
    for name, uf1 in (("first", 0.5), ("group/second", 0.25)):
        (runs / name / "folds").mkdir(parents=True)
        scores = {"clean": {"n": 4, "uf1": uf1}, "protocol": "loso", "folds": 2, "secret": float("nan")}
        (runs / name / "scores.json").write_text(json.dumps(scores))
        (runs / name / "report.html").write_text("<p>a report</p>")
        (runs / name / "weights.safetensors").write_bytes(b"weights")
    (runs / "broken").mkdir()
    (runs / "broken" / "scores.json").write_text("{")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "scores.json").write_text('{"clean": null}')
    (runs / "link").symlink_to(tmp_path / "outside")
    with TestClient(application(replace(settings, runs=runs)), base_url="http://localhost") as client:
        yield client


def test_runs_are_listed_and_read(client):
    assert [one["name"] for one in client.get("/api/runs").json()["runs"]] == ["first", "group/second"]
    found = client.get("/api/runs/group/second").json()
    assert (found["scores"]["clean"]["uf1"], found["files"]) == (0.25, ["report.html", "scores.json"])
    report = client.get("/api/runs/group/second/files/report.html")
    assert report.text == "<p>a report</p>"
    assert "sandbox" in report.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "link",
        "broken",
        "..",
        "%2e%2e/outside",
        "group",
        "first/files/weights.safetensors",
        "first/files/..%2f..%2foutside%2fscores.json",
        "first/files/folds",
    ],
)
def test_nothing_else_is_given_out(client, path):
    answer = client.get(f"/api/runs/{path}")
    assert answer.status_code == 404
    assert answer.json()["detail"]


def test_a_server_without_runs_has_none(asking):
    assert asking.get("/api/runs").json() == {"runs": []}


def test_models_are_those_that_a_job_can_name(asking):
    listed = asking.get("/api/models").json()["models"]
    assert [one["name"] for one in listed] == fleeting.recognisers()
    assert [one["default"] for one in listed].count(True) == 1
