"""The command's process ends in one line: by signals, closed pipes and streams of any encoding."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.processes import wait_until

COMMAND = [sys.executable, "-m", "fleeting"]
LATIN = {**os.environ, "PYTHONIOENCODING": "latin-1"}
LOG = "casme2 sub01\na 0 0\nb 1 0\nc 1 1\nd 2 2\n"


def done(*words, **options):
    return subprocess.run([*COMMAND, *words], capture_output=True, check=False, timeout=100, **options)


def test_an_encoding_that_lacks_a_character_gets_another(tmp_path):
    (tmp_path / "log.txt").write_text(LOG)
    scored = done("score", tmp_path / "log.txt", env=LATIN)
    assert (scored.returncode, scored.stderr) == (0, b"")
    assert scored.stdout.decode("ascii").count(" - ") == 3, "dashes for what one person does not give"
    missing = done("report", "微", env=LATIN)
    assert missing.returncode == 2
    assert missing.stderr.startswith(b"fleeting: \\u5fae has no experiment.toml")


def test_a_name_that_is_no_text_is_printed_as_one_line_of_text():
    found = done("report", b"caf\xe9")
    assert found.returncode == 2
    assert found.stderr.decode().startswith("fleeting: caf\\udce9 has no experiment.toml")
    assert found.stderr.count(b"\n") == 1


def test_a_list_that_is_piped_is_not_wrapped():
    lines = done("list", "recipes", env={**os.environ, "COLUMNS": "40"}).stdout.decode().splitlines()
    assert any("dual-flow" in line and "on top of MMNet" in line for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("words", ["list recipes", "list recipes --json", "--help"])
@pytest.mark.parametrize("pipe", ["| true", "2>&1 | true"])
def test_a_reader_who_leaves_makes_no_traceback(words, pipe, tmp_path):
    line = f"{' '.join(COMMAND)} {words} 2>err {pipe}; cat err"
    told = subprocess.run(["bash", "-c", line], capture_output=True, check=True, cwd=tmp_path)
    assert told.stdout == b""


def test_a_stream_that_is_full_or_closed_is_told_in_a_line():
    with Path("/dev/full").open("w") as full:
        found = subprocess.run(
            [*COMMAND, "list", "recipes"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert found.returncode == 2
    assert found.stderr.startswith(b"fleeting: No space left on device")
    assert found.stderr.count(b"\n") == 1
    closed = subprocess.run(["bash", "-c", f"{' '.join(COMMAND)} list datasets >&- 2>&-; echo $?"], stdout=-1)
    assert closed.stdout == b"0\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGINT, 1), (signal.SIGINT, 2), (signal.SIGTERM, 2), (signal.SIGHUP, 2)]
)
def test_a_signal_ends_it_in_one_line(tmp_path, number, workers):
    process = begun(tmp_path, workers)
    os.killpg(process.pid, number)  # as a terminal does, to workers too
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert said == b"fleeting: interrupted; give the same command again\n"


@pytest.mark.slow
@pytest.mark.parametrize("wait", [0.0, 0.1])
def test_a_second_interruption_prints_no_traceback(tmp_path, wait):
    process = begun(tmp_path, 2)
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(wait)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT), "a shell says 130 of both"
    assert b"Traceback" not in said
    assert 1 <= said.count(b"\n") <= 2


def begun(folder, workers):
    """A run that has begun its folds, in a group of its own."""
    words = ["run", "drawn/ststnet", "--out", folder / "run", "--workers", str(workers)]
    words += ["--executor", "processes" if workers > 1 else "serial", "--set", "training.epochs=5000"]
    process = subprocess.Popen([*COMMAND, *words], stderr=subprocess.PIPE, start_new_session=True)
    wait_until((folder / "run" / "experiment.toml").exists, process)
    return process


@pytest.mark.slow
def test_a_terminal_that_is_closed_ends_it(tmp_path):
    child, terminal = pty.fork()
    if child == 0:  # in the terminal
        os.chdir(tmp_path)
        os.execv(
            sys.executable,
            [*COMMAND, "run", "drawn/ststnet", "--set", "training.epochs=5000", "--out", "run"],
        )
    wait_until((tmp_path / "run" / "experiment.toml").exists)
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
