"""The routes of jobs: a video in, how far it is, its results out, and everything of it forgotten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from fleeting.web.answers import Curves, Frames, JobAnswer, JobList, JobSettings, LocalRequest
from fleeting.web.curves import curves
from fleeting.web.frames import thinned_json
from fleeting.web.intake import accept_local, accept_upload, refuse_settings
from fleeting.web.refusals import said
from fleeting.web.retention import forget as forgotten
from fleeting.web.service import Given, JobId, MissingError
from fleeting.web.store.queue import UnknownJobError
from fleeting.web.uploads import received, refuse_large

router = APIRouter(prefix="/api/jobs", tags=["jobs"])
FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary", "description": "a video"},
                    "settings": {"type": "string", "description": "JSON: fields of JobSettings"},
                },
            }
        }
    },
}
Bound = Annotated[float, Query(ge=-1e9, le=1e9, allow_inf_nan=False)]


@router.get("", response_model=JobList)
def jobs(given: Given) -> dict[str, Any]:
    """All jobs, the last that came first."""
    return {"jobs": [job.as_dict() for job in given.store.jobs()]}


@router.post("", status_code=202, response_model=JobAnswer, openapi_extra={"requestBody": FORM})
async def upload(request: Request, given: Given) -> dict[str, Any]:
    """Upload a video (the part ``file``) and have it analysed (with ``settings``, JSON)."""
    limits = given.settings.limits
    announced = request.headers.get("content-length", "")
    refuse_large(int(announced) - 64 * 1024 if announced.isdecimal() else 0, limits.bytes)
    kind = request.headers.get("content-type", "")
    sent = await received(request.stream(), kind, given.folder, limits.bytes)
    try:
        settings = _settings(sent.fields.get("settings", ""))
        job = await run_in_threadpool(accept_upload, given, sent, settings, uuid4().hex)
    finally:
        sent.discard()
    return job.as_dict()


@router.post("/local", status_code=202, response_model=JobList)
def local(wanted: LocalRequest, given: Given) -> dict[str, Any]:
    """Have a file or a folder of videos on the server's machine analysed, where it allows that."""
    return {"jobs": [job.as_dict() for job in accept_local(given, wanted.path, wanted.settings)]}


@router.get("/{id}", response_model=JobAnswer)
def job(id: JobId, given: Given) -> dict[str, Any]:  # noqa: A002 - the name in the address
    """One job."""
    return given.store.job(id).as_dict()


@router.post("/{id}/cancel", response_model=JobAnswer)
def cancel(id: JobId, given: Given) -> dict[str, Any]:  # noqa: A002
    """Cancel a job; one that runs ends at its next frame. What has ended stays as it is."""
    return given.store.cancel(id).as_dict()


@router.delete("/{id}", status_code=204)
def forget(id: JobId, given: Given) -> Response:  # noqa: A002
    """Forget all of a recording: its file, results, reviews, and what was computed of it."""
    if not forgotten(given, id):
        raise UnknownJobError("no job has this id: it was forgotten, or never was")
    return Response(status_code=204)


@router.get("/{id}/summary")
def summary(id: JobId, given: Given) -> FileResponse:  # noqa: A002
    """The summary of a job that is done: ``summary.json``."""
    return _file(given, id, "summary.json", "application/json")


@router.get("/{id}/report")
def report(id: JobId, given: Given) -> FileResponse:  # noqa: A002
    """The report of a job that is done, a page that stands alone: ``report.html``."""
    return _file(given, id, "report.html", "text/html; charset=utf-8")


@router.get("/{id}/annotated")
def annotated(id: JobId, given: Given) -> FileResponse:  # noqa: A002
    """The video with faces and events drawn in, where the job's settings asked for it: ``annotated.mp4``."""
    return _file(given, id, "annotated.mp4", "video/mp4")


@router.get("/{id}/units")
def units(id: JobId, given: Given) -> FileResponse:  # noqa: A002
    """Curves of action units, where the job's settings asked for them: ``units.csv``."""
    return _file(given, id, "units.csv", "text/csv; charset=utf-8")


@router.get("/{id}/frames", response_model=Frames)
def frames(
    id: JobId,  # noqa: A002
    given: Given,
    start: Annotated[Bound | None, Query(alias="from", description="seconds")] = None,
    end: Annotated[Bound | None, Query(alias="to", description="seconds")] = None,
    points: Annotated[int, Query(ge=1, le=20_000)] = 2000,
) -> Response:
    """Motion, quality, faces and reasons by frame; more than ``points`` are put together, peaks are kept."""
    _, results = given.finished(id)
    bounds = (float("-inf") if start is None else start, float("inf") if end is None else end)
    content = thinned_json(given.folder, id, results, *bounds, points)
    return Response(content, media_type="application/json")


@router.get("/{id}/curves", response_model=Curves)
def unit_curves(
    id: JobId,  # noqa: A002
    given: Given,
    units: Annotated[str, Query(max_length=500, description="names of curves, with commas between")] = "",
    face: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
    start: Annotated[Bound | None, Query(alias="from", description="seconds")] = None,
    end: Annotated[Bound | None, Query(alias="to", description="seconds")] = None,
    points: Annotated[int, Query(ge=1, le=20_000)] = 2000,
) -> dict[str, Any]:
    """Curves of action units, in the rows that /frames gives for the same times and points."""
    _, results = given.finished(id)
    span = float("-inf") if start is None else start, float("inf") if end is None else end, points
    wanted = [name for name in units.split(",") if name]
    return curves((given.folder, id, results), wanted, face, span)


def _settings(text: str) -> JobSettings:
    try:
        settings = JobSettings.model_validate(json.loads(text) if text else {})
    except ValidationError as error:
        raise said(error.errors(include_url=False, include_input=False), "settings") from error
    except (ValueError, RecursionError) as error:
        raise said([], "settings") from error
    refuse_settings(settings)
    return settings


def _file(given: Given, id_: str, name: str, kind: str) -> FileResponse:
    _, results = given.finished(id_)
    path: Path = results / name
    if not path.is_file():
        raise MissingError(f"there is no {name} of this job; ask for it in the settings of a new one")
    return FileResponse(path, media_type=kind)
