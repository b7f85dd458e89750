"""A case is one clip, an event of a video or a clip of a run, and the model that is asked about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from fleeting.analysis.analyze import digest_of
from fleeting.analysis.event_files import read_events, recording_of
from fleeting.analysis.frame_tables import read_rows
from fleeting.datasets import datasets
from fleeting.errors import FleetingError, OptionError, RunError, UnknownNameError, VideoError, WeightsError
from fleeting.experiments.run_folder import Run, fold_folder, read_json
from fleeting.experiments.samples import root_of, samples_of, view_of
from fleeting.faces.tracking import FaceTracker
from fleeting.inputs.loading import load, open_clip
from fleeting.inputs.view import View, arrays_of
from fleeting.models import build
from fleeting.recognition.recogniser import SHIPPED, Recogniser, fitted, recognisers
from fleeting.session.buffer import LONGEST, Past
from fleeting.session.session import MEMORY, Session
from fleeting.spotting import Spotted
from fleeting.training.fitting import Fitted
from fleeting.types import Clip, Event, FloatArray, Prediction
from fleeting.video.reader import open_video

BEFORE = 0.5
"""Seconds before an event from which on its face is followed."""
ROUNDED = 1e-6
"""Seconds by which times in ``events.json`` are off at most."""


@dataclass(frozen=True, eq=False)
class Case:
    """One clip, its inputs, and the model that is asked about it.

    ``arrays`` are (channels, height, width) each; ``probabilities`` are the model's, by class. ``clip`` is
    None where there are no frames, ``truth`` is "" where nobody knows it.
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
    """Whether no picture of the face may be shown."""
    notes: tuple[str, ...] = ()


def of_video(source: Path, number: int, weights: str | Path | None) -> Case:
    """The event when the whole video up to it is seen, as `fleeting.analysis.analyze` sees it."""
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
    """The event when its face is followed again in the stretch of the recording where it is."""
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
    """Raise OptionError where the files of an analysis are not as they were written."""
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
            f"{name} lasts longer than half a second and gets no class, so there is nothing to explain"
        )
    if clip is None:
        raise OptionError(f"{name}: no clip of the face could be cut, so no model has looked at it")
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
    """The recording of an analysis: where one says it is, or where ``events.eaf`` says. Raises VideoError."""
    if video is None:
        video = recording_of(folder / "events.eaf")
    name, digest = summary["input"]["file"], summary["input"]["sha256"]
    if video is None or not Path(video).exists():
        raise VideoError(f"{name}, of which {folder} is the analysis, is not found; name it with --video")
    if digest_of(Path(video)) != digest:
        raise VideoError(f"{video} is not the {name} that was analysed; name that one with --video")
    return Path(video)


def _followed(video: Path, folder: Path, event: Event, settings: Mapping[str, Any]) -> Clip | None:
    """The clip of an event, its face found again by the boxes in ``faces.csv``."""
    boxes = {row.frame: row.box for row in read_rows(folder / "faces.csv") if row.face == event.face}
    tracker, past = FaceTracker(most=settings["people"], memory=MEMORY), Past(LONGEST)
    start = max(event.onset_s - BEFORE, settings["start"] or 0.0)
    with open_video(video, fps=settings["fps"], start=start, end=event.offset_s + ROUNDED) as frames:
        for frame in frames:
            faces = tracker.push(frame.image, frame.time)
            if frame.number in boxes and faces:
                box = np.array(boxes[frame.number])
                face = min(faces, key=lambda face: float(np.abs(np.array(face.box) - box).sum()))
                if not face.reason:
                    past.add(frame, face, [other for other in faces if other.id != face.id])
    return past.clip(
        Spotted(
            event.kind,
            *(event.onset_frame, event.apex_frame, event.offset_frame),
            *(event.onset_s, event.apex_s, event.offset_s),
            event.strength,
            event.regions,
        )
    )


class RunClips:
    """The clips of a run, opened one by one as the run opened them, with the model that predicted each."""

    def __init__(self, run: Run, data: Mapping[str, Path] | None, weights: str | Path | None = None) -> None:
        self._run, self._dataset = run, datasets[run.experiment.data.dataset]
        if data is None:
            told = read_json(run.path / "environment.json").get("data", {})
            data = {name: Path(path) for name, path in told.items()}
        self._root = root_of(self._dataset, data)
        samples, _, _ = samples_of(run.experiment, self._dataset, self._root)
        self._samples = {sample.id: sample for sample in samples}
        self._predictions = {p.id: p for p in run.by_seed[0]}
        self._weights = weights
        self._recogniser = None if weights is None else Recogniser.load(weights)

    def case(self, clip: str) -> Case:
        """One clip by its id. Raises UnknownNameError, RunError where the run's data are gone."""
        if clip not in self._predictions:
            raise UnknownNameError("clip of this run", clip, self._predictions)
        if clip not in self._samples:
            raise RunError(f"{self._root} has no clip {clip} any more; name the run's data with --data")
        sample, prediction = self._samples[clip], self._predictions[clip]
        view = self._recogniser.view if self._recogniser else view_of(self._run.experiment)
        inputs = load(self._dataset, self._root, [sample], view)
        if inputs.problems:
            raise RunError(f"{inputs.problems[0]}")
        arrays = [array[0] for array in inputs.arrays]
        ready = all(item.modality in self._dataset.ready for item in view.inputs)
        opened = None if ready else open_clip(self._dataset, self._root, sample, view).clip
        return Case(
            name=clip,
            view=view,
            arrays=arrays,
            clip=opened,
            truth=self._run.classes[prediction.truth],
            **self._asked(prediction, arrays),
        )

    def _asked(self, prediction: Prediction, arrays: Sequence[FloatArray]) -> dict[str, Any]:
        """The model, its name, what it says, and what is to be known of it."""
        batch = [array[None] for array in arrays]
        if self._recogniser is not None and self._weights is not None:
            said = self._recogniser.probabilities(batch)[0]
            model, name, classes = fitted(self._weights), self._recogniser.name, self._recogniser.classes
            notes = ["These weights were trained on everybody, perhaps on this clip too."]
        else:
            model, classes = self._fold_model(prediction, arrays), self._run.classes
            name, said = self._run.experiment.name, model.probabilities(batch)[0]
            clean = self._run.rule == "clean"
            others = "nor on this person" if clean else "perhaps on others of this person"
            notes = [f"The model is that of the clip's own fold: not trained on this clip, {others}."]
            if began := self._run.experiment.model.pretrained:
                notes.append(f"It began with the weights in {began}; whom these had seen is not known.")
            if abs(said - prediction.probabilities).max() > 1e-3:
                notes.append("It does not say what the run predicted: data or code have changed since.")
        chances = dict(zip(classes, map(float, said), strict=True))
        return {"fitted": model, "model": name, "probabilities": chances, "notes": tuple(notes)}

    def _fold_model(self, prediction: Prediction, arrays: Sequence[FloatArray]) -> Fitted:
        recipe, choice = self._run.experiment.training, self._run.experiment.model
        folder = fold_folder(self._run.path, prediction.fold, recipe.seed, recipe.seeds)
        path = folder / "weights.safetensors"
        if not path.exists() and self._run.experiment.choose.among:
            raise WeightsError(
                f"{folder} kept no weights, for folds that choose their models; name --weights"
            )
        if not path.exists():
            raise WeightsError(
                f"{folder} kept no weights; run anew with --set training.keep_weights=true, or name --weights"
            )
        shapes = [array.shape for array in arrays]
        fresh = build(choice.name, len(self._run.classes), shapes, choice.model_extra or {}, seed=0)
        try:
            return Fitted.of(fresh, load_file(path))
        except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
            found = f"{path} does not fit {choice.name} ({' '.join(str(error).split())[:200]})"
            raise WeightsError(f"{found}; delete the fold's folder and run again") from error
