"""Analyses videos that lie in a store such as S3, and writes their results to one, by fsspec.

A job fetches its video to this machine, analyses it as any file, and puts the results where they belong,
``summary.json`` last; nothing of it stays behind. So half a result is never taken for a whole one, and the
nodes of a cluster share nothing but the store.
"""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fleeting.analysis.event_files import read_events
from fleeting.analysis.one_input import AnalysisContext, Job, analysed, settled
from fleeting.analysis.result_folder import FORMATS, SUMMARY, Analysis
from fleeting.analysis.video_files import RESULTS, VIDEOS, VideoFile
from fleeting.analysis.workers import each
from fleeting.errors import FleetingError, OutputError, VideoError
from fleeting.optional import fsspec
from fleeting.output.records import RECORD
from fleeting.types import Event

OURS = frozenset((SUMMARY, RECORD, *(name for files in FORMATS.values() for name in files)))
"""What may lie where results are to be put."""


@dataclass(frozen=True)
class StoredVideo:
    """A video in a store: its address, and the address of its results."""

    source: str
    target: str


@dataclass(frozen=True, repr=False)
class StoredAnalysis(Analysis):
    """The results of a video in a store; source and folder are addresses."""

    source: str  # type: ignore[assignment]
    folder: str  # type: ignore[assignment]

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The events that were found, fetched from ``events.json``."""
        return self._fetched("events.json")

    @cached_property
    def candidates(self) -> tuple[Event, ...]:
        """The movements that are too unlikely to be events, fetched from ``candidates.json``."""
        return self._fetched("candidates.json")

    def _fetched(self, name: str) -> tuple[Event, ...]:
        with TemporaryDirectory() as scratch, _failing(self.folder):
            store, place = _store(self.folder)
            store.get_file(posixpath.join(place, name), str(Path(scratch, name)))
            return read_events(Path(scratch, name))


def analysed_in_stores(
    context: AnalysisContext,
    inputs: Sequence[str],
    out: str,
    workers: int | None,
    executor: str,
) -> tuple[list[Analysis], list[str]]:
    """Analyse the videos at these addresses: what was done, and a line for each that has no results.

    The results of ``videos/anna/a.mp4`` are at ``out/anna/a`` where ``videos`` was named, those of a file
    that was named itself at ``out/a``. Raises VideoError where an address holds no video.
    """
    found, failed = _found(inputs, out)
    done: dict[str, Analysis | str] = {}
    for job, outcome in each(_analysed, context, found, workers, _line, executor):
        done[job.source] = outcome
        context.progress("inputs", len(done), len(found))
    ordered = [done[video.source] for video in found]
    failed += [outcome for outcome in ordered if isinstance(outcome, str)]
    return [outcome for outcome in ordered if isinstance(outcome, Analysis)], failed


def _found(inputs: Sequence[str], out: str) -> tuple[list[StoredVideo], list[str]]:
    """The videos at these addresses with the places of their results, and a line for each that holds none."""
    names: dict[str, str] = {}
    failed = []
    for address in inputs:
        try:
            names |= {source: name for source, name in _within(address) if source not in names}
        except VideoError as error:
            failed.append(str(error))
    stems = {source: posixpath.splitext(name)[0] for source, name in names.items()}
    alike = Counter(stems.values())
    chosen = {source: names[source] if alike[stem] > 1 else stem for source, stem in stems.items()}
    for name, count in Counter(chosen.values()).items():
        if count > 1:
            what = f"{count} videos would have their results at {name}"
            raise VideoError(f"{what}; name one folder that holds them all")
    return [StoredVideo(source, posixpath.join(out, name)) for source, name in chosen.items()], failed


def _within(address: str) -> Iterator[tuple[str, str]]:
    """The addresses of the videos at an address and below, each with its path from there."""
    store, place = _store(address)
    with _failing(address):
        if store.isfile(place):
            yield store.unstrip_protocol(place), posixpath.basename(place)
            return
        files = sorted(store.find(place))
    results = {posixpath.dirname(file) for file in files if posixpath.basename(file) in RESULTS}
    paths = [posixpath.relpath(file, place) for file in files if posixpath.dirname(file) not in results]
    videos = [path for path in paths if posixpath.splitext(path)[1].casefold() in VIDEOS]
    shown = [path for path in videos if not any(part.startswith(".") for part in path.split("/"))]
    if not shown:
        what = f"{address} holds {len(files)} files, no video among them" if files else f"{address} is empty"
        raise VideoError(f"{what}; name a folder of videos (folders of pictures are not fetched), or a file")
    yield from ((store.unstrip_protocol(posixpath.join(place, path)), path) for path in shown)


def _analysed(context: AnalysisContext, video: StoredVideo) -> Analysis | str:
    """Fetch a video, analyse it, put its results where they belong. Raises as `analysed`."""
    store, place = _store(video.source)
    with _failing(video.source):
        seen = store.info(place)
    marks = (seen.get("ETag"), seen.get("mtime"), seen.get("last_modified"))
    revision = f"{seen['size']} {next((mark for mark in marks if mark), '')}".replace('"', "")
    known = {"file": posixpath.basename(place), "path": video.source, "revision": revision}
    if summary := _kept(context, video, known):
        return StoredAnalysis(video.source, video.target, summary)
    with TemporaryDirectory() as scratch:
        copied = Path(scratch, known["file"])
        with _failing(video.source):
            store.get_file(place, str(copied))
        here = replace(context, out=Path(scratch, "results"), resume=False, replace=False)
        try:
            done = analysed(here, Job(VideoFile(copied, copied.stem, known)))
        except FleetingError as error:
            raise VideoError(str(error).replace(str(copied), video.source)) from error
        if isinstance(done, Analysis):
            _put(done.folder, video.target)
            return StoredAnalysis(video.source, video.target, done.summary)
    return done


def _kept(context: AnalysisContext, video: StoredVideo, known: Mapping[str, Any]) -> dict[str, Any] | None:
    """The summary of whole results of this video with these settings, if they are wanted.

    Raises OutputError where something else lies there, unless it is to be replaced.
    """
    store, place = _store(video.target)
    with _failing(video.target):
        there = [posixpath.relpath(file, place) for file in store.find(place)]
        text = store.cat_file(posixpath.join(place, SUMMARY)) if SUMMARY in there else b"{}"
    try:
        summary = dict(json.loads(text))
        ours = SUMMARY not in there or summary["input"]["path"] == video.source
    except (ValueError, LookupError, TypeError):
        summary, ours = {}, False
    if strange := sorted({*there} - OURS) or ([] if ours else [SUMMARY]):
        if not context.replace:
            what = f"{video.target} holds {strange[0]}, which is no result of {video.source}"
            raise OutputError(f"{what}; name another --out, or allow it with --replace")
        return None
    files = {name for kind in context.settings["formats"] for name in FORMATS[kind]}
    same = all(summary.get(name) == value for name, value in settled(context).items())
    same = same and summary.get("input", {}).get("revision") == known["revision"]
    return summary if context.resume and same and files <= {*there} else None


def _put(folder: Path, target: str) -> None:
    """Put the files of a finished folder into a store, what marks it complete last."""
    store, place = _store(target)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name in OURS)
    with _failing(target):
        if "file" in store.protocol:
            store.makedirs(place, exist_ok=True)
        if store.exists(posixpath.join(place, SUMMARY)):
            store.rm_file(posixpath.join(place, SUMMARY))
        for path in sorted(files, key=lambda path: path.name == SUMMARY):
            store.put_file(str(path), posixpath.join(place, path.relative_to(folder).as_posix()))


def _line(video: StoredVideo, reason: str) -> str:
    return reason if video.source in reason else f"{video.source}: {reason}"


def _store(address: str) -> tuple[Any, str]:
    """The store of an address, its listings never remembered, and the place in it."""
    with _failing(address):
        store, place = fsspec().core.url_to_fs(address, use_listings_cache=False)
    return store, place


@contextmanager
def _failing(address: str) -> Iterator[None]:
    """Raise VideoError, which names the address, for every error of a store."""
    try:
        yield
    except FleetingError:
        raise
    except Exception as error:  # each store has errors of its own
        said = " ".join(str(error).split()) or type(error).__name__
        raise VideoError(
            f"{address}: the store says {said}; check the address and your credentials"
        ) from error
