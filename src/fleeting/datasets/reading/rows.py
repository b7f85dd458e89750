"""Converting rows of an annotation sheet into samples; unreadable cells become problems, not failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from fleeting.datasets.reading.cells import frame_number, later_frame, objective_class, plain, text
from fleeting.datasets.reading.checks import LEAVE_OUT
from fleeting.datasets.reading.sheets import Row, Workbook
from fleeting.errors import Problem
from fleeting.types import Kind, Sample

T = TypeVar("T")


_DECIDING = frozenset({"subject", "clip", "label", "objective"})
"""Fields that decide whether a row has a class and so becomes one of the samples of a benchmark."""


@dataclass(frozen=True)
class Unread:
    """A cell that cannot be read: its field, and the problem to report."""

    field: str
    problem: Problem


@dataclass(frozen=True)
class Reading:
    """The content of a sheet: its rows as samples, cells that cannot be read, and other problems."""

    samples: tuple[Sample, ...]
    problems: tuple[Problem, ...]
    unread: tuple[Unread, ...] = ()

    def concerning(self, asked: Sequence[Sample]) -> Iterator[Problem]:
        """The problems of the samples in ``asked``, and those that may have kept other rows out of it.

        Where ``asked`` lacks apexes that the sheet has, the caller does not need the apex, so unreadable
        apex cells are not reported.
        """
        ids = {sample.id for sample in asked}
        without = {sample.id for sample in asked if sample.apex is None}
        apex_needed = not any(s.apex is not None and s.id in without for s in self.samples)
        yield from (p for p in self.problems if not p.clip or p.clip in ids)
        for cell in self.unread:
            matters = cell.field != "apex" or apex_needed
            if matters if cell.problem.clip in ids else cell.field in _DECIDING:
                yield cell.problem


class _Declared(Protocol):
    """The attributes of a dataset that decide how a row is read."""

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
    unread = tuple(
        Unread(field, Problem(sample.id, what, LEAVE_OUT)) for sample, said in pairs for field, what in said
    )
    return Reading(tuple(sample for sample, _ in pairs), (), unread)


def _apart(sample: Sample) -> Sample:
    """Add the onset to the id of a clip that shares its name with another clip of the subject."""
    return replace(sample, id=f"{sample.id}@{sample.onset}")


def _sample(declared: _Declared, row: Row, book: Workbook) -> tuple[Sample, list[tuple[str, str]]]:
    """One row as a sample; cells that cannot be read are left out and returned as (field, message)."""
    trouble: list[tuple[str, str]] = []

    def read(field: str, reader: Callable[[object], T], missing: T) -> T:
        try:
            return reader(row.cells.get(field))
        except ValueError as error:
            trouble.append((field, f"row {row.number} of {book.path.name}, {field}: {error}"))
            return missing

    nameless = f"unnamed-row-{row.number}"
    person = read("subject", lambda cell: plain(declared.person(cell, book), "person"), nameless)
    named = declared.clip or (lambda found: text(found.cells.get("clip")))
    clip = read("clip", lambda _: plain(named(row), "clip"), nameless)
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


def _kind(cell: object) -> Kind:
    """Micro or macro; datasets without such a column hold micro-expressions only. Raises ValueError."""
    word = text(cell).casefold()
    if word.startswith("macro"):
        return "macro"
    if word and not word.startswith("micro"):
        raise ValueError(f"{word!r} is neither micro nor macro")
    return "micro"
