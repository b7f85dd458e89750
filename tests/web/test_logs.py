"""Logs: JSON lines that name nobody."""

import json
import logging

import pytest

from fleeting.web import logs


@pytest.fixture
def lines(capsys):
    before = {name: (logging.getLogger(name).handlers, logging.getLogger(name).propagate) for name in NAMES}
    logs.log_to_stderr()
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    for name, (handlers, propagate) in before.items():
        logging.getLogger(name).handlers, logging.getLogger(name).propagate = handlers, propagate


NAMES = ("fleeting", "fleeting.web", "uvicorn.error")


def test_a_line_has_what_happened_and_when(lines):
    logs.log("job begun", job="abc", attempt=1)
    (line,) = lines()
    assert (line["what"], line["job"], line["attempt"], line["level"]) == ("job begun", "abc", 1, "info")
    assert line["at"].endswith("Z")


def test_an_error_is_told_without_its_words(lines):
    try:
        open("/nowhere/anna.mp4")  # noqa: SIM115
    except OSError:
        logging.getLogger("uvicorn.error").exception("failed on anna.mp4")
    (line,) = lines()
    assert (line["error"], line["where"].partition(":")[0]) == ("FileNotFoundError", "test_logs.py")
    assert "anna" not in json.dumps(line)
