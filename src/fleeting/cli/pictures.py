"""The command about single pictures: picture."""

from __future__ import annotations

from pathlib import Path

import fleeting
from fleeting.cli.parsing import Json, app
from fleeting.cli.printing import complain, print_json, progress_shown, say


@app.command
def picture(*files: Path, model: str, json: Json = False) -> int:
    """What a model of single frames takes the faces in pictures for; none ships, so train one and name it.

    Args:
        files: Picture files.
        model: A file or folder of `fleeting train`, of a recipe whose only input is one frame.
    """
    with progress_shown() as progress:
        found = fleeting.picture(files, model, progress=progress)
    if json:
        print_json(found.as_dict())
    else:
        for one in found.done:
            say(
                f"{one.file}: {one.label} {one.confidence:.2f}{f', unsure: {one.doubt}' if one.doubt else ''}"
            )
        if found.done:
            say(found.note)
    for line in found.failed:
        complain(line)
    return 1 if found.done and found.failed else 2 if found.failed else 0
