"""Reads one entry as the place of a movement in a recording; what cannot be read is explained."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from fleeting.datasets.own.entries import MOMENTS, Entry
from fleeting.datasets.own.media import Medium, find, medium
from fleeting.datasets.reading.cells import (
    Uncomputed,
    frame_number,
    is_date,
    is_empty,
    objective_class,
    plain,
    seconds,
    shortened,
    text,
)
from fleeting.errors import DatasetError
from fleeting.scoring.frame_numbers import number_in
from fleeting.types import Kind

T = TypeVar("T")
CORRECT = "correct it, or delete the row"
_NOBODY = frozenset({"nan", "none", "unknown", "unnamed", "unbekannt", "tbd", "todo"})


class RefusedError(ValueError):
    """A cell that cannot be used: what was found and expected, and what to do."""

    def __init__(self, what: str, do: str = CORRECT) -> None:
        super().__init__(what)
        self.what, self.do = what, do


@dataclass(frozen=True)
class Line:
    """One entry, read: its recording, its person, the frames as the recording counts them, its label.

    ``trouble`` are the cells that cannot be used: the field, what was found and expected, what to do.
    """

    entry: Entry
    medium: Medium | None
    person: str
    onset: int | None
    apex: int | None
    offset: int | None
    label: str
    kind: Kind
    units: str
    objective: int | None
    trouble: tuple[tuple[str, str, str], ...]

    @property
    def is_still(self) -> bool:
        """Whether the entry names a recording and no movement."""
        named = ("label", *MOMENTS, *(f"{name}_s" for name in MOMENTS))
        return all(is_empty(self.entry.cells.get(name)) for name in named)


class Opened:
    """The recordings below a root, each opened once."""

    def __init__(self, root: Path, there: Mapping[str, Path]) -> None:
        self.root, self.there = root, there
        self._kept: dict[tuple[str, float | None], Medium | DatasetError] = {}

    def __call__(self, name: str, fps: float | None) -> Medium:
        """The recording that a name means. Raises RefusedError."""
        try:
            found = find(name, self.there)
        except ValueError as error:
            what, _, do = str(error).rpartition("; ")
            raise RefusedError(what or do, do if what else CORRECT) from error
        key = found, fps
        if key not in self._kept:
            try:
                self._kept[key] = medium(self.root, self.there[found], fps)
            except DatasetError as error:
                self._kept[key] = error
        kept = self._kept[key]
        if isinstance(kept, DatasetError):
            what, _, do = str(kept).rpartition("; ")
            raise RefusedError(f"found {name!r}, and {what}", do)
        return kept


def read_line(entry: Entry, opened: Opened) -> Line:
    """Read an entry; no cell of it raises."""
    trouble = [("clip", *entry.fault)] if entry.fault[0] else []

    def read(field: str, reader: Callable[[], T], missing: T) -> T:
        try:
            for name in (field, f"{field}_s") if field in MOMENTS else (field,):
                if isinstance(entry.cells.get(name), Uncomputed):
                    raise RefusedError(
                        f"found a formula without a value in {name}", "open it in Excel and save it"
                    )
            return reader()
        except RefusedError as error:
            trouble.append((field, f"{entry.at(_shown(entry, field))}: {error.what}", error.do))
        except ValueError as error:
            trouble.append((field, f"{entry.at(_shown(entry, field))}: {error}", CORRECT))
        return missing

    cells = entry.cells
    fps = read("fps", lambda: _rate(entry), None)
    first = read("first_frame", lambda: frame_number(cells.get("first_frame"), entry.mark), None)
    found = read("file", lambda: _medium(entry, opened, fps), None)
    onset, apex, offset = (
        read(name, lambda name=name: _moment(entry, found, name, first), None)  # type: ignore[misc]
        for name in MOMENTS
    )
    line = Line(
        entry=entry,
        medium=found,
        person=read("subject", lambda: _person(cells.get("subject")), ""),
        onset=onset,
        apex=apex,
        offset=offset,
        label=text(cells.get("label")),
        kind=read("kind", lambda: _kind(text(cells.get("kind"))), "micro"),
        units=text(cells.get("action_units")),
        objective=read("objective", lambda: objective_class(cells.get("objective")), None),
        trouble=(),
    )
    if not line.is_still:
        trouble += _order(line, [field for field, _, _ in trouble])
    return replace(line, trouble=tuple(trouble))


def _shown(entry: Entry, field: str) -> str:
    """The column to name: that in seconds where only that is filled."""
    other = f"{field}_s"
    return other if field in MOMENTS and is_empty(entry.cells.get(field)) and other in entry.cells else field


def _rate(entry: Entry) -> float | None:
    cell = entry.cells.get("fps")
    if is_empty(cell):
        return None
    try:
        rate = number_in(text(cell).replace(",", "."))
    except ValueError:
        rate = 0.0
    if not 0 < rate <= 100_000:
        raise RefusedError(f"found {shortened(text(cell))!r}, expected frames per second above 0")
    return rate


def _medium(entry: Entry, opened: Opened, fps: float | None) -> Medium:
    name = text(entry.cells.get("file"))
    if not name:
        what = "found nothing, expected the name of a recording"
        raise RefusedError(what, "write it into every row; merged cells hold it in their first row only")
    return opened(name, fps)


def _person(cell: object) -> str:
    if is_empty(cell):
        what = "found nothing, expected who is in the recording"
        do = "write the same name in all rows of one person: nobody may be trained and tested on"
        raise RefusedError(what, do)
    name = text(cell)
    if name.casefold() in _NOBODY or not any(map(str.isalnum, name)):
        do = "write a name of your own for each person, such as P7; one name for several people leaks"
        raise RefusedError(f"found {name!r}, expected who is in the recording", do)
    return plain(name, "person")


def _kind(word: str) -> Kind:
    """Micro or macro; micro where nothing is said. Raises RefusedError on another word."""
    said = word.casefold()
    if said and not said.startswith(("micro", "macro")):
        raise RefusedError(f"found {shortened(word)!r}, expected micro or macro")
    return "macro" if said.startswith("macro") else "micro"


def _is_left_out(entry: Entry) -> bool:
    """Whether an apex of 0 stands for none: it does where the onset is a later frame."""
    apex, onset = (text(entry.cells.get(name)) for name in ("apex", "onset"))
    return apex == "0" and onset not in ("", "0") and is_empty(entry.cells.get("apex_s"))


def _moment(entry: Entry, found: Medium | None, name: str, first: int | None) -> int | None:
    """The frame of onset, apex or offset, as the recording counts it; None where nothing is written."""
    cell, timed = entry.cells.get(name), entry.cells.get(f"{name}_s")
    try:
        typed = frame_number(cell, entry.mark)
    except ValueError as error:
        do = CORRECT
        if is_date(cell):
            do = "Excel made a date of what was typed: format the column as text, and type it again"
        elif "fraction" in str(error):
            do = "write seconds in the columns onset_s, apex_s, offset_s"
        raise RefusedError(f"found {shortened(text(cell))!r}, expected a frame number", do) from error
    if _is_left_out(entry) and name == "apex":
        return None
    by_frame = None if typed is None else _counted(found, typed, first)
    by_time = _timed(found, timed, played=entry.played)
    if by_frame is not None and by_time is not None and abs(by_frame - by_time) > 1:
        said = f"found frame {text(cell)}, and {name}_s says {text(timed)}, which is another frame"
        raise RefusedError(said, f"empty the one of {name} and {name}_s that is wrong")
    return by_time if by_frame is None else by_frame


def _counted(found: Medium | None, typed: int, first: int | None) -> int:
    """A typed frame number as the recording counts. Raises RefusedError where it has no such frame."""
    if found is None:
        return typed
    counted = found.numbers if first is None else first + np.arange(len(found.numbers))
    low, high = int(counted[0]), int(counted[-1])
    if low <= typed <= high:
        return typed if first is None else int(found.numbers[typed - first])
    one_off = first is None and low == 0 and typed == high + 1
    do = "add a column first_frame with 1 if you count from 1" if one_off else CORRECT
    raise RefusedError(f"found {typed}, expected a frame of {found.name}, {low} to {high}", do)


def _timed(found: Medium | None, cell: object, *, played: bool) -> int | None:
    """The frame nearest to a typed time. Raises RefusedError where the recording has none."""
    time = seconds(cell)
    if time is None or found is None:
        return None
    begin = found.start if played else 0.0
    frame = found.nearest(time + begin)
    if frame is None:
        span = f"{found.times[0] - begin:.3f} to {found.times[-1] - begin:.3f} s"
        do = _other_unit(found, cell, time, begin)
        raise RefusedError(f"found {time:g} s, expected a time within {found.name}, {span}", do)
    return frame


def _other_unit(found: Medium, cell: object, time: float, begin: float) -> str:
    """What to do about a time that a recording does not have: it may be in another unit."""
    if _is_clock(cell):
        return "Excel takes 1:10 for 1 hour 10 minutes; write 0:01:10, or 70"
    if time in found.numbers:
        return "if it is a frame, name the columns onset, apex, offset; else correct it, or delete the row"
    if found.nearest(time / 1000 + begin) is not None:
        return "if these are milliseconds, divide them by 1000; else correct it, or delete the row"
    return CORRECT


def _is_clock(cell: object) -> bool:
    return isinstance(cell, datetime.time | datetime.timedelta) or bool(re.match(r"\d+:\d+:", text(cell)))


def _order(line: Line, told: list[str]) -> list[tuple[str, str, str]]:
    """What is wrong with onset, apex and offset together, as far as they are known, and with the label."""
    onset, apex, offset = line.onset, line.apex, line.offset
    found: list[tuple[str, str, str]] = []

    def say(field: str, what: str, do: str = CORRECT) -> None:
        if field not in told:
            found.append((field, f"{line.entry.at(_shown(line.entry, field))}: {what}", do))

    for field, value in (("onset", onset), ("offset", offset)):
        if value is None and all(is_empty(line.entry.cells.get(name)) for name in (field, f"{field}_s")):
            say(field, "found nothing, expected a frame, or a time in seconds", _whole(line))
    if onset is not None and offset is not None:
        typed = {name: _typed(line.entry, name) for name in MOMENTS}
        if onset > offset:
            say("offset", f"found {typed['offset']}, which is before the onset {typed['onset']}", "swap them")
        elif onset == offset:
            say("offset", f"found {typed['offset']}, the onset itself: a movement needs time")
        elif apex is not None and not onset <= apex <= offset:
            span = f"from onset {typed['onset']} to offset {typed['offset']}"
            say("apex", f"found {typed['apex']}, expected {span}", "correct it, or leave it empty")
    if not line.label and line.kind == "micro":
        say("label", "found nothing, expected the class of the movement", "write it, or delete the row")
    return found


def _typed(entry: Entry, name: str) -> str:
    cell = entry.cells.get(name)
    return f"{text(entry.cells.get(f'{name}_s'))} s" if is_empty(cell) else text(cell)


def _whole(line: Line) -> str:
    if line.medium is None:
        return "write it, or delete the row"
    first, last = int(line.medium.numbers[0]), int(line.medium.numbers[-1])
    return f"write it ({first} and {last} for the whole of {line.medium.name}), or delete the row"
