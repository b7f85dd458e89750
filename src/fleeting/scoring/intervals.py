"""Scores spotting by MEGC's rule: a list of found intervals against the true ones.

Both end frames belong to an interval. A found interval is a hit if it shares at least half of its union with
a true one (IoU >= 0.5), and each true interval gives one hit at most. Hits and misses are pooled over all
videos as if they were one long video; an interval found in a video without a movement is a false positive.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from fleeting.errors import LogError, OptionError, some
from fleeting.scoring.lines import read_lines, refuse
from fleeting.scoring.metrics import class_measures, confusion, defined

COLUMNS = ("video", "onset", "offset")
LEAST_IOU = 0.5
LARGEST = 2**53
"""Frame numbers must stay below this: from here on floats do not hold them exactly."""


@dataclass(frozen=True, order=True, slots=True)
class Interval:
    """A movement in ``video`` from frame ``onset`` to frame ``offset``, both included; and its class."""

    video: str
    onset: int
    offset: int
    label: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.onset <= self.offset < LARGEST:
            found = f"onset {self.onset} and offset {self.offset}"
            raise OptionError(f"{found}; expected frames from 0 on, the onset not after the offset")


@dataclass(frozen=True)
class IntervalList:
    """All videos that were searched, and the intervals in them; ``labelled`` if each interval has a class.

    Raises OptionError on an interval of another video, one that is listed twice and one without its class.
    """

    videos: tuple[str, ...]
    intervals: tuple[Interval, ...]
    labelled: bool = False

    def __post_init__(self) -> None:
        if strange := {i.video for i in self.intervals} - set(self.videos):
            raise OptionError(f"intervals of {some(strange)}, expected only listed videos; list them too")
        places = Counter((i.video, i.onset, i.offset) for i in self.intervals)
        if twice := [f"{v} {a} to {b}" for (v, a, b), count in places.items() if count > 1]:
            raise OptionError(f"{some(twice)} listed twice, expected each interval once; delete one")
        if self.labelled and (bare := [f"{i.video} {i.onset}" for i in self.intervals if not i.label]):
            raise OptionError(f"{some(bare)} without a label, expected one for each interval; add it")


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of hits (tp), false positives (fp) and misses (fn)."""

    tp: int
    fp: int
    fn: int

    @property
    def precision(self) -> float | None:
        """TP / (TP + FP); 0 where something was there and nothing was found, None where neither."""
        return self._share(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        """TP / (TP + FN); None where there was nothing to find."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else None

    @property
    def f1(self) -> float | None:
        """2 TP / (2 TP + FP + FN); None where nothing was found and nothing was there."""
        return self._share(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    def _share(self, part: int, whole: int) -> float | None:
        if self.tp + self.fp + self.fn == 0:
            return None
        return part / whole if whole else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The counts, precision, recall and F1."""
        return {**asdict(self), "precision": self.precision, "recall": self.recall, "f1": self.f1}


@dataclass(frozen=True)
class Recognised:
    """How the hits were classified: rows of ``confusion`` are the truth, ``classes`` all that occur in hits.

    UF1 and UAR are means over the true classes of the hits; without a hit both are None.
    """

    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    uf1: float | None
    uar: float | None
    accuracy: float | None


@dataclass(frozen=True)
class IntervalScores:
    """The scores of a list of found intervals; ``recognised`` and ``strs`` are None without labels.

    ``strs`` is the F1 of spotting times the UF1 of the classes on the hits, 0 without a hit.
    """

    pooled: Counts
    per_video: Mapping[str, Counts]
    recognised: Recognised | None
    strs: float | None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The scores as a value for JSON."""
        return {
            "videos": len(self.per_video),
            **self.pooled.as_dict(),
            "recognised": asdict(self.recognised) if self.recognised else None,
            "strs": self.strs,
            "per_video": {name: counts.as_dict() for name, counts in self.per_video.items()},
            "notes": list(self.notes),
        }


def score_intervals(truth: str | Path, found: str | Path) -> IntervalScores:
    """Score a list of found intervals, both CSV files as `read_intervals` reads them.

    Raises LogError on a file that cannot be read, OptionError on found videos that the truth does not list.
    """
    return score_lists(read_intervals(Path(truth)), read_intervals(Path(found)))


def score_lists(truth: IntervalList, found: IntervalList) -> IntervalScores:
    """Score found intervals against the true ones.

    Raises OptionError on found videos that the truth does not list: a video's name in two spellings would
    count its intervals as false positives and as misses.
    """
    if strange := set(found.videos) - set(truth.videos):
        raise OptionError(
            f"the found list has {some(strange)}, which the truth does not list; spell videos alike, and list"
            " those without intervals in the truth too"
        )
    per_video, hits = {}, []
    of_truth, of_found = (_by_video(listed.intervals) for listed in (truth, found))
    for video in sorted(truth.videos):
        true, said = of_truth.get(video, []), of_found.get(video, [])
        pairs = match(true, said)
        hits += pairs
        per_video[video] = Counts(len(pairs), len(said) - len(pairs), len(true) - len(pairs))
    pooled = Counts(*(sum(getattr(c, name) for c in per_video.values()) for name in ("tp", "fp", "fn")))
    notes = []
    if lone := set(truth.videos) - set(found.videos):
        notes.append(f"nothing is said of {len(lone)} of {len(truth.videos)} videos ({some(lone, 3)})")
    if truth.labelled != found.labelled:
        side = "truth" if truth.labelled else "found list"
        notes.append(f"only the {side} has labels: the classes are not scored")
    if not (truth.labelled and found.labelled):
        return IntervalScores(pooled, per_video, None, None, tuple(notes))
    recognised = _recognised(hits)
    strs = None if pooled.f1 is None else pooled.f1 * (recognised.uf1 or 0.0)
    return IntervalScores(pooled, per_video, recognised, strs, tuple(notes))


def match(truth: Iterable[Interval], found: Iterable[Interval]) -> list[tuple[Interval, Interval]]:
    """The hits in one video, as (true, found): the most that are possible, each interval used once.

    Of pairings with equally many hits, the one with the largest sum of IoUs is taken.
    """
    pairs = []
    for true, said in _clusters(sorted(truth), sorted(found)):
        shares = np.array([[_overlap(t, f) for f in said] for t in true])
        worth = np.where(shares >= LEAST_IOU, 1 + shares / (2 * len(true)), 0)  # a hit outweighs all IoUs
        chosen = zip(*linear_sum_assignment(worth, maximize=True), strict=True)
        pairs += [(true[i], said[j]) for i, j in chosen if worth[i, j]]
    return pairs


def read_intervals(path: Path) -> IntervalList:
    """Read a CSV with the columns ``video, onset, offset[, label]``; other columns are ignored.

    Cells are separated by commas, semicolons or tabs; frame numbers are rounded. A video without intervals is
    listed once, with empty cells. Raises LogError, naming the line, on a row that is no interval.
    """
    lines = read_lines(path, " ")
    mark = max(";\t,", key=lines[0][1].count)
    rows = [(line, text, _cells(path, line, text, mark)) for line, text in lines]
    header = [cell.casefold() for cell in rows[0][2]]
    if missing := [name for name in COLUMNS if header.count(name) != 1]:
        refuse(path, *lines[0], f"a header with the columns video,onset,offset[,label]: {missing[0]} once")
    labelled = "label" in header
    listed: dict[str, list[Interval]] = {}
    empty: set[str] = set()
    seen: set[tuple[str, int, int]] = set()
    for line, text, row in rows[1:]:
        cells = dict(zip(header, [*row, *[""] * len(header)], strict=False))
        video, onset, offset = (cells[name] for name in COLUMNS)
        if not video:
            refuse(path, line, text, "the name of a video")
        if video in empty or (video in listed and not onset and not offset):
            refuse(path, line, text, f"{video} either with intervals or, once, with none")
        of_video = listed.setdefault(video, [])
        if not onset and not offset:
            empty.add(video)
            continue
        try:
            frames = _frame(onset, mark), _frame(offset, mark)
            interval = Interval(video, *frames, " ".join(cells.get("label", "").casefold().split()))
        except ValueError as error:
            raise LogError(f"{path}, line {line}: {error}; correct it") from error
        if labelled and not interval.label:
            refuse(path, line, text, "a label, as the header has that column")
        if (video, *frames) in seen:
            refuse(path, line, text, f"each interval of {video} once; delete one")
        seen.add((video, *frames))
        of_video.append(interval)
    return IntervalList(tuple(listed), tuple(i for found in listed.values() for i in found), labelled)


def _cells(path: Path, line: int, text: str, mark: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([text], delimiter=mark, strict=True))]
    except csv.Error as error:
        raise LogError(f"{path}, line {line}: {error}; expected cells separated by {mark!r}") from error


def _frame(cell: str, mark: str) -> int:
    """A frame number, rounded: 566.4000000000001 is 566.

    A comma is a decimal point unless commas separate the cells.
    """
    try:
        number = float(cell.replace(",", ".") if mark != "," else cell)
        if math.isfinite(number):
            return math.floor(number + 0.5)
    except ValueError:
        pass
    raise ValueError(f"found {cell!r}, expected a frame number")


def _by_video(intervals: Iterable[Interval]) -> dict[str, list[Interval]]:
    found: dict[str, list[Interval]] = {}
    for interval in intervals:
        found.setdefault(interval.video, []).append(interval)
    return found


def _clusters(
    truth: Sequence[Interval], found: Sequence[Interval]
) -> Iterator[tuple[list[Interval], list[Interval]]]:
    """Stretches of the video in which true and found intervals overlap; outside of them there are no hits."""
    reach = -1
    sides: tuple[list[Interval], list[Interval]] = [], []
    everything = [(i.onset, i.offset, 0, i) for i in truth] + [(i.onset, i.offset, 1, i) for i in found]
    for onset, offset, side, interval in sorted(everything):
        if onset > reach:
            if all(sides):
                yield sides
            sides = [], []
        sides[side].append(interval)
        reach = max(reach, offset)
    if all(sides):
        yield sides


def _overlap(one: Interval, other: Interval) -> float:
    """Intersection over union of two intervals, with both end frames."""
    shared = min(one.offset, other.offset) - max(one.onset, other.onset) + 1
    lengths = one.offset - one.onset + other.offset - other.onset + 2
    return max(shared, 0) / (lengths - shared)


def _recognised(hits: Sequence[tuple[Interval, Interval]]) -> Recognised:
    classes = tuple(sorted({i.label for pair in hits for i in pair}))
    codes = [[classes.index(pair[side].label) for pair in hits] for side in (0, 1)]
    matrix = confusion(np.array(codes[0], int), np.array(codes[1], int), len(classes))
    if not hits:
        return Recognised((), (), None, None, None)
    _, recall, f1 = class_measures(matrix)
    uf1, uar = (defined(np.nanmean(values)) for values in (f1, recall))
    counts = tuple(tuple(map(int, row)) for row in matrix)
    return Recognised(classes, counts, uf1, uar, float(np.trace(matrix) / len(hits)))
