"""Opens an experiment's data as samples with arrays and as folds, or refuses it before the run is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fleeting.apex import ANNOTATED, apex_rule
from fleeting.datasets import Dataset, datasets, drawn_people, labelled, released
from fleeting.errors import DamagedDataError, DatasetError, FleetingError, FoldError, OptionError, Problem
from fleeting.experiments.fold import rehearse, rehearse_choice
from fleeting.experiments.recipe import Experiment
from fleeting.experiments.run_folder import file_name
from fleeting.experiments.task import Task
from fleeting.files import path_of
from fleeting.inputs.loading import Inputs, frames_of, load, moments_of, refuse_unsupplied, single_frames
from fleeting.inputs.view import Input, View
from fleeting.models import models
from fleeting.protocols import protocols
from fleeting.registry import options
from fleeting.types import Fold, Progress, Sample


@dataclass(frozen=True, eq=False)
class Prepared:
    """An experiment with its data opened and its folds cut, ready to train.

    ``skipped`` are the problems of clips that were left out. ``ready_made`` says that the dataset supplied
    every input as an array. ``drawn_people`` says whose faces drawn data show; it is empty for other data.
    """

    task: Task
    folds: tuple[Fold, ...]
    skipped: tuple[Problem, ...]
    ready_made: bool
    drawn_people: str


def folders_of(data: Mapping[str, str | Path] | None) -> dict[str, Path]:
    """The folder of each dataset by its name. Raises OptionError on what is no such mapping."""
    given: object = data
    if given is not None and not isinstance(given, Mapping):
        found = f"data is {type(given).__name__}"
        raise OptionError(f"{found}, expected names with folders; write {{'clips': 'recordings'}}")
    return {str(name): path_of(path, f"the folder of {name}") for name, path in (data or {}).items()}


def on_data(experiment: Experiment, data: Mapping[str, Path]) -> Experiment:
    """The experiment on the dataset whose folder is given, if its own dataset needs no folder.

    Otherwise, and where ``data`` names none or several datasets, the experiment is returned as it is.
    """
    name = next(iter(data), "")
    if len(data) != 1 or name == experiment.data.dataset or datasets[experiment.data.dataset].needs_root:
        return experiment
    _ = datasets[name]
    chosen = experiment.data.model_copy(update={"dataset": name})
    changed = (*experiment.changed, f"data.dataset={name}")
    return experiment.model_copy(update={"data": chosen, "changed": changed})


def prepare(
    experiment: Experiment, data: Mapping[str, Path], *, skip_damaged: bool, progress: Progress
) -> Prepared:
    """Open every clip and cut the folds, without a run folder. Raises as `fleeting.run` does."""
    dataset = released(experiment.data.dataset, experiment.data.release)
    root = root_of(dataset, data)
    view = view_of(experiment)
    for item in view.inputs:
        refuse_unsupplied(dataset, item.modality)
    samples, classes, problems = samples_of(experiment, dataset, root)
    inputs = load(dataset, root, samples, view, progress)
    moments = _moments(experiment, dataset, root, view, inputs, progress)
    problems = sorted({*problems, *inputs.problems, *(moments.problems if moments else ())})
    if problems and not skip_damaged:
        raise DamagedDataError(problems)
    folds = _folds(experiment, dataset, classes, inputs.samples)
    task = Task(experiment, inputs, classes, moments)
    rehearse(task)
    rehearse_choice(task, folds)
    ready_made = all(item.modality in dataset.ready for item in view.inputs)
    people = drawn_people(root) if dataset.needs_root else "Its people are drawn from one recipe of a face."
    return Prepared(task, folds, tuple(problems), ready_made, people)


def _moments(
    experiment: Experiment, dataset: Dataset, root: Path, view: View, inputs: Inputs, progress: Progress
) -> Inputs | None:
    """The other moments of these clips, for training alone; None where the recipe asks for none."""
    if experiment.data.moments == 1:
        return None
    if experiment.data.unit == "frame":
        raise OptionError("data.moments beside data.unit=frame: every frame is a sample then; leave one out")
    samples, problems = moments_of(dataset, root, inputs.samples, view, experiment.data.moments)
    found = load(dataset, root, samples, replace(view, apex=ANNOTATED), progress)
    return replace(found, problems=(*problems, *found.problems)) if found.samples else None


def planned_folds(experiment: Experiment, data: Mapping[str, Path]) -> tuple[Fold, ...]:
    """The folds of an experiment as its annotation alone gives them: no frame and no array is opened.

    A run has the same, less the clips that turn out to be damaged. With ``data.unit = "frame"`` every number
    from onset to offset is a frame. Raises DatasetError and FoldError as `prepare` does.
    """
    dataset = released(experiment.data.dataset, experiment.data.release)
    listed = _listed(experiment, dataset, root_of(dataset, data))
    samples, classes = labelled(listed, experiment.data.labels)
    if experiment.data.unit == "frame":
        samples = [frame for clip in samples for frame in _frames_between(clip)]
    return _folds(experiment, dataset, classes, samples)


def _frames_between(clip: Sample) -> list[Sample]:
    if clip.onset is None or clip.offset is None:
        return []
    return single_frames(clip, range(clip.onset, clip.offset + 1))


def _folds(
    experiment: Experiment, dataset: Dataset, classes: Sequence[str], samples: Sequence[Sample]
) -> tuple[Fold, ...]:
    """The protocol's folds.

    Raises FoldError where it cannot cut the samples as asked, DatasetError where a class is never tested.
    """
    _require_classes(dataset, experiment.data.labels, classes, samples)
    name = experiment.protocol.name
    chosen = options(protocols[name], experiment.protocol.model_extra or {}, f"protocol {name}")
    try:
        folds = tuple(protocols[name](samples, **chosen))
    except FleetingError:
        raise
    except ValueError as error:
        raise FoldError(f"protocol {name} cannot cut these samples ({error}); change its options") from error
    if not folds:
        raise FoldError(f"protocol {name} made no folds of {len(samples)} samples; use another")
    folders = [file_name(fold.name) for fold in folds]
    if twice := [folder for folder in set(folders) if folders.count(folder) > 1]:
        raise FoldError(f"two folds are called {twice[0]!r} on disk; rename the subjects, or the folds")
    _require_classes(dataset, experiment.data.labels, classes, [s for fold in folds for s in fold.test])
    return folds


def _require_classes(
    dataset: Dataset, label_set: str, classes: Sequence[str], samples: Sequence[Sample]
) -> None:
    """Raise DatasetError where a class of the label set has no clip: no score over it would be defined."""
    if missing := set(classes) - {sample.label for sample in samples}:
        raise DatasetError(
            f"{dataset.name} has no usable clip of {', '.join(sorted(missing))} ({label_set}), so no score"
            f" is defined; choose data.labels among {', '.join(dataset.label_sets)}, or run `fleeting check`"
        )


def root_of(dataset: Dataset, data: Mapping[str, Path]) -> Path:
    """The folder given for the dataset. Raises OptionError on a wrong or missing name, DatasetError."""
    for name in data:
        if name != dataset.name:
            raise OptionError(f"--data names {name!r}, the experiment uses {dataset.name!r}; name that one")
    if not dataset.needs_root:
        return Path()
    if dataset.name not in data:
        raise OptionError(f"{dataset.name} needs its folder; add --data {dataset.name}=PATH")
    root = Path(data[dataset.name])
    if not root.is_dir():
        raise DatasetError(f"{root} is no folder; --data {dataset.name}=PATH names the dataset's folder")
    return root


def view_of(experiment: Experiment) -> View:
    """The view of clips that an experiment uses. Raises OptionError on a wrong number of inputs."""
    wanted = models[experiment.model.name].inputs
    side = experiment.model.size
    sizes = tuple((side, side) if side else (shape[1], shape[2]) for shape in wanted.values())
    names = experiment.model.inputs
    if len(names) != len(sizes):
        raise OptionError(
            f"model {experiment.model.name} takes {len(sizes)} inputs ({', '.join(wanted)}),"
            f" model.inputs names {len(names)}: {', '.join(names)}"
        )
    inputs = [Input(n, size, experiment.modality.get(n, {})) for n, size in zip(names, sizes, strict=True)]
    data = experiment.data
    return View(tuple(inputs), data.apex, data.color, data.crop, data.height, data.equalise)


def samples_of(
    experiment: Experiment, dataset: Dataset, root: Path
) -> tuple[list[Sample], tuple[str, ...], list[Problem]]:
    """The samples with class names as labels, the classes, and the problems that block samples."""
    listed = _listed(experiment, dataset, root)
    samples, classes = labelled(listed, experiment.data.labels)
    kept = {sample.id for sample in samples}
    as_written = [sample for sample in listed if sample.id in kept]
    blocking = [problem for problem in dataset.problems(root, as_written) if problem.blocks]
    blocked = {problem.clip for problem in blocking}
    samples = [sample for sample in samples if sample.id not in blocked]
    if experiment.data.unit == "frame":
        samples, unopened = frames_of(dataset, root, samples)
        blocking += unopened
    if experiment.data.shuffle_labels:
        samples = _shuffled(samples, experiment.training.seed)
    return samples, classes, blocking


def _listed(experiment: Experiment, dataset: Dataset, root: Path) -> list[Sample]:
    """The micro-expressions that count, in the dataset's words; without apexes where a finder gives them."""
    left_out = experiment.data.leave_out
    listed = [s for s in dataset.samples(root) if s.kind == "micro" and s.id not in left_out]
    if apex_rule(experiment.data.apex).annotated:
        return listed
    return [replace(sample, apex=None) for sample in listed]


def _shuffled(samples: Sequence[Sample], seed: int) -> list[Sample]:
    dealt = np.random.default_rng(seed).permutation([sample.label for sample in samples])
    return [replace(sample, label=str(label)) for sample, label in zip(samples, dealt, strict=True)]
