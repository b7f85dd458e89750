"""Checks a dataset folder, clip by clip, for `fleeting check`: what it holds, and every problem in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from fleeting.datasets import RESTORE, Dataset, Filmed, as_problem, datasets, drawn_people, fault
from fleeting.errors import DatasetError, Problem
from fleeting.files import path_of
from fleeting.inputs.footage import footage_of
from fleeting.types import Progress, Sample, silent
from fleeting.video.pictures import UNREADABLE, damage, load_picture, mixed


@dataclass(frozen=True)
class Checkup:
    """The result of a check: the clips, people and labels that a folder's sheet lists, and every problem."""

    dataset: str
    clips: int
    subjects: int
    labels: Mapping[str, int]
    problems: tuple[Problem, ...]
    drawn: str = ""
    """A sentence about the people in a drawn folder; empty for any other folder."""
    remarks: tuple[str, ...] = ()
    """How the sheet was read, where several ways are usual, in sentences."""

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON: clips, subjects, labels, problems (clip, what, do, blocks) and the rest."""
        return {
            "dataset": self.dataset,
            "clips": self.clips,
            "subjects": self.subjects,
            "labels": dict(self.labels),
            "problems": [asdict(problem) for problem in self.problems],
            "drawn": self.drawn,
            "remarks": list(self.remarks),
        }

    def lines(self) -> list[str]:
        """The problems to be read: one line each, and one for more than three clips with the same problem.

        Problems are the same where they differ in names in quotes, in paths and in numbers alone.
        """
        alike: dict[object, list[Problem]] = {}
        for problem in self.problems:
            same = (bool(problem.clip), _kind(problem.what), _kind(problem.do), problem.blocks)
            alike.setdefault(same, []).append(problem)
        lines: list[str] = []
        for group in alike.values():
            lines += [_together(group)] if group[3:] else map(str, group)
        return lines


def _kind(sentence: str) -> str:
    """What is left of a sentence without the names in quotes, the paths and the numbers in it."""
    plain = re.sub(r"'[^']*'|\S*[/\\]\S*", "...", sentence)
    return re.sub(r"[A-Z]{0,2}\d+(, \d+)*", "#", plain)


def _together(problems: Sequence[Problem]) -> str:
    """One line for problems of one kind: how many, the first three clips, and what the first one is."""
    first = problems[0]
    clips = list(dict.fromkeys(problem.clip for problem in problems))
    more = f" and {len(clips) - 3} more" if clips[3:] else ""
    counted = f"{len(clips)} clips ({', '.join(clips[:3])}{more})" if first.clip else f"{len(problems)} times"
    several = any(problem.what != first.what for problem in problems)
    return f"{counted}{', the first' if several else ''}: {first.what}; {first.do}"


def check(name: str, root: str | Path, progress: Progress = silent) -> Checkup:
    """Read everything that an experiment on this dataset could read, each picture once.

    Raises UnknownNameError on an unknown dataset, and DatasetError where ``root`` cannot be read as that
    dataset or lists no clip.

    >>> found = fleeting.check("clips", "recordings")
    >>> found.clips, found.subjects, [str(problem) for problem in found.problems]
    (1, 1, [])
    """
    dataset, root = datasets[name], path_of(root, "the folder of the dataset")
    samples = dataset.samples(root)
    if not samples:
        raise DatasetError(f"{root} lists no clip of {name}; copy the sheet (or the folders) again")
    problems = list(dataset.problems(root, samples))
    named = {problem.clip for problem in problems if problem.blocks}
    for number, sample in enumerate({sample.id: sample for sample in samples}.values(), start=1):
        problems += _unreadable(dataset, root, sample, known=sample.id in named)
        progress("reading frames", number, len(samples))
    place = {sample.id: number for number, sample in enumerate(samples)}
    ordered = sorted(problems, key=lambda problem: place.get(problem.clip, -1))
    labels = Counter(sample.label for sample in samples)
    subjects = {sample.subject for sample in samples}
    counts = dict(sorted(labels.items()))
    said = tuple(cast(Filmed, dataset).remarks(root)) if hasattr(dataset, "remarks") else ()
    return Checkup(name, len(samples), len(subjects), counts, tuple(ordered), drawn_people(root), said)


def _unreadable(dataset: Dataset, root: Path, sample: Sample, *, known: bool) -> Iterator[Problem]:
    """Problems of a sample's pictures or arrays.

    ``known`` says that a blocking problem of the sample is reported already: it is not reported again.
    """
    try:
        footage = footage_of(dataset, root, sample) if dataset.has_frames else None
        if footage and footage.film and not known:
            footage.images()  # of a video no picture is looked at alone
        files = footage.files if footage and not footage.film else ()
        spare = dataset.spare(root, sample)
        for modality in dataset.ready:
            dataset.ready_array(root, sample, modality)
    except DatasetError as error:
        if not known:
            yield as_problem(sample.id, error)
        return
    yield from _damaged(sample, files)
    yield from _damaged_beside(sample, spare)


def _damaged(sample: Sample, files: Sequence[Path]) -> Iterator[Problem]:
    """Problems of frames that cannot be decoded or that differ in size.

    Frames that are empty or cannot be opened are left out: the dataset has reported them.
    """
    found = {path: _decoded(path) for path in files if not fault(path)}
    damaged = [(path.name, what) for path, what in found.items() if isinstance(what, str)]
    if damaged:
        name, what = damaged[0]
        more = f", and {len(damaged) - 1} frames more" if damaged[1:] else ""
        yield Problem(sample.id, f"frame {name} cannot be read ({what}){more}", RESTORE)
    if sizes := mixed(size for size in found.values() if not isinstance(size, str)):
        yield Problem(sample.id, f"its frames are of {sizes}", RESTORE)


def _damaged_beside(sample: Sample, spare: Sequence[Path]) -> Iterator[Problem]:
    """A note on the first picture outside the clip that is empty or cannot be decoded."""
    for path in spare:
        what = fault(path)
        if not what and isinstance(found := _decoded(path), str):
            what = f"{path.name} cannot be read ({found})"
        if what:
            said = f"{what}; it is outside {sample.onset} to {sample.offset}"
            yield Problem(sample.id, said, "nothing to do, nothing of the clip needs it", blocks=False)
            return


def _decoded(path: Path) -> tuple[int, int] | str:
    """A picture's width and height, or why it cannot be decoded."""
    try:
        return load_picture(path, "RGB").size
    except UNREADABLE as error:
        return damage(error)
