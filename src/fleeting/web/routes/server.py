"""The routes of the server itself: whether it is well, what it takes and keeps, numbers, description."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from fleeting.version import __version__
from fleeting.web.answers import Health
from fleeting.web.description import page
from fleeting.web.retention import kept
from fleeting.web.service import Given

router = APIRouter(tags=["server"])


@router.get("/api/health", response_model=Health)
def health(given: Given, request: Request) -> dict[str, Any]:
    """Whether the server is well, what it takes, and what it keeps."""
    limits, settings = given.settings.limits, given.settings
    return {
        "status": "ok",
        "version": __version__,
        "jobs": given.store.counts(),
        "workers": getattr(getattr(request.app.state, "workers", None), "alive", 0),
        "limits": {
            "bytes": limits.bytes,
            "seconds": limits.seconds,
            "queue": limits.queue,
            "requests_per_minute": limits.requests,
            "uploads_per_minute": limits.uploads,
            "live": limits.live,
        },
        "local_folder": settings.local_folder is not None,
        "runs": settings.runs is not None,
        "keep_days": settings.keep_days,
        "keeps": kept(given),
    }


@router.get("/metrics", response_class=Response)
def metrics(request: Request) -> Response:
    """Numbers for Prometheus."""
    return Response(request.app.state.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """The description of the API as a page, without a script."""
    return HTMLResponse(page(request.app.openapi()))


@router.get("/docs.css", include_in_schema=False)
def style() -> Response:
    """How that page looks."""
    text = files("fleeting.web").joinpath("templates", "docs.css").read_text(encoding="utf-8")
    return Response(text, media_type="text/css")
