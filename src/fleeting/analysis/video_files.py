"""Finds the videos in the files and folders that a user names, and accounts for what is passed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleeting.errors import VideoError
from fleeting.video.containers import looks_like_video
from fleeting.video.folders import is_stack
from fleeting.video.pictures import is_picture
from fleeting.video.sources import reason

VIDEOS = frozenset(
    f".{suffix}"
    for suffix in (
        *("mp4", "m4v", "mov", "qt", "avi", "divx", "mkv", "webm", "wmv", "asf", "flv", "f4v", "3gp", "3g2"),
        *("ogv", "ogm", "mxf", "rm", "rmvb", "nut", "ivf", "wtv", "insv", "gif", "y4m", "dv", "dif"),
        *("mpg", "mpeg", "mpe", "m1v", "m2v", "mpv", "m2p", "mp2v", "vob", "evo", "mod", "tod"),
        *("ts", "mts", "m2ts", "m2t", "trp", "mjpg", "mjpeg", "mjp", "mj2"),
        *("h261", "h263", "h264", "264", "avc", "h265", "265", "hevc", "h266", "266", "vc1", "obu", "av1"),
    )
)
"""Extensions of the files that count as videos in a folder. A file that the user names is always opened."""
RESULTS = frozenset(("summary.json", "frames.csv", "faces.csv"))
"""Files that mark a folder as results of this package."""
WRITTEN = frozenset(("annotated.mp4", "overlay.mp4"))
"""Videos that this package writes into such a folder."""


@dataclass(frozen=True)
class VideoFile:
    """A video file, or a folder of pictures that stands for one, and the name of its folder of results.

    ``known`` says what the results call it where that is not its path: it was fetched from elsewhere.
    """

    source: Path
    name: str
    known: Mapping[str, Any] | None = None


def video_files(paths: Sequence[str | Path]) -> tuple[list[VideoFile], list[str]]:
    """The inputs in these files and folders, each once, and one line for each path that is passed over.

    A folder is one video if it contains pictures and no videos; a TIFF file with many pages is a video. All
    videos and folders of pictures below a folder are taken, at any depth and through links, except hidden
    ones (.name) and the results of earlier calls. What looks like a recording and is passed over has a line
    with the reason; so has a folder that cannot be listed, which stops nothing else.
    """
    found: dict[Path, Path] = {}
    passed: list[str] = []
    for path in map(Path, paths):
        try:
            for source in _sources(path, passed):
                found.setdefault(_place(source), source)
        except VideoError as error:
            passed.append(str(error))
    return [VideoFile(source, source.stem) for source in found.values()], list(dict.fromkeys(passed))


def contents(source: Path) -> list[Path]:
    """The files of an input: the video file itself, or a folder's pictures in the order of their names."""
    return sorted(path for path in source.iterdir() if is_picture(path)) if source.is_dir() else [source]


def _place(path: Path) -> Path:
    """Where a path leads, links followed as far as they go."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, or a name that no file can have
        return path.absolute()


def _sources(path: Path, passed: list[str]) -> Iterator[Path]:
    """The inputs that a path stands for; lines on what is passed over are appended to ``passed``."""
    if _is_folder(path):
        before, nothing = len(passed), True
        for source in _within(path, passed, set()):
            nothing = False
            yield source
        if nothing and len(passed) == before:
            raise VideoError(f"{path} holds neither videos nor pictures; name a folder that does")
    elif not path.exists():
        raise VideoError(f"{path} cannot be opened (no such file or directory); check its name")
    elif is_picture(path) and not is_stack(path):
        raise VideoError(
            f"{path} is a single picture, and a movement needs time; give a video, or a folder of frames"
        )
    else:
        yield path


def _within(folder: Path, passed: list[str], seen: set[Path]) -> Iterator[Path]:
    """The inputs in a folder and below it; ``seen`` are the places that were listed, so that loops end."""
    named = not seen
    if (place := _place(folder)) in seen:
        return
    seen.add(place)
    try:
        listed = sorted(path for path in folder.iterdir() if path.name[0] != ".")
    except OSError as error:
        passed.append(f"{folder} cannot be listed ({reason(error)}); check its permissions")
        return
    kinds = [(path, _is_folder(path)) for path in listed]
    folders = [path for path, is_folder in kinds if is_folder]
    files = [path for path, is_folder in kinds if not is_folder]
    if not named and {path.name for path in files} >= RESULTS:  # pictures in it are figures
        files = [path for path in files if path.name not in WRITTEN and not is_picture(path)]
    yield from _among(folder, files, passed)
    for below in folders:
        yield from _within(below, passed, seen)


def _among(folder: Path, files: Sequence[Path], passed: list[str]) -> Iterator[Path]:
    """The inputs among the files of one folder: its videos, or the folder itself if it holds pictures."""
    videos = [path for path in files if path.suffix.casefold() in VIDEOS or is_stack(path)]
    pictures = [path for path in files if is_picture(path) and not is_stack(path)]
    known = {*videos, *pictures}
    yield from videos
    if pictures and not videos:
        yield folder
    elif len(pictures) > 1:
        passed.append(
            f"{folder} holds {len(pictures)} pictures beside videos, which were passed over; if they are the"
            " frames of a recording, put them into a folder of their own"
        )
    for path in files:
        if path not in known and looks_like_video(path):
            passed.append(
                f"{path} looks like a recording and was passed over, for its name does not end as a video's"
                " does; rename it, or name the file itself"
            )


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
