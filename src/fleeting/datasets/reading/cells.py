"""What a cell of an annotation sheet says: a word, a name, a frame number, an objective class."""

from __future__ import annotations

import datetime
import math
import re

_MISSING = frozenset({"", "/", "-", "nan", "none", "n/a", "na"})
_NUMBER = re.compile(r"0*\d{1,9}(?:\.\d*)?", re.ASCII)  # cameras count to eight digits
_MINUS_ONE = re.compile(r"-1(?:\.0*)?", re.ASCII)
_LONGEST = 200  # bytes; file systems take 255, with what stands before and after a name
_ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7}


def text(cell: object) -> str:
    """The cell as one line without stray blanks; whole numbers without a decimal point, nothing as ""."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        if math.isnan(cell):
            return ""
        if cell.is_integer():
            return str(int(cell))
    if isinstance(cell, datetime.datetime):
        return cell.date().isoformat()
    return " ".join(str(cell).split())


def plain(name: str, of: str) -> str:
    """A name that a folder or a file can have, one part of a path. Raises ValueError, saying ``of`` what."""
    unfit = not name or name.startswith(".") or re.search(r"[/\\@#]", name) or not name.isprintable()
    if unfit or len(name.encode()) > _LONGEST:
        raise ValueError(f"{shortened(name)!r} is not the name of a {of}")
    return name


def shortened(words: str) -> str:
    """Words that a message repeats, no more than a line of them."""
    return words if len(words) <= 80 else f"{words[:80]}..."


def frame_number(cell: object) -> int | None:
    """A frame number; None where the sheet leaves it out (blank, "/", -1).

    Text and floats with noise (566.4000000000001) are read; anything else raises ValueError.
    """
    word = text(cell)
    if word.casefold() in _MISSING or _MINUS_ONE.fullmatch(word):
        return None
    if isinstance(cell, bool) or not _NUMBER.fullmatch(word):
        raise ValueError(f"{word!r} is not a frame number")
    return round(float(word))


def later_frame(cell: object) -> int | None:
    """An apex or offset: as `frame_number`, but 0 too means that it was left out."""
    return frame_number(cell) or None


def objective_class(cell: object) -> int | None:
    """The objective class, 1 to 7, written as a number or in Roman numerals. Raises ValueError."""
    word = text(cell)
    if word.casefold() in _MISSING:
        return None
    number = _ROMAN.get(word.upper(), 0) or (int(word) if re.fullmatch("[1-7]", word) else 0)
    if not number:
        raise ValueError(f"{word!r} is not an objective class (I to VII)")
    return number


def last_number(word: str) -> int:
    """The last run of digits: the frame of ``reg_img46``, the person of ``sub01``. Raises ValueError."""
    digits = re.findall(r"\d+", word, re.ASCII)
    if not digits:
        raise ValueError(f"{word!r} holds no number")
    return int(digits[-1])
