"""Scores the movements found in long videos by MEGC's rule, and says what limits these scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fleeting.datasets import LabelSet, LongVideos, Recording, label_sets, word
from fleeting.errors import Problem, some
from fleeting.megc_names import PEOPLE
from fleeting.recognition.recogniser import Recogniser
from fleeting.scoring.intervals import Interval
from fleeting.scoring.megc_files import submission
from fleeting.scoring.movements import movements_csv, score_kinds
from fleeting.types import Kind, Sample

UNKNOWN = "unknown"
"""The label of a micro-expression that has no class."""


@dataclass(frozen=True)
class Found:
    """The events found in one recording; where it is not ``usable``, ``problems`` say why.

    Events are rows as `fleeting.analysis.event_files.event_row` makes them.
    """

    recording: Recording
    events: tuple[Mapping[str, Any], ...] = ()
    problems: tuple[Problem, ...] = ()
    usable: bool = True


def spans(samples: Iterable[Sample]) -> Iterator[tuple[Sample, int, int]]:
    """The samples whose onset and offset are known and in order, each with both frame numbers.

    The dataset has already reported the problems of the others.
    """
    for sample in samples:
        if sample.onset is not None and sample.offset is not None and sample.onset <= sample.offset:
            yield sample, sample.onset, sample.offset


def scored(
    usable: Sequence[Found],
    adapter: LongVideos,
    recogniser: Recogniser | None,
    kinds: Sequence[Kind],
    entry: tuple[str, int] | None = None,
) -> tuple[dict[str, str], dict[str, Any]]:
    """The movements as text for ``truth.csv`` and ``found.csv``, and their scores for ``scores.json``.

    ``kinds`` are those that the sheet lists: others that were found are not scored. With ``entry``, a dataset
    and a year, the files that MEGC took in that year are among the texts.
    """
    label_set = _label_set(adapter, recogniser)
    videos = [one.recording.name for one in usable]
    truth = {kind: [i for one in usable for i in _true(one, kind, label_set)] for kind in kinds}
    found = {kind: [i for one in usable for i in _said(one, kind)] for kind in kinds}
    classes = {i.label for i in truth["micro"]} & set(label_set.classes if label_set else ())
    both = {"truth.csv": truth, "found.csv": found}
    lists = {name: movements_csv(videos, of_kinds, labelled=bool(classes)) for name, of_kinds in both.items()}
    if entry:
        dataset, year = entry
        lists |= submission(year, dataset, videos, truth, found, classes)
    return lists, score_kinds(videos, truth, found, classes)


def _label_set(adapter: LongVideos, recogniser: Recogniser | None) -> LabelSet | None:
    """The dataset's label set that has exactly the recogniser's classes; None where there is none."""
    having = (label_sets[name] for name in adapter.label_sets)
    classes = set(recogniser.classes) if recogniser else None
    return next((one for one in having if set(one.classes) == classes), None)


def _true(one: Found, kind: Kind, label_set: LabelSet | None) -> Iterable[Interval]:
    """The annotated movements of a kind in a recording, each once."""

    def label(sample: Sample) -> str:
        of_set = label_set.class_of(sample) if label_set else None
        return of_set or word(sample.label) or UNKNOWN if kind == "micro" else kind

    samples = [sample for sample in one.recording.samples if sample.kind == kind]
    name = one.recording.name
    return {(a, b): Interval(name, a, b, label(sample)) for sample, a, b in spans(samples)}.values()


def _said(one: Found, kind: Kind) -> Iterable[Interval]:
    """The movements of a kind that were found in a recording, each once."""
    events = [event for event in one.events if event["kind"] == kind]
    unnamed = UNKNOWN if kind == "micro" else kind
    return {
        (a, b): Interval(one.recording.name, a, b, event["label"] or unnamed)
        for event in events
        for a, b in [(event["onset_frame"], event["offset_frame"])]
    }.values()


def notes(usable: Sequence[Found], scores: Mapping[str, Any]) -> Iterator[str]:
    """Notes on the scores: recordings without a row in the sheet, kinds and classes that are not scored."""
    if bare := [one.recording.name for one in usable if not one.recording.samples]:
        yield f"no row of the sheet names {some(bare, 3)}: nothing moves there, so whatever is found is false"
    if scores["macro"] is None:
        yield "the sheet lists micro-expressions only: longer movements that were found are not scored"
    if scores["recognised"] is None:
        yield "no micro-expression has a class that was recognised: classes are not scored"


def shared_people(usable: Sequence[Found], recogniser: Recogniser | None, drawn: str) -> Iterator[str]:
    """A warning where the recogniser may have been trained on the people whose movements it names."""
    trained = recogniser.facts.data.dataset if recogniser else ""
    cohorts = set(PEOPLE) if trained.startswith("megc2019") else {trained}
    shared = cohorts & {one.recording.subject.partition("/")[0] for one in usable}
    if recogniser and shared and not drawn:
        yield f"{recogniser.name} was trained on people of {some(shared)}: the STRS is not clean"
