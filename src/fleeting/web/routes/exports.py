"""The routes that give a review out as a file: CSV, JSON, ELAN, or a dataset of own clips."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import uuid4

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from fleeting.errors import OptionError
from fleeting.web.exporting import STATES, Recording, as_csv, as_elan, as_json, chosen, write_dataset
from fleeting.web.places import JOB, uploads
from fleeting.web.reviews import ACCEPTED, classes_of, reviews_of
from fleeting.web.routes.reviews import Who, found_in
from fleeting.web.service import Given, JobId, Service

router = APIRouter(prefix="/api", tags=["exports"])
MOST_JOBS = 500
Subject = Annotated[str, Query(max_length=64, pattern=r"^[^\x00-\x1f\x7f/\\@#]*$")]
Form = Literal["csv", "json", "elan", "dataset"]
Which = Annotated[
    str, Query(max_length=40, pattern=r"^(open|accepted|rejected)(,(open|accepted|rejected))*$")
]
KINDS = {"csv": "text/csv; charset=utf-8", "json": "application/json", "elan": "application/xml"}
ENDS = {"csv": ".events.csv", "json": ".events.json", "elan": ".eaf"}


@router.get("/jobs/{id}/export", response_class=Response)
def export(
    id: JobId,  # noqa: A002 - the name in the address
    given: Given,
    format: Annotated[Form, Query()] = "csv",  # noqa: A002
    rater: Who = "",
    states: Which = STATES,
    subject: Subject = "",
) -> Response:
    """A rater's events as a file. A dataset is a zip file with the recording, and holds what was accepted."""
    if format == "dataset":
        return _dataset(given, [id], rater, [subject])
    found, results = found_in(given, id)
    reviews = chosen(reviews_of(found, given.store.changes(id), rater), states.split(","))
    classes = classes_of(results)
    name = given.store.job(id).name
    content: str | bytes
    if format == "elan":
        summary: dict[str, Any] = json.loads((results / "summary.json").read_text(encoding="utf-8"))
        content = as_elan(reviews, classes, name, found.frames, summary)
    else:
        content = (as_csv if format == "csv" else as_json)(reviews, classes, rater)
    headers = {"Content-Disposition": attached(f"{Path(name).stem}{ENDS[format]}")}
    return Response(content, media_type=KINDS[format], headers=headers)


@router.get("/export/dataset", response_class=Response)
def dataset(
    given: Given,
    jobs: Annotated[str, Query(max_length=33 * MOST_JOBS, pattern=rf"^{JOB}(,{JOB})*$")],
    rater: Who = "",
    subjects: Annotated[str, Query(max_length=65 * MOST_JOBS, pattern=r"^[^\x00-\x1f\x7f/\\@#]*$")] = "",
) -> Response:
    """Several recordings as one dataset; ``subjects`` says who is in each, with commas between."""
    ids = jobs.split(",")
    names = subjects.split(",") if subjects else [""] * len(ids)
    if len(names) != len(ids):
        raise OptionError(f"{len(ids)} jobs and {len(names)} subjects; name one subject for each job")
    return _dataset(given, ids, rater, names)


def _dataset(given: Service, ids: Sequence[str], rater: str, subjects: Sequence[str]) -> FileResponse:
    recordings = []
    for id_, subject in zip(ids, subjects, strict=True):
        found, _ = found_in(given, id_)
        job = given.store.job(id_)
        reviews = chosen(reviews_of(found, given.store.changes(id_), rater), (ACCEPTED,))
        person = subject.strip() or Path(job.name).stem.replace("@", "_").replace("#", "_")
        path = job.path(given.folder)
        recordings.append(Recording(path, job.name, person, reviews, job.settings.get("fps")))
    path = uploads(given.folder) / f".{os.getpid()}.{uuid4().hex}.zip"
    try:
        write_dataset(path, recordings)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    headers = {"Content-Disposition": attached("clips.zip")}
    task = BackgroundTask(path.unlink, missing_ok=True)
    return FileResponse(path, media_type="application/zip", headers=headers, background=task)


def attached(name: str) -> str:
    """The header that has a browser keep an answer as a file of this name."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"
