"""Analyses videos: feeds the frames of each to a `Session` and writes a folder of results for each.

Results are written to a temporary folder and moved into place when they are complete, ``summary.json`` last.
So a call that is killed leaves the earlier results, and the same call with ``resume`` does what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from fleeting.analysis.annotated_video import write_annotated
from fleeting.analysis.elan_file import events_eaf
from fleeting.analysis.event_files import events_csv, events_json
from fleeting.analysis.frame_tables import FrameTables
from fleeting.analysis.left_out import left_out
from fleeting.analysis.page import write_page
from fleeting.analysis.result_folder import (
    FORMATS,
    SUMMARY,
    Analysis,
    digest_of,
    earlier_files,
    finished,
)
from fleeting.analysis.result_names import described, is_of, placed
from fleeting.analysis.stills import Stills, stills
from fleeting.analysis.video_files import VideoFile, video_files
from fleeting.analysis.watch import facts
from fleeting.analysis.workers import WorkerContext, each, refuse_none
from fleeting.errors import UnknownNameError, VideoError
from fleeting.files import utf8
from fleeting.output.owned import disclaim, owned, visible
from fleeting.recognition.recogniser import SHIPPED
from fleeting.registry import changed
from fleeting.session.session import ALARMS_PER_MINUTE, Session, refuse_no_alarms
from fleeting.spotting import DEFAULT, spotters
from fleeting.types import Event, Progress, silent
from fleeting.version import __version__
from fleeting.video.reader import Video, open_video

T = TypeVar("T")
USUAL = ("csv", "json", "elan", "html")


@dataclass(frozen=True)
class Analysed:
    """The results of all inputs, in their order, and one line for each input that has none."""

    done: tuple[Analysis, ...]
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnalysisSettings:
    """The settings that, with the video, decide its results.

    ``model`` is a recogniser's name or file; None recognises nothing. ``start``, ``end`` and ``fps`` are as
    `fleeting.open_video` takes them, ``spotter``, ``people`` and ``alarms_per_minute`` as `fleeting.Session`
    does; ``formats`` are names in `FORMATS`. With ``blur`` no picture that is written shows a face. Raises
    UnknownNameError on an unknown spotter or format, OptionError on fewer people than one, and where
    ``alarms_per_minute`` is not a number above 0.
    """

    model: str | Path | None = SHIPPED
    start: float | None = None
    end: float | None = None
    formats: Sequence[str] = USUAL
    blur: bool = False
    fps: float | None = None
    spotter: str = DEFAULT
    people: int = 4
    alarms_per_minute: float = ALARMS_PER_MINUTE

    def __post_init__(self) -> None:
        _ = spotters[self.spotter]
        refuse_no_alarms(self.alarms_per_minute)
        for name in self.formats:
            if name not in FORMATS:
                raise UnknownNameError("format", name, FORMATS)
        refuse_none(people=self.people)

    def as_dict(self) -> dict[str, Any]:
        """The settings as ``summary.json`` has them; the model's name and hash are entries of their own."""
        names = ("start", "end", "fps", "spotter", "people", "alarms_per_minute", "blur")
        always = {"csv", "json"}
        return {**{name: getattr(self, name) for name in names}, "formats": sorted({*self.formats, *always})}


@dataclass(frozen=True)
class _AnalysisContext(WorkerContext):
    """The settings of one call, the same for every input; workers get it once."""

    out: Path
    settings: Mapping[str, Any]
    resume: bool
    replace: bool


def analyze(
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    settings: AnalysisSettings = AnalysisSettings(),
    *,
    workers: int = 1,
    resume: bool = False,
    replace: bool = False,
    progress: Progress = silent,
    **changes: Any,
) -> Analysed:
    """Find the movements in videos, recognise the short ones, and write a folder of results for each video.

    ``inputs`` are video files, folders of pictures (each folder is one video), and folders that hold videos
    or folders of pictures at any depth; the results of ``a.mp4`` are in ``out/a``, those of another ``a.mp4``
    in ``out/a-2``. Fields of ``settings`` may be given by name: ``analyze("a.mp4", "out", blur=True)``.
    ``workers`` inputs are analysed at once, each in its own process; their number does not change a byte of
    the results. ``resume`` keeps results that were made from the same input with the same settings.

    A folder that is neither empty nor holds results of its input is refused, unless ``replace`` is true. A
    file of results that was edited is kept aside under another name, and the log says so.

    An input that cannot be analysed does not stop the others. Raises VideoError if no input can be analysed
    (its notes name each), UnknownNameError on an unknown setting, model, spotter or format, OptionError on
    other wrong options.
    """
    settings, out = changed(settings, changes, "analyze"), Path(out)
    visible(out)  # raises OutputError where it is a file
    refuse_none(workers=workers)
    model = None if settings.model is None else str(settings.model)
    context = _AnalysisContext(model, progress, out, settings.as_dict(), resume, replace)
    _ = context.recogniser  # loads it, so that a wrong model is refused before any input is read
    found, failed = video_files([inputs] if isinstance(inputs, str | Path) else inputs)
    found = placed(out, found)
    outcomes: dict[VideoFile, Analysis | str] = {}
    try:
        for item, outcome in each(_analysed, context, found, workers, _line):
            outcomes[item] = outcome
            progress("inputs", len(outcomes), len(found))
    finally:
        for item in found:
            disclaim(out / item.name)
    ordered = [outcomes[item] for item in found]
    done = tuple(outcome for outcome in ordered if isinstance(outcome, Analysis))
    failed += [outcome for outcome in ordered if isinstance(outcome, str)]
    if not done:
        raise _nothing(failed)
    return Analysed(done, tuple(failed))


def _nothing(failed: Sequence[str]) -> VideoError:
    if len(failed) == 1:
        return VideoError(failed[0])
    error = VideoError(f"none of {len(failed)} inputs can be analysed" if failed else "no input was named")
    for line in failed:
        error.add_note(line)
    return error


def _line(item: VideoFile, reason: str) -> str:
    """The line for an input without results: the reason, after the input's path if it does not name it."""
    return reason if str(item.source) in reason else f"{item.source}: {reason}"


def _analysed(context: _AnalysisContext, item: VideoFile) -> Analysis | str:
    recogniser, folder = context.recogniser, context.out / item.name
    identity: dict[str, Any] = {
        "input": {**described(item.source, folder), "sha256": digest_of(item.source)},
        "model": recogniser and recogniser.name,
        "weights_sha256": recogniser and recogniser.sha256,
        "version": __version__,
        "settings": dict(context.settings),
    }
    summary = finished(folder, identity) if context.resume else None
    if summary is None:
        with (
            owned(
                folder,
                "analyze",
                identity["input"],
                inputs=[item.source],
                same=lambda recorded: is_of(recorded, folder, item.source),
                earlier=lambda folder: earlier_files(folder, item.source),
                marker=SUMMARY,
                replace=context.replace,
            ) as own,
            own.staging() as staged,
        ):
            _write(staged, context, item, identity)
            summary = own.finish(staged, SUMMARY)
    return Analysis(item.source, folder, summary)


def _write(folder: Path, context: _AnalysisContext, item: VideoFile, identity: Mapping[str, Any]) -> None:
    """Write all results of an input to a folder."""
    settings, recogniser = context.settings, context.recogniser
    seen, events, candidates, pictures, played = _seen(folder, context, item)
    if seen["frames_decoded"] == 1:
        raise VideoError(f"{item.source} shows one frame, and a movement needs time; give a longer stretch")
    classes = recogniser.classes if recogniser else ()
    (folder / "events.csv").write_bytes(utf8(events_csv(events, classes)))
    (folder / "events.json").write_bytes(utf8(events_json(events, classes)))
    (folder / "candidates.json").write_bytes(utf8(events_json(candidates, classes)))
    if "elan" in settings["formats"]:
        media = None if item.source.is_dir() else item.source
        written = events_eaf(events, media, folder.parent, played, classes)
        (folder / "events.eaf").write_bytes(written)
    if "video" in settings["formats"]:
        with _opened(item.source, settings) as video:
            shown = _told(video, seen["frames_decoded"], f"{item.name}: drawing", context.progress)
            write_annotated(
                folder / "annotated.mp4", shown, folder / "faces.csv", events, blur=settings["blur"]
            )
    counts = {"events": len(events), "candidates": len(candidates)}
    summary: dict[str, Any] = json.loads(json.dumps({**seen, **counts, **identity}))
    if "html" in settings["formats"]:
        write_page(folder, summary, events, pictures, recogniser)
    (folder / SUMMARY).write_bytes(utf8(json.dumps(summary, indent=2) + "\n"))


def _seen(
    folder: Path, context: _AnalysisContext, item: VideoFile
) -> tuple[dict[str, Any], list[Event], list[Event], dict[int, Stills], npt.NDArray[np.float64]]:
    """Facts of a video, events, candidates, pictures of each event by its number, when players show frames.

    Reads the whole video and writes every frame and face into the folder's tables.
    """
    settings, recogniser = context.settings, context.recogniser
    recognise = recogniser.recognise if recogniser else None
    chosen = {name: settings[name] for name in ("spotter", "people", "alarms_per_minute")}
    session = Session(recogniser=recognise, **chosen)
    events: list[Event] = []
    candidates: list[Event] = []
    pictures: dict[int, Stills] = {}

    def take(given: Sequence[Event]) -> None:
        events.extend(given)
        candidates.extend(session.candidates)
        if "html" in settings["formats"]:
            for number, clip in session.clips.items():
                pictures[number] = stills(clip, blur=settings["blur"])

    with (
        _opened(item.source, settings) as video,
        FrameTables(folder, named=item.source.is_dir()) as tables,
        closing(session.read(video)) as read,
    ):
        promised = video.report.header_frames or 0
        for frame, found in _told(read, promised, item.name, context.progress):
            take(found)
            tables.add(frame, session.faces, session.motions)
        take(session.finish())
    seen = facts(video.report, tables)
    seen["cuts"] = session.cuts
    warned = {**seen, "warnings": [*seen["warnings"], *_doubts(seen, events), *left_out(session, tables)]}
    return warned, events, candidates, pictures, video.played


def _doubts(seen: Mapping[str, Any], events: Sequence[Event]) -> Iterator[str]:
    if not seen["frames_with_face"]:
        yield f"no face was found in any of {seen['frames_decoded']} frames, so there is nothing to read"
    elif not seen["frames_usable"]:
        yield "the face was nowhere seen well enough; frames.csv says why, frame by frame"
    unknown = [str(event.number) for event in events if event.unsure and not event.label]
    if unknown:
        yield f"no clip could be cut of event {', '.join(unknown)}, so its class is not known"


def _opened(source: Path, settings: Mapping[str, Any]) -> Video:
    return open_video(source, **{name: settings[name] for name in ("fps", "start", "end")})


def _told(frames: Iterable[T], promised: int, what: str, progress: Progress) -> Iterator[T]:
    """The same items, with a call of ``progress`` after each; ``promised`` is how many there should be."""
    for done, frame in enumerate(frames, start=1):
        yield frame
        progress(what, done, max(promised, done))
