"""Makes the folder of results of one input, whose files are moved into place when they are complete."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fleeting.analysis.annotated_video import write_annotated
from fleeting.analysis.elan_file import events_eaf
from fleeting.analysis.event_files import events_csv, events_json
from fleeting.analysis.findings import Findings, by_segments, in_one_go, opened, told
from fleeting.analysis.page import write_page
from fleeting.analysis.result_folder import SUMMARY, Analysis, digest_of, earlier_files, finished
from fleeting.analysis.result_names import described, is_of
from fleeting.analysis.segments import FOLDER, Plan, plan
from fleeting.analysis.video_files import VideoFile
from fleeting.analysis.workers import WorkerContext
from fleeting.errors import VideoError
from fleeting.files import utf8
from fleeting.output.owned import Owned, claim, owned
from fleeting.version import __version__
from fleeting.video.folders import is_stack
from fleeting.video.frame_index import SeekError, promised


@dataclass(frozen=True)
class AnalysisContext(WorkerContext):
    """The settings of one call, the same for every input; workers get it once."""

    out: Path
    settings: Mapping[str, Any]
    resume: bool
    replace: bool


@dataclass(frozen=True, eq=False)
class Job:
    """One input, and how it is cut into segments where that is known already."""

    item: VideoFile
    plan: Plan | None = None


def analysed(context: AnalysisContext, job: Job) -> Analysis | str:
    """The results of an input, kept ones if they are wanted. Raises the errors of its reading and writing."""
    item, folder = job.item, context.out / job.item.name
    identity = _identity(context, item)
    summary = finished(folder, identity) if context.resume else None
    if summary is None:
        with _opened(context, item, identity) as own, own.staging() as staged:
            found = _found(staged, context, job, identity)
            _write(staged, context, item, identity, found)
            summary = own.finish(staged, SUMMARY)
            shutil.rmtree(folder / FOLDER, ignore_errors=True)
    return Analysis(item.source, folder, summary)


def planned(context: AnalysisContext, job: Job) -> Plan | None:
    """How an input is cut into segments that are to be found; None where it is read in one go, or finished.

    Raises the errors of its reading, and of `fleeting.output.owned` where its folder may not be written.
    """
    item, folder = job.item, context.out / job.item.name
    identity = _identity(context, item)
    if context.resume and finished(folder, identity):
        return None
    with _opened(context, item, identity):
        found = _plan(context, item, identity)
    claim(folder, "analyze", identity["input"])
    return found


def _identity(context: AnalysisContext, item: VideoFile) -> dict[str, Any]:
    """What decides an input's results, as ``summary.json`` has it."""
    name = item.known or described(item.source, context.out / item.name)
    return {"input": {**name, "sha256": digest_of(item.source)}, **settled(context)}


def settled(context: AnalysisContext) -> dict[str, Any]:
    """What decides the results of every input alike, as ``summary.json`` has it."""
    recogniser = context.recogniser
    return {
        "model": recogniser and recogniser.name,
        "weights_sha256": recogniser and recogniser.sha256,
        **({"runtime": "onnx"} if recogniser and recogniser.runtime == "onnx" else {}),
        "version": __version__,
        "settings": dict(context.settings),
    }


@contextmanager
def _opened(context: AnalysisContext, item: VideoFile, identity: Mapping[str, Any]) -> Iterator[Owned]:
    """The folder of an input's results, to be written by this process alone."""
    folder = context.out / item.name
    with owned(
        folder,
        "analyze",
        identity["input"],
        inputs=[item.source],
        same=lambda recorded: is_of(recorded, folder, item.source),
        earlier=lambda folder: earlier_files(folder, item.source),
        marker=SUMMARY,
        replace=context.replace,
    ) as own:
        yield own


def _write(
    folder: Path, context: AnalysisContext, item: VideoFile, identity: Mapping[str, Any], found: Findings
) -> None:
    """Write what was found in an input to a folder, beside the tables of frames and faces."""
    settings, recogniser = context.settings, context.recogniser
    seen, events, candidates = found.facts, found.events, found.candidates
    if seen["frames_decoded"] == 1:
        raise VideoError(f"{item.source} shows one frame, and a movement needs time; give a longer stretch")
    classes = recogniser.classes if recogniser else ()
    (folder / "events.csv").write_bytes(utf8(events_csv(events, classes)))
    (folder / "events.json").write_bytes(utf8(events_json(events, classes)))
    (folder / "candidates.json").write_bytes(utf8(events_json(candidates, classes)))
    if "elan" in settings["formats"]:
        media = None if item.source.is_dir() or item.known else item.source
        written = events_eaf(events, media, folder.parent, found.played, classes)
        (folder / "events.eaf").write_bytes(written)
    if "video" in settings["formats"]:
        with opened(item.source, settings) as video:
            shown = told(video, seen["frames_decoded"], partial(context.progress, f"{item.name}: drawing"))
            write_annotated(
                folder / "annotated.mp4", shown, folder / "faces.csv", events, blur=settings["blur"]
            )
    counts = {"events": len(events), "candidates": len(candidates)}
    summary: dict[str, Any] = json.loads(json.dumps({**seen, **counts, **identity}))
    if "html" in settings["formats"]:
        write_page(folder, summary, events, found.pictures, recogniser)
    (folder / SUMMARY).write_bytes(utf8(json.dumps(summary, indent=2) + "\n"))


def _found(folder: Path, context: AnalysisContext, job: Job, identity: Mapping[str, Any]) -> Findings:
    """What is found in an input, whose tables of frames and faces go into ``folder``."""
    item, cut = job.item, job.plan or _plan(context, job.item, identity)
    what = f"{item.name}: putting together" if job.plan else item.name
    how = context.settings, context.recogniser, partial(context.progress, what)
    if cut is not None:
        try:
            return by_segments(folder, cut, *how)
        except SeekError as error:
            said = "%s; so it is read in one go, by one process, and cannot be resumed in the middle"
            logging.getLogger("fleeting").warning(said, error)
    return in_one_go(folder, item.source, *how)


def _plan(context: AnalysisContext, item: VideoFile, identity: Mapping[str, Any]) -> Plan | None:
    """How the input is cut into segments; None where it is read in one go."""
    settings, folder = context.settings, context.out / item.name
    if item.source.is_dir() or is_stack(item.source):
        return None
    promise = promised(item.source, *(settings[name] for name in ("fps", "start", "end")))
    cut = promise and plan(item.source, folder, promise, settings, identity["input"]["sha256"])
    if not context.resume:
        shutil.rmtree(folder / FOLDER, ignore_errors=True)
    return cut if cut and len(cut.segments) > 1 else None
