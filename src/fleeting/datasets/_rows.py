"""From a row of an annotation sheet to a sample, whatever its cells hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from fleeting.datasets._cells import frame_number, later_frame, objective_class, text
from fleeting.datasets._checks import LEAVE_OUT
from fleeting.datasets._sheets import Row, Workbook
from fleeting.errors import Problem
from fleeting.types import Kind, Sample

T = TypeVar("T")


@dataclass(frozen=True)
class Reading:
    """What a sheet says: its rows as samples, and what is wrong with them."""

    samples: tuple[Sample, ...]
    problems: tuple[Problem, ...]


class _Declared(Protocol):
    """What a row is read by."""

    @property
    def name(self) -> str: ...
    @property
    def cohort(self) -> str: ...
    @property
    def fps(self) -> float: ...
    @property
    def person(self) -> Callable[[object, Workbook], str]: ...
    @property
    def clip(self) -> Callable[[Row], str] | None: ...
    @property
    def clips_repeat(self) -> bool: ...


def reading_of(declared: _Declared, rows: Sequence[Row], book: Workbook) -> Reading:
    """Rows as samples, and a problem for each cell that cannot be read."""
    pairs = [_sample(declared, row, book) for row in rows]
    if declared.clips_repeat:
        times = Counter(sample.id for sample, _ in pairs)
        pairs = [(_apart(sample) if times[sample.id] > 1 else sample, said) for sample, said in pairs]
    problems = tuple(Problem(sample.id, what, LEAVE_OUT) for sample, said in pairs for what in said)
    return Reading(tuple(sample for sample, _ in pairs), problems)


def _apart(sample: Sample) -> Sample:
    """A clip that shares its name within a subject gets its onset added to it."""
    return replace(sample, id=f"{sample.id}@{sample.onset}")


def _sample(declared: _Declared, row: Row, book: Workbook) -> tuple[Sample, list[str]]:
    """One row as a sample; cells that cannot be read are left out of it, and said."""
    trouble: list[str] = []

    def read(field: str, reader: Callable[[object], T], missing: T) -> T:
        try:
            return reader(row.cells.get(field))
        except ValueError as error:
            trouble.append(f"row {row.number} of {book.path.name}, {field}: {error}")
            return missing

    person = read("subject", lambda cell: declared.person(cell, book), f"unnamed-row-{row.number}")
    named = declared.clip or (lambda found: text(found.cells.get("clip")))
    clip = read("clip", lambda _: _plain(named(row)), f"unnamed-row-{row.number}")
    subject = f"{declared.cohort}/{person}"
    sample = Sample(
        id=f"{subject}/{clip}",
        dataset=declared.name,
        subject=subject,
        label=text(row.cells.get("label")),
        onset=read("onset", frame_number, None),
        apex=read("apex", later_frame, None),
        offset=read("offset", later_frame, None),
        fps=declared.fps,
        kind=read("kind", _kind, "micro"),
        action_units=text(row.cells.get("action_units")),
        objective=read("objective", objective_class, None),
    )
    return sample, trouble


def _plain(name: str) -> str:
    """A name that is one part of a path. Raises ValueError."""
    if not name or name.startswith(".") or re.search(r"[/\\@#]", name):
        raise ValueError(f"{name!r} is not the name of a clip")
    return name


def _kind(cell: object) -> Kind:
    """Micro or macro; datasets without such a column hold micro-expressions only. Raises ValueError."""
    word = text(cell).casefold()
    if word.startswith("macro"):
        return "macro"
    if word and not word.startswith("micro"):
        raise ValueError(f"{word!r} is neither micro nor macro")
    return "micro"
