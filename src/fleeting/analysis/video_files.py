"""Finds the videos in the files and folders that a user names, and names the folder of results of each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fleeting.errors import VideoError
from fleeting.video.sources import PICTURES, reason

VIDEOS = frozenset(
    f".{suffix}"
    for suffix in (
        *("mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "wmv", "asf", "flv", "3gp", "ogv", "mxf"),
        *("ts", "mts", "m2ts", "vob", "dv", "y4m", "mjpeg", "gif"),
    )
)
"""Extensions of the files that count as videos in a folder. A file that the user names is always opened."""
RESULTS = frozenset(("summary.json", "frames.csv", "events.json"))
"""Files that mark a folder as results of this package."""


@dataclass(frozen=True)
class VideoFile:
    """A video file, or a folder of pictures that stands for one, and the name of its results' folder."""

    source: Path
    name: str


def video_files(paths: Sequence[str | Path]) -> tuple[list[VideoFile], list[str]]:
    """The inputs in these files and folders, each once, and one line for each path that holds none.

    A folder is one video if it contains pictures and no videos. All videos and folders of pictures below a
    folder are taken, at any depth, except hidden ones (.name) and folders of results.
    """
    found: dict[Path, Path] = {}
    failed = []
    for path in map(Path, paths):
        try:
            found |= {source.resolve(): source for source in _sources(path)}
        except VideoError as error:
            failed.append(str(error))
    sources = list(found.values())
    return [VideoFile(*pair) for pair in zip(sources, _names(sources), strict=True)], failed


def contents(source: Path) -> list[Path]:
    """The files of an input: the video file itself, or a folder's pictures in the order of their names."""
    return _pictures(source) if source.is_dir() else [source]


def _sources(path: Path) -> Iterator[Path]:
    if path.is_dir():
        nothing = True
        for source in _within(path):
            nothing = False
            yield source
        if nothing:
            raise VideoError(f"{path} holds neither videos nor pictures; name a folder that does")
    elif path.suffix.casefold() in PICTURES:
        raise VideoError(
            f"{path} is a single picture, and a movement needs time; give a video, or a folder of frames"
        )
    else:
        yield path


def _within(folder: Path) -> Iterator[Path]:
    def complain(error: OSError) -> None:
        raise VideoError(f"{error.filename} cannot be listed ({reason(error)}); check its permissions")

    for place, folders, files in os.walk(folder, onerror=complain):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        if {*files} >= RESULTS and Path(place) != folder:
            folders.clear()
            continue
        videos = sorted(name for name in files if Path(name).suffix.casefold() in VIDEOS and name[0] != ".")
        yield from (Path(place, name) for name in videos)
        if not videos and _pictures(Path(place)):
            yield Path(place)


def _pictures(folder: Path) -> list[Path]:
    files = sorted(folder.iterdir())
    return [path for path in files if path.suffix.casefold() in PICTURES and path.name[0] != "."]


def _names(sources: Sequence[Path]) -> list[str]:
    """A unique name for each input: its file name without extension.

    Inputs whose names clash get the extension, and then the names of their folders, too.
    """
    names = [source.stem if source.is_file() else source.resolve().name for source in sources]
    longest = max((len(source.resolve().parts) for source in sources), default=0)
    for parts in range(1, longest):
        counts = Counter(name.casefold() for name in names)
        for i, source in enumerate(sources):
            if counts[names[i].casefold()] > 1:
                names[i] = "-".join(source.resolve().parts[1:][-parts:])
    return names
