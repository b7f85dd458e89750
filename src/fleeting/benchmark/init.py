"""Begins the table of own clips: looks at a folder, and writes what is known of every recording in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fleeting.datasets.clips import table_text
from fleeting.datasets.own.annotations import read_annotations
from fleeting.datasets.own.lines import Line, Opened, read_line
from fleeting.datasets.own.media import Medium, media_below
from fleeting.datasets.own.table import HEADER, NAME, find_table
from fleeting.errors import DatasetError, OutputError, some
from fleeting.files import path_of
from fleeting.output.single import write_own

SHORT = 1.0
"""Seconds: a recording that lasts no longer is taken for one clip, from its first frame to its last."""
KNOWN = ("frames", "seconds")
"""Columns about each recording, to fill the others in by."""


@dataclass(frozen=True)
class Begun:
    """The table that was written, how many recordings and rows it has, and what to know to fill it in."""

    path: Path
    recordings: int
    rows: int
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """The same for JSON."""
        facts = {"path": str(self.path), "recordings": self.recordings, "rows": self.rows}
        return facts | {"notes": list(self.notes)}


def init(folder: str | Path) -> Begun:
    """Write ``clips.csv`` into a folder of own recordings: a row for each, to be filled in.

    Events of analyses and annotations of ELAN below the folder become rows, as a person has corrected them.
    People are named only by the folders in which their recordings lie, and only where there are two such
    folders or more. A table that exists is never written over: raises OutputError. Raises DatasetError where
    the folder holds no recording.

    >>> begun = fleeting.init("videos")
    >>> begun.recordings, begun.path.name
    (1, 'clips.csv')
    """
    root = path_of(folder, "the folder")
    there = media_below(root)
    if (old := find_table(root)) is not None:
        raise OutputError(
            f"{old} exists, and nothing was changed; fill it in, and see what is missing with"
            f" `fleeting check {NAME} {root}`"
        )
    if not there:
        raise DatasetError(f"{root} holds no video and no folder of numbered pictures; put recordings there")
    entries, problems = read_annotations(root)
    opened, notes = Opened(root, there), [str(problem) for problem in problems]
    lines = [read_line(entry, opened) for entry in entries]
    notes += [f"{what}; {do}" for line in lines for field, what, do in line.trouble if field == "file"]
    people = _people(list(there))
    rows = [_marked(line, people) for line in lines]
    named = {line.medium.name for line in lines if line.medium}
    rest = [name for name in there if name not in named]
    media, damaged = _opened(rest, opened)
    rows += [_blank(one, people) for one in media]
    shown = {one.name: one for one in media} | {
        line.medium.name: line.medium for line in lines if line.medium
    }
    path = root / f"{NAME}.csv"
    write_own(path, _text(rows, shown))
    notes += [f"left out, as it cannot be read: {what}" for what in damaged]
    return Begun(path, len(shown), len(rows), (*notes, *_advice(shown, people, events=len(lines))))


def _opened(names: Sequence[str], opened: Opened) -> tuple[list[Medium], list[str]]:
    """The recordings of these names, and why others cannot be read."""
    media, damaged = [], []
    for name in names:
        try:
            media.append(opened(name, None))
        except ValueError as error:
            damaged.append(str(error))
    return media, damaged


def _people(names: Sequence[str]) -> Mapping[str, str]:
    """The person of each recording by the uppermost folder it lies in; nobody where that tells nothing."""
    folders = {name: PurePosixPath(name).parts[0] for name in names if "/" in name}
    return folders if len(folders) == len(names) and len(set(folders.values())) > 1 else {}


def _marked(line: Line, people: Mapping[str, str]) -> dict[str, object]:
    """The row of a movement that an analysis found or a person marked."""
    file = line.medium.name if line.medium else str(line.entry.cells.get("file") or "")
    frames = {"onset": line.onset, "apex": line.apex, "offset": line.offset}
    said = {"label": line.label, "kind": line.kind, "action_units": line.units}
    return {"file": file, "subject": line.person or people.get(file, ""), **frames, **said}


def _blank(one: Medium, people: Mapping[str, str]) -> dict[str, object]:
    """The row of a recording of which nothing is known; a short one is a clip from end to end."""
    row: dict[str, object] = {"file": one.name, "subject": people.get(one.name, "")}
    if one.times[-1] - one.times[0] <= SHORT:
        row |= {"onset": int(one.numbers[0]), "offset": int(one.numbers[-1])}
    return row


def _text(rows: Sequence[Mapping[str, object]], media: Mapping[str, Medium]) -> str:
    """The table as CSV, with the columns that its rows need."""
    more = [name for name in ("kind", "action_units") if any(name in row for row in rows)]
    rates = [] if all(one.is_film for one in media.values()) else ["fps"]
    header = [*HEADER, *more, *rates, *KNOWN]
    table = []
    for row in rows:
        one = media.get(str(row["file"]))
        known = (
            {"frames": len(one.numbers), "seconds": round(float(one.times[-1] - one.times[0]), 3)}
            if one
            else {}
        )
        whole = {**row, **known}
        table.append(["" if whole.get(name) is None else whole[name] for name in header])
    return table_text(header, table)


def _advice(media: Mapping[str, Medium], people: Mapping[str, str], *, events: int) -> list[str]:
    """What to know to fill the table in."""
    notes = []
    if people:
        found = some(set(people.values()))
        notes.append(f"subject is the folder of each recording ({found}): correct it where that is no person")
    else:
        notes.append("write the subject of each row: all rows of one person have the same")
    if events:
        notes.append(f"{events} rows are movements that were found or marked: correct them, and their labels")
    if short := [one.name for one in media.values() if one.times[-1] - one.times[0] <= SHORT]:
        whole = f"{len(short)} recordings last up to {SHORT:g} s and are taken for one clip each"
        notes.append(f"{whole}: correct onset and offset where they begin or end elsewhere")
    notes.append(
        "write onset, apex and offset in frames, or rename the columns to onset_s, apex_s, offset_s and write"
        " seconds; an apex may stay empty, and a row without a movement too: nothing moves there"
    )
    if any(one.is_film for one in media.values()):
        notes.append("frames of a video count from 0; if yours count from 1, add a column first_frame with 1")
    if any(not one.is_film for one in media.values()):
        notes.append("write the frames per second of each folder of pictures into the column fps")
    return notes
