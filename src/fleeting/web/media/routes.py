"""Answers for what the page shows of a recording: video with ranges, pictures of frames, stills, boxes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse

from fleeting.web.media.boxes import boxes
from fleeting.web.media.media import playable
from fleeting.web.media.pictures import picture
from fleeting.web.media.recording import Recording, recording_of
from fleeting.web.media.stills import Movement, explained, still
from fleeting.web.service import JobId, MissingError, NotYetError

Number = Annotated[int, Query(ge=0, le=2**31 - 1)]
Seconds = Annotated[float, Query(ge=-1e9, le=1e9)]
Still = Literal["onset", "apex", "offset", "flow", "mesti"]

router = APIRouter(prefix="/api/jobs/{job}", tags=["media"])


@router.head("/media", response_class=FileResponse, include_in_schema=False)
@router.get("/media", response_class=FileResponse)
def media(request: Request, job: JobId) -> FileResponse:
    """The video as browsers play it, whole or by ranges (RFC 9110)."""
    shown = playable(recording_of(request, job))
    if shown.path is None:
        if shown.state == "failed":
            raise MissingError(shown.error or "there is no video that browsers play")
        raise NotYetError("the copy for the browser is being made; wait until it is there")
    return FileResponse(shown.path, media_type=shown.kind, content_disposition_type="inline")


@router.get("/media/state")
def media_state(request: Request, job: JobId) -> dict[str, Any]:
    """How far the playable video is, and the time in frames.csv of its first moment."""
    return playable(recording_of(request, job)).as_dict()


@router.get("/boxes")
def face_boxes(
    request: Request, job: JobId, start: Annotated[Seconds, Query(alias="from")], to: Seconds
) -> dict[str, list[Any]]:
    """Every face of every frame from one time to another, in seconds."""
    return boxes(recording_of(request, job), start, to)


@router.get("/pictures/{frame}.jpg", response_class=Response)
def frame_picture(
    request: Request,
    job: JobId,
    frame: int,
    size: Annotated[int | None, Query(ge=16, le=4320)] = None,
    face: Number | None = None,
) -> Response:
    """A frame by its number in frames.csv; with ``face``, only that face."""
    return _jpeg(picture(recording_of(request, job), frame, size, face))


@router.get("/events/{number}/{what}.jpg", response_class=Response)
def event_still(
    request: Request,
    job: JobId,
    number: int,
    what: Still,
    face: Number | None = None,
    onset: Number | None = None,
    apex: Number | None = None,
    offset: Number | None = None,
) -> Response:
    """A picture of a movement: as it was found, or, where all frames are given, as a rater has it."""
    recording = recording_of(request, job)
    given = (face, onset, apex, offset)
    if None in given:
        movement = _found(recording, number)
    else:
        movement = Movement(*(value for value in given if value is not None))
    return _jpeg(still(recording, movement, what))


@router.get("/events/{number}/explained.png", response_class=Response)
def event_explained(request: Request, job: JobId, number: int) -> Response:
    """What the model looked at in an event that was found."""
    return Response(explained(recording_of(request, job), number), media_type="image/png")


def _found(recording: Recording, number: int) -> Movement:
    from fleeting.analysis.event_files import read_events

    for event in read_events(recording.results / "events.json"):
        if event.number == number:
            return Movement(event.face, event.onset_frame, event.apex_frame, event.offset_frame)
    raise MissingError(f"there is no event {number} among those found; give its frames, or see its events")


def _jpeg(content: bytes) -> Response:
    return Response(content, media_type="image/jpeg")
