"""Explains one answer of a model: maps of where it looked, drawn over the apex, and the clip's inputs.

The movement is an event of a video, an event in a folder that `fleeting.analyze` wrote, or a clip of a run.
For a clip of a run, the weights that its fold kept are asked: a model that did not see that subject in
training.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from fleeting.errors import OptionError, UnknownNameError
from fleeting.experiments.run_folder import Run, file_name
from fleeting.explanations.attribution import looks_of
from fleeting.explanations.cases import Case, of_analysis, of_video
from fleeting.explanations.clip_figures import (
    Look,
    explanation_figure,
    frame_of,
    inputs_figure,
    overlaid,
    picture_of,
    png,
)
from fleeting.explanations.run_case import RunClips
from fleeting.files import write_atomically
from fleeting.modalities import kind_of
from fleeting.output.single import write_own
from fleeting.types import Clip, Image, Prediction

TILED = frozenset({"region-map"})
"""Inputs whose pixels lie elsewhere than in the face: their maps are drawn over the input, not the apex."""
LEAST = 170
"""Least height in pixels of a picture under maps; smaller ones are enlarged."""
COARSE = 28
"""Most cells across or down of a map in which nobody can be recognised."""
TALL = 150
"""Height in pixels of a picture in a run's report."""
MOST = 14
"""Most clips that a run's report shows."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where a model looked: the maps for the class ``label``, and the picture that they are drawn over.

    ``probabilities`` are by class; ``truth`` is "" if the true class is not known. ``under`` is the picture
    below the maps, RGB, and ``over`` says in words what it shows. ``clip`` is None if there are no frames, or
    if they may not be shown. ``pictures`` are the files that were written.
    """

    name: str
    title: str
    model: str
    label: str
    truth: str
    probabilities: Mapping[str, float]
    under: Image
    over: str
    looks: tuple[Look, ...]
    notes: tuple[str, ...]
    clip: Clip | None
    pictures: tuple[Path, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The explanation for JSON; the values of each map are rows from top to bottom."""
        maps = [
            {
                "name": look.name,
                "where": look.where,
                "signed": look.signed,
                "what": look.caption,
                "values": [[float(f"{value:.5g}") for value in row] for row in look.values.tolist()],
            }
            for look in self.looks
        ]
        kept = ("title", "model", "label", "truth", "probabilities", "over", "notes")
        facts = {name: getattr(self, name) for name in kept}
        return {**facts, "pictures": [str(path) for path in self.pictures], "maps": maps}


def explain(
    source: str | Path,
    out: str | Path | None = None,
    *,
    event: int | None = None,
    clip: str | None = None,
    label: str | None = None,
    weights: str | Path | None = None,
    data: Mapping[str, Path] | None = None,
    video: str | Path | None = None,
    replace: bool = False,
) -> Explanation:
    """Explain event number ``event`` of a video or an analysis, or the clip ``clip`` of a run.

    ``label`` is the class that is explained, by default the one the model gives. ``weights`` are a
    recogniser's name or file; by default those that the analysis used, the shipped ones for a video, and for
    a run those that its fold kept. If a run's dataset or an analysis' recording has moved, ``data`` names the
    dataset's folder and ``video`` the recording. If ``out`` is given, two pictures are written into that
    folder: the maps, and all inputs of the clip.

    Raises OptionError if the event or the clip is missing or unknown, UnknownNameError on a class that the
    model lacks and on an unknown clip of a run, WeightsError or RunError if the model cannot be loaded,
    VideoError on a wrong recording, OutputError where another file has the name of a picture (unless
    ``replace`` is true).

    >>> looked = fleeting.explain("interview.mp4", event=1)
    >>> sorted(looked.probabilities)
    ['negative', 'positive', 'surprise']
    """
    source = Path(source)
    if (source / "experiment.toml").is_file():
        if clip is None:
            raise OptionError(f"{source} is a run; name one of its clips with --clip")
        case = RunClips(Run.load(source), data, weights).case(clip)
    else:
        if event is None:
            raise OptionError(
                f"{source} is no run, so a movement of it is meant; name its number with --event"
            )
        analysed = (source / "summary.json").is_file() and (source / "events.json").is_file()
        case = of_analysis(source, event, weights, video) if analysed else of_video(source, event, weights)
    found = _explained(case, label)
    return found if out is None else _written(found, Path(out), replace)


def _explained(case: Case, label: str | None) -> Explanation:
    classes = [*case.probabilities]
    label = label or max(case.probabilities, key=lambda name: case.probabilities[name])
    if label not in classes:
        raise UnknownNameError("class of this model", label, classes)
    given = zip(case.view.inputs, case.arrays, strict=True)
    channels = [name for item, array in given for name in kind_of(item.modality, len(array)).channels]
    looks, notes = looks_of(case.fitted, case.arrays, classes.index(label), channels)
    if case.hidden and (fine := [look for look in looks if max(look.values.shape) > COARSE]):
        looks = tuple(look for look in looks if look not in fine)
        notes += ("Maps in which a face could be made out are left out: the analysis covers faces.",)
    under, over = _under(case)
    truth = f", annotated {case.truth}" if case.truth else ""
    return Explanation(
        name=case.name,
        title=f"{case.name}: {label} {case.probabilities[label]:.2f} by {case.model}{truth}",
        model=case.model,
        label=label,
        truth=case.truth,
        probabilities=case.probabilities,
        under=under,
        over=over,
        looks=looks,
        notes=(*case.notes, *notes),
        clip=None if case.hidden else case.clip,
    )


def _under(case: Case) -> tuple[Image, str]:
    """The picture that the maps are drawn over, and its title."""
    names = [item.modality for item in case.view.inputs]
    shown = next((name for name in names if name in TILED), names[0])
    if case.clip is None or shown in TILED:
        picture, over = picture_of(case.arrays[names.index(shown)]), f"input {shown}"
    elif case.hidden:
        picture, over = np.full_like(frame_of(case.clip, 0), 245), "the face, covered"
    else:
        picture, over = frame_of(case.clip, case.clip.apex), "apex"
    if len(picture) < LEAST:
        times = -(-LEAST // len(picture))
        picture = picture.repeat(times, axis=0).repeat(times, axis=1)
    return picture, over


def _written(found: Explanation, folder: Path, over: bool) -> Explanation:
    if folder.exists() and not folder.is_dir():
        raise OptionError(f"{folder} is a file, expected a folder; choose another --out")
    name = file_name(found.name)
    figures = {
        folder / f"{name}.png": explanation_figure(
            found.title, found.notes, found.under, found.over, found.looks
        )
    }
    if found.clip is not None:
        figures[folder / f"{name}-inputs.png"] = inputs_figure(found.clip)
    drawn = {path: png(figure) for path, figure in figures.items()}
    for path, picture in drawn.items():
        write_own(path, picture, replace=over)
    return replace(found, pictures=tuple(figures))


def keep_looks(run: Run, data: Mapping[str, Path]) -> None:
    """Write ``looks.json`` into a run's folder: maps of the clips that the run's models were surest of.

    For each class these are the surest right answer and the surest wrong one. Pictures are JPEG in data:
    addresses.
    """
    clips, shows = RunClips(run, data), [""]
    rows: list[dict[str, Any]] = []
    notes: list[list[str]] = []
    for prediction in _surest(run):
        found = _explained(clips.case(prediction.id), run.classes[prediction.predicted])
        looks = list({look.name: look for look in reversed(found.looks)}.values())[::-1]
        shows = [found.over, *(f"{look.name} ({look.where})" for look in looks)]
        notes.append([*(look.caption for look in looks), *found.notes])
        rows.append(
            {
                "id": found.name,
                "truth": found.truth,
                "predicted": found.label,
                "probability": found.probabilities[found.label],
                "picture": _strip([found.under, *(overlaid(found.under, look) for look in looks)]),
            }
        )
    of_all = [note for note in notes[0] if all(note in others for others in notes)] if notes else []
    kept = {"clips": rows, "shows": shows, "notes": list(dict.fromkeys(of_all))}
    write_atomically(run.path / "looks.json", json.dumps(kept, indent=1) + "\n")


def _surest(run: Run) -> list[Prediction]:
    """For each class, the surest right prediction of that class and the surest wrong one, at most MOST."""
    sure = sorted(run.by_seed[0], key=lambda p: (-p.probabilities[p.predicted], p.id))
    chosen = [
        next((p for p in sure if p.predicted == place and (p.truth == place) is right), None)
        for place in range(len(run.classes))
        for right in (True, False)
    ]
    return [p for p in chosen if p is not None][:MOST]


def _strip(pictures: Sequence[Image]) -> str:
    """Pictures side by side, TALL pixels high, as the data: address of a JPEG."""
    size = round(TALL * pictures[0].shape[1] / pictures[0].shape[0]), TALL
    small = [np.asarray(Pillow.fromarray(p).resize(size, Pillow.Resampling.LANCZOS)) for p in pictures]
    written = BytesIO()
    Pillow.fromarray(np.hstack(small)).save(written, format="JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
