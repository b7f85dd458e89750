"""Reads the lines of a user's text file, and refuses a line that cannot be used."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from fleeting.errors import LogError


def read_lines(path: Path, blanks: str | None = None) -> list[tuple[int, str]]:
    """The lines of a text file that hold a word, with their numbers, stripped of blanks at both ends.

    ``blanks`` are the characters to strip; it is given where a tab at an end means an empty cell. Raises
    LogError where the file cannot be read or no line holds a word.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise LogError(f"{path}: cannot be read ({error.strerror}); expected a text file") from error
    except UnicodeDecodeError as error:
        raise LogError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8 text") from error
    lines = [(i, line.strip(blanks)) for i, line in enumerate(text.splitlines(), start=1) if words_of(line)]
    if not lines:
        raise LogError(f"{path}: holds nothing; expected a log or a table of labels")
    return lines


def cells_of(path: Path, lines: Sequence[tuple[int, str]]) -> list[list[str]]:
    """The cells of each line of a CSV. Raises LogError on a line that is not CSV."""
    try:
        return [next(csv.reader([text])) for _, text in lines]
    except csv.Error as error:
        raise LogError(f"{path}: {error}; expected comma-separated values") from error


def refuse(path: Path, line: int, found: str, expected: str) -> NoReturn:
    """Raise LogError about one line."""
    raise LogError(f"{path}, line {line}: found {found!r}, expected {expected}")


def words_of(line: str) -> list[str]:
    """The words of a line, which blanks, commas and semicolons separate."""
    return re.findall(r"[^\s,;]+", line)
