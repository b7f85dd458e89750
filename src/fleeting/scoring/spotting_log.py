"""Reads the spotting log of MEGC 2020 and 2021, which holds the true and the found intervals.

A line is ``<video> <onset> <offset> <found onset> <found offset> TP|FP|FN``, with - for what is not there;
before the videos of a database stands its number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from fleeting.errors import LogError, OptionError
from fleeting.scoring.interval_lists import Interval, IntervalList
from fleeting.scoring.lines import read_lines, refuse, words_of

NOTHING = "-"
_ROW = re.compile(r"\S+( (\d+|-)){4} (TP|FP|FN)", re.ASCII)


@dataclass(frozen=True)
class SpottingLog:
    """The two sides of a log, without kinds, and how many hits its author marked.

    Videos in which nothing moved and nothing was found are not in it.
    """

    truth: IntervalList
    found: IntervalList
    marked: int


def is_spotting_log(path: Path) -> bool:
    """Whether a file begins as such a log does. Raises LogError where it cannot be read."""
    if path.is_dir():
        return False
    texts = [" ".join(words_of(text)) for _, text in read_lines(path)[:2]]
    return any(_ROW.fullmatch(text) for text in texts)


def read_spotting_log(path: Path) -> SpottingLog:
    """The intervals of a log. Raises LogError, naming the line."""
    sides: tuple[dict[Interval, None], dict[Interval, None]] = {}, {}
    videos: dict[str, None] = {}
    marked = 0
    for line, text in read_lines(path):
        words = words_of(text)
        if len(words) == 1 and words[0].isdigit():
            continue  # the number of a database
        if not _ROW.fullmatch(" ".join(words)):
            refuse(path, line, text, "a video, two true and two found frames or -, and TP, FP or FN")
        videos[words[0]] = None
        marked += words[5] == "TP"
        for side, cells in zip(sides, (words[1:3], words[3:5]), strict=True):
            if cells.count(NOTHING) == 1:
                refuse(path, line, text, "both frames of an interval, or - for both")
            if NOTHING in cells:
                continue
            try:
                side[Interval(words[0], int(cells[0]), int(cells[1]))] = None
            except (OptionError, ValueError) as error:
                raise LogError(f"{path}, line {line}: {error}") from error
    truth, found = (IntervalList(tuple(videos), tuple(side)) for side in sides)
    return SpottingLog(truth, found, marked)
