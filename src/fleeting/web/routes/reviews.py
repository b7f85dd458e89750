"""The routes of reviews: events accepted, corrected, rejected and added by raters, undone and compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi import Path as InPath
from fastapi.responses import JSONResponse

from fleeting.web.agreement import agreement
from fleeting.web.answers import Rater
from fleeting.web.review_answers import (
    Addition,
    AgreementAnswer,
    Changes,
    Correction,
    Raters,
    ReviewAnswer,
    ReviewList,
    Signed,
)
from fleeting.web.reviews import (
    OPEN,
    FoundEvents,
    addition,
    edited,
    found_events,
    removal,
    reviews_of,
)
from fleeting.web.service import Given, JobId, Service
from fleeting.web.store import Batch, ChangeRow

router = APIRouter(prefix="/api/jobs/{id}", tags=["reviews"])
EventNumber = Annotated[int, InPath(ge=1, le=2**31 - 1, description="an event's number")]
Who = Annotated[Rater, Query(description="a rater's name; each has a review of their own")]
Flag = Annotated[bool, Query()]


def found_in(given: Service, id_: str) -> tuple[FoundEvents, Path]:
    """What the analysis of a job found, and the folder of its results."""
    _, results = given.finished(id_)
    return found_events(given.folder, id_, results), results


@router.get("/events", response_model=ReviewList)
def events(
    id: JobId,  # noqa: A002 - the name in the address
    given: Given,
    rater: Who = "",
    blind: Flag = False,
    candidates: Flag = False,
) -> JSONResponse:
    """The events as a rater has them, by onset; ``blind`` hides the guess until the rater has decided."""
    found, _ = found_in(given, id)
    reviews = reviews_of(found, given.store.changes(id), rater).values()
    shown = [one for one in reviews if candidates or not one.candidate or one.state != OPEN]
    shown.sort(key=lambda one: (one.event.onset_frame, one.n))
    return JSONResponse({"events": [one.as_dict(blind=blind) for one in shown]})


@router.post("/events", status_code=201, response_model=ReviewAnswer)
def add(id: JobId, wanted: Addition, given: Given) -> dict[str, Any]:  # noqa: A002
    """Add an event that was not found; it counts as accepted."""
    found, _ = found_in(given, id)
    fields = wanted.model_dump(exclude={"rater"})
    batch = given.store.change(id, wanted.rater, lambda changes: addition(found, changes, fields))
    return _shown(given, id, found, wanted.rater, batch.event)


@router.patch("/events/{n}", response_model=ReviewAnswer)
def correct(id: JobId, n: EventNumber, wanted: Correction, given: Given) -> dict[str, Any]:  # noqa: A002
    """Accept, reject or correct an event. A correction of one that is open accepts it."""
    found, _ = found_in(given, id)
    fields = wanted.model_dump(exclude={"rater"}, exclude_none=True)

    def decide(changes: Sequence[ChangeRow]) -> Batch:
        return edited(found, reviews_of(found, changes, wanted.rater), n, fields)

    given.store.change(id, wanted.rater, decide)
    return _shown(given, id, found, wanted.rater, n)


@router.delete("/events/{n}", response_model=ReviewList)
def remove(id: JobId, n: EventNumber, given: Given, rater: Who = "") -> JSONResponse:  # noqa: A002
    """Delete an event that the rater added, or reject one that was found; answers with all events."""
    found, _ = found_in(given, id)
    given.store.change(id, rater, lambda changes: removal(reviews_of(found, changes, rater), n))
    return events(id, given, rater)


@router.post("/undo", response_model=Changes)
def undo(id: JobId, who: Signed, given: Given) -> dict[str, Any]:  # noqa: A002
    """Take back what a rater did last; answers with that, an empty list if nothing is left."""
    given.finished(id)
    return {"changes": [one.as_dict() for one in given.store.undo(id, who.rater)]}


@router.get("/history", response_model=Changes)
def history(id: JobId, given: Given) -> dict[str, Any]:  # noqa: A002
    """Who changed what and when, in that order, with what was taken back."""
    given.store.job(id)
    return {"changes": [one.as_dict() for one in given.store.changes(id)]}


@router.get("/raters", response_model=Raters)
def raters(id: JobId, given: Given) -> dict[str, Any]:  # noqa: A002
    """Who has reviewed the job's events, and how many of those that were found they have decided."""
    found, _ = found_in(given, id)
    changes = given.store.changes(id)
    names = sorted({one.rater for one in changes if one.undone is None})
    listed = []
    for name in names:
        reviews = [one for one in reviews_of(found, changes, name).values() if not one.candidate]
        decided = sum(one.found is not None and one.state != OPEN for one in reviews)
        added = sum(one.found is None for one in reviews)
        listed.append({"rater": name, "decided": decided, "of": len(found.events), "added": added})
    return {"raters": listed}


@router.get("/agreement", response_model=AgreementAnswer)
def agree(
    id: JobId,  # noqa: A002
    given: Given,
    raters: Annotated[str, Query(max_length=200, description="two names, with a comma between")],
) -> dict[str, Any]:
    """How far two raters agree: Cohen's kappa of decisions and of classes, and their intervals."""
    found, _ = found_in(given, id)
    changes = given.store.changes(id)
    names = tuple(name.strip() for name in raters.split(","))
    return agreement(names, [reviews_of(found, changes, name) for name in names])


def _shown(given: Service, id_: str, found: FoundEvents, rater: str, n: int) -> dict[str, Any]:
    return reviews_of(found, given.store.changes(id_), rater)[n].as_dict()
