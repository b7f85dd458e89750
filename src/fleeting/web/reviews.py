"""A rater's review of a job's events: what was found, with the rater's changes laid over it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from fleeting.analysis.event_files import read_events
from fleeting.errors import OptionError
from fleeting.spotting import LONGEST_MICRO
from fleeting.types import Event
from fleeting.web.columns import Table
from fleeting.web.frames import table_of
from fleeting.web.service import MissingError
from fleeting.web.store import Batch, ChangeRow
from fleeting.web.store.records import moment

OPEN, ACCEPTED, REJECTED = "open", "accepted", "rejected"
FRAMES = ("onset_frame", "apex_frame", "offset_frame")
EDITED = (*FRAMES, "label", "comment")
"""The fields that a rater may change, besides the state."""
ADDED, DELETED = "added", "deleted"
"""What stands for the field where a whole event was added, or an added one deleted."""
GUESS: Mapping[str, Any] = {
    "label": None,
    "confidence": None,
    "unsure": None,
    "likelihood": None,
    "action_units": [],
    "probabilities": None,
}
"""What a blind rater is shown of an open event, instead of what was recognised."""


@dataclass(frozen=True)
class Review:
    """One event as a rater has it.

    ``event`` holds the times and the class as they are now, ``found`` as they were found, None of an event
    that the rater added. ``candidate`` says that it lies below the operating point.
    """

    n: int
    event: Event
    found: Event | None
    state: str = OPEN
    comment: str = ""
    candidate: bool = False
    by: str | None = None
    at: float | None = None

    def value(self, name: str) -> Any:
        """A field that can be changed."""
        return getattr(self if name in ("state", "comment") else self.event, name)

    def as_dict(self, *, blind: bool = False) -> dict[str, Any]:
        """The review as the API shows it; a ``blind`` rater does not see the guess before deciding."""
        hidden = GUESS if blind and self.state == OPEN and self.found is not None else {}
        origin = "added" if self.found is None else "found"
        said = {"state": self.state, "comment": self.comment, "by": self.by, "when": moment(self.at)}
        found = None if self.found is None else {**_shown(self.found), **hidden}
        facts = {"n": self.n, "origin": origin, "candidate": self.candidate, **said}
        return {**facts, **_shown(self.event), **hidden, "found": found}


def _shown(event: Event) -> dict[str, Any]:
    names = ("kind", "face", *FRAMES, "onset_s", "apex_s", "offset_s", "label", "confidence", "unsure")
    shown = {name: getattr(event, name) for name in (*names, "likelihood")}
    shown |= {"action_units": list(event.action_units), "probabilities": dict(event.probabilities)}
    return {**shown, "label": event.label or None}


@dataclass(frozen=True, eq=False)
class FoundEvents:
    """What an analysis found: events, then candidates, numbered through; and the times of its frames."""

    events: tuple[Event, ...]
    candidates: tuple[Event, ...]
    frames: Table = field(repr=False)

    @property
    def last(self) -> int:
        """The number of the last of them; what raters add is numbered after it."""
        return len(self.events) + len(self.candidates)

    @cached_property
    def reviews(self) -> Mapping[int, Review]:
        """All of them, as a rater has them who has changed nothing."""
        every = [(event, False) for event in self.events] + [(event, True) for event in self.candidates]
        return {
            n: Review(n, replace(event, number=n), replace(event, number=n), candidate=candidate)
            for n, (event, candidate) in enumerate(every, start=1)
        }

    def seconds(self, frame: int) -> float:
        """When a frame is shown. Raises OptionError on a frame that was not read."""
        numbers = self.frames["frame"]
        place = int(np.searchsorted(numbers, frame))
        if place == len(numbers) or numbers[place] != frame:
            there = f"{numbers[0]} to {numbers[-1]}" if len(numbers) else "none"
            raise OptionError(f"frame {frame} was not analysed, expected one of {there}; choose one of them")
        return float(self.frames["time_s"][place])


def found_events(folder: Path, id_: str, results: Path) -> FoundEvents:
    """What the analysis of a job found, given the server's folder and that of the job's results."""
    return _found(folder, id_, results, (results / "events.json").stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _found(folder: Path, id_: str, results: Path, _changed: int) -> FoundEvents:
    events, candidates = (read_events(results / f"{name}.json") for name in ("events", "candidates"))
    return FoundEvents(events, candidates, table_of(folder, id_, results))


def forget_found() -> None:
    """Keep nothing of any job in memory."""
    _found.cache_clear()


def classes_of(results: Path) -> tuple[str, ...]:
    """The classes of the recogniser that an analysis used, in the order of its table."""
    header = (results / "events.csv").read_text(encoding="utf-8").partition("\n")[0].split(",")
    return tuple(name[2:] for name in header if name.startswith("p_"))


def reviews_of(found: FoundEvents, changes: Sequence[ChangeRow], rater: str) -> dict[int, Review]:
    """Every event by its number as a rater has it, who added, changed and deleted as ``changes`` say."""
    reviews = {**found.reviews}
    fields: dict[int, dict[str, Any]] = {}
    signed: dict[int, float] = {}
    for change in changes:
        if change.rater != rater or change.undone is not None:
            continue
        signed[change.event] = change.at
        if change.field == ADDED:
            fields[change.event] = {"state": ACCEPTED, **change.after}
        elif change.field == DELETED:
            fields.pop(change.event, None)
        else:
            fields.setdefault(change.event, {})[change.field] = change.after
    for n, changed in fields.items():
        before = reviews.get(n)
        own = {name: before.value(name) for name in ("state", *EDITED)} if before else {}
        now = {**own, **changed}
        event = event_of(found, n, now, before.found if before else None)
        first = before or Review(n, event, None)
        state, comment = now["state"], now["comment"]
        reviews[n] = replace(first, event=event, state=state, comment=comment, by=rater, at=signed[n])
    return reviews


def event_of(found: FoundEvents, n: int, fields: Mapping[str, Any], like: Event | None = None) -> Event:
    """The event with these frames and this label. Raises OptionError on frames that cannot be one.

    What a person says of a class is certain: it has the probability 1. ``like`` is the event as it was found,
    whose other facts are kept.
    """
    onset, apex, offset = (fields[name] for name in FRAMES)
    if not onset <= apex <= offset:
        wrong = f"onset {onset}, apex {apex} and offset {offset} are not in this order"
        raise OptionError(f"{wrong}; swap them")
    times = {f"{name.partition('_')[0]}_s": found.seconds(fields[name]) for name in FRAMES}
    kind = "micro" if times["offset_s"] - times["onset_s"] <= LONGEST_MICRO else "macro"
    frames = {name: fields[name] for name in FRAMES}
    label = fields["label"]
    if like is None:
        said = {"probabilities": {label: 1.0} if label else {}, "strength": 0.0, "face": 0}
        return Event(number=n, kind=kind, label=label, **frames, **times, **said)  # type: ignore[arg-type]
    if all(frames[name] == getattr(like, name) for name in FRAMES):
        times, kind = {name: getattr(like, name) for name in times}, like.kind
    if label == like.label:
        return replace(like, kind=kind, **frames, **times)  # type: ignore[arg-type]
    chances = {**({label: 1.0} if label else {}), **like.probabilities}
    said = {"confidence": None, "unsure": False, "doubt": "", "probabilities": chances}
    return replace(like, kind=kind, label=label, **frames, **times, **said)  # type: ignore[arg-type]


def edited(found: FoundEvents, reviews: Mapping[int, Review], n: int, fields: Mapping[str, Any]) -> Batch:
    """The change of an event's ``fields``, checked. Raises MissingError, OptionError.

    Who corrects an open event has decided that it is there, unless the state is given too.
    """
    review = reviews.get(n)
    if review is None:
        raise MissingError(f"there is no event {n} of this rater; see the list of events")
    wanted = {name: value for name, value in fields.items() if value != review.value(name)}
    if {*wanted} & {*FRAMES, "label"} and review.state == OPEN and "state" not in fields:
        wanted["state"] = ACCEPTED
    event_of(found, n, {**{name: review.value(name) for name in EDITED}, **wanted}, review.found)
    order = [name for name in ("state", *EDITED) if name in wanted]
    return Batch(n, [(name, review.value(name), wanted[name]) for name in order])


def addition(found: FoundEvents, changes: Sequence[ChangeRow], fields: Mapping[str, Any]) -> Batch:
    """The change that adds an event, with the next free number. Raises OptionError on wrong frames."""
    n = max([found.last, *(change.event for change in changes)]) + 1
    event_of(found, n, fields)
    return Batch(n, [(ADDED, None, {name: fields[name] for name in EDITED})])


def removal(reviews: Mapping[int, Review], n: int) -> Batch:
    """The change that deletes an added event, or rejects one that was found. Raises MissingError."""
    review = reviews.get(n)
    if review is None:
        raise MissingError(f"there is no event {n} of this rater; see the list of events")
    if review.found is not None:
        fields = [("state", review.state, REJECTED)] if review.state != REJECTED else []
        return Batch(n, fields)
    return Batch(n, [(DELETED, json.loads(json.dumps({k: review.value(k) for k in EDITED})), None)])
