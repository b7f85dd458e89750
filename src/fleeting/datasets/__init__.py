"""A dataset is a declaration of how labelled clips really lie on a disk, and of what is wrong with them.

An adapter is a value with the attributes and calls of `Dataset` below. It never opens pixels to list its
samples, it reports every row of its sheet, and it can fabricate a miniature of itself: a folder in the same
layout, with the same sheet, that reads back. Drop a file that registers one into this folder and it exists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast

from fleeting.datasets.reading.checks import LEAVE_OUT, RESTORE, as_problem
from fleeting.datasets.reading.disk import fault, number_of, pictures
from fleeting.datasets.reading.labels import LabelSet, label_sets, labelled, word
from fleeting.datasets.reading.miniature import Drawing
from fleeting.datasets.reading.recordings import RESTORE_FILES, Recording
from fleeting.datasets.reading.truth import TRUTH, drawn_people
from fleeting.errors import OptionError, Problem
from fleeting.registry import Registry
from fleeting.types import FloatArray, Kind, Sample

__all__ = [
    "LEAVE_OUT",
    "RESTORE",
    "RESTORE_FILES",
    "TRUTH",
    "Dataset",
    "Drawable",
    "DrawableVideos",
    "Drawing",
    "LabelSet",
    "LongVideos",
    "Recording",
    "as_problem",
    "datasets",
    "drawn_people",
    "fault",
    "label_sets",
    "labelled",
    "long_videos",
    "number_of",
    "pictures",
    "word",
]


class Dataset(Protocol):
    """How one dataset is read. Every path is below the ``root`` that the user names."""

    @property
    def name(self) -> str:
        """The registry name."""

    @property
    def title(self) -> str:
        """One line: what it is, who recorded whom at how many frames a second."""

    @property
    def paper(self) -> str:
        """Authors, year and DOI (or address) to cite."""

    @property
    def access(self) -> str:
        """How a user gets it."""

    @property
    def licence(self) -> str:
        """What it may be used for."""

    @property
    def label_sets(self) -> tuple[str, ...]:
        """Names of its label sets (see `label_sets`), the usual one first."""

    @property
    def ready(self) -> tuple[str, ...]:
        """Modalities it supplies ready-made. With some and without frames, any other modality is refused."""

    @property
    def has_frames(self) -> bool:
        """Whether clips can be opened as frames."""

    @property
    def needs_root(self) -> bool:
        """False only for a dataset that draws itself."""

    def samples(self, root: Path) -> list[Sample]:
        """Every row of the sheet, in its order, corrections applied. Raises DatasetError."""
        ...

    def problems(self, root: Path, samples: Sequence[Sample]) -> Iterator[Problem]:
        """What is wrong with these samples, without decoding a picture: sheet, order of frames, files."""
        ...

    def frames(self, root: Path, sample: Sample) -> list[Path]:
        """Picture files from onset to offset in numeric order. Raises DatasetError if there are none."""
        ...

    def spare(self, root: Path, sample: Sample) -> list[Path]:
        """Picture files in the clip's own folder that no clip needs: before onset, after offset."""
        ...

    def ready_array(self, root: Path, sample: Sample, modality: str) -> FloatArray:
        """The ready-made array of a sample: (channels, height, width). Raises DatasetError."""
        ...

    def fabricate(self, root: Path, seed: int = 0) -> None:
        """Write a miniature (a few subjects, every label, tiny pictures) in this layout below ``root``."""
        ...


class LongVideos(Protocol):
    """A dataset that has long videos too, with several movements each, or none."""

    @property
    def name(self) -> str:
        """The registry name."""

    @property
    def label_sets(self) -> tuple[str, ...]:
        """Names of its label sets, the usual one first."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of movement that its sheet lists."""

    def recordings(self, root: Path) -> tuple[list[Recording], list[Problem]]:
        """The long videos below ``root`` by name, and what is wrong with them. Raises DatasetError."""
        ...


class Drawable(Protocol):
    """A dataset in whose layout clips that were never recorded can be written."""

    @property
    def name(self) -> str:
        """The registry name."""

    @property
    def fps(self) -> float:
        """Frames per second of its clips."""

    @property
    def words(self) -> tuple[str, ...]:
        """Its own words for the emotions."""

    @property
    def crop(self) -> int | None:
        """Rows of the tight crops that it hands out; None: whole pictures."""

    @property
    def gray(self) -> bool:
        """Whether its frames have no colour."""

    def invent(self, person: int, number: int, label: str, *, apex: int, length: int) -> Sample:
        """The facts of a clip that was never recorded, named as the dataset would name it.

        ``person`` counts from 1, ``number`` (their clip) from 0; ``apex`` counts from the onset, ``length``
        the frames from onset to offset.
        """
        ...

    def place(self, sample: Sample) -> str:
        """The folder, below the root, that `write` puts a clip's frames into."""
        ...

    def write(self, root: Path, rows: Sequence[Drawing]) -> None:
        """Write clips in the dataset's layout, with its sheet."""
        ...


class DrawableVideos(Drawable, Protocol):
    """A dataset whose clips lie in long videos, in whose layout such videos can be written."""

    def recording_name(self, sample: Sample) -> str:
        """What the long video is called that a sample is in."""
        ...

    def write_sheets(self, root: Path, samples: Sequence[Sample]) -> None:
        """Write the annotation files alone."""
        ...

    def write_frames(self, root: Path, row: Drawing) -> None:
        """Write the frames alone, of the long video that a sample is in."""
        ...


datasets: Registry[Dataset] = Registry("dataset", "fleeting.datasets")


def long_videos(name: str) -> LongVideos:
    """The dataset of that name, which has long videos. Raises UnknownNameError, and OptionError without."""
    if not getattr(datasets[name], "long", None):
        having = ", ".join(one for one in datasets if getattr(datasets[one], "long", None))
        raise OptionError(f"{name} has no long videos, expected a dataset that has; name one of {having}")
    return cast(LongVideos, datasets[name])
