"""Converting rows of an annotation sheet into samples; unreadable cells become problems, not failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

from fleeting.datasets.reading.cells import (
    Uncomputed,
    frame_number,
    is_empty,
    is_fraction,
    later_frame,
    objective_class,
    plain,
    text,
)
from fleeting.datasets.reading.sheets import Row, Workbook
from fleeting.errors import Problem, some
from fleeting.types import Kind, Sample

T = TypeVar("T")
_FRAMES = ("onset", "apex", "offset")

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

    @property
    def blanks(self) -> frozenset[tuple[str, str]]:
        """The clip and the field of each cell that is filled and cannot be read."""
        return frozenset((cell.problem.clip, cell.field) for cell in self.unread)

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
    @property
    def rounded(self) -> bool: ...


def reading_of(declared: _Declared, rows: Sequence[Row], book: Workbook) -> Reading:
    """Rows as samples, and a problem for each cell that cannot be read."""
    rounded = declared.rounded and not _mostly_fractions(rows, book.mark)
    pairs = [_sample(declared, row, book, rounded) for row in rows]
    if declared.clips_repeat:
        times = Counter(sample.id for sample, _ in pairs)
        pairs = [(_apart(sample) if times[sample.id] > 1 else sample, said) for sample, said in pairs]
    unread = tuple(
        Unread(field, Problem(sample.id, what, do)) for sample, said in pairs for field, what, do in said
    )
    return Reading(tuple(sample for sample, _ in pairs), (), unread)


def _mostly_fractions(rows: Sequence[Row], mark: str) -> bool:
    """Whether nine in ten of the filled frame cells have a fraction, as no release has, but seconds have."""
    filled = [cell for row in rows for name in _FRAMES if not is_empty(cell := row.cells.get(name))]
    return sum(is_fraction(cell, mark) for cell in filled) >= 0.9 * max(len(filled), 1)


def differences(read: Sequence[Sample], other: Sequence[Sample]) -> str:
    """How another reading of a dataset's rows differs from the one that is used; "" where it does not."""
    if len(read) != len(other):
        return f"they have {len(read)} and {len(other)} clips"
    differing = [one.id for one, two in zip(read, other, strict=True) if one != two]
    return f"they differ in {len(differing)} rows, {some(differing, 3)}" if differing else ""


def _apart(sample: Sample) -> Sample:
    """Add the onset to the id of a clip that shares its name with another clip of the subject."""
    return replace(sample, id=f"{sample.id}@{sample.onset}")


def _sample(
    declared: _Declared, row: Row, book: Workbook, rounded: bool
) -> tuple[Sample, list[tuple[str, str, str]]]:
    """One row as a sample; cells that cannot be read are left out and returned as (field, what, do)."""
    trouble: list[tuple[str, str, str]] = []

    def read(field: str, reader: Callable[[object], T], missing: T) -> T:
        cell, where = row.cells.get(field), f"row {row.number} of {book.path.name}, {field}:"
        if isinstance(cell, Uncomputed):
            what = f"{where} {row.place(field)} holds a formula without a value"
            trouble.append((field, what, "open it in Excel and save it"))
            return missing
        try:
            return reader(cell)
        except ValueError as error:
            at = f"{row.place(field)} of " if field in row.columns else ""
            trouble.append((field, f"{where} {error}", f"correct {at}the sheet, or leave the clip out"))
            return missing

    first, later = (partial(f, mark=book.mark, rounded=rounded) for f in (frame_number, later_frame))
    nameless = f"unnamed-row-{row.number}"
    person = read("subject", lambda cell: plain(declared.person(cell, book), "person"), nameless)
    named = declared.clip or (lambda found: text(found.cells.get("clip")))
    clip = read("clip", lambda _: plain(named(row), "clip"), nameless)
    subject = f"{declared.cohort}/{person}"
    sample = Sample(
        id=f"{subject}/{clip}",
        dataset=declared.name,
        subject=subject,
        label=read("label", text, ""),
        onset=read("onset", first, None),
        apex=read("apex", later, None),
        offset=read("offset", later, None),
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
