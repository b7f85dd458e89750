"""The routes of the page: its HTML, its scripts and styles, all of them from this package."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from fleeting.analysis.motion_curves import KINDS
from fleeting.recognition.recogniser import SHIPPED, recognisers
from fleeting.session.session import ALARMS_PER_MINUTE
from fleeting.version import __version__
from fleeting.web.curves import names
from fleeting.web.media.recording import recording_of
from fleeting.web.page.alarms import points
from fleeting.web.page.texts import COOKIE, catalogue, chosen, languages
from fleeting.web.service import MissingError, NotYetError
from fleeting.web.store.queue import UnknownJobError

TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".md": "text/plain",
}
KEPT = "private, max-age=31536000, immutable"
"""Browsers keep a file of the page for a year without asking again: its address says what it holds."""
NO_MODEL = "none"
"""What the form sends where nothing is to be recognised."""
ALARMS = (
    ("home.alarms_few", ALARMS_PER_MINUTE / 4),
    ("home.alarms_usual", ALARMS_PER_MINUTE),
    ("home.alarms_many", 4 * ALARMS_PER_MINUTE),
)
"""False alarms a minute that the form offers, with the key of each one's text."""
LARGEST = 10
"""Most people, as the form offers them, that are followed at once."""

router = APIRouter(include_in_schema=False)


@router.get("/", response_class=HTMLResponse)
def home(request: Request) -> HTMLResponse:
    """The start page: drop videos, see how far they are."""
    settings = getattr(request.app.state, "settings", None)
    return _page(
        request,
        "home.html",
        local=bool(getattr(settings, "local_folder", None)),
        models=[SHIPPED, *(name for name in recognisers() if name != SHIPPED), NO_MODEL],
        alarms=ALARMS,
        usual=ALARMS_PER_MINUTE,
        most_people=LARGEST,
    )


@router.get("/jobs/{job}", response_class=HTMLResponse)
def viewer(request: Request, job: str) -> HTMLResponse:
    """The viewer of one recording."""
    shown: dict[str, Any] = {"kinds": KINDS, "container_start_s": 0.0, "blur": False, "units": {}}
    try:
        recording = recording_of(request, job)
        shipped = recording.summary["settings"]
        facts = {"alarms": points(shipped["spotter"]), "asked": shipped["alarms_per_minute"]}
        shown["units"] = names(recording.results)
        shown |= {"container_start_s": recording.summary["container_start_s"], "blur": recording.covered}
    except (UnknownJobError, ValueError):
        return _page(request, "missing.html", status=404)
    except NotYetError:
        facts = {"alarms": (), "asked": None}
    return _page(request, "viewer.html", job=job, facts={**facts, **shown})


@router.get("/runs", response_class=HTMLResponse)
def runs(request: Request) -> HTMLResponse:
    """The runs below the folder that the server was given."""
    return _page(request, "runs.html")


@router.get("/live", response_class=HTMLResponse)
def live(request: Request) -> HTMLResponse:
    """A camera, and what its face does."""
    return _page(request, "live.html", model=SHIPPED)


@router.get("/pictures", response_class=HTMLResponse)
def pictures(request: Request) -> HTMLResponse:
    """Single pictures, and what weights take the faces in them for."""
    return _page(request, "pictures.html")


@router.get("/favicon.ico")
async def favicon() -> Response:
    """The icon of the page."""
    return Response(_assets()["favicon.svg"], media_type=TYPES[".svg"], headers={"Cache-Control": "no-cache"})


@router.get("/static/{content}/{name:path}")
async def static(content: str, name: str) -> Response:
    """A script, style or icon of the page; ``content`` says what all of them hold, so they may be kept."""
    found = _assets().get(name) if content == _content() else None
    if found is None:
        raise MissingError("there is no such file of this version of the page; load the page again")
    kind = TYPES[Path(name).suffix]
    return Response(found, media_type=kind, headers={"Cache-Control": KEPT})


def address_of(name: str) -> str:
    """The address of a file of the page: another one whenever any of them changes. Raises KeyError."""
    if name not in _assets():
        raise KeyError(name)
    return f"/static/{_content()}/{name}"


@cache
def _assets() -> Mapping[str, bytes]:
    """What each file of the page holds, by its name, read once: no other path is ever opened."""
    folder = Path(str(files("fleeting.web.page").joinpath("static")))
    found = (path for path in sorted(folder.rglob("*")) if path.suffix in TYPES)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@cache
def _content() -> str:
    """A word for what all files of the page hold: scripts load one another by names within one address."""
    digest = hashlib.sha256()
    for name, held in _assets().items():
        digest.update(f"{name} {len(held)} ".encode() + held)
    return digest.hexdigest()[:16]


def _page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    language = chosen(
        request.query_params.get("lang"),
        request.cookies.get(COOKIE),
        request.headers.get("accept-language", ""),
    )
    texts = catalogue(language)
    html = (
        _templates()
        .get_template(template)
        .render(
            texts=texts,
            t=texts.__getitem__,
            language=language,
            languages=languages(),
            language_cookie=COOKIE,
            here=request.url.path,
            version=__version__,
            asset=address_of,
            **values,
        )
    )
    return HTMLResponse(html, status)


def _data(value: Any) -> str:
    """JSON that is safe between script tags."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("fleeting.web.page"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["data"] = _data
    return made
