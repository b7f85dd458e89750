"""A dataset is a declaration of how labelled clips are laid out on a disk, and of what is wrong with them.

An adapter is a value with the attributes and calls of `Dataset` below. It lists its samples without decoding
a picture, it reports every row of its sheet, and it can fabricate a miniature of itself: a folder in the same
layout, with the same kind of sheet, which it can read. A file in this folder that registers an adapter adds
its dataset.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast

from fleeting.datasets.own.media import Medium
from fleeting.datasets.reading.checks import LEAVE_OUT, RESTORE, as_problem
from fleeting.datasets.reading.disk import fault, number_of, pictures
from fleeting.datasets.reading.films import film_frames, film_times
from fleeting.datasets.reading.labels import LabelSet, label_sets, labelled, word
from fleeting.datasets.reading.miniature import Drawing
from fleeting.datasets.reading.recordings import RESTORE_FILES, Recording
from fleeting.datasets.reading.truth import TRUTH, drawn_people
from fleeting.datasets.reading.units import unit_targets, units_in
from fleeting.errors import OptionError, Problem, UnknownNameError
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
    "Filmed",
    "LabelSet",
    "LongVideos",
    "Medium",
    "Recording",
    "as_problem",
    "datasets",
    "drawn_people",
    "fault",
    "film_frames",
    "film_times",
    "label_sets",
    "labelled",
    "long_videos",
    "number_of",
    "pictures",
    "released",
    "unit_targets",
    "units_in",
    "word",
]


class Dataset(Protocol):
    """How one dataset is read. Every path is below the ``root`` that the user names."""

    @property
    def name(self) -> str:
        """The registry name."""

    @property
    def title(self) -> str:
        """One line: which movements of how many people it holds, and its frames per second."""

    @property
    def paper(self) -> str:
        """Authors, year and DOI (or address) to cite."""

    @property
    def access(self) -> str:
        """How a user can obtain it."""

    @property
    def licence(self) -> str:
        """The uses that its licence permits."""

    @property
    def label_sets(self) -> tuple[str, ...]:
        """Names of its label sets (see `label_sets`), the usual one first."""

    @property
    def ready(self) -> tuple[str, ...]:
        """Modalities it supplies ready-made. If it has no frames, every other modality is refused."""

    @property
    def has_frames(self) -> bool:
        """Whether clips can be opened as frames."""

    @property
    def needs_root(self) -> bool:
        """Whether the user must name a folder; False only for a dataset that is drawn in memory."""

    def samples(self, root: Path) -> list[Sample]:
        """Every row of the sheet, in its order, corrections applied. Raises DatasetError."""
        ...

    def problems(self, root: Path, samples: Sequence[Sample]) -> Iterator[Problem]:
        """Problems of these samples in sheet, order of frames and files, found without decoding a picture."""
        ...

    def frames(self, root: Path, sample: Sample) -> list[Path]:
        """Picture files from onset to offset in numeric order. Raises DatasetError if there are none."""
        ...

    def spare(self, root: Path, sample: Sample) -> list[Path]:
        """Picture files in the clip's own folder that no clip needs: those before onset and after offset."""
        ...

    def ready_array(self, root: Path, sample: Sample, modality: str) -> FloatArray:
        """The ready-made array of a sample: (channels, height, width). Raises DatasetError."""
        ...

    def fabricate(self, root: Path, seed: int = 0) -> None:
        """Write a miniature in this layout below ``root``: a few subjects, every label, tiny pictures."""
        ...


class Released(Dataset, Protocol):
    """A dataset whose releases label some clips differently."""

    @property
    def versions(self) -> tuple[str, ...]:
        """The releases that differ, such as 2014; none where all copies say the same."""

    def of_release(self, release: str) -> Dataset:
        """The dataset as that release labels it, whichever sheet lies in the root."""
        ...


class LongVideos(Protocol):
    """A dataset that also has long videos, each with any number of movements."""

    @property
    def name(self) -> str:
        """The registry name."""

    @property
    def label_sets(self) -> tuple[str, ...]:
        """Names of its label sets, the usual one first."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of movement that its sheet lists: micro, macro."""

    @property
    def has_long_videos(self) -> bool:
        """Whether it has any; a class that reads both sorts of dataset says False for one of clips alone."""

    def recordings(self, root: Path) -> tuple[list[Recording], list[Problem]]:
        """The long videos below ``root``, sorted by name, and their problems. Raises DatasetError."""
        ...


class Filmed(Dataset, Protocol):
    """A dataset whose clips may be parts of video files, or of recordings that a user put together."""

    def medium(self, root: Path, sample: Sample) -> Medium:
        """The recording that a sample is a part of, whose frames count as its do. Raises DatasetError."""
        ...

    def kinds_in(self, root: Path) -> tuple[Kind, ...]:
        """The kinds of movement that this folder lists, where its user decides."""
        ...

    def remarks(self, root: Path) -> list[str]:
        """How the sheet was read, in sentences, where several ways are usual."""
        ...


class Drawable(Protocol):
    """A dataset in whose layout drawn clips can be written."""

    @property
    def name(self) -> str:
        """The registry name."""

    @property
    def fps(self) -> float:
        """Frames per second of its clips."""

    @property
    def words(self) -> tuple[str, ...]:
        """The words that its sheet uses for the emotions."""

    @property
    def crop(self) -> int | None:
        """Rows (pixels) of the tight face crops that the dataset distributes; None for whole pictures."""

    @property
    def gray(self) -> bool:
        """Whether its frames have no colour."""

    def invent(self, person: int, number: int, label: str, *, apex: int, length: int) -> Sample:
        """Make up the sample of a drawn clip, named as the dataset would name it.

        ``person`` counts from 1, ``number`` (the person's clip) from 0. ``apex`` is in frames after the
        onset; ``length`` is the number of frames from onset to offset, both included.
        """
        ...

    def place(self, sample: Sample) -> str:
        """The folder, relative to the root, into which `write` puts a clip's frames."""
        ...

    def write(self, root: Path, rows: Sequence[Drawing]) -> None:
        """Write clips in the dataset's layout, with its sheet."""
        ...


class DrawableVideos(Drawable, Protocol):
    """A dataset whose clips are parts of long videos; drawn long videos can be written in its layout."""

    @property
    def continuous(self) -> bool:
        """Whether its clips lie in the folders of long videos; if False, clips are drawn, each in its own."""

    def recording_name(self, sample: Sample) -> str:
        """The name of the long video that contains a sample."""
        ...

    def write_sheets(self, root: Path, samples: Sequence[Sample]) -> None:
        """Write only the annotation files."""
        ...

    def write_frames(self, root: Path, row: Drawing) -> None:
        """Write only the frames of the long video that contains a sample."""
        ...


datasets: Registry[Dataset] = Registry("dataset", "fleeting.datasets")


def released(name: str, release: str = "") -> Dataset:
    """The dataset of that name, as ``release`` labels it; without one, as the sheet in its root does.

    Raises UnknownNameError on an unknown dataset or release, and OptionError on a release of a dataset that
    has only one.
    """
    dataset = datasets[name]
    if not release:
        return dataset
    versions = getattr(dataset, "versions", ())
    if not versions:
        raise OptionError(f"{name} has no releases that differ, found data.release={release}; leave it out")
    if release not in versions:
        raise UnknownNameError(f"release of {name}", release, versions)
    return cast(Released, dataset).of_release(release)


def long_videos(name: str) -> LongVideos:
    """The dataset of that name, if it has long videos.

    Raises UnknownNameError on an unknown name and OptionError on a dataset without long videos.
    """
    if not getattr(datasets[name], "has_long_videos", False):
        having = ", ".join(one for one in datasets if getattr(datasets[one], "has_long_videos", False))
        raise OptionError(f"{name} has no long videos, expected a dataset that has; name one of {having}")
    return cast(LongVideos, datasets[name])
