"""Says whether browsers play a file as it is, with each frame at the time that its analysis has for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fleeting.errors import VideoError
from fleeting.video.containers import opened
from fleeting.web.media.listing import listed

VIDEO = frozenset({"h264", "vp8", "vp9", "av1"})
SOUND = frozenset({"aac", "mp3", "opus", "vorbis", "flac"})
COLOURS = frozenset({"yuv420p", "yuvj420p"})
BEGINS = 1e-3
"""Seconds from zero within which a file's clock has to begin: browsers do not agree on what comes later."""
WEBM = 64
"""Bytes from the beginning of a Matroska file in which it says that it is WebM."""


def played_as(source: Path, fps: float | None) -> str | None:
    """The media type as which browsers play a file as it is; None where a copy has to be made for them.

    They do where container, codecs and colours are those of the web, where frames come at a constant rate
    from zero on and upright in square pixels, and where their times were not counted anew at ``fps``.
    """
    if fps is not None or not source.is_file():
        return None
    try:
        with opened(source) as container:
            kind = _kind(container, source)
    except VideoError:
        return None
    found = listed(source, None) if kind else None
    if found is None:
        return None
    report = found.report
    steady = not report.variable_frame_rate and not report.rotation and abs(report.container_start) < BEGINS
    return kind if steady else None


def _kind(container: Any, source: Path) -> str | None:
    names = container.format.name.split(",")
    if "mp4" in names and not container.metadata.get("major_brand", "").startswith("qt"):
        kind = "video/mp4"
    elif "webm" in names and _is_webm(source):
        kind = "video/webm"
    else:
        return None
    films, sounds = container.streams.video, container.streams.audio
    if len(films) != 1 or films[0].codec_context is None or len(sounds) > 1:
        return None
    film = films[0]
    square = film.sample_aspect_ratio in (None, 0, 1)
    web = film.codec_context.name in VIDEO or film.codec_context.codec.canonical_name in VIDEO
    heard = all(one.codec_context and one.codec_context.codec.canonical_name in SOUND for one in sounds)
    return kind if web and heard and square and film.codec_context.pix_fmt in COLOURS else None


def _is_webm(source: Path) -> bool:
    with source.open("rb") as file:
        return b"webm" in file.read(WEBM)
