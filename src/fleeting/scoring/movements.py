"""Scores spotted micro- and macro-movements as MEGC does, and writes them as lists that can be scored again.

The kinds are matched separately. The overall score pools the hits, false positives and misses of both.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from io import StringIO
from typing import Any

from fleeting.scoring.interval_lists import COLUMNS, Interval, IntervalList
from fleeting.scoring.intervals import Recognised, match, score_lists, total
from fleeting.types import Kind

KINDS: tuple[Kind, ...] = ("micro", "macro")
Movements = Mapping[Kind, Sequence[Interval]]
"""The movements of each kind that is scored."""


def score_kinds(
    videos: Sequence[str], truth: Movements, found: Movements, classes: Collection[str] = ()
) -> dict[str, Any]:
    """The scores of each kind, of both (None where only one is scored) and of each video, as values for JSON.

    With ``classes``, the labels of hits whose true label is one of these are scored too, and ``strs`` is the
    F1 of spotting micro-movements times the UF1 of the classes of these hits, 0 without a hit. Raises
    OptionError on movements of videos that are not listed, and on movements that are listed twice.
    """
    scores = {
        kind: score_lists(*(IntervalList(tuple(videos), tuple(side[kind])) for side in (truth, found)))
        for kind in truth
    }
    counts = {str(kind): score.pooled for kind, score in scores.items()}
    said: dict[str, Any] = {kind: counts[kind].as_dict() if kind in counts else None for kind in KINDS}
    said["overall"] = total(counts.values()).as_dict() if len(counts) > 1 else None
    recognised = _recognised(videos, truth["micro"], found["micro"], classes) if classes else None
    f1 = counts["micro"].f1
    return {
        "videos": len(videos),
        **said,
        "recognised": asdict(recognised) if recognised else None,
        "strs": None if recognised is None or f1 is None else f1 * (recognised.uf1 or 0.0),
        "per_video": {
            video: {kind: score.per_video[video].as_dict() for kind, score in scores.items()}
            for video in sorted(videos)
        },
    }


def movements_csv(videos: Sequence[str], movements: Movements, *, labelled: bool) -> str:
    """A CSV that `score_intervals` reads, with a column for the kind; a video without movements has a row."""
    text = StringIO()
    columns = [*COLUMNS, "label", "kind"] if labelled else [*COLUMNS, "kind"]
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    rows: dict[str, list[dict[str, Any]]] = {video: [] for video in sorted(videos)}
    for kind, intervals in movements.items():
        for interval in intervals:
            rows[interval.video].append({**asdict(interval), "kind": kind})
    for video, of_it in rows.items():
        writer.writerows(sorted(of_it, key=lambda row: (row["onset"], row["offset"])) or [{"video": video}])
    return text.getvalue()


def _recognised(
    videos: Sequence[str], truth: Sequence[Interval], found: Sequence[Interval], classes: Collection[str]
) -> Recognised | None:
    """The classification of the hits whose true label is one of ``classes``."""
    hits = [
        pair
        for video in videos
        for pair in match(*([i for i in side if i.video == video] for side in (truth, found)))
        if pair[0].label in classes
    ]
    true, said = zip(*hits, strict=True) if hits else ((), ())
    return score_lists(
        *(IntervalList(tuple(videos), side, labelled=True) for side in (true, said))
    ).recognised
