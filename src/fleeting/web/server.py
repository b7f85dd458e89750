"""Runs the service: the web process, and beside it workers that are started again when they die."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from fleeting.errors import OptionError
from fleeting.output.lock import locked
from fleeting.web.app import application
from fleeting.web.logs import fault, log, log_to_stderr
from fleeting.web.settings import ServiceSettings
from fleeting.web.store import Store

PATIENCE = 10.0
"""Seconds in which workers that are told to end have to."""
PAUSE = 1.0
"""Seconds before a worker that died is followed by another."""


@dataclass(eq=False)
class _Place:
    """The place of one worker, and the process that has it now."""

    process: subprocess.Popen[bytes]
    name: str


class Workers:
    """The worker processes of a server; a thread sees to it that as many are alive as there should be."""

    def __init__(self, settings: ServiceSettings, store: Store) -> None:
        self._settings, self._store = settings, store
        self._ended = threading.Event()
        self._places = [self._started() for _ in range(settings.workers)]
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> int:
        """How many are alive."""
        return sum(place.process.poll() is None for place in self._places)

    def _started(self) -> _Place:
        name = uuid4().hex
        command = [sys.executable, "-m", "fleeting.web.worker", name]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        if process.stdin is not None:
            process.stdin.write(self._settings.as_json().encode() + b"\n")
            process.stdin.flush()
        return _Place(process, name)

    def _watch(self) -> None:
        while not self._ended.wait(PAUSE):
            for number, place in enumerate(self._places):
                if place.process.poll() is not None:
                    log("worker died", status=place.process.returncode)
                    try:
                        self._store.release(place.name, died=True)
                    except SQLAlchemyError as error:  # its lease ends by itself
                        log("job was not released", **fault(error))
                    self._places[number] = self._started()

    def end(self) -> None:
        """Tell the workers to end, wait until they have, and kill those that do not."""
        self._ended.set()
        self._thread.join()
        for place in self._places:
            if place.process.stdin is not None:
                with suppress(OSError):
                    place.process.stdin.close()
        limit = time.monotonic() + PATIENCE
        for place in self._places:
            try:
                place.process.wait(max(0.0, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                place.process.kill()
                place.process.wait()


def serve(settings: ServiceSettings, ready: Callable[[int], None] = lambda _port: None) -> None:
    """Answer until the process is told to end; ``ready`` is called with the port once requests are taken.

    Raises OptionError where the store, the folder or the port cannot be used, OutputError while another
    server has the folder.
    """
    log_to_stderr()
    settings.folder.mkdir(parents=True, exist_ok=True)
    with locked(settings.folder), _listening(settings) as listening:
        app = application(settings)
        workers = Workers(settings, app.state.store)
        app.state.workers = workers
        config = uvicorn.Config(app, access_log=False, log_config=None, server_header=False)
        try:
            _Server(config, lambda: ready(listening.getsockname()[1])).run([listening])
        finally:
            workers.end()
            app.state.store.close()


def _listening(settings: ServiceSettings) -> socket.socket:
    """A socket that listens where the settings say. Raises OptionError where it cannot."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=256)
    except OSError as error:
        where = f"port {settings.port} of {settings.host}"
        raise OptionError(f"{where} cannot be listened at ({error.strerror}); name another --port") from error


class _Server(uvicorn.Server):
    """A server that tells when it takes requests."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to take requests."""
        await super().startup(sockets)
        self._ready()
