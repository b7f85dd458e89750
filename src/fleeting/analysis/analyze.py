"""Analyses videos: finds what each shows, segment by segment, and writes a folder of results for each.

Results are written to a temporary folder and moved into place when they are complete, ``summary.json`` last;
what was seen in a segment is kept until then. So a call that is killed leaves the earlier results, and the
same call with ``resume`` does what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleeting.analysis.one_input import AnalysisContext, Job, analysed
from fleeting.analysis.result_folder import FORMATS, Analysis
from fleeting.analysis.result_names import placed
from fleeting.analysis.spread import spread
from fleeting.analysis.stores import analysed_in_stores
from fleeting.analysis.video_files import video_files
from fleeting.analysis.workers import PROCESSES, each, refuse_none, workers_of
from fleeting.errors import UnknownNameError, VideoError
from fleeting.executors import executors
from fleeting.files import is_address, path_of
from fleeting.output.owned import disclaim, visible
from fleeting.recognition.recogniser import SHIPPED
from fleeting.registry import changed
from fleeting.session.session import ALARMS_PER_MINUTE, refuse_no_alarms
from fleeting.spotting import DEFAULT, spotters
from fleeting.types import Progress, silent

USUAL = ("csv", "json", "elan", "html")


@dataclass(frozen=True)
class Analysed:
    """The results of all inputs, in their order, and one line for each input that has none."""

    done: tuple[Analysis, ...]
    failed: tuple[str, ...] = ()

    def table(self) -> Any:
        """A pandas table with a row for each event of each input.

        Raises MissingExtraError without the extra ``tables``.
        """
        from fleeting.analysis.showing import events_table

        return events_table(self.done)


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


def analyze(
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    settings: AnalysisSettings = AnalysisSettings(),
    *,
    workers: int | None = None,
    executor: str = PROCESSES,
    resume: bool = False,
    replace: bool = False,
    progress: Progress = silent,
    **changes: Any,
) -> Analysed:
    """Find the movements in videos, recognise the short ones, and write a folder of results for each video.

    ``inputs`` are video files, folders of pictures (each folder is one video), and folders that hold videos
    or folders of pictures at any depth; the results of ``a.mp4`` are in ``out/a``, those of another ``a.mp4``
    in ``out/a-2``. Fields of ``settings`` may be given by name: ``analyze("a.mp4", "out", blur=True)``.
    ``workers`` share the inputs, and the segments of long videos; their number, and which ``executor`` has
    them, does not change a byte of the results. None is one worker on this machine, or all that a cluster
    has. ``resume`` keeps results that were made from the same input with the same settings, and goes on with
    those that were begun.

    ``inputs`` and ``out`` may also be addresses of a store, such as ``s3://bucket/videos`` (extra
    ``storage``): each video is fetched, and its results are put below ``out``, at its path from the folder
    that was named.

    A folder that is neither empty nor holds results of its input is refused, unless ``replace`` is true. A
    file of results that was edited is kept aside under another name, and the log says so.

    An input that cannot be analysed does not stop the others. Raises VideoError if no input can be analysed
    (its notes name each), UnknownNameError on an unknown setting, model, spotter, format or executor,
    OptionError on other wrong options.

    >>> found = fleeting.analyze("interview.mp4", "results", formats=["csv", "json"])
    >>> [event.kind for event in found.done[0].events], found.done[0].folder.name
    (['micro'], 'interview')
    """
    settings, place, out = changed(settings, changes, "analyze"), str(out), Path(out)
    given = inputs if isinstance(inputs, Sequence) and not isinstance(inputs, str) else [inputs]
    stored = is_address(place) or any(map(is_address, given))
    if not stored:
        visible(out)  # raises OutputError where it is a file
    _ = executors[executor]
    workers = workers_of(workers, executor)
    model = None if settings.model is None else str(settings.model)
    context = AnalysisContext(model, progress, out, settings.as_dict(), resume, replace)
    _ = context.recogniser  # loads it, so that a wrong model is refused before any input is read
    if stored:
        done, failed = analysed_in_stores(context, [str(one) for one in given], place, workers, executor)
    else:
        done, failed = _analysed_files(context, given, workers, executor)
    if not done:
        raise _nothing(failed)
    return Analysed(tuple(done), tuple(failed))


def _analysed_files(
    context: AnalysisContext, inputs: Sequence[str | Path], workers: int | None, executor: str
) -> tuple[list[Analysis], list[str]]:
    """Analyse files and folders: what was done, in their order, and a line for each that has no results."""
    out = context.out
    found, failed = video_files([path_of(one, "an input") for one in inputs])
    found = placed(out, found)
    outcomes: dict[str, Analysis | str] = {}
    try:
        jobs, lost = spread(context, [Job(item) for item in found], workers, executor)
        outcomes |= {job.item.name: _line(job, why) for job, why in lost}
        for job, outcome in each(analysed, context, jobs, workers, _line, executor):
            outcomes[job.item.name] = outcome
            context.progress("inputs", len(outcomes), len(found))
    finally:
        for item in found:
            disclaim(out / item.name)
    ordered = [outcomes[item.name] for item in found]
    failed += [outcome for outcome in ordered if isinstance(outcome, str)]
    return [outcome for outcome in ordered if isinstance(outcome, Analysis)], failed


def _nothing(failed: Sequence[str]) -> VideoError:
    if len(failed) == 1:
        return VideoError(failed[0])
    error = VideoError(f"none of {len(failed)} inputs can be analysed" if failed else "no input was named")
    for line in failed:
        error.add_note(line)
    return error


def _line(job: Job, reason: str) -> str:
    """The line for an input without results: the reason, after the input's path if it does not name it."""
    source = str(job.item.source)
    return reason if source in reason else f"{source}: {reason}"
