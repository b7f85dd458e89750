"""Reads the table of own clips, ``clips.csv`` or ``clips.xlsx``, and the ``events.csv`` of an analysis."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from openpyxl.utils import get_column_letter

from fleeting.datasets.own.entries import MOMENTS, SPELLINGS, Entry
from fleeting.datasets.reading.cells import is_empty, text
from fleeting.datasets.reading.disk import listing
from fleeting.datasets.reading.sheets import Cells, Workbook, encoding_note, read_workbook
from fleeting.errors import DatasetError, Problem, some

NAME = "clips"
HEADER = ("file", "subject", "onset", "apex", "offset", "label")
"""The columns of the table in frames; in seconds they are onset_s, apex_s, offset_s."""
_ENDINGS = (".csv", ".xlsx", ".xlsm", ".xls")
_LOOKED_AT = 60
"""Rows of a page among which its header is looked for."""


def find_table(root: Path) -> Path | None:
    """The table in the folder, None where there is none. Raises DatasetError where there are several."""
    found = [p for p in listing(root) if p.stem.casefold() == NAME and p.suffix.casefold() in _ENDINGS]
    if len(found) > 1:
        named = some(path.name for path in found)
        raise DatasetError(
            f"{root} holds {named}, expected one table; delete or rename all but the right one"
        )
    return found[0] if found else None


def read_table(path: Path, file: str = "") -> tuple[list[Entry], list[Problem]]:
    """The filled rows of a table, and its problems as a whole.

    ``file`` is the recording of every row, of a table that has no such column. Raises DatasetError where the
    table cannot be read or has no header.
    """
    book = read_workbook(path)
    pages = {name: found for name, rows in book.pages.items() if (found := _header(rows, bool(file)))}
    if not pages:
        raise DatasetError(_no_header(book, bool(file)))
    filled = [name for name in pages if any(map(_is_filled, _below(book, name, pages)))]
    ordered = sorted(filled or pages, key=lambda name: name.casefold() != NAME)
    problems = [*encoding_note(path, book.encoding)]
    if others := ordered[1:]:
        what = f"the page {ordered[0]} of {path.name} is read, its page {some(others)} is not"
        do = "put all rows on one page, or name the page to be read clips"
        problems.append(Problem("", what, do, blocks=ordered[0].casefold() != NAME))
    line, columns = pages[ordered[0]]
    heads = book.pages[ordered[0]][line - 1]
    problems += _unread_heads(path.name, line, heads, columns)
    entries = []
    for number, cells in enumerate(book.pages[ordered[0]][line:], start=line + 1):
        if any(not is_empty(cell) for cell in cells):
            entries.append(_entry(book, number, cells, columns, heads, file))
    return entries, problems


def _header(rows: Sequence[Cells], file_known: bool) -> tuple[int, dict[str, int]] | None:
    """The number of the header's row, from 1, and the column of each field; None where there is no header."""
    for number, cells in enumerate(rows[:_LOOKED_AT], start=1):
        columns = _columns(cells)
        timed = any(name in columns for moment in MOMENTS for name in (moment, f"{moment}_s"))
        if timed and (file_known or "file" in columns):
            return number, columns
    return None


def _columns(cells: Cells) -> dict[str, int]:
    """The column of each field, if this row is a header; of several spellings of a field the first."""
    named = [re.sub(r"[^a-z0-9]", "", text(cell).casefold()) for cell in cells]
    found: dict[str, int] = {}
    for field, spellings in SPELLINGS.items():
        exact = field.replace("_", "")
        places = [place for place, name in enumerate(named) if name in spellings]
        places.sort(key=lambda place: named[place] != exact)
        if places:
            found[field] = places[0]
    return found


def _unread_heads(file: str, line: int, heads: Cells, columns: Mapping[str, int]) -> Iterator[Problem]:
    """A note for each column that is not read and whose head is nearly that of one that is missing."""
    missing = [name for name in HEADER if name not in columns and f"{name}_s" not in columns]
    for place, head in enumerate(heads):
        close = difflib.get_close_matches(text(head).casefold(), missing, n=1, cutoff=0.75)
        if close and place not in columns.values():
            cell = f"{get_column_letter(place + 1)}{line}"
            what = f"row {line} of {file}: the column {text(head)!r} ({cell}) is not read"
            yield Problem("", what, f"did you mean {close[0]}?", blocks=False)


def _below(book: Workbook, name: str, pages: Mapping[str, tuple[int, dict[str, int]]]) -> Sequence[Cells]:
    return book.pages[name][pages[name][0] :]


def _is_filled(cells: Cells) -> bool:
    return any(not is_empty(cell) for cell in cells)


def _entry(
    book: Workbook, number: int, cells: Cells, columns: Mapping[str, int], heads: Cells, file: str
) -> Entry:
    given = {name: cells[place] for name, place in columns.items() if place < len(cells)}
    if file and "file" not in columns:
        given["file"] = file
    places = {name: f"{get_column_letter(place + 1)}{number}" for name, place in columns.items()}
    used = set(columns.values())
    others = {
        text(head) or get_column_letter(place + 1): text(cell)
        for place, (head, cell) in enumerate(zip(heads, cells, strict=False))
        if place not in used and not is_empty(cell)
    }
    where, fault = f"row {number} of {book.path.name}", _fault(book, number, cells, heads)
    return Entry(where, given, places, book.mark, others, fault=fault)


def _fault(book: Workbook, number: int, cells: Cells, heads: Cells) -> tuple[str, str]:
    """What is wrong with a row that has more cells than the header: a comma stands in one of them."""
    if not book.mark or all(map(is_empty, cells[len(heads) :])):
        return "", ""
    what = f"row {number} of {book.path.name}: found {len(cells)} cells, expected {len(heads)}"
    return what, "write fractions with a point (12.5), or save the table with semicolons between the cells"


def _no_header(book: Workbook, file_known: bool) -> str:
    """What is said of a table without a header: what it has, and which of its words come near."""
    if spread := _spread(book, file_known):
        return spread
    expected = ", ".join(HEADER[2:] if file_known else HEADER)
    words = [word for rows in book.pages.values() for cells in rows[:3] for word in map(text, cells) if word]
    near = [
        f"{word} (milliseconds are not read: write seconds into {close[0]}_s)"
        if re.search(r"[\W_](ms|msec|milli\w*)\W*$", word.casefold())
        else f"{word} (did you mean {close[0]}?)"
        for word in words
        if word.casefold() not in HEADER
        and (close := difflib.get_close_matches(word.casefold(), HEADER, n=1))
    ]
    there = ", ".join(near[:3] or words[:6]) or "nothing"
    return (
        f"{book.path} has no header, found {there}, expected a row with {expected}, or onset_s, apex_s,"
        " offset_s for seconds; name its columns so"
    )


def _spread(book: Workbook, file_known: bool) -> str:
    """What is said of a header in two rows, as merged cells make it; "" where there is none."""
    for rows in book.pages.values():
        for number, (above, below) in enumerate(pairwise(rows[:_LOOKED_AT]), start=1):
            joined = tuple(
                lower if text(lower) else upper for upper, lower in zip(above, below, strict=False)
            )
            if _header([joined], file_known):
                found = ", ".join(text(cell) for cell in joined if text(cell))
                return (
                    f"{book.path} has its header in rows {number} and {number + 1} ({found}), expected it in"
                    f" one row; write all names into row {number + 1}, and undo merged cells"
                )
    return ""
