"""The playable video of a recording: itself where browsers play it, else a copy that is made once."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from fleeting.files import write_atomically
from fleeting.output.records import read_record
from fleeting.web.media.copies import STATE
from fleeting.web.media.playing import played_as
from fleeting.web.media.recording import Recording

TYPES = {".mp4": "video/mp4", ".webm": "video/webm"}
PLAYED = "played.json"
"""The file that says as which media type browsers play the recording as it is."""
PATIENCE = 5.0
"""Seconds in which a process that is told to end has to."""
_making: dict[Path, subprocess.Popen[bytes]] = {}
_lock = Lock()


@dataclass(frozen=True)
class Playable:
    """How far the video is that the page plays.

    ``state`` is ready, making or failed; ``path`` is where it lies, ``begins`` the time in ``frames.csv`` of
    its first moment, in seconds, ``first`` the number of its first frame. ``original`` says that it is the
    recording itself.
    """

    state: str
    progress: float
    original: bool = False
    path: Path | None = None
    kind: str = "video/mp4"
    begins: float = 0.0
    first: int = 0
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """What the page is told."""
        told = {name: getattr(self, name) for name in ("state", "progress", "original", "error")}
        return {**told, "begins_s": self.begins}


def playable(recording: Recording) -> Playable:
    """The playable video of a recording, as far as it is."""
    kind = None if recording.covered else _kind(recording)
    if kind:
        return Playable("ready", 1.0, original=True, path=recording.source, kind=kind)
    told = read_record(recording.cache / STATE)
    if told.get("state") == "ready" and (path := recording.cache / str(told["file"])).is_file():
        return Playable(
            "ready", 1.0, path=path, kind=TYPES[path.suffix], begins=told["begins_s"], first=told["first"]
        )
    if told.get("state") == "failed":
        return Playable("failed", 0.0, error=told.get("error"))
    return Playable("making", float(told.get("progress") or 0.0) if told.get("state") == "making" else 0.0)


def prepared(recording: Recording) -> Playable:
    """The same; the making of a copy begins where one is needed and not there."""
    shown = playable(recording)
    if shown.state == "making":
        _begin(recording)
    return shown


def is_judged(recording: Recording) -> bool:
    """Whether it is known if browsers play the recording as it is; to find out takes seconds of an hour."""
    return recording.covered or _judgement(recording) is not None


def judge(recording: Recording) -> str | None:
    """Find out as which media type browsers play the recording as it is, if they do, and note that."""
    with suppress(OSError):
        changed = recording.source.stat().st_mtime_ns
        kind = played_as(recording.source, recording.fps)
        write_atomically(recording.cache / PLAYED, json.dumps({"changed": changed, "kind": kind}))
        return kind
    return None


def _kind(recording: Recording) -> str | None:
    known = _judgement(recording)
    return judge(recording) if known is None else known.get("kind")


def _judgement(recording: Recording) -> dict[str, Any] | None:
    """What `judge` noted of the file as it is now; None where it noted nothing, {} where there is no file."""
    told = read_record(recording.cache / PLAYED)
    try:
        return told if told.get("changed") == recording.source.stat().st_mtime_ns else None
    except OSError:
        return {}


def _begin(recording: Recording) -> None:
    """Begin a copy in a process of its own, unless one is at work."""
    with _lock:
        working = _making.get(recording.cache)
        if working is not None and working.poll() is None:
            return
        if working is not None and working.returncode:
            died = f"the copy for the browser could not be made (its process ended with {working.returncode})"
            write_atomically(
                recording.cache / STATE, json.dumps({"state": "failed", "progress": 0.0, "error": died})
            )
            return
        command = [sys.executable, "-m", "fleeting.web.media.copies"]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=recording.cache
        )
        asked = {
            "source": recording.source.resolve(),
            "folder": recording.cache.resolve(),
            "results": recording.results.resolve(),
        }
        if process.stdin is not None:
            process.stdin.write(json.dumps(asked, default=str).encode() + b"\n")
            process.stdin.flush()
        _making[recording.cache] = process


def stop_making() -> None:
    """End all copies that are being made; what they wrote so far is removed when they are begun again."""
    with _lock:
        for process in _making.values():
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        _making.clear()
