"""Parsing one cell of an annotation sheet: a word, a name, a frame number, an objective class."""

from __future__ import annotations

import datetime
import math
import re

from fleeting.files import utf8
from fleeting.scoring.frame_numbers import has_fraction, number_in

_MISSING = frozenset({"", "/", "-", "nan", "none", "n/a", "na"})
_NUMBER = re.compile(r"0*\d{1,9}(?:[.,]\d*)?", re.ASCII)  # cameras count to eight digits
_MINUS_ONE = re.compile(r"-1(?:\.0*)?", re.ASCII)
_TIME = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,4}):)?(\d{1,6}(?:[.,]\d*)?|[.,]\d+)(?: ?s| ?sec\.?)?", re.ASCII)
_MONTH = r"(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-zä]*\.?"
_DATE = re.compile(
    r"\d{4}-\d\d?-\d\d?|\d{1,2}([./-])\d{1,2}\1\d{2,4}"
    rf"|\d{{1,4}}[ .-]*{_MONTH}|{_MONTH}[ .-]*\d{{1,4}}"
)
# Characters without a width; Windows puts one before a path that is copied from a file's properties.
_UNSEEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_LONGEST = 200  # bytes; file systems allow 255, and names get prefixes and suffixes
_ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7}


class Uncomputed:
    """What stands in a cell whose formula was never computed; as text it is empty."""


def is_empty(cell: object) -> bool:
    """Whether nobody has filled a cell in; an uncomputed formula fills it."""
    return not isinstance(cell, Uncomputed) and not text(cell)


def text(cell: object) -> str:
    """The cell as one line of text without extra blanks, and without characters that nobody sees.

    Whole numbers have no decimal point, dates are in ISO format, and an empty cell is "".
    """
    if cell is None or isinstance(cell, Uncomputed):
        return ""
    if isinstance(cell, float):
        if math.isnan(cell):
            return ""
        if cell.is_integer():
            return str(int(cell))
    if isinstance(cell, datetime.datetime):
        return cell.date().isoformat()
    return " ".join(_UNSEEN.sub("", str(cell)).split())


def is_date(cell: object) -> bool:
    """Whether a cell is a date, or text that looks like one: what Excel makes of 10.1 or of 1-10."""
    return isinstance(cell, datetime.date) or bool(_DATE.fullmatch(text(cell).casefold()))


def plain(name: str, of: str) -> str:
    """The name, if it can be one part of a path (a folder or a file). Else raises ValueError.

    ``of`` says in the error what the name is for.
    """
    unfit = not name or name.startswith(".") or re.search(r"[/\\@#]", name) or not name.isprintable()
    if unfit or len(utf8(name)) > _LONGEST:
        raise ValueError(f"{shortened(name)!r} is not the name of a {of}")
    return name


def shortened(words: str) -> str:
    """Text cut to 80 characters, for use in an error message."""
    return words if len(words) <= 80 else f"{words[:80]}..."


def frame_number(cell: object, mark: str = ",", *, rounded: bool = False) -> int | None:
    """A frame number; None where the sheet leaves it out (blank, "/", -1).

    Numbers, and text in a table whose cells are separated by ``mark``, are read; noise up to 1e-6 is rounded
    off, and any fraction where ``rounded`` is set. Anything else raises ValueError.
    """
    word = text(cell)
    if word.casefold() in _MISSING or _MINUS_ONE.fullmatch(word):
        return None
    refusal = f"{word!r} is not a frame number"
    if isinstance(cell, bool) or not _NUMBER.fullmatch(word):
        raise ValueError(refusal)
    try:
        number = number_in(word, mark if isinstance(cell, str) else ",")
    except ValueError as error:
        raise ValueError(f"{refusal}: {error}") from error
    if has_fraction(number) and not rounded:
        raise ValueError(f"{refusal}: it has a fraction, as seconds and frames of another rate have")
    return round(number)


def seconds(cell: object) -> float | None:
    """A time in seconds; None where the sheet leaves it out (blank, "/", -1).

    Read are numbers, with a point or a comma before the fraction and perhaps an ``s`` behind, times such as
    ``1:10.5`` or ``00:01:10.5``, and the cells that Excel makes of these. Anything else raises ValueError.
    """
    if isinstance(cell, datetime.timedelta):
        return cell.total_seconds()
    if isinstance(cell, datetime.time):
        return 3600.0 * cell.hour + 60.0 * cell.minute + cell.second + cell.microsecond / 1e6
    if is_date(cell):
        raise ValueError(f"{text(cell)} is a date: Excel made it of what was typed; format the cell as text")
    word = text(cell)
    if word.casefold() in _MISSING or _MINUS_ONE.fullmatch(word):
        return None
    found = None if isinstance(cell, bool) else _TIME.fullmatch(word.casefold())
    if found is None:
        raise ValueError(f"{shortened(word)!r} is not a time; write seconds (70.5) or 00:01:10.5")
    hours, minutes, rest = found.groups()
    return 3600.0 * int(hours or 0) + 60.0 * int(minutes or 0) + float(rest.replace(",", "."))


def later_frame(cell: object, mark: str = ",", *, rounded: bool = False) -> int | None:
    """The frame number of an apex or offset: like `frame_number`, but 0 also means that it was left out."""
    return frame_number(cell, mark, rounded=rounded) or None


def is_fraction(cell: object, mark: str = ",") -> bool:
    """Whether a cell holds a number of frames with a fraction."""
    try:
        return frame_number(cell, mark, rounded=True) is not None and has_fraction(
            number_in(text(cell), mark)
        )
    except ValueError:
        return False


def objective_class(cell: object) -> int | None:
    """The objective class, 1 to 7, written as a number or in Roman numerals; None where it is missing.

    Raises ValueError on anything else.
    """
    word = text(cell)
    if word.casefold() in _MISSING:
        return None
    number = _ROMAN.get(word.upper(), 0) or (int(word) if re.fullmatch("[1-7]", word) else 0)
    if not number:
        raise ValueError(f"{word!r} is not an objective class (I to VII)")
    return number


def last_number(word: str) -> int:
    """The last run of digits in a word, such as 46 in ``reg_img46`` and 1 in ``sub01``.

    Raises ValueError where there is none.
    """
    digits = re.findall(r"\d+", word, re.ASCII)
    if not digits:
        raise ValueError(f"{word!r} holds no number")
    return int(digits[-1])
