"""Recognises times in the names of pictures: dates, times of day, seconds since 1970, milliseconds."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median, median_low

DATE = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_.]?([01]\d)[-_.]?([0-3]\d)[-_.T ]*([0-2]\d)[-_.:h]?([0-5]\d)[-_.:m]?([0-5]\d)"
    r"(?:[-_.,:](\d{1,9}))?(?!\d)",
    re.ASCII,
)
"""A date with a time of day, down to a fraction of a second."""
OF_DAY = re.compile(
    r"(?<!\d)()()()([01]\d|2[0-3])[-_.:h]([0-5]\d)[-_.:m]([0-5]\d)[-_.,:](\d{3}|\d{6}|\d{9})(?!\d)",
    re.ASCII,
)
"""A time of day with a fraction of a second."""
SINCE_1970 = re.compile(r"(?<!\d)(\d{10})[-_](\d{3}|\d{6}|\d{9})(?!\d)", re.ASCII)
"""Seconds since 1970 with a fraction behind a dash."""
FRACTIONS = (1, 2, 3, 6, 9)
"""Digits that a fraction of a second has; with another number of them, it is a counter."""
UNITS = {13: ("milliseconds", 1e-3), 16: ("microseconds", 1e-6), 19: ("nanoseconds", 1e-9)}
"""The units of counts since 1970, by the number of digits that they have from 2001 to 2286."""
FASTEST, SLOWEST = 200.0, 5.0
"""Frames per second between which counts that do not look like frame numbers are taken for times."""
NEAR = 0.2
"""Part of the median step by which steps of a clock differ from it."""


@dataclass(frozen=True)
class Clock:
    """Times in seconds that names state as ``kind``; their smallest step is ``tick`` seconds."""

    times: list[float]
    kind: str
    tick: float


@dataclass(frozen=True)
class Unit:
    """The unit of counts that are times: its name and length in seconds; ``assumed`` if it was guessed."""

    name: str
    tick: float
    assumed: bool


def clocked(stems: Sequence[str]) -> Clock | None:
    """The times of names that all state a date, a time of day, or seconds and a fraction; None otherwise."""
    for pattern, kind in (
        (DATE, "dates and times of day"),
        (OF_DAY, "times of day"),
        (SINCE_1970, "seconds since 1970"),
    ):
        found = [match for stem in stems if (match := pattern.search(stem))]
        if len(found) < len(stems) or len(found) < 2:
            continue
        *wholes, fractions = zip(*(match.groups(default="0") for match in found), strict=True)
        digits = max(map(len, fractions))
        try:
            seconds = [_seconds(whole) for whole in zip(*wholes, strict=True)]
        except ValueError:  # no such day
            continue
        if digits not in FRACTIONS or (len(set(seconds)) == 1 and _counts(list(map(int, fractions)))):
            continue
        first, scale = min(seconds), 10**digits
        times = [whole - first + int(part) / scale for whole, part in zip(seconds, fractions, strict=True)]
        if len(set(times)) == len(times):
            return Clock([time - min(times) for time in times], kind, 1 / scale)
    return None


def counted_time(counts: Sequence[int]) -> Unit | None:
    """The unit of increasing numbers that are times rather than frame numbers; None if they count frames.

    Milliseconds, microseconds and nanoseconds since 1970 are known by their size. Otherwise most steps of a
    clock are near their median, and yet too uneven for frame numbers, of which most differ by the same.
    """
    steps = [after - before for before, after in pairwise(counts)]
    if not steps or min(steps) <= 0:
        return None
    if (known := UNITS.get(len(str(counts[0])))) and len(str(counts[-1])) == len(str(counts[0])):
        return Unit(*known, assumed=False)
    usual = median(steps)
    near = sum(abs(step - usual) <= max(1, NEAR * usual) for step in steps)
    if _counts(counts) or 2 * near <= len(steps) or len(steps) < 3:
        return None
    for name, tick in UNITS.values():
        if SLOWEST <= 1 / (usual * tick) <= FASTEST:
            return Unit(name, tick, assumed=True)
    return None


def usual_step(steps: Sequence[float]) -> float:
    """The mean of the steps that are near their median, so that rounding evens out."""
    middle = median_low(steps)
    near = [step for step in steps if abs(step - middle) <= NEAR * middle]
    return sum(near) / len(near)


def _counts(counts: Sequence[int]) -> bool:
    """Whether the most frequent step is the largest that all steps are multiples of, as of frame numbers."""
    steps = [after - before for before, after in pairwise(sorted(counts))]
    return not steps or Counter(steps).most_common(1)[0][0] == math.gcd(*steps)


def _seconds(whole: Sequence[str]) -> int:
    """Seconds of a date and time, of a time of day, or as they stand. Raises ValueError if no such day is."""
    if len(whole) == 1:
        return int(whole[0])
    year, month, day, hour, minute, second = (int(part or 0) for part in whole)
    date = datetime(year or 2000, month or 1, day or 1, hour, minute, second, tzinfo=UTC)
    return round(date.timestamp())
