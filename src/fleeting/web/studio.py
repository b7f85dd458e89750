"""Makes pictures in processes beside the server: it answers meanwhile, and what breaks a decoder breaks them.

``python -m fleeting.web.studio`` carries out one task for each line of standard input, and answers with a
line of JSON and as many bytes as that says. It ends when standard input closes, and after a minute without a
task: what it had loaded, torch above all, is given back then.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import IO, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from fleeting.errors import FleetingError, OptionError
from fleeting.web.logs import fault, log, log_to_stderr
from fleeting.web.service import MissingError, NotYetError

TASKS: Mapping[str, tuple[str, str]] = {
    "judged": ("frames", "fleeting.web.media.tasks:judged"),
    "picture": ("frames", "fleeting.web.media.tasks:picture"),
    "still": ("movements", "fleeting.web.media.tasks:still"),
    "explained": ("movements", "fleeting.web.media.tasks:explained"),
    "magnified": ("movements", "fleeting.web.media.tasks:magnified"),
    "described": ("movements", "fleeting.web.single_pictures:described"),
    "classified": ("movements", "fleeting.web.single_pictures:classified"),
}
"""By its name, the studio that a task is for, and the function that carries it out and gives bytes.

What takes seconds has a studio of its own, so that small pictures of frames need not wait for it.
"""
IDLE = 60.0
"""Seconds without a task after which a studio ends."""
PATIENCE = 600.0
"""Seconds that a task may take."""
KINDS: Mapping[str, type[FleetingError]] = {kind.__name__: kind for kind in (MissingError, NotYetError)}
"""Errors that are raised here as there; any other is an OptionError here, which says the same."""
FAULT = "fault"


class StudioFault(Exception):  # noqa: N818 - a fault of ours, of which the log has more
    """A task hit a fault of this program."""


class Studio:
    """One process, which is started when it is first needed, and again when it has ended."""

    def __init__(self) -> None:
        self._one = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def make(self, function: str, facts: Mapping[str, Any]) -> bytes:
        """What a function gives for these facts, made there.

        Raises MissingError where the process ends over it or needs longer than `PATIENCE`, StudioFault, and
        what the function raises.
        """
        line = json.dumps({"function": function, "facts": facts}).encode() + b"\n"
        with self._one:
            answer = self._asked(line) or self._asked(line)  # it may have ended, idle, just when it was asked
            if answer is None:
                raise MissingError("the process that makes pictures ends as soon as it is asked; see the log")
        said, content = answer
        if said.get("error") == FAULT:
            raise StudioFault(said["detail"])
        if "error" in said:
            raise KINDS.get(said["error"], OptionError)(said["detail"])
        return content

    def _asked(self, line: bytes) -> tuple[dict[str, Any], bytes] | None:
        """The answer to a line; None where the process had ended in order before it read the line."""
        process = self._running()
        late = threading.Timer(PATIENCE, process.kill)
        late.start()
        try:
            return _exchanged(process, line)
        except (OSError, ValueError):
            if process.wait() == 0:
                return None
            how = f"took longer than {PATIENCE:.0f} s" if not late.is_alive() else "broke its process"
            log("studio died", status=process.returncode)
            raise MissingError(f"this cannot be made: it {how}; the rest goes on without it") from None
        finally:
            late.cancel()

    def end(self) -> None:
        """End the process, whatever it does."""
        if (process := self._process) is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]  # both were asked for
            process.wait()
            self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.end()
            command = [sys.executable, "-m", "fleeting.web.studio"]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._process


def _exchanged(process: subprocess.Popen[bytes], line: bytes) -> tuple[dict[str, Any], bytes]:
    """Send a line and read the answer. Raises OSError or ValueError where the process ends before."""
    if process.stdin is None or process.stdout is None:
        raise OSError("a process without pipes")
    process.stdin.write(line)
    process.stdin.flush()
    said = json.loads(process.stdout.readline())
    content = process.stdout.read(said["size"])
    if len(content) < said["size"]:
        raise OSError("the answer was cut off")
    return said, content


STUDIOS = {name: Studio() for name, _ in TASKS.values()}


@atexit.register
def _end_all() -> None:
    for studio in STUDIOS.values():
        studio.end()


class Turns:
    """Lets one request at a time into each studio; those that wait take no thread of the server."""

    def __init__(self) -> None:
        self._turns = {name: asyncio.Lock() for name in STUDIOS}

    async def made(self, request: Request, task: str, facts: Mapping[str, Any]) -> bytes:
        """What a task gives; one whose sender has gone meanwhile is not carried out. Raises as `make`."""
        name, function = TASKS[task]
        async with self._turns[name]:
            if await request.is_disconnected() or await request.is_disconnected():  # the body may come first
                raise MissingError("nobody waits for it any more; ask again")
            return await run_in_threadpool(STUDIOS[name].make, function, facts)


def turns(request: Request) -> Turns:
    """The turns of the app that a request has reached."""
    found: Turns = request.app.state.turns
    return found


def _answer(line: bytes) -> tuple[dict[str, Any], bytes]:
    """What a line asks for, or why not."""
    asked = json.loads(line)
    module, _, name = asked["function"].partition(":")
    try:
        content: bytes = getattr(import_module(module), name)(**asked["facts"])
    except FleetingError as error:
        return {"error": type(error).__name__, "detail": " ".join(str(error).split()), "size": 0}, b""
    except FileNotFoundError:
        gone = "this is no longer there; it was forgotten meanwhile: see /api/jobs"
        return {"error": MissingError.__name__, "detail": gone, "size": 0}, b""
    except Exception as error:  # a fault of ours ends this task, not the studio
        found = fault(error)
        log("task hit a fault", level=logging.ERROR, task=name, **found)
        return {"error": FAULT, "detail": f"{found['error']} at {found['where']}", "size": 0}, b""
    return {"size": len(content)}, content


def _read(lines: SimpleQueue[bytes]) -> None:
    """Put each line of standard input where the main thread waits for it; end the process when it closes."""
    for line in iter(sys.stdin.buffer.readline, b""):
        lines.put(line)
    os._exit(0)


def _own_output() -> IO[bytes]:
    """Standard output for answers alone: whatever libraries print goes to standard error instead."""
    kept = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return kept


def main() -> None:
    """Carry out tasks until standard input closes, or none has come for a while."""
    log_to_stderr()
    answers, lines = _own_output(), SimpleQueue[bytes]()
    with suppress(OSError, AttributeError):
        os.nice(5)
    threading.Thread(target=partial(_read, lines), daemon=True).start()
    with suppress(Empty, KeyboardInterrupt):
        while True:
            said, content = _answer(lines.get(timeout=IDLE))
            answers.write(json.dumps(said).encode() + b"\n" + content)
            answers.flush()
    os._exit(0)  # the reading thread holds a lock of standard input


if __name__ == "__main__":
    main()
