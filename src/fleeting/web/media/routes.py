"""Answers for what the page shows of a recording: video with ranges, pictures of frames, stills, boxes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool

from fleeting.web.media.boxes import boxes
from fleeting.web.media.magnified_clips import folder_of
from fleeting.web.media.media import TYPES, Playable, is_judged, prepared
from fleeting.web.media.pictures import place_of
from fleeting.web.media.recording import Recording, recording_of
from fleeting.web.media.stills import Movement, place_of_explained, place_of_still
from fleeting.web.service import JobId, MissingError, NotYetError
from fleeting.web.studio import turns

Number = Annotated[int, Query(ge=0, le=2**31 - 1)]
Seconds = Annotated[float, Query(ge=-1e9, le=1e9)]
Gain = Annotated[int, Query(ge=2, le=16, description="times; the page offers 4, 8 and 16")]
Still = Literal["onset", "apex", "offset", "flow", "mesti"]

router = APIRouter(prefix="/api/jobs/{job}", tags=["media"])


@router.head("/media", response_class=FileResponse, include_in_schema=False)
@router.get("/media", response_class=FileResponse)
async def media(request: Request, job: JobId) -> FileResponse:
    """The video as browsers play it, whole or by ranges (RFC 9110)."""
    shown = await _playable(request, job)
    if shown.path is None:
        if shown.state == "failed":
            raise MissingError(shown.error or "there is no video that browsers play")
        raise NotYetError("the copy for the browser is being made; wait until it is there")
    return FileResponse(shown.path, media_type=shown.kind, content_disposition_type="inline")


@router.get("/media/state")
async def media_state(request: Request, job: JobId) -> dict[str, Any]:
    """How far the playable video is, and the time in frames.csv of its first moment."""
    return (await _playable(request, job)).as_dict()


@router.get("/boxes")
def face_boxes(
    request: Request, job: JobId, start: Annotated[Seconds, Query(alias="from")], to: Seconds
) -> dict[str, list[Any]]:
    """Every face of every frame from one time to another, in seconds."""
    return boxes(recording_of(request, job), start, to)


@router.get("/pictures/{frame}.jpg", response_class=Response)
async def frame_picture(
    request: Request,
    job: JobId,
    frame: int,
    size: Annotated[int | None, Query(ge=16, le=4320)] = None,
    face: Number | None = None,
) -> Response:
    """A frame by its number in frames.csv; with ``face``, only that face."""
    recording = await run_in_threadpool(recording_of, request, job)
    kept = place_of(recording, frame, size, face)
    content = await _made(request, recording, kept, "picture", frame=frame, size=size, face=face)
    return Response(content, media_type="image/jpeg")


@router.get("/events/{number}/{what}.jpg", response_class=Response)
async def event_still(
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
    recording = await run_in_threadpool(recording_of, request, job)
    movement = await _movement(recording, number, face, onset, apex, offset)
    kept = place_of_still(recording, movement, what)
    content = await _made(request, recording, kept, "still", movement=asdict(movement), what=what)
    return Response(content, media_type="image/jpeg")


@router.get("/events/{number}/explained.png", response_class=Response)
async def event_explained(request: Request, job: JobId, number: int) -> Response:
    """What the model looked at in an event that was found."""
    recording = await run_in_threadpool(recording_of, request, job)
    kept = place_of_explained(recording, number)
    return Response(await _made(request, recording, kept, "explained", number=number), media_type="image/png")


@router.head("/events/{number}/magnified", response_class=FileResponse, include_in_schema=False)
@router.get("/events/{number}/magnified", response_class=FileResponse)
async def event_magnified(
    request: Request,
    job: JobId,
    number: int,
    gain: Gain = 8,
    face: Number | None = None,
    onset: Number | None = None,
    apex: Number | None = None,
    offset: Number | None = None,
) -> FileResponse:
    """A film of a movement beside itself magnified: what is seen there is exaggerated; moments as above."""
    recording = await run_in_threadpool(recording_of, request, job)
    movement = await _movement(recording, number, face, onset, apex, offset)
    folder = folder_of(recording, movement)
    places = (folder / f"magnified-{gain}{kind}" for kind in TYPES)
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        name = await _made(request, recording, None, "magnified", movement=asdict(movement), gain=gain)
        path = folder / name.decode()
    return FileResponse(path, media_type=TYPES[path.suffix], content_disposition_type="inline")


async def _movement(recording: Recording, number: int, *given: int | None) -> Movement:
    """The movement of these face, onset, apex and offset; as it was found where one of them is not given."""
    moments = [value for value in given if value is not None]
    if len(moments) < len(given):
        return await run_in_threadpool(_found, recording, number)
    return Movement(*moments)


async def _playable(request: Request, job: str) -> Playable:
    recording = await run_in_threadpool(recording_of, request, job)
    if not is_judged(recording):
        await turns(request).made(request, "judged", {"of": recording.as_dict()})
    return await run_in_threadpool(prepared, recording)


async def _made(request: Request, recording: Recording, kept: Path | None, task: str, **which: Any) -> bytes:
    """What is kept at a place, or else what a studio makes of a recording; a copy that it needs is begun."""
    with suppress(FileNotFoundError):
        if kept is not None:
            return await run_in_threadpool(kept.read_bytes)
    try:
        return await turns(request).made(request, task, {"of": recording.as_dict(), **which})
    except NotYetError:
        await run_in_threadpool(prepared, recording)
        raise


def _found(recording: Recording, number: int) -> Movement:
    from fleeting.analysis.event_files import read_events

    for event in read_events(recording.results / "events.json"):
        if event.number == number:
            return Movement(event.face, event.onset_frame, event.apex_frame, event.offset_frame)
    raise MissingError(f"there is no event {number} among those found; give its frames, or see its events")
