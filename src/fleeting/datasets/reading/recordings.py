"""Finding a dataset's long videos: folders of numbered pictures, each with any number of movements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fleeting.datasets.reading import places
from fleeting.datasets.reading.checks import LEAVE_OUT, as_problem
from fleeting.datasets.reading.disk import pictures, under
from fleeting.errors import DatasetError, Problem
from fleeting.types import Sample

RESTORE_FILES = "restore its files from the release"
Facts = Mapping[str, str]


@dataclass(frozen=True)
class Recording:
    """A long video: its name, the person in it, its frame rate, and its folder of numbered pictures.

    The name does not depend on the disk's layout. ``samples`` are the movements that the sheet lists for the
    video; their frames are numbered like the pictures. ``folder`` may be a video file, whose frames count
    from 0; ``stated_fps`` is then the rate at which its times are counted, None for its own times.
    """

    name: str
    subject: str
    fps: float
    folder: Path
    samples: tuple[Sample, ...] = ()
    stated_fps: float | None = None


@dataclass(frozen=True, kw_only=True)
class Naming:
    """How a dataset names its long videos: ``name`` is a template over the fields of its layouts.

    ``fields`` are regular expressions that the value of each field must match; ``person`` may be a group
    within another field's expression.
    """

    name: str
    fields: Facts

    def of(self, facts: Facts) -> str:
        """The name of the video with these facts, "" where they do not match ``fields``."""
        fit = all(re.fullmatch(form, facts[field], re.IGNORECASE) for field, form in self.fields.items())
        return self.name.format_map(facts) if fit else ""

    def there(self, arranged: Sequence[places.Place]) -> Iterator[tuple[dict[str, str], Path]]:
        """The facts and the folder of every video on the disk. Raises DatasetError."""
        for base, layout in arranged:
            form = re.sub(r"\\\{(\w+)\\\}|\\\*", self._form, re.escape(layout))
            for folder in under(base, re.sub(r"\{\w+\}", "*", layout), {}):
                found = re.fullmatch(form, folder.relative_to(base).as_posix(), re.IGNORECASE)
                if found:
                    yield found.groupdict(), folder

    def _form(self, field: re.Match[str]) -> str:
        return f"(?P<{field[1]}>{self.fields[field[1]]})" if field[1] else "[^/]*"


def recordings_of(
    naming: Naming,
    arranged: Sequence[places.Place],
    rows: Sequence[tuple[Sample, Facts]],
    *,
    cohort: str,
    fps: float,
) -> tuple[list[Recording], list[Problem]]:
    """The long videos on the disk, sorted by name, and a problem for each that is missing there.

    ``rows`` are the sheet's samples with the values of their path fields. Videos without a row in the sheet
    are included: they have no annotated movement.
    """
    problems = []
    named: dict[str, list[tuple[Sample, Facts]]] = {}
    for sample, facts in rows:
        if name := naming.of(facts):
            named.setdefault(name.casefold(), []).append((sample, facts))
        else:
            problems.append(Problem(sample.id, "is in a long video that has no known name", LEAVE_OUT))
    found = {}
    for key, of_it in named.items():
        sample, facts = of_it[0]
        try:
            folder, expected = places.folder(arranged, facts)
        except DatasetError as error:
            problems.append(as_problem(naming.of(facts), error))
            continue
        if folder is None:
            problems.append(Problem(naming.of(facts), f"its folder {expected} is missing", RESTORE_FILES))
        else:
            samples = tuple(sample for sample, _ in of_it)
            found[key] = Recording(naming.of(facts), sample.subject, fps, folder, samples)
    people = {sample.subject.casefold(): sample.subject for sample, _ in rows}
    try:
        for facts, folder in naming.there(arranged):
            subject = f"{cohort}/{facts['person']}"
            subject = people.get(subject.casefold(), subject)
            name = naming.of({**facts, "person": subject.partition("/")[2]})
            if name.casefold() in named or not pictures(folder):
                continue
            if (twin := found.get(name.casefold())) and twin.folder != folder:
                what = f"its folder is there twice, {twin.folder.name} and {folder.name}"
                problems.append(Problem(name, what, "keep one of them"))
            found.setdefault(name.casefold(), Recording(name, subject, fps, folder))
    except DatasetError as error:
        problems.append(as_problem("", error))
    return sorted(found.values(), key=lambda recording: recording.name), problems
