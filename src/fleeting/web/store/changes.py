"""What raters changed in the events of a job: appended, never altered, and taken back by marking it so."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import select, update

from fleeting.web.store.database import Database
from fleeting.web.store.queue import UnknownJobError
from fleeting.web.store.records import moment
from fleeting.web.store.tables import ChangedField, JobRow


@dataclass(frozen=True)
class ChangeRow:
    """One field of one event that one rater changed, when, and when it was taken back, if it was."""

    number: int
    batch: str
    rater: str
    at: float
    event: int
    field: str
    before: Any
    after: Any
    undone: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The change as the API shows it, with times in ISO 8601."""
        return {**asdict(self), "at": moment(self.at), "undone": moment(self.undone)}


@dataclass(frozen=True)
class Batch:
    """Fields of one event that are changed together: (field, before, after)."""

    event: int
    fields: Sequence[tuple[str, Any, Any]]


class Changes:
    """The changes in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def changes(self, job: str) -> list[ChangeRow]:
        """All changes of a job's events, in their order, those too that were taken back."""
        with self._database.reading() as session:
            return [_value(row) for row in session.scalars(_of(job))]

    def change(self, job: str, rater: str, decide: Callable[[Sequence[ChangeRow]], Batch]) -> Batch:
        """Append what ``decide`` makes of the changes so far; no other change of the job comes between.

        Raises UnknownJobError, and what ``decide`` raises; nothing is changed then.
        """
        with self._database.writing() as session:
            known = select(JobRow.id).where(JobRow.id == job).with_for_update()
            if session.scalar(known) is None:
                raise UnknownJobError(
                    "the job of these events was forgotten; see /api/jobs for those there are"
                )
            batch = decide([_value(row) for row in session.scalars(_of(job))])
            signed = {"job": job, "batch": uuid4().hex, "rater": rater, "at": time.time()}
            for field, before, after in batch.fields:
                change = {"event": batch.event, "field": field, "before": before, "after": after}
                session.add(ChangedField(**signed, **change))
                session.flush()  # so that their numbers are in this order
            return batch

    def undo(self, job: str, rater: str) -> list[ChangeRow]:
        """Take back what a rater changed last; what that was, nothing if there is nothing left."""
        with self._database.writing() as session:
            session.scalar(select(JobRow.id).where(JobRow.id == job).with_for_update())
            mine = _of(job).where(ChangedField.rater == rater, ChangedField.undone.is_(None))
            rows = session.scalars(mine).all()
            last = [row for row in rows if row.batch == rows[-1].batch]
            numbers = [row.number for row in last]
            taken = update(ChangedField).where(ChangedField.number.in_(numbers)).values(undone=time.time())
            session.execute(taken)
            return [_value(row) for row in last]


def _of(job: str) -> Any:
    return select(ChangedField).where(ChangedField.job == job).order_by(ChangedField.number)


def _value(row: ChangedField) -> ChangeRow:
    return ChangeRow(**{name: getattr(row, name) for name in ChangeRow.__dataclass_fields__})
