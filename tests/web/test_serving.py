"""The command `serve`: what it refuses, in a sentence, before it takes a request."""

import socket

import pytest

from fleeting.errors import OptionError
from fleeting.output.lock import locked
from fleeting.web.settings import Limits, ServiceSettings
from tests.fixtures.command import typed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "0.0.0.0", "--token", "short"], "the token has 5 characters"),
        (["--runs", "nowhere"], "nowhere is no folder, expected one for runs"),
        (["--picture-model", "nowhere"], "there are no weights at nowhere"),
        (["--keep-days", "0"], "keep_days is 0"),
        (["--port", "70000"], "the port is 70000"),
        (["--workers", "-1"], "there are -1 workers"),
        (["--most-waiting", "0"], "the limit of queue is 0"),
        (["--store", "mysql://a/b"], "expected sqlite"),
    ],
)
def test_what_no_server_can_be_started_with(capsys, tmp_path, words, said):
    port = [] if "--port" in words else ["--port", "0"]
    status, _, told = typed(capsys, "serve", "--folder", tmp_path / "service", *port, *words)
    assert (status, said in told, told.count("\n")) == (2, True, 1)


def test_a_port_that_is_taken(capsys, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, _, told = typed(capsys, "serve", "--folder", tmp_path, "--port", port)
    assert (status, f"port {port} of 127.0.0.1 cannot be listened at" in told) == (2, True)


def test_a_folder_that_another_server_has(capsys, tmp_path):
    with locked(tmp_path):
        status, _, told = typed(capsys, "serve", "--folder", tmp_path, "--port", 0)
    assert (status, "is being written by another process" in told) == (2, True)


def test_a_worker_gets_the_settings_of_its_server(tmp_path):
    settings = ServiceSettings(
        folder=tmp_path,
        local_folder=tmp_path,
        names=("faces.example",),
        keep_days=2,
        limits=Limits(queue=7),
        picture_models=(tmp_path,),
    )
    assert ServiceSettings.from_json(settings.as_json()) == settings
    with pytest.raises(OptionError, match="the limit of bytes"):
        Limits(bytes=0)
