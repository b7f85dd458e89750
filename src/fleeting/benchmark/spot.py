"""Spots movements in a dataset's long videos, each fed to a `Session`, and scores them by MEGC's rule.

Micro- and macro-expressions are matched separately. As in MEGC, the overall score pools the hits, false
positives and misses of both kinds over all videos, including videos in which nothing moves.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from fleeting.analysis.event_files import event_row
from fleeting.analysis.result_names import described, is_of
from fleeting.analysis.workers import PROCESSES, WorkerContext, each, workers_of
from fleeting.benchmark.recording_pictures import beyond, faults, frames_of, numbered_of, state_of
from fleeting.benchmark.spot_scores import Found, notes, scored, shared_people
from fleeting.datasets import (
    RESTORE_FILES,
    Filmed,
    Recording,
    as_problem,
    drawn_people,
    long_videos,
)
from fleeting.errors import DatasetError, FleetingError, Problem
from fleeting.executors import executors
from fleeting.output.owned import Owned, owned
from fleeting.output.records import read_record, write_over
from fleeting.recognition.recogniser import SHIPPED
from fleeting.registry import changed
from fleeting.scoring.intervals import LEAST_IOU
from fleeting.scoring.megc_files import refuse_year
from fleeting.session.session import ALARMS_PER_MINUTE, Session, refuse_no_alarms
from fleeting.spotting import DEFAULT, spotters
from fleeting.types import Event, Progress, silent
from fleeting.version import __version__


@dataclass(frozen=True)
class Spotting:
    """The result of `spot`: the folder with the lists, the scores, and every problem."""

    folder: Path
    scores: Mapping[str, Any]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class SpottingSettings:
    """The settings that decide which movements `spot` finds.

    ``spotter`` and ``alarms_per_minute`` are as `fleeting.Session` takes them; ``model`` is a recogniser's
    name or file, or None. Raises UnknownNameError on an unknown spotter, OptionError where
    ``alarms_per_minute`` is not a number above 0.
    """

    spotter: str = DEFAULT
    model: str | Path | None = SHIPPED
    alarms_per_minute: float = ALARMS_PER_MINUTE

    def __post_init__(self) -> None:
        _ = spotters[self.spotter]
        refuse_no_alarms(self.alarms_per_minute)


@dataclass(frozen=True)
class _SpottingContext(WorkerContext):
    """The values that all recordings share."""

    out: Path
    dataset: str
    spotter: str
    alarms_per_minute: float
    resume: bool
    megc: int | None
    known: Mapping[str, str]
    """SHA-256 of the files below ``out`` as they were written."""

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that decide what is found in a recording."""
        return {
            "dataset": self.dataset,
            "spotter": self.spotter,
            "alarms_per_minute": self.alarms_per_minute,
            "model": self.recogniser and self.recogniser.name,
            "weights_sha256": self.recogniser and self.recogniser.sha256,
            "least_iou": LEAST_IOU,
        }


def spot(
    dataset: str,
    root: str | Path,
    out: str | Path,
    settings: SpottingSettings = SpottingSettings(),
    *,
    megc: int | None = None,
    workers: int | None = None,
    executor: str = PROCESSES,
    resume: bool = False,
    replace: bool = False,
    progress: Progress = silent,
    **changes: Any,
) -> Spotting:
    """Find the movements in all long videos of a dataset below ``root``, and score them.

    Writes ``truth.csv`` and ``found.csv`` (with the frame numbers of the pictures), ``scores.json``, and
    below ``recordings`` what was found in each. Fields of ``settings`` may be given by name. Where one of the
    dataset's label sets has exactly the recogniser's classes, the classes of the hits are scored too (STRS),
    except for movements whose true label is not one of them. A dataset whose sheet lists no macro-expressions
    is scored on micro-expressions alone. ``megc`` is a year, 2020 to 2025: what was found is also written as
    its challenges took it (`fleeting.scoring.megc_files`), below ``megc<year>``. ``workers`` recordings are
    searched at once, by one of `fleeting.executors`; the files are the same bytes for any number and by any
    of them. ``resume`` keeps earlier results of the same pictures with the same settings.

    Recordings that are missing or cannot be read become problems; the others are scored, and the scores are
    marked incomplete. Raises OptionError on a dataset without long videos, DatasetError where no recording
    can be read, OutputError where ``out`` holds anything else or the dataset, unless ``replace`` is true.

    >>> done = fleeting.spot("clips", "recordings", "spots", model=None)
    >>> sorted(done.scores["per_video"])
    ['interview.mp4']
    """
    settings, out, root = changed(settings, changes, "spot"), Path(out), Path(root)
    adapter = long_videos(dataset)
    _ = executors[executor]  # an unknown one is refused before anything is read
    workers = workers_of(workers, executor)
    model = None if settings.model is None else str(settings.model)
    point = settings.spotter, settings.alarms_per_minute
    if megc is not None:
        refuse_year(megc)
    context = _SpottingContext(model, progress, out, dataset, *point, resume, megc, {})
    _ = context.recogniser  # a wrong one is an error before anything is read
    recordings, problems = adapter.recordings(root)
    with owned(
        out,
        "spot",
        {"dataset": dataset, **described(root, out)},
        inputs=[root],
        same=lambda found: found.get("dataset") == dataset and is_of(found, out, root),
        earlier=lambda folder: _earlier(folder, dataset),
        replace=replace,
    ) as own:
        context = dataclasses.replace(context, known=own.known)
        scores, problems = _scored(own, context, root, recordings, problems, (executor, workers))
        own.write("scores.json", json.dumps(scores, indent=2) + "\n")
        own.save()
    return Spotting(out, scores, tuple(problems))


def _earlier(folder: Path, dataset: str) -> dict[str, str] | None:
    """What is known of a folder that a version without records left for this dataset; None for others."""
    settings = read_record(folder / "scores.json").get("settings")
    return {} if isinstance(settings, dict) and settings.get("dataset") == dataset else None


def _scored(
    own: Owned,
    context: _SpottingContext,
    root: Path,
    recordings: Sequence[Recording],
    problems: list[Problem],
    by: tuple[str, int | None],
) -> tuple[dict[str, Any], list[Problem]]:
    """Search the recordings and write the lists; the content of ``scores.json``, and every problem."""
    dataset, recogniser, adapter = context.dataset, context.recogniser, long_videos(context.dataset)
    found = _looked_through(context, recordings, *by)
    problems = [*problems, *(problem for one in found for problem in one.problems)]
    own.wrote(f"recordings/{one.recording.name}.json" for one in found if one.usable)
    usable = [one for one in found if one.usable]
    if not usable:
        first = next((f" ({p.clip}: {p.what})" for p in problems if p.blocks), "")
        raise DatasetError(
            f"{root} holds no long video of {dataset} that can be read{first}; see what it holds"
        )
    drawn = drawn_people(root)
    kinds = cast(Filmed, adapter).kinds_in(root) if hasattr(adapter, "kinds_in") else adapter.kinds
    entry = None if context.megc is None else (dataset, context.megc)
    lists, scores = scored(usable, adapter, recogniser, kinds, entry)
    for name, text in lists.items():
        own.write(name, text)
    scores |= {
        "incomplete": any(problem.blocks for problem in problems),
        "problems": [asdict(problem) for problem in problems],
        "notes": [*notes(usable, scores), *shared_people(usable, recogniser, drawn)],
        "drawn": drawn,
        "settings": context.settings,
        "version": __version__,
    }
    return scores, problems


def _looked_through(
    context: _SpottingContext, recordings: Sequence[Recording], executor: str, workers: int | None
) -> list[Found]:
    """The result of each recording, in their order."""
    found: dict[str, Found] = {}
    for recording, one in each(_found, context, recordings, workers, _unusable, executor):
        found[recording.name] = one
        context.progress("recordings", len(found), len(recordings))
    return [found[recording.name] for recording in recordings]


def _unusable(recording: Recording, reason: str) -> Found:
    return Found(recording, problems=(as_problem(recording.name, FleetingError(reason)),), usable=False)


def _found(context: _SpottingContext, recording: Recording) -> Found:
    """Search one recording, or take its kept result. Raises DatasetError where no picture can be read."""
    numbered = numbered_of(recording)
    if not numbered:
        raise DatasetError(f"{recording.folder} holds no numbered pictures; {RESTORE_FILES}")
    identity = {**context.settings, "version": __version__, "pictures": state_of(numbered)}
    if recording.stated_fps is not None:
        identity["fps"] = recording.stated_fps
    path = context.out / "recordings" / f"{recording.name}.json"
    record = _kept(path, identity) if context.resume else None
    if record is None:
        record = {"identity": identity, **_seen(context, recording, numbered)}
        path.parent.mkdir(parents=True, exist_ok=True)
        known = context.known.get(path.relative_to(context.out).as_posix())
        write_over(path, json.dumps(record, indent=2) + "\n", known)
    problems = [Problem(**problem) for problem in record["problems"]]
    return Found(recording, tuple(record["events"]), (*problems, *beyond(recording, numbered)))


def _kept(path: Path, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """The kept result of the same pictures with the same settings; None where there is none."""
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return record if record["identity"] == identity else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _seen(context: _SpottingContext, recording: Recording, numbered: Mapping[int, Path]) -> dict[str, Any]:
    """Run a session over a recording: frame counts, events, and problems of its pictures."""
    recogniser = context.recogniser
    recognise = recogniser.recognise if recogniser else None
    session = Session(
        recogniser=recognise,
        spotter=context.spotter,
        people=1,
        alarms_per_minute=context.alarms_per_minute,
    )
    events: list[Event] = []
    damaged: list[str] = []
    frames = faces = 0
    with closing(session.read(frames_of(recording, numbered, damaged))) as read:
        for _, found in read:
            events += found
            frames, faces = frames + 1, faces + bool(session.faces)
            context.progress(recording.name, frames + len(damaged), len(numbered))
    if not frames:
        raise DatasetError(
            f"none of {len(numbered)} pictures in {recording.folder} can be read; {RESTORE_FILES}"
        )
    events += session.finish()
    problems = faults(recording.name, numbered, damaged, faces)
    classes = recogniser.classes if recogniser else ()
    return {
        "frames": frames,
        "frames_with_face": faces,
        "problems": [asdict(problem) for problem in problems],
        "events": [event_row(event, classes) for event in events],
    }
