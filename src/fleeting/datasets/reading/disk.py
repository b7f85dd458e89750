"""Finding a dataset's files on the disk: folders in any letter case, pictures by frame number, sheets."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
    """Picture files by frame number, sorted; pictures without a number are ignored. Raises DatasetError.

    Of several pictures of one number the first of `pictures_by_number` is taken; a check reports them.
    """
    return {number: paths[0] for number, paths in pictures_by_number(folder).items()}


def pictures_by_number(folder: Path) -> dict[int, list[Path]]:
    """All picture files of each frame number, sorted by number. Raises DatasetError.

    Pictures of one number stand in the order of their series, the longest first, then those with the shorter
    name: ``img50.jpg`` before ``img50 - Copy.jpg``.
    """
    found: dict[int, list[Path]] = {}
    for path in listing(folder):
        if path.suffix.casefold() in _PICTURES and re.search(r"\d", path.stem, re.ASCII):
            found.setdefault(number_of(path), []).append(path)
    if any(len(paths) > 1 for paths in found.values()):
        length = Counter(_series(path) for paths in found.values() for path in paths)
        for paths in found.values():
            paths.sort(key=lambda path: (-length[_series(path)], len(path.name), path.name))
    return dict(sorted(found.items()))


def _series(path: Path) -> str:
    """What the names of the pictures of one series share: all but the frame number."""
    return re.sub(r"\d+(?=\D*$)", "#", path.stem, flags=re.ASCII) + path.suffix.casefold()


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
        if not path.is_dir() and path.exists() and not path.is_file():
            return f"{path.name} is no file"  # reading a pipe would wait for ever
        with path.open("rb") as file:
            return "" if file.read(1) else f"{path.name} is empty"
    except OSError as error:
        return f"{path.name} cannot be opened ({reason(error)})"


def contents(path: Path) -> bytes:
    """The bytes of a file. Raises OSError where it cannot be read, and on what is no file, such as a pipe."""
    if path.exists() and not path.is_dir() and not path.is_file():
        raise OSError("it is no file")  # reading a pipe would wait for ever
    return path.read_bytes()


def find_sheet(root: Path, stems: Sequence[str]) -> Path | None:
    """The annotation file that is read: the first of `sheets`; None where there is none."""
    return next(sheets(root, stems), None)


def sheets(root: Path, stems: Sequence[str]) -> Iterator[Path]:
    """The annotation files whose names match one of ``stems``, in the root or one folder below it.

    Files in the root come first, then earlier stems, then later names. Raises DatasetError where ``root`` is
    not a folder.
    """
    if not is_folder(root):
        raise DatasetError(f"{root} is not a folder; name the folder that holds the dataset")
    here = listing(root)
    yield from _fitting(here, stems)
    yield from _fitting([path for folder in here if is_folder(folder) for path in _readable(folder)], stems)


def _fitting(files: Sequence[Path], stems: Sequence[str]) -> dict[Path, None]:
    """The sheets among these files, each once: earlier stems first, then later names."""
    tables = [path for path in reversed(files) if path.suffix.casefold() in _SHEETS]
    ordered = [p for stem in stems for p in tables if fnmatchcase(p.stem.casefold(), stem.casefold())]
    return dict.fromkeys(ordered)


def _readable(folder: Path) -> list[Path]:
    """The contents of a folder; none where it cannot be read, as its clips are reported elsewhere."""
    try:
        return listing(folder)
    except DatasetError:
        return []
