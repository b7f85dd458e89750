"""Reads a folder of own recordings: its clips as samples, and everything that cannot be used, explained."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from fleeting.datasets.own.annotations import read_annotations
from fleeting.datasets.own.entries import Entry
from fleeting.datasets.own.lines import Line, Opened, read_line
from fleeting.datasets.own.media import FOLDER_FPS, Medium, media_below, twins
from fleeting.datasets.own.table import NAME, find_table, read_table
from fleeting.datasets.reading.cells import text
from fleeting.datasets.reading.labels import word
from fleeting.datasets.reading.rows import Reading, Unread
from fleeting.errors import DatasetError, Problem, some
from fleeting.types import Sample

COHORT = "clips"
LONGEST = 4.0
"""Seconds: the longest facial movement that MEGC counts as an expression."""
SHORTEST = 1 / 25
"""Seconds: the shortest micro-expression of the literature, 1/25 s."""


@dataclass(frozen=True)
class Own:
    """What a folder holds: every entry, the clips among them, and their recordings.

    ``clips`` are pairs of a sample and its line; ``still`` are the lines without a movement.
    """

    reading: Reading
    clips: tuple[tuple[Sample, Line], ...]
    still: tuple[Line, ...]

    @property
    def media(self) -> dict[str, Medium]:
        """The recordings that are named and can be read, by name."""
        lines = [*(line for _, line in self.clips), *self.still]
        return {line.medium.name: line.medium for line in lines if line.medium is not None}


def read_own(root: Path) -> Own:
    """Read the table below a root, or where there is none the ELAN files and analyses.

    Raises DatasetError where there is nothing to read, or a file cannot be read.
    """
    there = media_below(root)
    entries, problems = _entries(root)
    opened = Opened(root, there)
    lines = [read_line(entry, opened) for entry in entries]
    clips = tuple((_sample(line), line) for line in lines if not line.is_still)
    still = tuple(line for line in lines if line.is_still)
    unread = [
        Unread("clip" if field == "file" else field, Problem(sample.id, what, do))
        for sample, line in clips
        for field, what, do in line.trouble
    ]
    unread += [
        Unread("clip", Problem("", what, do))
        for line in still
        for field, what, do in line.trouble
        if field == "file"
    ]
    whole = [*problems, *_people(clips), *_repeated(clips), *_overlaps(clips), *_same(clips), *_long(clips)]
    return Own(Reading(tuple(sample for sample, _ in clips), tuple(whole), tuple(unread)), clips, still)


def _entries(root: Path) -> tuple[list[Entry], list[Problem]]:
    path = find_table(root)
    entries, problems = read_table(path) if path else read_annotations(root)
    if path is None and not entries and not problems:
        raise DatasetError(
            f"{root} holds no {NAME}.csv, {NAME}.xlsx, ELAN file or analysis with events;"
            f" `fleeting init {root}` writes a table to fill in"
        )
    return entries, problems


def _sample(line: Line) -> Sample:
    """A line as a sample; what could not be read is None, and a person or a name is made up."""
    row = "-".join(re.findall(r"\w+", line.entry.where.partition(" of ")[0]))
    person = line.person or "unnamed"
    file = line.medium.name if line.medium else text(line.entry.cells.get("file")) or "unnamed"
    name = re.sub(r"[@#]", "_", "-".join(part for part in re.split(r"[/\\]", file) if part))
    return Sample(
        id=f"{COHORT}/{person}/{name}@{row if line.onset is None else line.onset}",
        dataset=COHORT,
        subject=f"{COHORT}/{person}",
        label=line.label,
        onset=line.onset,
        apex=line.apex,
        offset=line.offset,
        fps=line.medium.rate if line.medium else None,
        kind=line.kind,
        action_units=line.units,
        objective=line.objective,
    )


Clips = Sequence[tuple[Sample, Line]]


def _people(clips: Clips) -> Iterator[Problem]:
    """A problem for people whose names differ in capitals, zeros or blanks alone: one person, or two?"""
    alike: dict[str, set[str]] = defaultdict(set)
    for _, line in clips:
        alike[_folded(line.person)].add(line.person)
    for sample, line in clips:
        names = alike[_folded(line.person)]
        if len(names) > 1:
            what = (
                f"{line.entry.at('subject')}: the subjects {some(names)} differ in capitals, zeros or blanks"
            )
            do = "write one name for one person; nobody may be both trained and tested on"
            yield Problem(sample.id, what, do)
        parts = [part for part in re.split(r"[,;&+]| and | und ", line.person) if part.strip()]
        if known := [part.strip() for part in parts[1:] and parts if _folded(part) in alike]:
            what = f"{line.entry.at('subject')}: found {line.person!r}, and {some(known)} has rows of its own"
            yield Problem(sample.id, what, "write a row for each person, with one name in it")


def _folded(person: str) -> str:
    """A name without what people spell in two ways; a program makes 1.0 of the person 1."""
    return re.sub(r"\.0+$|\b0+|(?<=\D)0+|[\s_-]", "", person.casefold())


def _by_medium(clips: Clips) -> Iterable[Clips]:
    """The clips that can be placed, of each recording together, in the order of their onsets."""
    placed: dict[str, list[tuple[Sample, Line]]] = defaultdict(list)
    for sample, line in clips:
        if line.medium and line.onset is not None and line.offset is not None and line.onset < line.offset:
            placed[line.medium.name].append((sample, line))
    return [sorted(of_it, key=lambda pair: (pair[0].onset, pair[0].offset)) for of_it in placed.values()]


def _repeated(clips: Clips) -> Iterator[Problem]:
    """A problem for each movement that has two rows, and for two clips of one id."""
    for of_it in _by_medium(clips):
        for (one, first), (two, second) in combinations(of_it, 2):
            if (one.onset, one.subject) != (two.onset, two.subject):
                continue
            rows = f"{first.entry.where} and {second.entry.where}"
            if one.offset != two.offset:
                what, do = f"{rows} begin one movement and end it twice", "delete the row that is wrong"
            elif one.label != two.label:
                labels = " and ".join(repr(label) for label in (one.label, two.label))
                what, do = f"{rows} give one movement two labels, {labels}", "delete the row that is wrong"
            else:
                what, do = f"{rows} are the same movement", "delete one of them"
            yield Problem(one.id, what, do)


def _overlaps(clips: Clips) -> Iterator[Problem]:
    """A note on movements of one person that overlap, and one on recordings of several people."""
    for of_it in _by_medium(clips):
        for (one, first), (two, second) in combinations(of_it, 2):
            if (
                one.subject == two.subject
                and one.onset != two.onset
                and (two.onset or 0) <= (one.offset or 0)
            ):
                what = f"{second.entry.where} overlaps with {first.entry.where}"
                yield Problem(two.id, what, "nothing to do if both are meant", blocks=False)
        people = {line.person for _, line in of_it if line.person}
        if len(people) > 1:
            what = f"{of_it[0][1].medium and of_it[0][1].medium.name} has rows of {some(people)}"
            do = "make sure who is meant: of each clip the face that is largest is cut out"
            yield Problem("", what, do, blocks=False)


def _same(clips: Clips) -> Iterator[Problem]:
    """A problem for each clip of a recording that is named already, under another name."""
    media = {line.medium.name: line.medium for _, line in clips if line.medium}
    for first, *others in twins(list(media.values())):
        for sample, line in clips:
            if line.medium and line.medium.name in others:
                what = f"{line.entry.at('file')}: {line.medium.name} is the same recording as {first}"
                yield Problem(sample.id, what, "keep one of the two, and its rows")


def _long(clips: Clips) -> Iterator[Problem]:
    """Notes on clips that last longer than any expression, or less than any: the unit may be another."""
    for of_it in _by_medium(clips):
        for sample, line in of_it:
            lasts = ((line.offset or 0) - (line.onset or 0)) / (sample.fps or 1)
            if SHORTEST <= lasts <= LONGEST:
                continue
            usual = f"up to {LONGEST:g} s" if lasts > LONGEST else f"at least {SHORTEST:g} s"
            what = f"{line.entry.where} lasts {lasts:.2g} s; a facial expression lasts {usual}"
            do = "see whether onset and offset are in the right unit"
            yield Problem(sample.id, what, do, blocks=False)


def remarks(own: Own) -> list[str]:
    """How the rows were read, in sentences: what counts where several ways are usual."""
    said = []
    media = own.media.values()
    if any(one.is_film for one in media):
        said.append(
            "frames of videos count from 0, by their presentation times; a column first_frame with 1 says"
            " that yours count from 1"
        )
    if any(not one.is_film for one in media):
        stated = sorted({f"{one.fps:g}" for one in media if not one.is_film and one.fps})
        said.append(
            f"frames of folders are the numbers in the pictures' names, at {' and '.join(stated)} frames per"
            f" second; a column fps states it, {FOLDER_FPS:g} is assumed without"
        )
    if without := sum(line.apex is None for _, line in own.clips):
        said.append(
            f"{without} of {len(own.clips)} clips have no apex: the recipe's data.apex says how it is found"
        )
    if own.still:
        names = [line.medium.name for line in own.still if line.medium]
        which = f" ({some(names)})" if names else ""
        said.append(
            f"{len(own.still)} rows name no movement{which}: nothing moves there, or it is to be filled in"
        )
    if classes := _classes(own.reading.samples):
        said.append(f"classes: {classes}")
    return said


def _classes(samples: Sequence[Sample]) -> str:
    """The classes with their clips and people, and the spellings of each where there are several."""
    words: Mapping[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.label and sample.kind == "micro":
            words[word(sample.label)].append(sample)
    shown = []
    for name, of_it in sorted(words.items()):
        spelled = sorted({sample.label for sample in of_it})
        several = f", written {', '.join(spelled)}" if spelled[1:] else ""
        people = len({sample.subject for sample in of_it})
        alone = ", of one person: never trained when tested" if people == 1 else ""
        shown.append(f"{name} ({len(of_it)} clips{several}{alone})")
    return "; ".join(shown)
