"""What the studios make of a recording: each function takes values of JSON, and gives the bytes of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleeting.web.media import magnified_clips, media, pictures, stills
from fleeting.web.media.recording import recording_at


def judged(of: Mapping[str, str]) -> bytes:
    """Note whether browsers play a recording as it is; see `media.judge`."""
    media.judge(recording_at(of))
    return b""


def picture(of: Mapping[str, str], **which: Any) -> bytes:
    """A picture of a frame; see `pictures.picture`."""
    return pictures.picture(recording_at(of), **which)


def still(of: Mapping[str, str], movement: Mapping[str, int], what: str) -> bytes:
    """A picture of a movement; see `stills.still`."""
    return stills.still(recording_at(of), stills.Movement(**movement), what)


def explained(of: Mapping[str, str], number: int) -> bytes:
    """What the model looked at; see `stills.explained`."""
    return stills.explained(recording_at(of), number)


def magnified(of: Mapping[str, str], movement: Mapping[str, int], gain: int) -> bytes:
    """The name of a film of a movement magnified, which is written; see `magnified_clips.make_magnified`."""
    made = magnified_clips.make_magnified(recording_at(of), stills.Movement(**movement), gain)
    return made.name.encode()
