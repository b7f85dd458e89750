"""How far two raters agree on a recording: on what was found, on classes, and on when movements are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fleeting.errors import OptionError
from fleeting.scoring.intervals import LEAST_IOU, Interval, IntervalList, match, score_lists
from fleeting.web.reviews import ACCEPTED, OPEN, Review

FEWEST = 5
"""Fewest judgements of which a kappa is told without a warning."""
VIDEO = "recording"


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa of pairs of judgements: 1 is full agreement, 0 as much as chance gives.

    None where there are no judgements, and where chance alone would agree always, as both gave one answer
    throughout. Source: Cohen 1960, doi:10.1177/001316446002000104.
    """
    if not pairs:
        return None
    many = len(pairs)
    agreed = sum(one == other for one, other in pairs) / many
    answers = {answer for pair in pairs for answer in pair}
    shares = [[sum(pair[side] == answer for pair in pairs) / many for side in (0, 1)] for answer in answers]
    chance = sum(one * other for one, other in shares)
    return None if chance >= 1 else (agreed - chance) / (1 - chance)


def agreement(names: Sequence[str], reviews: Sequence[Mapping[int, Review]]) -> dict[str, Any]:
    """The agreement of two raters, whose reviews are given by the events' numbers.

    ``decisions`` compares accepted and rejected over events that were found and that both decided. The
    intervals that each says are there are matched as MEGC does (IoU of at least 0.5); ``classes`` compares
    those of matched pairs that both named. Raises OptionError unless there are two raters.
    """
    if len(names) != 2 or names[0] == names[1]:
        raise OptionError(f"{len(set(names))} raters were named, expected two; write raters=NAME,NAME")
    first, second = reviews
    both = [n for n, one in first.items() if one.found is not None and n in second]
    decided = [(first[n].state, second[n].state) for n in both]
    decisions = [pair for pair in decided if OPEN not in pair]
    lists = [_list(one) for one in reviews]
    scores = score_lists(*lists)
    pairs = match(lists[0].intervals, lists[1].intervals)
    classes = [(one.label, other.label) for one, other in pairs if one.label and other.label]
    overlap = sum(_iou(*pair) for pair in pairs) / len(pairs) if pairs else None
    counts = scores.pooled
    return {
        "raters": list(names),
        "decisions": _judged(decisions),
        "classes": _judged(classes),
        "intervals": {
            "matched": counts.tp,
            "only_first": counts.fn,
            "only_second": counts.fp,
            "f1": counts.f1,
            "mean_iou": overlap,
            "least_iou": LEAST_IOU,
        },
        "notes": [*_notes(names, decisions, classes, lists)],
    }


def _judged(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    agreed = sum(one == other for one, other in pairs)
    return {"n": len(pairs), "agreed": agreed, "kappa": kappa(pairs)}


def _list(reviews: Mapping[int, Review]) -> IntervalList:
    """What a rater says is there, each interval once."""
    said: dict[tuple[int, int], str] = {}
    for review in reviews.values():
        if review.state == ACCEPTED:
            event = review.event
            said.setdefault((event.onset_frame, event.offset_frame), event.label)
    found = tuple(Interval(VIDEO, onset, offset, label) for (onset, offset), label in said.items())
    return IntervalList((VIDEO,), found)


def _iou(one: Interval, other: Interval) -> float:
    shared = min(one.offset, other.offset) - max(one.onset, other.onset) + 1
    return shared / (one.offset - one.onset + other.offset - other.onset + 2 - shared)


def _notes(
    names: Sequence[str],
    decisions: Sequence[tuple[str, str]],
    classes: Sequence[tuple[str, str]],
    lists: Sequence[IntervalList],
) -> list[str]:
    """Sentences on what is too little to say anything of."""
    notes = [
        f"{name or 'the unnamed rater'} says of no movement that it is there"
        for name, said in zip(names, lists, strict=True)
        if not said.intervals
    ]
    for pairs, what in (
        (decisions, "events were decided by both"),
        (classes, "movements were named by both"),
    ):
        if len(pairs) < FEWEST:
            notes.append(f"{len(pairs)} {what}: too few for a kappa that means anything (at least {FEWEST})")
        elif kappa(pairs) is None:
            notes.append(f"all {len(pairs)} {what} alike, with one answer throughout: kappa is not defined")
    return notes
