"""Reads lists of intervals, true or found: CSV files, also MEGC's, and the events.csv of an analysis."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from fleeting.errors import LogError, OptionError, some
from fleeting.scoring.frame_numbers import has_fraction, number_in
from fleeting.scoring.lines import read_lines, refuse

COLUMNS = ("video", "onset", "offset")
LARGEST = 2**53
"""Frame numbers must stay below this: from here on floats do not hold them exactly."""
EVENTS = "events.csv"
"""The table that an analysis writes into the folder of a video's results."""
_SPELLINGS = {"onset_frame": "onset", "offset_frame": "offset"}
"""The columns of an analysis, with the names that they have in a list."""
_SPOTTED = {"vid": "video", "pred_onset": "onset", "pred_offset": "offset", "type": "kind"}
"""The same of what MEGC's challenges take since 2022."""
_RECOGNISED = ("subject", "video", "onset", "offset", "emotion")
"""The columns of a spot-then-recognise entry."""


@dataclass(frozen=True, order=True, slots=True)
class Interval:
    """A movement in ``video`` from frame ``onset`` to frame ``offset``, both included; its class and kind.

    ``kind`` is micro or macro, "" where a list does not say it.
    """

    video: str
    onset: int
    offset: int
    label: str = ""
    kind: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.onset <= self.offset < LARGEST:
            found = f"onset {self.onset} and offset {self.offset}"
            raise OptionError(f"{found}; expected frames from 0 on, the onset not after the offset")


@dataclass(frozen=True)
class IntervalList:
    """All videos that were searched, and the intervals in them.

    ``labelled`` says that each interval has a class (macro-movements need none), ``kinds`` that each has a
    kind. ``unnamed`` are the videos whose names are those of their folders, as their tables name none.
    Raises OptionError on an interval of another video, one that is listed twice and one without its class.
    """

    videos: tuple[str, ...]
    intervals: tuple[Interval, ...]
    labelled: bool = False
    kinds: bool = False
    unnamed: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if strange := {i.video for i in self.intervals} - set(self.videos):
            raise OptionError(f"intervals of {some(strange)}, expected only listed videos; list them too")
        places = Counter((i.video, i.onset, i.offset, i.kind) for i in self.intervals)
        if twice := [f"{v} {a} to {b}" for (v, a, b, _), count in places.items() if count > 1]:
            raise OptionError(f"{some(twice)} listed twice, expected each interval once; delete one")
        bare = [f"{i.video} {i.onset}" for i in self.intervals if not i.label and i.kind != "macro"]
        if self.labelled and bare:
            raise OptionError(f"{some(bare)} without a label, expected one for each interval; add it")

    def renamed(self, names: Mapping[str, str]) -> IntervalList:
        """The same list with other names for some of its videos."""
        intervals = tuple(replace(i, video=names.get(i.video, i.video)) for i in self.intervals)
        return replace(self, videos=tuple(names.get(v, v) for v in self.videos), intervals=intervals)


def read_lists(*paths: Path) -> IntervalList:
    """One list of all these files; of a folder, every ``events.csv`` at any depth, hidden folders apart.

    Raises LogError as `read_intervals` does, and on a folder without a table. Raises OptionError on a video
    that comes in two files.
    """
    files = [file for path in paths for file in (_tables(path) if path.is_dir() else [path])]
    if not files:
        raise OptionError("no list of intervals is named; name a CSV, an events.csv or a folder of results")
    read = [read_intervals(file) for file in files]
    times = Counter(video for one in read for video in one.videos)
    if twice := [video for video, count in times.items() if count > 1]:
        raise OptionError(f"{some(twice)} in two of {len(files)} lists, expected each video in one; name one")
    return IntervalList(
        tuple(video for one in read for video in one.videos),
        tuple(interval for one in read for interval in one.intervals),
        all(one.labelled for one in read),
        all(one.kinds for one in read),
        frozenset().union(*(one.unnamed for one in read)),
        tuple(note for one in read for note in one.notes),
    )


def _tables(folder: Path) -> list[Path]:
    """Every events.csv in a folder, sorted. Raises LogError where there is none."""
    found = [path for path in folder.rglob(EVENTS) if not _hidden(path.relative_to(folder))]
    if not found:
        raise LogError(f"{folder}: holds no {EVENTS}; expected a list of intervals, or a folder of results")
    return sorted(found)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def read_intervals(path: Path) -> IntervalList:
    """Read a CSV with the columns ``video, onset, offset[, label][, kind]``; other columns are ignored.

    The ``events.csv`` of an analysis is read as it is: its columns are ``onset_frame`` and ``offset_frame``,
    and without a column ``video`` the video has the name of the folder in which the table lies. There, two
    faces that move in the same frames are one interval, and classes count only if every micro-movement has
    one. MEGC's two forms since 2022 are read as they are: ``vid, pred_onset, pred_offset, type`` and
    ``subject, video, onset, offset, emotion``, where a video's name is preceded by its subject if several
    subjects have one of that name. Cells are separated by commas, semicolons or tabs. A video without
    intervals is listed once, with empty cells. Raises LogError, naming line and column, on a row that is no
    interval: frame numbers have no fraction beyond 1e-6.
    """
    lines = read_lines(path, " ")
    mark = max(";\t,", key=lines[0][1].count)
    rows = [(line, text, _cells(path, line, text, mark)) for line, text in lines]
    given = _translated(rows)
    ours = "onset" not in given and "onset_frame" in given
    header = [_SPELLINGS.get(name, name) for name in given] if ours else given
    needed = COLUMNS[1:] if ours and "video" not in header else COLUMNS
    if missing := [name for name in needed if header.count(name) != 1]:
        found = f"a header with the columns video,onset,offset[,label][,kind]: {missing[0]} once"
        refuse(path, *lines[0], found)
    return (_events if ours else _list)(path, header, mark, rows[1:])


_Lines = Sequence[tuple[int, str, list[str]]]
"""The number, the text and the cells of each line."""


def _translated(rows: _Lines) -> list[str]:
    """The names of the columns in a list of ours; videos of an entry of MEGC get names of their own."""
    given = [cell.casefold() for cell in rows[0][2]]
    if set(_SPOTTED) - {"type"} <= set(given):
        return [_SPOTTED.get(name, name) for name in given]
    if not set(_RECOGNISED) <= set(given) or "label" in given:
        return given
    subject, video = given.index("subject"), given.index("video")
    whole = [cells for _, _, cells in rows[1:] if len(cells) > max(subject, video)]
    owners: dict[str, set[str]] = {}
    for cells in whole:
        owners.setdefault(cells[video], set()).add(cells[subject])
    for cells in whole:
        if len(owners[cells[video]]) > 1:
            cells[video] = f"{cells[subject]}/{cells[video]}"
    return ["label" if name == "emotion" else name for name in given]


def _list(path: Path, header: Sequence[str], mark: str, rows: _Lines) -> IntervalList:
    """A list in which each row names its video."""
    labelled, kinds = "label" in header, "kind" in header
    listed: dict[str, list[Interval]] = {}
    empty: set[str] = set()
    seen: set[tuple[str, int, int, str]] = set()
    for line, text, cells in _named(header, rows):
        video = cells["video"]
        nothing = not cells["onset"] and not cells["offset"]
        if not video:
            refuse(path, line, text, "the name of a video")
        if video in empty or (video in listed and nothing):
            refuse(path, line, text, f"{video} either with intervals or, once, with none")
        of_video = listed.setdefault(video, [])
        if nothing:
            empty.add(video)
            continue
        interval = _interval(path, line, cells, mark, kinds)
        if labelled and not interval.label and interval.kind != "macro":
            refuse(path, line, text, "a label, as the header has that column")
        if _place(interval) in seen:
            refuse(path, line, text, f"each interval of {video} once; delete one")
        seen.add(_place(interval))
        of_video.append(interval)
    return IntervalList(tuple(listed), tuple(i for of in listed.values() for i in of), labelled, kinds)


def _events(path: Path, header: Sequence[str], mark: str, rows: _Lines) -> IntervalList:
    """The events of an analysis: of one video, named by its folder, or of those in a column ``video``."""
    named, kinds, home = "video" in header, "kind" in header, path.absolute().parent.name
    read: list[tuple[str, Interval | None]] = []
    for line, text, cells in _named(header, rows):
        if named and not cells["video"]:
            refuse(path, line, text, "the name of a video")
        if named and not cells["onset"] and not cells["offset"]:
            read.append((cells["video"], None))
            continue
        interval = _interval(path, line, {"video": home, **cells}, mark, kinds)
        read.append((interval.video, interval))
    found = [interval for _, interval in read if interval]
    once = list({_place(interval): interval for interval in reversed(found)}.values())[::-1]
    notes = []
    if again := len(found) - len(once):
        notes = [f"{path}: {again} events in the frames of another face's event are counted once"]
    labelled = "label" in header and all(i.label or i.kind == "macro" for i in once)
    videos = tuple(dict.fromkeys(video for video, _ in read)) if named else (home,)
    return IntervalList(
        videos, tuple(once), labelled, kinds, frozenset(() if named else videos), tuple(notes)
    )


def _named(header: Sequence[str], rows: _Lines) -> Iterator[tuple[int, str, dict[str, str]]]:
    """The cells of each row by the name of their column."""
    for line, text, row in rows:
        yield line, text, dict(zip(header, [*row, *[""] * len(header)], strict=False))


def _place(interval: Interval) -> tuple[str, int, int, str]:
    return interval.video, interval.onset, interval.offset, interval.kind


def _interval(path: Path, line: int, cells: Mapping[str, str], mark: str, kinds: bool) -> Interval:
    """A row as an interval. Raises LogError, naming the line."""
    label = " ".join(cells.get("label", "").casefold().split())
    said = {"me": "micro", "mae": "macro"}.get(
        cells.get("kind", "").casefold(), cells.get("kind", "").casefold()
    )
    kind = next((k for k in ("micro", "macro") if said.startswith(k)), "")
    if kinds and not kind:
        refuse(path, line, cells["kind"], "micro or macro in the column kind")
    try:
        onset, offset = (_frame(cells[name], mark, name) for name in COLUMNS[1:])
        return Interval(cells["video"], onset, offset, label, kind)
    except ValueError as error:
        raise LogError(f"{path}, line {line}: {error}") from error


def _cells(path: Path, line: int, text: str, mark: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([text], delimiter=mark, strict=True))]
    except csv.Error as error:
        raise LogError(f"{path}, line {line}: {error}; expected cells separated by {mark!r}") from error


def _frame(cell: str, mark: str, column: str) -> int:
    """A frame number; 566.0000000001 is 566. Raises ValueError, naming the column."""
    found = f"found {cell!r} in the column {column}, expected a frame number"
    try:
        number = number_in(cell, mark)
    except ValueError as error:
        raise ValueError(f"{found}; {error}") from error
    if has_fraction(number):
        raise ValueError(f"{found} without a fraction; multiply seconds by the frame rate")
    return round(number)


def alike(truth: IntervalList, found: IntervalList) -> tuple[IntervalList, list[str]]:
    """The found list with its videos named as in the truth, and a note on a name that was chosen.

    A name that is a folder's stands for the one video of the other list of which an analysis would name its
    results so: with or without ending and folders, or with "-" between these. Where each list has one video,
    and one of the two names is a folder's, it is the same video.
    """
    by_folder = truth.unnamed | found.unnamed
    names = {}
    for video in set(found.videos) - set(truth.videos):
        fitting = [t for t in truth.videos if _result_of(t, video, truth.unnamed, found.unnamed)]
        if len(fitting) == 1:
            names[video] = fitting[0]
    if names or set(found.videos) & set(truth.videos) or not by_folder:
        return found.renamed(names), []
    if len(truth.videos) == len(found.videos) == 1:
        (of_truth,), (of_found,) = truth.videos, found.videos
        note = f"{of_found} is taken for {of_truth}: one of the two names no video, and each list has one"
        return found.renamed({of_found: of_truth}), [note]
    return found, []


def _result_of(truth: str, found: str, *folders: frozenset[str]) -> bool:
    """Whether one of two names is that of a folder, and fits the other one."""
    return (found in folders[1] and found in _forms(truth)) or (
        truth in folders[0] and truth in _forms(found)
    )


def _forms(video: str) -> set[str]:
    """The names that a folder of results of a video may have."""
    path = PurePosixPath(video)
    joined = "-".join(path.parts)
    return {video, path.name, path.stem, joined, joined.removesuffix(path.suffix)}
