"""Reads the order and the times of a folder's pictures out of their names, and says what it left out.

The names of one recording differ in one number. It counts frames, so that a missing number leaves a gap, or
it is a time: seconds with decimals, a date with a time of day, or a count of milliseconds or finer units.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from fleeting.errors import some
from fleeting.video.name_clocks import clocked, counted_time, usual_step

ODD, SPARSE = 10_000, 50
"""A number is out of its series where it lies this far, and ten times as far as the series is long, from it;
numbers are no frame numbers where they stand for this many times more frames than there are pictures."""
DECIMAL = re.compile(r"(?<![\d.])(\d+)\.(\d+)(?![\d.])", re.ASCII)


@dataclass
class Arranged:
    """Pictures in the order of time, with their places counted in frames from 0.

    ``times`` are seconds from the first picture, None where the names do not say; ``tick`` is their step, and
    ``assumed`` says that their unit was guessed. ``remarks`` say what was decided and what was left out.
    """

    files: list[Path]
    slots: list[int]
    times: list[float] | None = None
    tick: float = 0.0
    assumed: bool = False
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Name:
    """A file's name without its extension, as words and the numbers between them."""

    path: Path
    words: tuple[str, ...]
    numbers: tuple[Decimal, ...]

    @property
    def order(self) -> list[tuple[str, Decimal]]:
        """A sorting key: words and numbers in turn, so that img2 is before img10."""
        return list(zip(self.words, (*self.numbers, Decimal(-1)), strict=True))

    @property
    def pattern(self) -> str:
        """The name with # for each number."""
        return "#".join(self.words)


def arranged(files: Iterable[Path]) -> Arranged:
    """The pictures that belong to one recording, in the order of time.

    Of pictures with one name, and of several series of names in one folder, one is chosen, and a remark names
    the others. Where the names differ in several numbers, no gap is known.
    """
    remarks: list[str] = []
    names = _one_each(_parsed(list(files)), remarks)
    names = _columns(_series(names, remarks), remarks)
    paths = [name.path for name in names]
    clock = clocked([path.stem for path in paths])
    if clock is not None:
        order = sorted(range(len(paths)), key=clock.times.__getitem__)
        times = [clock.times[place] for place in order]
        return _timed([paths[place] for place in order], times, clock.kind, clock.tick, remarks)
    varying = _varying(names)
    if len(varying) != 1:
        if len(varying) > 1:
            remarks.append("the names differ in several numbers: where pictures are missing is not known")
        return Arranged(paths, list(range(len(paths))), remarks=remarks)
    names = sorted(names, key=lambda name: (name.numbers[varying[0]], name.order))
    return _counted(names, varying[0], remarks)


def _counted(names: list[_Name], column: int, remarks: list[str]) -> Arranged:
    """The pictures of names that differ in one number: a time, a frame number, or neither."""
    names = _without_odd(names, column, remarks)
    paths, numbers = [name.path for name in names], [name.numbers[column] for name in names]
    if any(number != int(number) for number in numbers):
        tick = min(Decimal(1).scaleb(int(number.as_tuple().exponent)) for number in numbers)
        return _timed(
            paths, [float(n - numbers[0]) for n in numbers], "times in seconds", float(tick), remarks
        )
    counts = [int(number) for number in numbers]
    if (unit := counted_time(counts)) is not None:
        times = [(count - counts[0]) * unit.tick for count in counts]
        return _timed(paths, times, f"times in {unit.name}", unit.tick, remarks, assumed=unit.assumed)
    steps = [after - before for before, after in pairwise(counts)]
    period = math.gcd(*steps) if steps else 1
    slots = [(count - counts[0]) // period for count in counts]
    if slots[-1] > SPARSE * len(slots):
        remarks.append(
            f"the numbers in the names ({counts[0]}, {counts[1]}, ...) are no frame numbers: the pictures"
            " follow one another without gaps"
        )
        slots = list(range(len(slots)))
    elif missing := slots[-1] + 1 - len(slots):
        at = next(place for place, step in enumerate(steps) if step > period)
        remarks.append(
            f"{missing} numbers are missing, the first behind {paths[at].name}: they leave gaps in time"
        )
    return Arranged(paths, slots, remarks=remarks)


def _timed(
    files: list[Path],
    times: list[float],
    kind: str,
    tick: float,
    remarks: list[str],
    *,
    assumed: bool = False,
) -> Arranged:
    """Pictures whose names are times; a place is skipped for each period that a picture comes late."""
    steps = [after - before for before, after in pairwise(times)]
    period = usual_step(steps)
    slots = [0]
    for step in steps:
        slots.append(slots[-1] + max(1, round(step / period)))
    how = "are assumed to be" if assumed else "are"
    remarks.append(f"the numbers in the names {how} {kind}: {1 / period:.4g} frames per second")
    return Arranged(files, slots, times, tick, assumed, remarks)


def _parsed(files: list[Path]) -> list[_Name]:
    """The names, sorted; a point between digits is a decimal point where it must be one."""
    number = r"(\d+(?:\.\d+)?)" if _have_decimals([path.stem for path in files]) else r"(\d+)"
    names = []
    for path in files:
        parts = re.split(number, path.stem, flags=re.ASCII)
        words = tuple(word.casefold() for word in parts[::2])
        names.append(_Name(path, words, tuple(map(Decimal, parts[1::2]))))
    return sorted(names, key=lambda name: (name.order, name.path.name))


def _have_decimals(stems: list[str]) -> bool:
    """Whether most names hold a number with decimals: not a frame counter behind a point (shot2.0001)."""
    found = [match for stem in stems if (match := DECIMAL.search(stem))]
    if 2 * len(found) <= len(stems):
        return False
    values = {Decimal(match[0]) for match in found}
    if len(values) < len({match[0] for match in found}):  # 1.1 and 1.10 are two sections' frames
        return False
    if len({match[1] for match in found}) > 1:
        return True
    steps = [after - before for before, after in pairwise(sorted(int(match[2]) for match in found))]
    return Counter(steps).most_common(1)[0][0] != 1 if steps else False


def _one_each(names: list[_Name], remarks: list[str]) -> list[_Name]:
    """Of pictures with the same name or number, the one in the format of most pictures."""
    formats = Counter(name.path.suffix.casefold() for name in names)
    found: dict[tuple[tuple[str, ...], tuple[Decimal, ...]], list[_Name]] = defaultdict(list)
    for name in names:
        found[name.words, name.numbers].append(name)
    kept, others = [], []
    for twins in found.values():
        best = max(twins, key=lambda name: formats[name.path.suffix.casefold()])
        kept.append(best)
        others += [twin.path.name for twin in twins if twin is not best]
    if others:
        stems = some(Path(other).stem for other in others)
        remarks.append(f"several pictures are called {stems}; {some(others)} left out")
    return kept


def _series(names: list[_Name], remarks: list[str]) -> list[_Name]:
    """The largest series of names that differ in their numbers only, with what continues its numbers."""
    groups: dict[tuple[str, ...], list[_Name]] = defaultdict(list)
    for name in names:
        groups[name.words].append(name)
    main, *others = sorted(groups.values(), key=lambda group: -len(group))  # of equals, the first by name
    if len(main) < 2:
        return names
    kept, taken, parallel, single = list(main), {name.numbers for name in main}, [main], []
    for group in others:
        numbers = {name.numbers for name in group}
        if len(group[0].numbers) == len(main[0].numbers) and not numbers & taken:
            kept += group
            taken |= numbers
        elif len(group) > 1:
            parallel.append(group)
        else:
            single += group
    if len(single) > len(kept):
        remarks.append("the names follow no one pattern: the pictures are taken in the order of their names")
        return names
    _say_series([(group[0].pattern, len(group)) for group in parallel], remarks)
    if single:
        found = some(name.path.name for name in single)
        remarks.append(f"{found} left out: not one of the frames {main[0].pattern}")
    return sorted(kept, key=lambda name: name.order)


def _say_series(found: Sequence[tuple[str, int]], remarks: list[str]) -> None:
    """Remark that a folder holds several series (pattern, count), of which the first is read."""
    if len(found) > 1:
        listed = ", ".join(f"{pattern} ({count})" for pattern, count in found[:4])
        remarks.append(
            f"{len(found)} series of pictures in one folder, {listed}{', ...' if found[4:] else ''}: only"
            f" {found[0][0]} is read; put each into a folder of its own"
        )


def _varying(names: Sequence[_Name]) -> list[int]:
    """The places of the numbers that differ between names of the same number of numbers."""
    if len({len(name.numbers) for name in names}) != 1:
        return []
    columns = zip(*(name.numbers for name in names), strict=True)
    return [place for place, column in enumerate(columns) if len(set(column)) > 1]


def _columns(names: list[_Name], remarks: list[str]) -> list[_Name]:
    """One series where a number tells series apart (cam1_0001, cam2_0001): the others' numbers come again."""
    varying = _varying(names)
    if len(varying) < 2 or clocked([name.path.stem for name in names]) is not None:
        return names
    for column in sorted(varying, key=lambda place: len({name.numbers[place] for name in names})):
        groups: dict[Decimal, list[_Name]] = defaultdict(list)
        for name in names:
            groups[name.numbers[column]].append(name)
        main, *others = sorted(groups.values(), key=lambda group: -len(group))
        rest = [
            {(*name.numbers[:column], *name.numbers[column + 1 :]) for name in group}
            for group in (main, *others)
        ]
        if len(main) > 1 and others and all(2 * len(own & rest[0]) >= len(own) for own in rest[1:]):
            said = [(_with_number(group[0], column), len(group)) for group in (main, *others)]
            _say_series(said, remarks)
            return main
    return names


def _with_number(name: _Name, column: int) -> str:
    """A pattern in which one number is written out."""
    shown = (str(n) if place == column else "#" for place, n in enumerate(name.numbers))
    return "".join(f"{word}{number}" for word, number in zip(name.words, (*shown, ""), strict=True))


def _without_odd(names: list[_Name], column: int, remarks: list[str]) -> list[_Name]:
    """The names without a first or last one whose number is far out of the series."""
    for odd, rest in ((names[0], names[1:]), (names[-1], names[:-1])):
        first, last = rest[0].numbers[column], rest[-1].numbers[column]
        far = min(abs(odd.numbers[column] - first), abs(odd.numbers[column] - last))
        if len(rest) > 2 and far > ODD + 10 * (last - first):
            remarks.append(f"{odd.path.name} left out: its number is far from the others'")
            return _without_odd(rest, column, remarks)
    return names
