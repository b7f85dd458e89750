"""The doctor: what a dataset folder holds, and what is wrong with it, clip by clip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from fleeting.datasets import Dataset, datasets
from fleeting.datasets._checks import RESTORE, as_problem
from fleeting.errors import DatasetError, Problem
from fleeting.types import Sample

Progress = Callable[[int, int], None]

# What Pillow raises on a picture that is cut off, scrambled, or too large to be one.
_UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    ArithmeticError,
    LookupError,
    Image.DecompressionBombError,
)


@dataclass(frozen=True)
class Checkup:
    """What a folder holds as a dataset: clips and people of the sheet, its words, and every problem."""

    dataset: str
    clips: int
    subjects: int
    labels: Mapping[str, int]
    problems: tuple[Problem, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON: clips, subjects, labels, problems (clip, what, do, blocks), dataset."""
        return {
            "dataset": self.dataset,
            "clips": self.clips,
            "subjects": self.subjects,
            "labels": dict(self.labels),
            "problems": [asdict(problem) for problem in self.problems],
        }


def check(name: str, root: Path, progress: Progress | None = None) -> Checkup:
    """Read everything that an experiment on this dataset could read, each picture once.

    Raises UnknownNameError on an unknown dataset and DatasetError where ``root`` cannot be read as it.
    """
    dataset = datasets[name]
    samples = dataset.samples(root)
    problems = list(dataset.problems(root, samples))
    named = {problem.clip for problem in problems if problem.blocks}
    for number, sample in enumerate({sample.id: sample for sample in samples}.values(), start=1):
        problems += _unreadable(dataset, root, sample, known=sample.id in named)
        if progress is not None:
            progress(number, len(samples))
    place = {sample.id: number for number, sample in enumerate(samples)}
    ordered = sorted(problems, key=lambda problem: place.get(problem.clip, -1))
    labels = Counter(sample.label for sample in samples)
    subjects = {sample.subject for sample in samples}
    return Checkup(name, len(samples), len(subjects), dict(sorted(labels.items())), tuple(ordered))


def _unreadable(dataset: Dataset, root: Path, sample: Sample, *, known: bool) -> Iterator[Problem]:
    """Problems of a sample's pictures or arrays; what is already ``known`` of them is not said again."""
    try:
        files = dataset.frames(root, sample) if dataset.has_frames else []
        for modality in dataset.ready:
            dataset.ready_array(root, sample, modality)
    except DatasetError as error:
        if not known:
            yield as_problem(sample.id, error)
        return
    yield from _damaged(sample, files)


def _damaged(sample: Sample, files: Sequence[Path]) -> Iterator[Problem]:
    damaged = [(path.name, what) for path in files if (what := _fault(path))]
    if damaged:
        name, what = damaged[0]
        more = f", and {len(damaged) - 1} frames more" if damaged[1:] else ""
        yield Problem(sample.id, f"frame {name} cannot be read ({what}){more}", RESTORE)


def _fault(path: Path) -> str:
    """Why a picture cannot be decoded, "" if it can; empty and forbidden files are named without decoding."""
    try:
        if not path.stat().st_size:
            return ""
        with Image.open(path) as picture:
            picture.load()
    except PermissionError:
        return ""
    except UnidentifiedImageError:
        return "not a picture"
    except _UNREADABLE as error:
        return " ".join(str(error).split()) or type(error).__name__
    return ""
