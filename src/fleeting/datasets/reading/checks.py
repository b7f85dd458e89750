"""Checks of a clip that need no decoded picture: known errors of the sheet, order of frames, its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from fleeting.datasets.reading.disk import fault, pictures_by_number
from fleeting.errors import DatasetError, FleetingError, Problem
from fleeting.types import Sample

LEAVE_OUT = "correct the sheet, or leave the clip out"
RESTORE = "restore the files from the release, or leave the clip out"


@dataclass(frozen=True)
class Correction:
    """A wrong value of one clip in a published sheet, with the right value and the reason.

    It applies only where the sheet has the wrong value; None stands for a value that the sheet leaves out.
    """

    field: Literal["onset", "apex", "offset", "label"]
    wrong: int | str | None
    right: int | str | None
    reason: str


def corrected(sample: Sample, corrections: Iterable[Correction]) -> tuple[Sample, list[Problem]]:
    """The sample after all corrections that apply, and a note for each of them."""
    notes = []
    for item in corrections:
        value = getattr(sample, item.field)
        if (value.casefold() if isinstance(value, str) else value) == item.wrong:
            change: dict[str, Any] = {item.field: item.right}
            sample = replace(sample, **change)
            said = "nothing" if item.wrong is None else item.wrong
            what = f"the sheet says {said} for the {item.field}; {item.right} is used: {item.reason}"
            notes.append(Problem(sample.id, what, "nothing to do", blocks=False))
    return sample, notes


def repeated(samples: Sequence[Sample]) -> Iterator[Problem]:
    """A problem for each id that occurs in the sheet more than once."""
    for name, times in Counter(sample.id for sample in samples).items():
        if times > 1:
            yield Problem(name, f"stands in the sheet {times} times", "delete the rows that are too many")


def as_problem(clip: str, error: FleetingError) -> Problem:
    """Convert an error into a problem of one clip; the text after the last "; " becomes the advice."""
    what, _, do = str(error).removeprefix(f"{clip}: ").rpartition("; ")
    return Problem(clip, what or do, do if what else "look at the clip, or leave it out")


def order(
    sample: Sample, *, apex_expected: bool, unread: Collection[tuple[str, str]] = ()
) -> Iterator[Problem]:
    """Problems of onset, apex and offset: missing values and values in the wrong order.

    ``unread`` has the clip and the field of values that are reported already, as they cannot be read.
    """
    onset, apex, offset = sample.onset, sample.apex, sample.offset
    if onset is None or offset is None:
        missing = [name for name, value in (("onset", onset), ("offset", offset)) if value is None]
        if missing := [name for name in missing if (sample.id, name) not in unread]:
            yield Problem(sample.id, f"has no {' and '.join(missing)}", LEAVE_OUT)
    elif onset > offset:
        yield Problem(sample.id, f"onset {onset} comes after offset {offset}", LEAVE_OUT)
    elif apex is not None and not onset <= apex <= offset:
        yield Problem(sample.id, f"apex {apex} lies outside its clip, {onset} to {offset}", LEAVE_OUT)
    if apex is None and apex_expected and (sample.id, "apex") not in unread:
        do = "nothing to do where the recipe finds the apex itself"
        yield Problem(sample.id, "has no annotated apex", do, blocks=False)
    elif apex is not None and apex == onset != offset:
        do = "let the recipe find the apex, or expect no movement in this clip"
        yield Problem(sample.id, f"apex {apex} is the onset frame", do, blocks=False)


def files(sample: Sample, folder: Path | None, expected: str) -> Iterator[Problem]:
    """Problems of a clip's folder and of its files from onset to offset."""
    if folder is None:
        yield Problem(sample.id, f"its folder {expected} is missing", RESTORE)
        return
    try:
        numbered = pictures_by_number(folder)
    except DatasetError as error:
        yield as_problem(sample.id, error)
        return
    needed = {number: paths for number, paths in numbered.items() if _is_inside(sample, number)}
    yield from twins(sample.id, needed)
    yield from twins(sample.id, {n: p for n, p in numbered.items() if n not in needed}, blocks=False)
    found = {number: paths[0] for number, paths in numbered.items()}
    if not found:
        yield Problem(sample.id, f"{folder} holds no numbered pictures", RESTORE)
    elif sample.onset is not None and sample.offset is not None and sample.onset <= sample.offset:
        yield from _missing(sample, found, range(sample.onset, sample.offset + 1))
        unusable = [what for path in between(sample, found) if (what := fault(path))]
        if unusable:
            more = f" and {len(unusable) - 3} more" if len(unusable) > 3 else ""
            yield Problem(sample.id, ", ".join(unusable[:3]) + more, RESTORE)


def _is_inside(sample: Sample, number: int) -> bool:
    """Whether a frame is one of a clip, as far as the sheet says where the clip is."""
    return (sample.onset is None or sample.onset <= number) and (
        sample.offset is None or number <= sample.offset
    )


def twins(clip: str, numbered: Mapping[int, Sequence[Path]], *, blocks: bool = True) -> Iterator[Problem]:
    """A problem where several pictures of a folder have one frame number: nothing says which is meant."""
    several = {number: paths for number, paths in numbered.items() if len(paths) > 1}
    if several:
        number, paths = next(iter(several.items()))
        times = "twice" if len(paths) == 2 else f"{len(paths)} times"
        named = ", ".join(path.name for path in paths[:3])
        more = f", and {len(several) - 1} frames more" if several.keys() - {number} else ""
        what = f"frame {number} is there {times} ({named}){more}"
        do = "keep one picture of each frame, and move the others out of the folder"
        yield Problem(clip, what if blocks else f"{what}, outside the clip", do, blocks)


def _missing(sample: Sample, found: Mapping[int, Path], wanted: range) -> Iterator[Problem]:
    gone = len(wanted) - sum(number in wanted for number in found)
    if gone:
        numbers = list(found)
        first = islice((str(number) for number in wanted if number not in found), 3)
        more = f" and {gone - 3} more" if gone > 3 else ""
        what = f"{gone} of {len(wanted)} frames are missing ({', '.join(first)}{more})"
        yield Problem(sample.id, f"{what}; the folder has frames {numbers[0]} to {numbers[-1]}", RESTORE)


def between(sample: Sample, found: Mapping[int, Path]) -> list[Path]:
    """Files from onset to offset, both included, in numeric order."""
    onset, offset = sample.onset, sample.offset
    if onset is None or offset is None:
        return []
    return [path for number, path in found.items() if onset <= number <= offset]
