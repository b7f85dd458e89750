"""Single pictures, classified by weights that take one frame: those the server was started with.

`described` and `classified` are carried out in a studio (`fleeting.web.studio`), since weights need torch.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request

from fleeting.errors import OptionError
from fleeting.web.settings import ServiceSettings
from fleeting.web.studio import STUDIOS, TASKS, turns

FORMATS = frozenset({"JPEG", "PNG", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "MPO"})
"""Kinds of pictures that are decoded, by Pillow's names; others of its decoders start programs."""

Weights = dict[str, Any]


def checked(settings: ServiceSettings) -> list[Weights] | None:
    """What the weights are that the server is started with; None where there are none to look at.

    Raises OptionError where some cannot be used for single pictures.
    """
    if not settings.picture_models:
        return None
    studio, function = TASKS["described"]
    found: list[Weights] = json.loads(STUDIOS[studio].make(function, _asked(settings)))
    return found


async def known(request: Request) -> list[Weights]:
    """The weights by which single pictures are classified: name, path, classes; as a rule there are none."""
    state = request.app.state
    if state.picture_models is None:
        found = await turns(request).made(request, "described", _asked(state.settings))
        state.picture_models = json.loads(found)
    models: list[Weights] = state.picture_models
    return models


def _asked(settings: ServiceSettings) -> dict[str, list[str]]:
    return {"given": [str(path) for path in settings.picture_models]}


def described(given: Sequence[str]) -> bytes:
    """JSON: name, path and classes of the weights ``given``, and of those shipped that take one frame.

    Raises the errors of `Recogniser.load`, and OptionError where weights that were given need a movement.
    """
    from fleeting.recognition.picture import refuse_movement
    from fleeting.recognition.recogniser import Recogniser, recognisers

    found: list[Weights] = []
    for which in [*given, *recognisers()]:
        recogniser = Recogniser.load(which)
        try:
            refuse_movement(recogniser)
        except OptionError:
            if which in given:
                raise
            continue
        if any(one["name"] == recogniser.name for one in found):
            raise OptionError(f"two weights are called {recogniser.name}; rename the folder of one")
        found.append({"name": recogniser.name, "path": which, "classes": list(recogniser.classes)})
    return json.dumps(found).encode()


def classified(path: str, name: str, model: str, pixels: int) -> bytes:
    """JSON: what `fleeting.picture` says of the picture at ``path``, which is called ``name``.

    Raises OptionError where it is no picture, has more than ``pixels``, or shows no face where one is needed.
    """
    import fleeting

    _refuse_others(Path(path), name, pixels)
    found = fleeting.picture(path, model)
    if found.failed:
        raise OptionError(found.failed[0].replace(path, name))
    answer = found.as_dict()
    answer["pictures"][0]["file"] = name
    return json.dumps(answer).encode()


def _refuse_others(path: Path, name: str, pixels: int) -> None:
    """Raise OptionError where a file is no picture of a kind that is decoded, or is too large."""
    from fleeting.video.pictures import UNREADABLE, opened_picture

    try:
        with opened_picture(path) as picture:
            kind, (width, height) = picture.format, picture.size
    except UNREADABLE:
        kind, width, height = None, 0, 0
    if kind not in FORMATS:
        raise OptionError(f"{name} cannot be read as a picture; give a JPEG, PNG, WebP, TIFF or BMP file")
    if width * height > pixels:
        found = f"{name} has {width} x {height} pixels"
        raise OptionError(f"{found}, expected at most {pixels} in all; scale it down")
