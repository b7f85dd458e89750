"""A case is one clip (an event of a video, or a clip of a run) with the model that is asked about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fleeting.analysis.elan_file import recording_of
from fleeting.analysis.event_files import read_events
from fleeting.analysis.frame_tables import read_rows
from fleeting.analysis.result_folder import digest_of
from fleeting.errors import FleetingError, OptionError, VideoError
from fleeting.experiments.run_folder import read_json
from fleeting.faces.tracking import FaceTracker
from fleeting.inputs.view import View, arrays_of
from fleeting.recognition.recogniser import SHIPPED, Recogniser, fitted, recognisers
from fleeting.session.buffer import LONGEST, ClipBuffer
from fleeting.session.following import MEMORY
from fleeting.session.session import Session
from fleeting.spotting import Spotted
from fleeting.training.fitted import Fitted
from fleeting.types import Clip, Event, FloatArray
from fleeting.video.reader import open_video

BEFORE = 2.0
"""Seconds before an event at which following its face begins. A mesh that is found anew settles in about one,
to a fifth of a pixel of where it would be if it had been followed all along."""
ROUNDED = 1e-6
"""Largest rounding error of the times in ``events.json``, in seconds."""


@dataclass(frozen=True, eq=False)
class Case:
    """One clip, its input arrays, and the model that is asked about it.

    ``arrays`` are (channels, height, width) each; ``probabilities`` are the model's, by class. ``clip`` is
    None if the dataset has no frames, ``truth`` is "" if the true class is not known.
    """

    name: str
    model: str
    fitted: Fitted
    view: View
    arrays: Sequence[FloatArray]
    probabilities: Mapping[str, float]
    clip: Clip | None
    truth: str = ""
    hidden: bool = False
    """True if no picture of the face may be shown."""
    notes: tuple[str, ...] = ()


def of_video(source: Path, number: int, weights: str | Path | None) -> Case:
    """The case of an event of a video, found again by reading the video up to it as `fleeting.analyze` does.

    Raises OptionError if the video has no event of that number, and on an event that cannot be explained.
    """
    session = Session()
    with open_video(source) as video:
        given = (events for _, events in session.read(video))
        for events in _with_the_rest(given, session):
            for event in events:
                if event.number == number:
                    clip = session.clips.get(number)
                    return _event_case(event, clip, f"{source.stem} event {number}", weights or SHIPPED)
    raise OptionError(f"{source} has no event {number}; `fleeting analyze` lists its events")


def _with_the_rest(given: Iterator[list[Event]], session: Session) -> Iterator[list[Event]]:
    yield from given
    yield session.finish()


def of_analysis(folder: Path, number: int, weights: str | Path | None, video: str | Path | None) -> Case:
    """The case of an event of a finished analysis; only the event's part of the recording is read again.

    Raises OptionError on an unknown event, a damaged folder, or a model that has to be named, and VideoError
    if the recording is not found or is another one.
    """
    with _undamaged(folder):
        summary = read_json(folder / "summary.json")
        events, hidden = read_events(folder / "events.json"), bool(summary["settings"]["blur"])
        count, model = summary["events"], summary["model"]
    found = next((event for event in events if event.number == number), None)
    if found is None:
        known = f"it has 1 to {count}" if count else "it has none"
        raise OptionError(f"{folder} has no event {number}; {known}")
    if weights is None:
        weights = model
        if weights not in recognisers():
            raise OptionError(f"{folder} was made with the model {weights}; name its file with --weights")
    with _undamaged(folder):
        clip = _followed(_recording(folder, summary, video), folder, found, summary["settings"])
    return _event_case(found, clip, f"{folder.name} event {number}", weights, hidden=hidden)


@contextmanager
def _undamaged(folder: Path) -> Iterator[None]:
    """Raise OptionError if reading an analysis' files inside the block fails because they are damaged."""
    try:
        yield
    except FleetingError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        found = f"{folder} is damaged ({type(error).__name__}: {error})"
        raise OptionError(f"{found}; run `fleeting analyze` again") from error


def _event_case(
    event: Event, clip: Clip | None, name: str, weights: str | Path, *, hidden: bool = False
) -> Case:
    if event.kind == "macro":
        raise OptionError(
            f"{name} lasts longer than half a second and gets no class; expected a micro event; choose one"
        )
    if clip is None:
        found = f"{name}: no clip of the face could be cut, so no model has looked at it"
        raise OptionError(f"{found}; expected an event with a class; choose one")
    recogniser = Recogniser.load(weights)
    arrays = arrays_of(clip, recogniser.view)
    said = recogniser.recognise(clip)
    notes = ["The model is unsure of this movement: better show no class."] if said.unsure else []
    if event.label and abs(said.probabilities.get(event.label, 0.0) - (event.confidence or 0.0)) > 0.02:
        notes.append(f"The analysis said {event.label} {event.confidence:.2f}.")
    return Case(
        name=name,
        model=recogniser.name,
        fitted=fitted(weights),
        view=recogniser.view,
        arrays=arrays,
        probabilities=said.probabilities,
        clip=clip,
        hidden=hidden,
        notes=tuple(notes),
    )


def _recording(folder: Path, summary: Mapping[str, Any], video: str | Path | None) -> Path:
    """The recording of an analysis: ``video``, or the one named in ``events.eaf``.

    Raises VideoError if it is not found or is not the recording that was analysed.
    """
    if video is None:
        video = recording_of(folder / "events.eaf")
    name, digest = summary["input"]["file"], summary["input"]["sha256"]
    if video is None or not Path(video).exists():
        raise VideoError(f"{name}, of which {folder} is the analysis, is not found; name it with --video")
    if digest_of(Path(video)) != digest:
        raise VideoError(f"{video} is not the {name} that was analysed; name that one with --video")
    return Path(video)


def _followed(video: Path, folder: Path, event: Event, settings: Mapping[str, Any]) -> Clip | None:
    """The clip of an event, None if none can be cut; its face is the one nearest to the ``faces.csv`` box."""
    boxes = {row.frame: row.box for row in read_rows(folder / "faces.csv") if row.face == event.face}
    tracker, buffer = FaceTracker(most=settings["people"], memory=MEMORY), ClipBuffer(LONGEST)
    start = max(event.onset_s - BEFORE, settings["start"] or 0.0)
    with open_video(video, fps=settings["fps"], start=start, end=event.offset_s + ROUNDED) as frames:
        for frame in frames:
            faces = tracker.push(frame.image, frame.time)
            if frame.number in boxes and faces:
                box = np.array(boxes[frame.number])
                face = min(faces, key=lambda face: float(np.abs(np.array(face.box) - box).sum()))
                if not face.reason:
                    buffer.add(frame, face, [other for other in faces if other.id != face.id])
    return buffer.clip(
        Spotted(
            event.kind,
            *(event.onset_frame, event.apex_frame, event.offset_frame),
            *(event.onset_s, event.apex_s, event.offset_s),
            event.strength,
            event.regions,
        )
    )
