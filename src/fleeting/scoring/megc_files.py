"""Writes the files that MEGC's spotting challenges of 2020 to 2025 take.

2020 and 2021: a log, which `fleeting.scoring.spotting_log` reads. From 2022 on: a CSV for each database with
the columns ``vid, pred_onset, pred_offset, type``, where the type is me or mae. Spot-then-recognise: the
columns ``subject, video, onset, offset, emotion``, micro-expressions alone. The log has the form of the
organisers' baseline of 2020, the first CSV that of public entries of 2022 and 2023, the second that of an
entry of 2024; that they are the same in the other years is our reading. `read_intervals` reads both CSVs.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from io import StringIO

from fleeting.errors import OptionError
from fleeting.scoring.interval_lists import Interval
from fleeting.scoring.intervals import match
from fleeting.scoring.movements import Movements
from fleeting.scoring.spotting_log import NOTHING

YEARS = tuple(range(2020, 2026))
DATABASES = {"samm-lv": ("samm", 1), "casme-sq": ("cas", 2), "casme3": ("cas", 2)}
"""Of each dataset the beginning of its file's name, and its number in the log."""
TYPES = {"micro": "me", "macro": "mae"}


def submission(
    year: int,
    dataset: str,
    videos: Sequence[str],
    truth: Movements,
    found: Movements,
    classes: Collection[str],
) -> dict[str, str]:
    """The texts of the files for one year's challenge by their names; with classes, recognised ones too.

    Raises OptionError on a year without a spotting challenge whose files are known.
    """
    refuse_year(year)
    start, number = DATABASES.get(dataset, (dataset, 1))
    if year < 2022:
        return {f"megc{year}/log.txt": log_text(number, videos, truth, found)}
    files = {f"megc{year}/{start}_pred.csv": spotted_csv(found)}
    if classes and year >= 2023:
        files[f"megc{year}/recognised/{start}_pred.csv"] = recognised_csv(found["micro"], classes)
    return files


def refuse_year(year: int) -> None:
    """Raise OptionError on a year whose files are not known."""
    if year not in YEARS:
        raise OptionError(
            f"MEGC's spotting files of {year} are not known; expected {YEARS[0]} to {YEARS[-1]}"
        )


def spotted_csv(found: Movements) -> str:
    """What was found as the challenges take it from 2022 on; a video without intervals has no row."""
    rows = [(i.video, i.onset, i.offset, TYPES[kind]) for kind, of_it in found.items() for i in of_it]
    return _csv(("vid", "pred_onset", "pred_offset", "type"), sorted(rows))


def recognised_csv(found: Sequence[Interval], classes: Collection[str]) -> str:
    """Spotted and recognised micro-expressions; of those without one of the classes nothing is said."""
    known = sorted(i for i in found if i.label in classes)
    rows = [(_person(i.video), i.video, i.onset, i.offset, i.label) for i in known]
    return _csv(("subject", "video", "onset", "offset", "emotion"), rows)


def log_text(number: int, videos: Sequence[str], truth: Movements, found: Movements) -> str:
    """The log of a database, each kind matched with its own. Raises OptionError on a name with blanks."""
    lines = [str(number)]
    for video in sorted(videos):
        if re.search(r"\s", video) and any(i.video == video for i in _all(truth, found)):
            raise OptionError(f"MEGC's log separates words by blanks, found the video {video!r}; rename it")
        rows = [row for kind in truth for row in _rows(video, truth[kind], found[kind])]
        lines += [" ".join(map(str, (video, *cells))) for _, cells in sorted(rows)]
    return "\n".join(lines) + "\n"


def _all(*sides: Movements) -> Iterator[Interval]:
    return (interval for side in sides for of_kind in side.values() for interval in of_kind)


def _rows(
    video: str, truth: Sequence[Interval], found: Sequence[Interval]
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The lines of one video and kind, each with the frame by which it is sorted."""
    true, said = ([i for i in side if i.video == video] for side in (truth, found))
    pairs = match(true, said)
    hit = {id(interval) for pair in pairs for interval in pair}
    for one, other in pairs:
        yield other.onset, (*_ends(one), *_ends(other), "TP")
    for one in true:
        if id(one) not in hit:
            yield one.onset, (*_ends(one), NOTHING, NOTHING, "FN")
    for one in said:
        if id(one) not in hit:
            yield one.onset, (NOTHING, NOTHING, *_ends(one), "FP")


def _ends(interval: Interval) -> tuple[str, str]:
    return str(interval.onset), str(interval.offset)


def _person(video: str) -> str:
    """The number with which a video's name begins, as the subject of spot-then-recognise; else the name."""
    number = re.match(r"\D{0,3}?0*(\d+)", video)
    return number[1] if number else video


def _csv(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()
