"""Reads whose clips anybody's list holds: tables with columns, MEGC's lists, and bare lines of paths."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fleeting.benchmark.clip_paths import database_of, person_of, place_of
from fleeting.datasets.own.entries import SPELLINGS
from fleeting.datasets.reading.cells import text
from fleeting.datasets.reading.sheets import read_workbook
from fleeting.errors import LogError
from fleeting.scoring.lines import read_lines, refuse, words_of

COLUMNS: Mapping[str, frozenset[str]] = {
    "person": SPELLINGS["subject"] | {"people", "subjects", "userid", "identity"},
    "clip": SPELLINGS["file"] | {"clipname", "image", "imagepath", "filepath", "frames", "folder", "sample"},
    "id": frozenset({"id", "name", "clipid", "sampleid", "imageid", "vid", "videoid"}),
    "database": frozenset({"dataset", "database", "db"}),
    "onset": SPELLINGS["onset"],
}
"""Headers of what is read, only lower-case letters and digits."""
LABELS = SPELLINGS["label"] | {"labels", "emotionid", "classid", "target", "numframes", "totalframes"}
"""Further headers, by which a line is known as one."""
_TABLES = (".csv", ".xlsx", ".xlsm", ".xls")
_OTHERS = (".json", ".jsonl", ".pkl", ".pt", ".npy", ".npz", ".mat", ".h5", ".zip")
_LOOKED_AT = 60


@dataclass(frozen=True, order=True)
class Listed:
    """One row of a list: the database ("" where it is not said), the person and the clip."""

    database: str
    person: str
    clip: str


@dataclass(frozen=True)
class Listing:
    """The clips of one list, and how person and clip were understood, in a few words each."""

    path: Path
    clips: tuple[Listed, ...]
    person: str
    clip: str
    remarks: tuple[str, ...] = ()


def read_listing(path: Path) -> Listing:
    """Read a list of clips. Raises LogError or DatasetError where no row says whose clip it is."""
    if path.suffix.casefold() in _OTHERS:
        raise LogError(
            f"{path} is a {path.suffix} file, expected a table (CSV, Excel) or lines of paths; save as one"
        )
    rows = list(_rows(path))
    header = next((i for i, (_, cells) in enumerate(rows[:_LOOKED_AT]) if _columns(cells)), None)
    if header is not None:
        return _table(path, _columns(rows[header][1]), rows[header][1], rows[header + 1 :])
    first = rows[0][1]
    if len(first) == 4 and database_of(first[0]) and first[3].isdigit():
        columns = {"database": 0, "person": 1, "clip": 2}
        return _table(path, columns, ["dataset", "subject", "clip", "label"], rows)
    return _lines(path, rows)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The filled rows of a file, each with its number, as cells of text."""
    if path.suffix.casefold() in _TABLES:
        pages = read_workbook(path).pages.values()
        cells = max(pages, key=len, default=())
        rows = [(i, [text(cell) for cell in row]) for i, row in enumerate(cells, start=1)]
    else:
        lines = read_lines(path, " ")
        mark = max("\t;,", key=lines[0][1].count)
        split = csv.reader([line for _, line in lines], delimiter=mark)
        rows = [
            (i, [" ".join(cell.split()) for cell in row]) for (i, _), row in zip(lines, split, strict=True)
        ]
    filled = [(number, row) for number, row in rows if any(row)]
    if not filled:
        raise LogError(f"{path}: holds nothing; expected a list of clips")
    if all(len(list(filter(None, row))) == 1 for _, row in filled) and _columns(words_of(filled[0][1][0])):
        filled = [(number, words_of(row[0])) for number, row in filled]
    yield from filled


def _columns(cells: Sequence[str]) -> dict[str, int]:
    """The column of each field, if this row is a header."""
    names = [re.sub(r"[^a-z0-9]", "", cell.casefold()) for cell in cells]
    found: dict[str, int] = {}
    for field, spellings in COLUMNS.items():
        places = [place for place, name in enumerate(names) if name in spellings]
        if places:
            found[field] = places[0]
    if "clip" not in found and "id" in found:
        found["clip"] = found["id"]
    known = sum(any(name in each for each in (*COLUMNS.values(), LABELS)) for name in names)
    alone = len(list(filter(None, names))) == 1
    return found if found.keys() & {"person", "clip"} and (known > 1 or alone) else {}


def _table(
    path: Path, columns: Mapping[str, int], heads: Sequence[str], rows: Sequence[tuple[int, list[str]]]
) -> Listing:
    """The clips of a table whose columns are known."""
    clips, apart = [], 0
    for number, cells in rows:
        given = {field: cells[at] if at < len(cells) else "" for field, at in columns.items()}
        word, named = given.get("person", ""), given.get("clip", "")
        place = place_of(named)
        if "/" in word:
            given["database"], _, word = word.partition("/")
        person = person_of(word) if word else place.person
        if not person:
            what = f"a person in the column {heads[columns['person']]}" if "person" in columns else _NO_PERSON
            refuse(path, number, named or ",".join(cells), what)
        apart += bool(word and place.person and person != place.person)
        stated = given.get("database", "")
        database = (database_of(stated) or stated.casefold()) or place.database
        clip = place.clip + (f"@{given['onset']}" if given.get("onset") else "")
        clips.append(Listed(database, person, clip if named else ""))
    if not clips:
        raise LogError(f"{path}: its header has no rows below it; expected a row for each clip")
    said = f"the column {heads[columns['person']]}" if "person" in columns else _as_written(clips)
    clip = f"the column {heads[columns['clip']]}" if "clip" in columns else "not said"
    clip += f" and {heads[columns['onset']]}" if "onset" in columns and "clip" in columns else ""
    note = (
        f"{path}: in {apart} of {len(clips)} rows the path names another person than the column, which counts"
    )
    return Listing(path, tuple(clips), said, clip, (note,) if apart else ())


_NO_PERSON = (
    "a path in which the person stands, such as sub05/EP02_01f, 006_1_2, s1/s1_ne_01 or spNO.1_a_355; add a"
    " column subject where it does not"
)


def _lines(path: Path, rows: Sequence[tuple[int, list[str]]]) -> Listing:
    """The clips of bare lines: a path, and perhaps labels and numbers of frames behind it."""
    clips = []
    for number, cells in rows:
        named = _path_in(cells)
        place = place_of(named)
        if not place.person:
            refuse(path, number, " ".join(cells), _NO_PERSON)
        clips.append(Listed(place.database, place.person, place.clip))
    return Listing(
        path, tuple(clips), _as_written(clips), "the part of the path behind the person, or with it"
    )


def _path_in(cells: Sequence[str]) -> str:
    """The path of a line: up to the last word with a slash, or the first word that is no number."""
    words = [word for cell in cells for word in cell.split(" ") if word] if len(cells) == 1 else list(cells)
    slashed = [i for i, word in enumerate(words) if re.search(r"[/\\]", word)]
    if slashed:
        return " ".join(words[: slashed[-1] + 1]) if len(cells) == 1 else words[slashed[0]]
    return next((word for word in words if not word.isdigit()), words[0])


def _as_written(clips: Sequence[Listed]) -> str:
    """How people stand in the paths of a list, by the databases that were recognised."""
    titles = {
        "casme2": "CASME II",
        "casme3": "CAS(ME)^3",
        "casme-sq": "CAS(ME)^2",
        "samm": "SAMM",
        "smic": "SMIC",
    }
    found = Counter(clip.database for clip in clips)
    names = [titles.get(name, name) or "folders of people" for name, _ in found.most_common()]
    return f"read from the path, as in {', '.join(names)}"
