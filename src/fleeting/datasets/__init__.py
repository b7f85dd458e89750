"""A dataset is a declaration of how labelled clips really lie on a disk, and of what is wrong with them.

An adapter is a value with the attributes and calls of `Dataset` below. It never opens pixels to list its
samples, it reports every row of its sheet, and it can fabricate a miniature of itself: a folder in the same
layout, with the same sheet, that reads back. Drop a file that registers one into this folder and it exists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from fleeting.errors import Problem
from fleeting.registry import Registry
from fleeting.types import FloatArray, Sample


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
        """Names of its label sets (see `fleeting.datasets._labels`), the usual one first."""

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


datasets: Registry[Dataset] = Registry("dataset", "fleeting.datasets")
