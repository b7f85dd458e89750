"""Turns an upload, or a path on this machine, into a job: looked at first, refused if it cannot be one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from fleeting.analysis.video_files import video_files
from fleeting.errors import FleetingError, OptionError, UnknownNameError, VideoError
from fleeting.recognition.recogniser import recognisers
from fleeting.video.reader import refuse_wrong
from fleeting.web.answers import JobSettings
from fleeting.web.places import forget_files, job_folder
from fleeting.web.probe import probed
from fleeting.web.service import Service
from fleeting.web.store import JobRecord
from fleeting.web.uploads import Upload

NONE = "none"
"""The word for no recogniser."""


def refuse_settings(settings: JobSettings) -> None:
    """Raise OptionError or UnknownNameError on settings with which nothing can be analysed."""
    refuse_wrong(settings.fps, settings.start, settings.end)
    if settings.model not in (None, NONE, *recognisers()):
        raise UnknownNameError("recogniser", str(settings.model), [NONE, *recognisers()])


def accept_upload(given: Service, sent: Upload, settings: JobSettings, id_: str) -> JobRecord:
    """Make a job of an upload, whose file is moved into the job's folder. Raises as `probed` and `add` do."""
    media = probed(sent.path, sent.name, given.settings.limits, settings.fps)
    target = job_folder(given.folder, id_) / "source" / sent.name
    target.parent.mkdir(parents=True)
    try:
        sent.path.replace(target)
        return _added(given, id_, sent.name, f"source/{sent.name}", settings, media, local=False)
    except BaseException:
        forget_files(given.folder, id_)
        raise


def accept_local(given: Service, path: str, settings: JobSettings) -> list[JobRecord]:
    """Make a job of each video in a file or folder of this machine.

    Raises OptionError where the server does not allow that, or the path leads out of what it allows,
    VideoError where no video can be read.
    """
    refuse_settings(settings)
    root = given.settings.local_folder
    if root is None:
        raise OptionError("this server takes no paths; start it with --local-folder, or upload the file")
    found, passed = video_files([_below(root, path)])
    inside = [item.source for item in found if item.source.resolve().is_relative_to(root.resolve())]
    made: list[JobRecord] = []
    for source in inside:
        try:
            media = probed(source, source.name, given.settings.limits, settings.fps)
        except VideoError as error:
            passed.append(str(error))
            continue
        made.append(_added(given, uuid4().hex, source.name, str(source), settings, media, local=True))
    if not made:
        why = (passed or ["there is no video"])[0].replace(str(root.resolve()), root.name)
        raise VideoError(why)
    return made


def _below(root: Path, path: str) -> Path:
    """A path below the root, links followed. Raises OptionError where it leads elsewhere, or nowhere."""
    try:
        whole = (root / path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        raise OptionError(f"there is nothing of this name below {root.name}; check it") from None
    if not whole.is_relative_to(root.resolve()):
        raise OptionError(f"the path leads out of {root.name}, from which alone this server reads; move it")
    return whole


def _added(
    given: Service,
    id_: str,
    name: str,
    source: str,
    settings: JobSettings,
    media: dict[str, Any],
    *,
    local: bool,
) -> JobRecord:
    chosen = settings.model_dump(exclude_unset=True)
    facts = {"name": name, "source": source, "settings": chosen, "media": media, "local": local}
    return given.store.add(given.settings.limits.queue, id=id_, **facts)


def keep_recording(given: Service, recording: Path, id_: str) -> JobRecord | None:
    """Make a job of what a live socket recorded; None where that is no video, and it is deleted."""
    name = name_of_recording()
    try:
        if not recording.is_file():
            return None
        media = probed(recording, name, given.settings.limits)
        target = job_folder(given.folder, id_) / "source" / name
        target.parent.mkdir(parents=True)
        recording.replace(target)
        return _added(given, id_, name, f"source/{name}", JobSettings(), media, local=False)
    except FleetingError:  # a picture or two are no video; or the queue is full
        forget_files(given.folder, id_)
        return None
    finally:
        recording.unlink(missing_ok=True)


def name_of_recording() -> str:
    """The name of a recording that ends now."""
    return time.strftime("live-%Y-%m-%d-%H%M%S.mp4")
