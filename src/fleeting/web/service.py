"""What every route is given: the server's settings, its store and its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from fastapi import Path as InPath
from starlette.requests import HTTPConnection

from fleeting.errors import FleetingError
from fleeting.web.places import JOB, results_of
from fleeting.web.settings import ServiceSettings
from fleeting.web.store import JobRecord, Store
from fleeting.web.store.records import DONE


class NotYetError(FleetingError):
    """The job is not at the point that the request needs, or no longer."""


class MissingError(FleetingError):
    """There is no such file or thing."""


@dataclass(frozen=True)
class Service:
    """The settings, store and folder of the server that answers."""

    settings: ServiceSettings
    store: Store

    @property
    def folder(self) -> Path:
        """The folder below which everything lies."""
        return self.settings.folder

    def finished(self, id_: str) -> tuple[JobRecord, Path]:
        """A job that is done, and the folder of its results. Raises UnknownJobError, NotYetError."""
        job = self.store.job(id_)
        results = results_of(self.folder, id_)
        if job.state != DONE or results is None:
            raise NotYetError(f"the job is {job.state}, and has no results; look again when it is done")
        return job, results


def service(connection: HTTPConnection) -> Service:
    """The service that a request or a socket has reached."""
    found: Service = connection.app.state.service
    return found


async def reached(connection: HTTPConnection) -> Service:
    """The same, as a dependency: one that is async takes no thread."""
    return service(connection)


Given = Annotated[Service, Depends(reached)]
JobId = Annotated[str, InPath(pattern=f"^{JOB}$", description="a job's id")]
