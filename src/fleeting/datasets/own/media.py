"""Finds the recordings in a folder by the names that people give them, and lists the frames of each."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from fleeting.datasets.reading.disk import is_folder, listing, pictures, reason
from fleeting.datasets.reading.films import film_times
from fleeting.errors import DatasetError, some
from fleeting.video.containers import looks_like_video

FOLDER_FPS = 30.0
"""Frames per second of a folder of pictures for which the table states none."""
SUMMARY = "summary.json"
"""The file by which a folder of results of an analysis is known."""


@dataclass(frozen=True, eq=False)
class Medium:
    """A recording: its name below the root, and the number and the time (seconds) of each of its frames.

    Frames of a video file count from 0, in the order in which they are shown; those of a folder of pictures
    have the numbers in their names. ``start`` is the time at which a player's clock shows 0.
    """

    name: str
    path: Path
    numbers: npt.NDArray[np.int64]
    times: npt.NDArray[np.float64]
    start: float = 0.0
    fps: float | None = None
    """Frames per second that the table states; None where the file's own times count."""

    @property
    def is_film(self) -> bool:
        """Whether it is a video file, not a folder of pictures."""
        return not self.path.is_dir()

    @property
    def rate(self) -> float:
        """Frames per second: the inverse of the median time between two frames."""
        if len(self.times) < 2:
            return self.fps or FOLDER_FPS
        steps = np.diff(self.times) / np.diff(self.numbers)
        return float(round(1 / np.median(steps), 6))

    def nearest(self, time: float) -> int | None:
        """The number of the frame nearest to a time in seconds; None where no frame is within a period."""
        place = int(np.abs(self.times - time).argmin())
        near = abs(float(self.times[place]) - time) <= 1 / self.rate
        inside = self.times[0] <= time <= self.times[-1]
        return int(self.numbers[place]) if near or inside else None


def medium(root: Path, path: Path, fps: float | None = None) -> Medium:
    """The recording at a path below the root. Raises DatasetError where it cannot be read."""
    name = path.relative_to(root).as_posix()
    if not path.is_dir():
        times, start = film_times(path, fps)
        return Medium(name, path, np.arange(len(times)), times, start, fps)
    numbers = np.array(list(pictures(path)), dtype=np.int64)
    if len(numbers) < 2:
        raise DatasetError(f"{name} holds {len(numbers)} numbered pictures, expected two or more; see inside")
    return Medium(name, path, numbers, (numbers - numbers[0]) / (fps or FOLDER_FPS), 0.0, fps or FOLDER_FPS)


def media_below(root: Path) -> dict[str, Path]:
    """Every video file and every folder of numbered pictures below the root, by name, sorted.

    Hidden files and the folders of an analysis are passed over. Raises DatasetError where the root cannot be
    listed.
    """
    if not is_folder(root):
        raise DatasetError(
            f"{root} is not a folder; name the folder that holds the recordings and their table"
        )
    listing(root)  # says so where it cannot be
    return {path.relative_to(root).as_posix(): path for path in sorted(_media(root))}


def folders_below(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Every folder from the root down that is not hidden, with the names of its files; links are followed.

    What lies deeper in the results of an analysis is passed over.
    """
    seen = set()
    for place, folders, files in os.walk(root, followlinks=True):
        if (real := os.path.realpath(place)) in seen:
            folders.clear()
            continue
        seen.add(real)
        mine = SUMMARY in files and is_analysis(Path(place))
        folders[:] = [] if mine else sorted(name for name in folders if not name.startswith("."))
        yield Path(place), sorted(name for name in files if not name.startswith((".", "~$")))


def is_analysis(folder: Path) -> bool:
    """Whether a folder holds the results of an analysis."""
    return analysed(folder) is not None


def analysed(folder: Path) -> dict[str, object] | None:
    """The record in the summary of an analysis; None in any other folder."""
    try:
        found = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("purpose") == "analyze" else None


def _media(root: Path) -> Iterator[Path]:
    for folder, files in folders_below(root):
        if SUMMARY in files and is_analysis(folder):
            continue
        paths = [folder / name for name in files]
        yield from (path for path in paths if path.is_file() and looks_like_video(path))  # a pipe would wait
        if folder != root and len(pictures(folder)) > 1:
            yield folder


def find(name: str, there: Mapping[str, Path]) -> str:
    """The recording that a name means. Raises ValueError, with the nearest name, where it is none of them.

    A name may have backslashes, lack its extension, differ in capitals, and be a path of another machine: its
    last parts have to be a whole name below the root. A name without folders may be of a recording anywhere
    below the root, where only one is called so.
    """
    plain = unquote(name.partition("://")[2]) if "://" in name else name
    parts = [
        part for part in plain.strip().strip("\"'").replace("\\", "/").split("/") if part not in ("", ".")
    ]
    if not parts:
        raise ValueError("found nothing, expected the name of a recording")
    fitting: list[str] = []
    for first in range(len(parts)):
        wanted = "/".join(parts[first:])
        fitting = [wanted] if wanted in there else [one for one in there if _fold(wanted) in _forms(one)]
        if fitting:
            break
    if not fitting and len(parts) == 1:
        fitting = [one for one in there if _fold(parts[0]) in _forms(PurePosixPath(one).name)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ValueError(f"found {name!r}, which may be {some(fitting)}; write which")
    raise ValueError(_missing(name, parts[-1], there))


def _forms(name: str) -> set[str]:
    """How a recording may be called: with its extension and without."""
    path = PurePosixPath(name)
    return {_fold(name), _fold(path.with_suffix("").as_posix())}


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _missing(name: str, last: str, there: Mapping[str, Path]) -> str:
    names = {one: _fold(PurePosixPath(one).name) for one in there}
    close = difflib.get_close_matches(_fold(last), sorted({*names.values()}), n=1, cutoff=0.5)
    whole = {_fold(one): one for one, known in names.items() if known in close}
    near = difflib.get_close_matches(_fold(name), whole, n=1, cutoff=0.0)
    if not there:
        return f"found {name!r}, and there is no recording below the folder; put it there"
    hint = f"did you mean {whole[near[0]]!r}?" if near else f"there are {some(there)}"
    return f"found {name!r}, which is not there, expected a recording below the folder; {hint}"


def twins(media: Sequence[Medium]) -> list[list[str]]:
    """The names of recordings of the same content, each group once; only those of one size are read."""
    sizes: dict[tuple[int, int], list[Medium]] = {}
    for one in media:
        files = _files(one)
        sizes.setdefault((len(files), sum(path.stat().st_size for path in files)), []).append(one)
    alike: dict[str, list[str]] = {}
    for group in sizes.values():
        for one in group if group[1:] else ():
            alike.setdefault(_digest(one), []).append(one.name)
    return [names for names in alike.values() if names[1:]]


def _files(one: Medium) -> list[Path]:
    return [
        path for path in (pictures(one.path).values() if not one.is_film else [one.path]) if path.is_file()
    ]


def _digest(one: Medium) -> str:
    digest = hashlib.sha256()
    try:
        for path in _files(one):
            with path.open("rb") as file:
                while block := file.read(2**20):
                    digest.update(block)
    except OSError as error:
        return f"{one.name}: {reason(error)}"  # like no other
    return digest.hexdigest()
