"""Reading annotation sheets (.xlsx, .xls, .csv) as rows of raw cells, with the header in any row."""

from __future__ import annotations

import codecs
import csv
import datetime
import io
import re
import struct
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError

import openpyxl
import xlrd  # type: ignore[import-untyped]
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from fleeting.datasets.reading.cells import Uncomputed, is_empty, text
from fleeting.datasets.reading.disk import contents, reason
from fleeting.errors import DatasetError, Problem

Cells = tuple[object, ...]

HEADERS: Mapping[str, frozenset[str]] = {
    "subject": frozenset({"subject", "sub", "subid"}),
    "clip": frozenset({"filename", "fiename"}),
    "onset": frozenset({"onset", "onsetframe", "onsetf"}),
    "apex": frozenset({"apex", "apexframe", "apexf", "apexf1"}),
    "offset": frozenset({"offset", "offsetframe", "offsetf"}),
    "label": frozenset({"emotion", "estimatedemotion"}),
    "action_units": frozenset({"au", "aus", "actionunit", "actionunits"}),
    "objective": frozenset({"objectiveclass", "objectiveclasses"}),
    "kind": frozenset({"type", "expressiontype"}),
}
"""Spellings of each column in the releases and their re-saved copies: only lower-case letters and digits."""

_MARKS = ",;\t"
_MARKED = re.compile("[,;\t]")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_EXCEL = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # the first bytes of .xlsx and of .xls

# Exceptions of the two readers on a file that is truncated, damaged or of another format than its name says.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ParseError,
    InvalidFileException,
    xlrd.XLRDError,
    xlrd.compdoc.CompDocError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    OSError,
)


@dataclass(frozen=True)
class Workbook:
    """The content of a sheet file: the cells of each page.

    Of a text file also the encoding, and the mark between two cells; in Excel files nothing separates them.
    """

    path: Path
    pages: Mapping[str, Sequence[Cells]]
    encoding: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Row:
    """One row below the header: its number in the file, from 1, its cells and their columns by field."""

    number: int
    cells: Mapping[str, object]
    columns: Mapping[str, int]

    def place(self, field: str) -> str:
        """The name that a spreadsheet gives a field's cell, such as F2."""
        return f"{get_column_letter(self.columns[field] + 1)}{self.number}" if field in self.columns else ""


def read_workbook(path: Path) -> Workbook:
    """All pages of a sheet file. Raises DatasetError where it cannot be read.

    .csv is known by its ending, unless it begins as a file of Excel does; their first bytes decide the
    format.
    """
    try:
        data = contents(path)
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read ({reason(error)}); check its path and permissions"
        ) from error
    if not data:
        raise DatasetError(f"{path} is empty, expected an annotation sheet; copy or save it again")
    if path.suffix.casefold() == ".csv" and not data.startswith(_EXCEL):
        return _text_workbook(path, data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns about formatting that it ignores
            pages = _xlsx(data) if data.startswith(b"PK") else _xls(data)
    except _BROKEN as error:
        what = f"{type(error).__name__}: {text(error)}"
        raise DatasetError(
            f"{path} is not a whole Excel workbook ({what});"
            " copy it again from the release, or save it as .xlsx"
        ) from error
    return Workbook(path, pages)


def _xlsx(data: bytes) -> dict[str, list[Cells]]:
    values, formulas = (openpyxl.load_workbook(io.BytesIO(data), data_only=only) for only in (True, False))
    return {page.title: _xlsx_rows(page, formulas[page.title]) for page in values.worksheets}


def _xlsx_rows(values: Worksheet, formulas: Worksheet) -> list[Cells]:
    """The values of a page; Uncomputed where a formula has none."""
    rows = [list(row) for row in values.iter_rows(values_only=True)]
    for row in formulas.iter_rows():
        for cell in row:
            if cell.data_type == "f" and (at := values.cell(cell.row, cell.column)).value is None:
                # a formula that gave an empty text has the type of a text
                rows[cell.row - 1][cell.column - 1] = Uncomputed() if at.data_type == "n" else None
    return [tuple(row) for row in rows]


def _xls(data: bytes) -> dict[str, list[Cells]]:
    book = xlrd.open_workbook(file_contents=data, logfile=io.StringIO())
    return {
        page.name: [tuple(_xls_cell(cell, book.datemode) for cell in page.row(i)) for i in range(page.nrows)]
        for page in book.sheets()
    }


def _xls_cell(cell: xlrd.sheet.Cell, datemode: int) -> object:
    """A cell's value; times and dates, which the file holds as days, as what they are."""
    if cell.ctype in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK, xlrd.XL_CELL_ERROR):
        return None
    if cell.ctype != xlrd.XL_CELL_DATE:
        return cell.value
    if cell.value < 1:
        return datetime.timedelta(days=cell.value)
    return xlrd.xldate.xldate_as_datetime(cell.value, datemode)


def _text_workbook(path: Path, data: bytes) -> Workbook:
    words, encoding = decoded(path, data)
    mark = _mark(words)
    try:
        lines = csv.reader(io.StringIO(words, newline=""), delimiter=mark, strict=True)
        rows: list[Cells] = [tuple(row) for row in lines]
    except csv.Error as error:
        found = f"{error}{_unclosed(words)}"
        raise DatasetError(
            f"{path} is not a table of values separated by {mark!r} ({found}); save it again"
        ) from error
    return Workbook(path, {path.stem: rows}, encoding, mark)


def _unclosed(words: str) -> str:
    """Which line is the first with a quotation mark that has no second one; "" where there is none."""
    for number, line in enumerate(words.splitlines(), start=1):
        if line.count('"') % 2:
            return f": line {number} has a quotation mark without a second one"
    return ""


def _mark(words: str) -> str:
    """The character that separates cells: the comma, semicolon or tab that is most frequent in most lines."""
    favourites = Counter(max(_MARKS, key=line.count) for line in words.splitlines() if _MARKED.search(line))
    return favourites.most_common(1)[0][0] if favourites else ","


def decoded(path: Path, data: bytes) -> tuple[str, str]:
    """Decode bytes as UTF-8, UTF-16, GB 18030 or Windows-1252; returns the text and the encoding.

    UTF-16 is known by the mark at its beginning: Excel's "Unicode text" has it. Other text that is not UTF-8
    is Chinese where most characters beyond ASCII come as pairs of bytes, and western where most stand alone,
    as letters with accents do. A result with control characters is refused: it is not text. Raises
    DatasetError where no encoding fits.
    """
    beyond = re.findall(rb"[\x80-\xff]+", data)
    western = sum(len(run) == 1 for run in beyond) > len(beyond) / 2
    others = ("cp1252", "gb18030") if western else ("gb18030", "cp1252")
    for encoding in ("utf-16",) if data.startswith(_UTF_16) else ("utf-8-sig", *others):
        try:
            words = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not re.search(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]", words):
            return words, encoding
    raise DatasetError(
        f"{path} is not text in UTF-8, UTF-16, GB 18030 or Windows-1252; save it as CSV in UTF-8"
    )


def encoding_note(path: Path, encoding: str) -> Iterator[Problem]:
    """A note where a text file is not UTF-8; ``encoding`` is "" for a file that is not text."""
    if encoding not in ("", "utf-8-sig"):
        what = f"{path.name} is not UTF-8 and was read as {encoding}"
        yield Problem("", what, "save it again in UTF-8 if names look wrong", blocks=False)


def tables(book: Workbook, page: str, required: Sequence[str]) -> dict[str, list[Row]]:
    """The pages with a header, a row that names every required field, and their rows below it.

    The first page is the one to read: that which is named as in the release, else the first of the workbook,
    because re-saved copies rename it. Pages without a row are left out if any page has one. The header is
    looked for in the first 60 rows of a page. Raises DatasetError where there is none.
    """
    ordered = sorted(book.pages.items(), key=lambda named: named[0] != page)
    nearest: dict[str, int] = {}
    found: dict[str, list[Row]] = {}
    for name, rows in ordered:
        for number, cells in enumerate(rows[:60], start=1):
            columns = _columns(cells)
            if set(required) <= set(columns):
                found[name] = list(_rows(rows[number:], columns, number + 1))
                break
            nearest = max(nearest, columns, key=len)
    if found:
        return {name: rows for name, rows in found.items() if rows} or found
    there = f"columns for {', '.join(nearest)} only" if nearest else "no header"
    raise DatasetError(
        f"{book.path} has {there}, expected one row that names {', '.join(required)};"
        " use the sheet of the release, in UTF-8 if it is text"
    )


def headerless(book: Workbook, page: str, fields: Sequence[str], numeric: str) -> list[Row]:
    """Rows of a page without a header; ``fields`` names its columns in order.

    Raises DatasetError where the first row has no number in the column ``numeric``.
    """
    rows = book.pages.get(page) or next(iter(book.pages.values()), ())
    columns = {field: place for place, field in enumerate(fields)}
    place = columns[numeric]
    first = next((cells for cells in rows if not all(map(is_empty, cells))), ())
    if len(first) <= place or not _is_number(first[place]):
        raise DatasetError(
            f"{book.path} does not start with {', '.join(fields)} in this order; use the sheet of the release"
        )
    return list(_rows(rows, columns, 1))


def _is_number(cell: object) -> bool:
    """Whether a cell holds a number, or a formula that may give one."""
    return isinstance(cell, Uncomputed) or re.fullmatch(r"\d+([.,]\d+)?", text(cell), re.ASCII) is not None


def _columns(cells: Cells) -> dict[str, int]:
    """The column of each field, if this row is a header."""
    names = [re.sub(r"[^a-z0-9]", "", text(cell).casefold()) for cell in cells]
    found: dict[str, int] = {}
    for place, name in enumerate(names):
        for field, spellings in HEADERS.items():
            if name in spellings:
                found.setdefault(field, place)
    return found


def _rows(rows: Sequence[Cells], columns: Mapping[str, int], start: int) -> Iterator[Row]:
    for number, cells in enumerate(rows, start=start):
        named = {field: cells[place] for field, place in columns.items() if place < len(cells)}
        if not all(map(is_empty, named.values())):
            yield Row(number, named, columns)
