"""Lists the labelled clips of a dataset's folder, as values and as a table."""

from __future__ import annotations

from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from fleeting.datasets import datasets, labelled
from fleeting.display.html import card, grid
from fleeting.display.tables import table_of
from fleeting.files import path_of
from fleeting.types import Sample

COLUMNS = tuple(field.name for field in fields(Sample))


class Samples(tuple[Sample, ...]):
    """The labelled clips of a dataset's folder, in the order of its sheet."""

    __slots__ = ()

    def table(self) -> Any:
        """A pandas table with a row for each clip. Raises MissingExtraError without the extra ``tables``."""
        return table_of((dict(zip(COLUMNS, astuple(one), strict=True)) for one in self), COLUMNS)

    def __repr__(self) -> str:
        people = len({sample.subject for sample in self})
        return f"Samples({len(self)} clips of {people} people)"

    def _repr_html_(self) -> str:
        return card(repr(self), (), grid(COLUMNS, [astuple(one) for one in self]))


def samples(dataset: str, root: str | Path, *, labels: str = "") -> Samples:
    """The labelled clips of a dataset's folder, as its sheet has them, corrections applied.

    ``labels`` names a label set of the dataset, which maps its words to classes and leaves clips out; without
    one every clip has the sheet's own word. Raises UnknownNameError on an unknown dataset or label set, and
    DatasetError where ``root`` cannot be read as that dataset.

    >>> found = fleeting.samples("clips", "recordings")
    >>> found, found[0].label
    (Samples(1 clips of 1 people), 'surprise')
    """
    found = datasets[dataset].samples(path_of(root, "the folder of the dataset"))
    return Samples(labelled(found, labels)[0] if labels else found)
