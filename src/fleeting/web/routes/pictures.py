"""The routes of single pictures: the weights that there are for them, and one picture in, its class out."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request

from fleeting.errors import OptionError, UnknownNameError
from fleeting.recognition.picture import NOTE
from fleeting.web.answers import PictureAnswer, PictureModels
from fleeting.web.service import Given
from fleeting.web.single_pictures import known
from fleeting.web.studio import turns
from fleeting.web.uploads import received, refuse_large

router = APIRouter(prefix="/api/pictures", tags=["single pictures"])
FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary", "description": "a picture"},
                    "model": {"type": "string", "description": "the name of weights; else the first"},
                },
            }
        }
    },
}


@router.get("/models", response_model=PictureModels)
async def models(request: Request) -> dict[str, Any]:
    """The weights that take one frame; none ships, see ``fleeting serve --picture-model``."""
    listed = [{"name": one["name"], "classes": one["classes"]} for one in await known(request)]
    return {"models": listed, "note": NOTE}


@router.post("", response_model=PictureAnswer, openapi_extra={"requestBody": FORM})
async def classify(request: Request, given: Given) -> dict[str, Any]:
    """What weights take the face in one picture for (the part ``file``); the picture is not kept."""
    limits = given.settings.limits
    announced = request.headers.get("content-length", "")
    refuse_large(int(announced) - 64 * 1024 if announced.isdecimal() else 0, limits.photo)
    kind = request.headers.get("content-type", "")
    sent = await received(request.stream(), kind, given.folder, limits.photo)
    try:
        path = await _path_of(request, sent.fields.get("model", ""))
        facts = {"path": str(sent.path), "name": sent.name, "model": path, "pixels": limits.pixels}
        answer: dict[str, Any] = json.loads(await turns(request).made(request, "classified", facts))
    finally:
        sent.discard()
    return answer


async def _path_of(request: Request, name: str) -> str:
    """Where the weights of this name lie; the first without one. Raises OptionError, UnknownNameError."""
    found = {one["name"]: str(one["path"]) for one in await known(request)}
    if not found:
        raise OptionError("this server has no weights for single pictures; start it with --picture-model")
    if name and name not in found:
        raise UnknownNameError("weights for single pictures", name, sorted(found))
    return found[name] if name else next(iter(found.values()))
