"""Scores spotting by MEGC's rule: a list of found intervals against the true ones.

Both end frames belong to an interval. A found interval is a hit if it shares at least half of its union with
a true one (IoU >= 0.5), and each true interval gives one hit at most. Hits and misses are pooled over all
videos as if they were one long video; an interval found in a video without a movement is a false positive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from fleeting.errors import OptionError, some
from fleeting.files import path_of
from fleeting.scoring.interval_lists import Interval as Interval
from fleeting.scoring.interval_lists import IntervalList as IntervalList
from fleeting.scoring.interval_lists import alike, read_lists
from fleeting.scoring.interval_lists import read_intervals as read_intervals
from fleeting.scoring.metrics import class_measures, confusion, defined
from fleeting.scoring.spotting_log import SpottingLog, is_spotting_log, read_spotting_log

KINDS = ("micro", "macro")
LEAST_IOU = 0.5


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

    ``strs`` is the F1 of spotting times the UF1 of the classes on the hits, 0 without a hit. ``kinds`` has
    the counts of micro and of macro where both lists say the kind; ``pooled`` are all together.
    """

    pooled: Counts
    per_video: Mapping[str, Counts]
    recognised: Recognised | None
    strs: float | None
    notes: tuple[str, ...] = ()
    kinds: Mapping[str, Counts] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The scores as a value for JSON."""
        return {
            "videos": len(self.per_video),
            **self.pooled.as_dict(),
            "recognised": asdict(self.recognised) if self.recognised else None,
            "strs": self.strs,
            "kinds": {name: counts.as_dict() for name, counts in self.kinds.items()},
            "per_video": {name: counts.as_dict() for name, counts in self.per_video.items()},
            "notes": list(self.notes),
        }


def score_intervals(truth: str | Path, *found: str | Path) -> IntervalScores:
    """Score lists of found intervals: CSV files, or folders of an analysis's results (see `read_lists`).

    A spotting log of MEGC 2020 or 2021 holds both sides, and is given alone. Raises LogError on a file that
    cannot be read, OptionError on found videos that the truth does not list.

    >>> scores = fleeting.score_intervals("truth.csv", "found.csv")
    >>> scores.as_dict()["tp"], scores.as_dict()["fn"]
    (1, 1)
    """
    paths = [path_of(path, "a list of intervals") for path in (truth, *found)]
    if not found and is_spotting_log(paths[0]):
        return _of_log(read_spotting_log(paths[0]))
    of_truth = read_lists(paths[0])
    of_found, chosen = alike(of_truth, read_lists(*paths[1:]))
    scores = score_lists(of_truth, of_found)
    return replace(scores, notes=(*of_truth.notes, *of_found.notes, *chosen, *scores.notes))


def _of_log(log: SpottingLog) -> IntervalScores:
    scores = score_lists(log.truth, log.found)
    notes = ["the log does not say which are micro and which macro: both are scored alike"]
    if log.marked != scores.pooled.tp:
        notes.append(
            f"the log marks {log.marked} intervals as hits, by the rule there are {scores.pooled.tp}"
        )
    return replace(scores, notes=(*scores.notes, *notes))


def score_lists(truth: IntervalList, found: IntervalList) -> IntervalScores:
    """Score found intervals against the true ones.

    Where both lists say which intervals are micro and which macro, each kind is matched with its own.
    Raises OptionError on found videos that the truth does not list: a video's name in two spellings would
    count its intervals as false positives and as misses.
    """
    if strange := set(found.videos) - set(truth.videos):
        raise OptionError(
            f"the found list has {some(strange)}, which the truth does not list; spell videos alike, and list"
            " those without intervals in the truth too"
        )
    kinds = KINDS if truth.kinds and found.kinds else ("",)
    counts: dict[tuple[str, str], Counts] = {}
    hits = []
    of_truth, of_found = (_grouped(listed.intervals, kinds) for listed in (truth, found))
    for video in sorted(truth.videos):
        for kind in kinds:
            true, said = of_truth.get((video, kind), []), of_found.get((video, kind), [])
            pairs = match(true, said)
            hits += pairs
            counts[video, kind] = Counts(len(pairs), len(said) - len(pairs), len(true) - len(pairs))
    per_video = {v: total(counts[v, kind] for kind in kinds) for v in sorted(truth.videos)}
    per_kind = {k: total(counts[video, k] for video in truth.videos) for k in kinds if k}
    pooled = total(counts.values())
    notes = tuple(_notes(truth, found))
    if not (truth.labelled and found.labelled):
        return IntervalScores(pooled, per_video, None, None, notes, per_kind)
    recognised = _recognised([pair for pair in hits if all(i.label for i in pair)])
    strs = None if pooled.f1 is None else pooled.f1 * (recognised.uf1 or 0.0)
    return IntervalScores(pooled, per_video, recognised, strs, notes, per_kind)


def _notes(truth: IntervalList, found: IntervalList) -> Iterator[str]:
    """What only one of the lists says, and which videos nothing is said of."""
    if lone := set(truth.videos) - set(found.videos):
        yield f"nothing is said of {len(lone)} of {len(truth.videos)} videos ({some(lone, 3)})"
    if truth.labelled != found.labelled:
        side = "truth" if truth.labelled else "found list"
        yield f"only the {side} has labels: the classes are not scored"
    if truth.kinds != found.kinds:
        side = "truth" if truth.kinds else "found list"
        yield f"only the {side} says which are micro and which macro: both are scored alike"


def total(counts: Iterable[Counts]) -> Counts:
    """The sums of hits, false positives and misses."""
    each = list(counts)
    return Counts(*(sum(getattr(c, name) for c in each) for name in ("tp", "fp", "fn")))


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


def _grouped(intervals: Iterable[Interval], kinds: Sequence[str]) -> dict[tuple[str, str], list[Interval]]:
    """Intervals by video and kind; by video alone where ``kinds`` is the empty one."""
    found: dict[tuple[str, str], list[Interval]] = {}
    for interval in intervals:
        found.setdefault((interval.video, interval.kind if kinds[0] else ""), []).append(interval)
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
