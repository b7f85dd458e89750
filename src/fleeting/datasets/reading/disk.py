"""Finding a dataset's files on the disk: folders in any letter case, pictures by frame number, sheets."""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from fleeting.datasets.reading.cells import last_number
from fleeting.errors import DatasetError

_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"})
_SHEETS = frozenset({".xlsx", ".xlsm", ".xls", ".csv"})


def reason(error: OSError) -> str:
    """The operating system's reason for an error, in lower case."""
    return (error.strerror or str(error)).lower()


def listing(folder: Path) -> list[Path]:
    """The contents of a folder sorted by name, without hidden files and lock files of office programs.

    Raises DatasetError where the folder cannot be listed.
    """
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise DatasetError(
            f"{folder} cannot be listed ({reason(error)}), expected a readable folder;"
            " check its path and permissions"
        ) from error
    return [path for path in found if not path.name.startswith((".", "~$"))]


def is_folder(path: Path) -> bool:
    """Whether the path is a folder. Raises DatasetError where permissions do not let us look."""
    try:
        return path.is_dir()
    except OSError as error:
        raise DatasetError(f"{path} cannot be reached ({reason(error)}); check its permissions") from error


def folders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted by name. Raises DatasetError."""
    return [path for path in listing(folder) if is_folder(path)]


def under(root: Path, pattern: str, facts: Mapping[str, str]) -> list[Path]:
    """Folders below ``root`` that match a pattern such as ``cropped/{person}/*``, ignoring letter case.

    ``facts`` are the values of the fields in braces. Raises DatasetError where a folder cannot be listed.
    """
    found = [root]
    for part in pattern.split("/"):
        found = [child for folder in found for child in _children(folder, part, facts)]
    return found


def _children(folder: Path, part: str, facts: Mapping[str, str]) -> list[Path]:
    exact = folder / part.format_map(facts)
    if "*" not in part and is_folder(exact):
        return [exact]
    wanted = part.format_map({name: glob.escape(value) for name, value in facts.items()}).casefold()
    return [path for path in listing(folder) if fnmatchcase(path.name.casefold(), wanted) and is_folder(path)]


def pictures(folder: Path) -> dict[int, Path]:
    """Picture files by frame number, sorted; pictures without a number are ignored. Raises DatasetError."""
    found: dict[int, Path] = {}
    for path in listing(folder):
        if path.suffix.casefold() in _PICTURES and re.search(r"\d", path.stem, re.ASCII):
            found.setdefault(number_of(path), path)
    return dict(sorted(found.items()))


def number_of(path: Path) -> int:
    """The frame number of a picture file, the last number of its name. Raises DatasetError if it has none."""
    try:
        return last_number(path.stem)
    except ValueError as error:
        raise DatasetError(
            f"{path} has no frame number in its name; rename it as the dataset does"
        ) from error


def fault(path: Path) -> str:
    """The reason why a file cannot be used, found without decoding it; "" where no reason is found."""
    try:
        with path.open("rb") as file:
            return "" if file.read(1) else f"{path.name} is empty"
    except OSError as error:
        return f"{path.name} cannot be opened ({reason(error)})"


def find_sheet(root: Path, stems: Sequence[str]) -> Path | None:
    """The annotation file whose name matches one of ``stems``, in the root or one folder below it.

    Files in the root come first, then earlier stems; of several matches the last by name is taken. None where
    there is no match. Raises DatasetError where ``root`` is not a folder.
    """
    if not is_folder(root):
        raise DatasetError(f"{root} is not a folder; name the folder that holds the dataset")
    here = listing(root)
    nested = [path for path in here if is_folder(path)]
    for files in (here, [path for folder in nested for path in _readable(folder)]):
        sheets = [path for path in files if path.suffix.casefold() in _SHEETS]
        for stem in stems:
            fitting = [path for path in sheets if fnmatchcase(path.stem.casefold(), stem.casefold())]
            if fitting:
                return fitting[-1]
    return None


def _readable(folder: Path) -> list[Path]:
    """The contents of a folder; none where it cannot be read, as its clips are reported elsewhere."""
    try:
        return listing(folder)
    except DatasetError:
        return []
