"""The live socket: 8 bytes of time and a JPEG in, what is seen and found out, while it happens."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool

from fleeting.errors import FleetingError
from fleeting.web.answers import JobSettings
from fleeting.web.intake import NONE, keep_recording, refuse_settings
from fleeting.web.live import LiveSession, LiveSettings
from fleeting.web.places import uploads
from fleeting.web.service import Given, Service

router = APIRouter()
SILENT = 60.0
"""Seconds without a picture after which a socket is closed."""
UNSENT = 2000
"""Messages that wait to be sent, from which on the other side counts as gone."""
FULL, OVER = 1013, 1000
"""Codes with which a socket is closed."""


@router.websocket("/api/live")
async def live(
    socket: WebSocket,
    given: Given,
    model: Annotated[str | None, Query(max_length=100)] = None,
    people: Annotated[int, Query(ge=1, le=8)] = 4,
    alarms_per_minute: Annotated[float, Query(gt=0, le=1000, allow_inf_nan=False)] = 1.0,
    record: Annotated[bool, Query()] = False,
) -> None:
    """Take pictures until the other side closes or sends any text; see docs/service.md for the messages."""
    await socket.accept()
    metrics, limits = socket.app.state.metrics, given.settings.limits
    if socket.app.state.live >= limits.live:
        await _refuse(socket, f"{limits.live} sockets are open already; try again later", FULL)
        return
    socket.app.state.live += 1
    metrics.live.inc()
    try:
        settings = LiveSettings(model, people, alarms_per_minute, record)
        await _served(socket, given, settings)
    finally:
        socket.app.state.live -= 1
        metrics.live.dec()


async def _served(socket: WebSocket, given: Service, settings: LiveSettings) -> None:
    """One session over one socket, from its first picture to its last event."""
    recording = uploads(given.folder) / f".{os.getpid()}.{uuid4().hex}.mp4" if settings.record else None
    async with _sending(socket) as tell:
        try:
            refuse_settings(JobSettings(model=settings.model or NONE))
            session = await run_in_threadpool(partial(LiveSession, settings, tell, recording))
        except FleetingError as error:
            tell({"kind": "error", "detail": str(error)})
            return
        try:
            await _received(socket, given, session, tell)
        finally:
            await run_in_threadpool(session.end)
            socket.app.state.metrics.dropped.inc(session.dropped)
            if recording is not None:
                tell({"kind": "recorded", "job": await run_in_threadpool(_kept, given, recording)})


async def _received(socket: WebSocket, given: Service, session: LiveSession, tell: Any) -> None:
    """Offer pictures to the session until there are no more."""
    limits = given.settings.limits
    loop = asyncio.get_running_loop()
    until = loop.time() + limits.live_seconds
    with suppress(WebSocketDisconnect, TimeoutError):
        while session.alive and loop.time() < until:
            async with asyncio.timeout(SILENT):
                message = await socket.receive()
            if message["type"] == "websocket.disconnect" or message.get("text") is not None:
                return
            if len(content := message["bytes"]) > limits.picture + 8:
                what = f"a picture has more than {limits.picture} bytes; scale it down"
                tell({"kind": "error", "detail": what})
                return
            session.offer(content)


@asynccontextmanager
async def _sending(socket: WebSocket) -> AsyncIterator[Any]:
    """A function, for any thread, that sends a message; at the end all are sent, and the socket is closed."""
    loop, waiting = asyncio.get_running_loop(), asyncio.Queue[dict[str, Any] | None]()

    async def send() -> None:
        while (message := await waiting.get()) is not None:
            await socket.send_json(message)

    def tell(message: dict[str, Any]) -> None:
        if waiting.qsize() < UNSENT:
            with suppress(RuntimeError):  # the server has ended
                loop.call_soon_threadsafe(waiting.put_nowait, message)

    task = asyncio.create_task(send())
    try:
        yield tell
    finally:
        await asyncio.sleep(0)  # what other threads told before this is in the queue then
        waiting.put_nowait(None)
        with suppress(WebSocketDisconnect, RuntimeError, OSError):
            await task
            await socket.close(OVER)


def _kept(given: Service, recording: Path) -> str | None:
    """The id of the job that a recording becomes; None where nothing was recorded."""
    job = keep_recording(given, recording, uuid4().hex)
    return None if job is None else job.id


async def _refuse(socket: WebSocket, sentence: str, code: int) -> None:
    await socket.send_json({"kind": "error", "detail": sentence})
    await socket.close(code)
