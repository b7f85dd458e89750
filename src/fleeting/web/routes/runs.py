"""The routes of what is there to use and to look at: recognisers, and the runs below a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Path as InPath
from fastapi.responses import FileResponse

from fleeting.recognition.recogniser import SHIPPED, Recogniser, recognisers
from fleeting.web.answers import Models, RunAnswer, RunList
from fleeting.web.service import Given, MissingError, Service

router = APIRouter(prefix="/api", tags=["models and runs"])
SCORES = "scores.json"
DEEPEST = 4
"""How many folders below the one of runs a run may lie."""
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".toml": "text/plain; charset=utf-8",
    ".png": "image/png",
}
"""The files of a run that are given out; others, such as weights, are not."""
HEAD = ("protocol", "selection", "apex", "folds", "seconds", "incomplete", "subjects_shared", "drawn")
RunName = Annotated[str, InPath(max_length=500, description="a run's path below the folder of runs")]
FileName = Annotated[str, InPath(max_length=200)]


@router.get("/models", response_model=Models)
def models() -> dict[str, Any]:
    """The recognisers that a job's settings can name, with their classes."""
    return {
        "models": [
            {"name": name, "classes": list(Recogniser.load(name).classes), "default": name == SHIPPED}
            for name in recognisers()
        ]
    }


@router.get("/runs", response_model=RunList)
def runs(given: Given) -> dict[str, Any]:
    """The finished runs below the folder that the server was given, by name."""
    listed = []
    for name, path in sorted(_found(given).items()):
        scores = _scores(path)
        if scores is not None:
            listed.append({"name": name, **{key: scores.get(key) for key in HEAD}})
    return {"runs": listed}


@router.get("/runs/{name:path}/files/{file}", response_class=FileResponse)
def run_file(name: RunName, file: FileName, given: Given) -> FileResponse:
    """A file of a run."""
    path = _run(given, name)
    if file not in _files(path):
        raise MissingError("the run has no such file to give out; see the files that it lists")
    return FileResponse(path / file, media_type=KINDS[Path(file).suffix])


@router.get("/runs/{name:path}", response_model=RunAnswer)
def run(name: RunName, given: Given) -> dict[str, Any]:
    """The scores of a run, and the names of its files."""
    path = _run(given, name)
    scores = _scores(path)
    if scores is None:
        raise MissingError("the scores of this run cannot be read; run its recipe again")
    return {"name": name, "scores": scores, "files": _files(path)}


def _run(given: Service, name: str) -> Path:
    """The folder of a run, which is looked up among those there are: a name is never joined to a path."""
    path = _found(given).get(name)
    if path is None:
        raise MissingError("there is no such run; see /api/runs for those there are")
    return path


def _found(given: Service) -> dict[str, Path]:
    root = given.settings.runs
    return {} if root is None else {path.relative_to(root).as_posix(): path for path in _below(root, 0)}


def _below(folder: Path, depth: int) -> Iterator[Path]:
    """The folders with scores below one; those of a run's folds are not looked at, nor are links."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False) or entry.name.startswith("."):
            continue
        path = folder / entry.name
        if (path / SCORES).is_file():
            yield path
        elif depth + 1 < DEEPEST:
            yield from _below(path, depth + 1)


def _scores(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((path / SCORES).read_text(encoding="utf-8"), parse_constant=lambda _: None)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "clean" in found else None


def _files(path: Path) -> list[str]:
    return sorted(
        entry.name
        for entry in os.scandir(path)
        if entry.is_file(follow_symlinks=False) and Path(entry.name).suffix in KINDS and entry.name[0] != "."
    )
