"""A client of a server of `fleeting serve`, for programs of your own: upload, wait, read, review, export.

It needs the standard library alone. Files are sent and received piece by piece.

>>> client = Client("http://127.0.0.1:8000")
>>> job = client.wait(client.upload("interview.mp4").id)
>>> [event["label"] for event in client.events(job.id)]
['surprise']
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from fleeting.errors import FleetingError, OptionError
from fleeting.files import appearing, utf8

PIECE = 1 << 16
"""Bytes that are sent or received at once."""
ENDED = frozenset(("done", "failed", "cancelled"))


class ServiceError(FleetingError):
    """A server refused a request; ``status`` is the status of its answer, 0 where none came."""

    def __init__(self, sentence: str, status: int = 0) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class ServiceJob:
    """A recording and how far its analysis is, as the server says it. Times are ISO 8601, UTC."""

    id: str
    name: str
    state: str
    stage: str
    progress: float
    time_left_s: float | None
    position: int | None
    created: str
    started: str | None
    ended: str | None
    error: str | None
    events: int | None
    warnings: tuple[str, ...]
    settings: Mapping[str, Any]
    media: Mapping[str, Any] | None


class Client:
    """A server at an address, which asks for ``token`` if it has one. Calls raise ServiceError.

    ``timeout`` are the seconds for which it may be silent.
    """

    def __init__(self, address: str, token: str | None = None, timeout: float = 60.0) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise OptionError(f"{address!r} is no address of a server; write http://127.0.0.1:8000")
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port, self._root = parts.hostname, parts.port, parts.path.rstrip("/")
        self._token, self._timeout = token, timeout

    def upload(self, path: str | Path, **settings: Any) -> ServiceJob:
        """Send a video and have it analysed with these settings (those of `fleeting.analyze`)."""
        return _job(self._send("/api/jobs", Path(path), "settings", json.dumps(settings) if settings else ""))

    def picture(self, path: str | Path, model: str = "") -> dict[str, Any]:
        """What weights take the face in a single picture for, as `fleeting.picture` says it."""
        return self._send("/api/pictures", Path(path), "model", model)

    def analyze_local(self, path: str, **settings: Any) -> tuple[ServiceJob, ...]:
        """Have a file or a folder of videos on the server's machine analysed."""
        found = self.post("/api/jobs/local", {"path": path, "settings": settings})
        return tuple(map(_job, found["jobs"]))

    def jobs(self) -> tuple[ServiceJob, ...]:
        """All jobs, the last that came first."""
        return tuple(map(_job, self.get("/api/jobs")["jobs"]))

    def job(self, id_: str) -> ServiceJob:
        """One job."""
        return _job(self.get(f"/api/jobs/{id_}"))

    def wait(
        self,
        id_: str,
        progress: Callable[[ServiceJob], None] = lambda _job: None,
        *,
        every: float = 0.5,
        timeout: float | None = None,
    ) -> ServiceJob:
        """Wait until a job has ended, and return it; ``progress`` is called with it now and then.

        Raises ServiceError where it failed, was cancelled, or has not ended after ``timeout`` seconds.
        """
        limit = None if timeout is None else time.monotonic() + timeout
        while (job := self.job(id_)).state not in ENDED:
            progress(job)
            if limit is not None and time.monotonic() > limit:
                raise ServiceError(f"{job.name} is still {job.state} after {timeout:g} s; wait longer")
            time.sleep(every)
        progress(job)
        if job.state != "done":
            raise ServiceError(f"{job.name} is {job.state}: {job.error or 'it was cancelled'}")
        return job

    def events(self, id_: str, rater: str = "", **asked: Any) -> list[dict[str, Any]]:
        """The events of a job as a rater has them; ``blind`` and ``candidates`` as the API takes them."""
        found: list[dict[str, Any]] = self.get(f"/api/jobs/{id_}/events", rater=rater, **asked)["events"]
        return found

    def correct(self, id_: str, event: int, **fields: Any) -> dict[str, Any]:
        """Change an event: ``state``, ``onset_frame``, ``label``, ..., and the ``rater`` who says so."""
        return self.patch(f"/api/jobs/{id_}/events/{event}", fields)

    def add(self, id_: str, **fields: Any) -> dict[str, Any]:
        """Add an event: ``onset_frame``, ``apex_frame``, ``offset_frame``, ``label``, ``rater``."""
        return self.post(f"/api/jobs/{id_}/events", fields)

    def export(self, id_: str, path: str | Path, form: str = "csv", **asked: Any) -> Path:
        """Write an export (csv, json, elan, dataset) to a file, which appears when it is complete."""
        path = Path(path)
        address = f"/api/jobs/{id_}/export?{urlencode({'format': form, **asked})}"
        with self._answer("GET", address) as answer, appearing(path) as partial, partial.open("wb") as file:
            while piece := answer.read(PIECE):
                file.write(piece)
        return path

    def cancel(self, id_: str) -> ServiceJob:
        """Cancel a job."""
        return _job(self.post(f"/api/jobs/{id_}/cancel", {}))

    def forget(self, id_: str) -> None:
        """Have the server forget everything of a recording."""
        self._asked("DELETE", f"/api/jobs/{id_}")

    def get(self, path: str, **asked: Any) -> dict[str, Any]:
        """The JSON at an address; True and False are asked for as 1 and 0."""
        plain = {name: int(value) if isinstance(value, bool) else value for name, value in asked.items()}
        return self._asked("GET", f"{path}?{urlencode(plain)}" if plain else path)

    def post(self, path: str, content: Any) -> dict[str, Any]:
        """The JSON that answers this one."""
        return self._asked("POST", path, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def patch(self, path: str, content: Any) -> dict[str, Any]:
        """The JSON that answers this one."""
        return self._asked("PATCH", path, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _send(self, address: str, path: Path, name: str, text: str) -> dict[str, Any]:
        """The JSON that answers a form with a file, and with a text of this name where there is one."""
        boundary = uuid4().hex
        form = _form(boundary, path, name, text)
        size = sum(map(len, form)) + path.stat().st_size
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Content-Length": str(size)}
        return self._asked("POST", address, _sent(form, path), headers)

    def _asked(
        self,
        method: str,
        path: str,
        content: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        with self._answer(method, path, content, headers) as answer:
            text = answer.read()
        try:
            found: dict[str, Any] = json.loads(text) if text else {}
        except ValueError as error:
            raise ServiceError(f"{self._host} answers with no JSON; is it this service?") from error
        return found

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        content: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[HTTPResponse]:
        sent = dict(headers or {})
        if self._token is not None:
            sent["Authorization"] = f"Bearer {self._token}"
        connection = self._kind(self._host, self._port, timeout=self._timeout)
        with closing(connection):
            try:
                connection.request(method, f"{self._root}{path}", content, sent)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it was refused before all was sent, and the answer says why
            except OSError as error:
                raise self._silent(error) from error
            try:
                answer = connection.getresponse()
                if answer.status >= 400:
                    raise ServiceError(_detail(answer), answer.status)
                yield answer
            except (OSError, HTTPException) as error:
                raise self._silent(error) from error

    def _silent(self, error: Exception) -> ServiceError:
        why = getattr(error, "strerror", None) or type(error).__name__
        where = f"{self._host}:{self._port or self._kind.default_port}"
        return ServiceError(f"{where} does not answer ({why}); see whether fleeting serve runs there")


def _job(facts: Mapping[str, Any]) -> ServiceJob:
    known = {one.name: facts[one.name] for one in fields(ServiceJob)}
    return ServiceJob(**{**known, "warnings": tuple(known["warnings"])})


def _form(boundary: str, path: Path, field: str, text: str) -> tuple[bytes, bytes]:
    """What stands before and after the file in the request."""
    fence = f"--{boundary}\r\n"
    first = ""
    if text:
        first = f'{fence}Content-Disposition: form-data; name="{field}"\r\n\r\n{text}\r\n'
    name = path.name.replace("\\", "\\\\").replace('"', '\\"')
    head = f'{fence}Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
    return utf8(f"{first}{head}Content-Type: application/octet-stream\r\n\r\n"), (
        f"\r\n--{boundary}--\r\n".encode()
    )


def _sent(form: tuple[bytes, bytes], path: Path) -> Iterator[bytes]:
    yield form[0]
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
    yield form[1]


def _detail(answer: HTTPResponse) -> str:
    try:
        found = json.loads(answer.read(PIECE))["detail"]
    except (ValueError, LookupError, TypeError):
        found = f"the server answered {answer.status}"
    return str(found)
