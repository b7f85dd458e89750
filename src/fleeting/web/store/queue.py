"""The queue of jobs in the database: added, claimed by one worker at a time, told of, ended, forgotten."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CursorResult, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from fleeting.errors import OptionError
from fleeting.web.store.database import Database
from fleeting.web.store.records import CANCELLED, ENDED, FAILED, RUNNING, WAITING, JobRecord, record
from fleeting.web.store.tables import ChangedField, JobRow

ATTEMPTS = 5
"""How often a job is begun whose workers died; then it has failed."""
DIED = (
    f"its worker died {ATTEMPTS} times, perhaps because the memory did not suffice; analyse a shorter stretch"
)


class UnknownJobError(OptionError):
    """No job has this id."""


class FullQueueError(OptionError):
    """As many jobs wait as may."""


class JobQueue:
    """The jobs in a database. Methods that name a ``worker`` do nothing once it has lost the job."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, most: int, **facts: Any) -> JobRecord:
        """Put a job at the end of the queue. Raises FullQueueError where ``most`` wait already."""
        with self._database.writing() as session:
            waiting = session.scalar(select(func.count()).where(JobRow.state == WAITING)) or 0
            if waiting >= most:
                raise FullQueueError(f"{waiting} videos wait already, and no more are taken; try again later")
            row = JobRow(created=time.time(), **facts)
            session.add(row)
            session.flush()
            return record(row, waiting + 1)

    def job(self, id_: str) -> JobRecord:
        """The job of this id. Raises UnknownJobError."""
        with self._database.reading() as session:
            return _found(session, id_)

    def jobs(self) -> list[JobRecord]:
        """All jobs, the last that came first."""
        with self._database.reading() as session:
            rows = session.scalars(select(JobRow).order_by(JobRow.number)).all()
            waiting = iter(range(1, len(rows) + 1))
            return [record(row, next(waiting) if row.state == WAITING else None) for row in rows][::-1]

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        with self._database.reading() as session:
            found = session.execute(select(JobRow.state, func.count().label("total")).group_by(JobRow.state))
            return {row.state: row.total for row in found}

    def claim(self, worker: str, lease: float) -> JobRecord | None:
        """Give a worker the first job that waits, or whose worker shows no life; None if there is none."""
        now = time.time()
        waits = or_(JobRow.state == WAITING, and_(JobRow.state == RUNNING, JobRow.lease < now))
        wanted = select(JobRow).where(waits).order_by(JobRow.number).limit(1)
        with self._database.writing() as session:
            while row := session.scalars(wanted.with_for_update(skip_locked=True)).first():
                if row.stop or row.attempts >= ATTEMPTS:
                    _end(row, CANCELLED if row.stop else FAILED, None if row.stop else DIED)
                    session.flush()
                    continue
                row.state, row.worker, row.lease = RUNNING, worker, now + lease
                row.started = row.started or now
                row.attempts += 1
                return record(row)
        return None

    def alive(self, id_: str, worker: str, lease: float) -> bool | None:
        """Tell that a worker is alive; whether it may go on, or None where it has lost the job."""
        return self._told(id_, worker, lease=time.time() + lease)

    def tell(self, id_: str, worker: str, **facts: Any) -> bool | None:
        """Write down how far a worker has come; answers as `alive` does."""
        return self._told(id_, worker, **facts)

    def _told(self, id_: str, worker: str, **facts: Any) -> bool | None:
        with self._database.writing() as session:
            mine = (JobRow.id == id_, JobRow.worker == worker, JobRow.state == RUNNING)
            stop = session.scalar(select(JobRow.stop).where(*mine).with_for_update())
            if stop is None:
                return None
            session.execute(update(JobRow).where(*mine).values(**facts))
            return not stop

    def end(self, id_: str, worker: str, state: str, error: str | None = None, **facts: Any) -> bool:
        """End a job, as its worker; whether it still had it."""
        with self._database.writing() as session:
            row = _row(session, id_)
            if row is None or row.worker != worker or row.state != RUNNING:
                return False
            _end(row, state, error, facts)
            return True

    def release(self, worker: str, *, died: bool) -> int:
        """Put the jobs of a worker that has ended back into the queue; how many they were.

        A worker that ``died`` may have died of the job; one that was told to end did not.
        """
        lost = (JobRow.worker == worker, JobRow.state == RUNNING)
        back: dict[str, Any] = {"state": WAITING, "worker": None, "lease": None, "time_left": None}
        back |= {} if died else {"attempts": JobRow.attempts - 1}
        with self._database.writing() as session:
            stopped = session.scalars(select(JobRow).where(*lost, JobRow.stop)).all()
            for row in stopped:
                _end(row, CANCELLED, None)
            session.flush()
            found: Any = session.execute(update(JobRow).where(*lost).values(**back))
            return _rows(found) + len(stopped)

    def cancel(self, id_: str) -> JobRecord:
        """Cancel a job that waits, and ask the worker of one that runs to stop. Raises UnknownJobError."""
        with self._database.writing() as session:
            row = _row(session, id_)
            if row is not None and row.state == WAITING:
                _end(row, CANCELLED, None)
            elif row is not None and row.state == RUNNING:
                row.stop, row.stage = True, "cancelling"
            session.flush()
            return _found(session, id_)

    def forget(self, id_: str) -> None:
        """Delete a job and every change of its events. Raises UnknownJobError."""
        with self._database.writing() as session:
            session.execute(delete(ChangedField).where(ChangedField.job == id_))
            found: Any = session.execute(delete(JobRow).where(JobRow.id == id_))
            if not _rows(found):
                raise _unknown()

    def ended_before(self, moment: float) -> Sequence[str]:
        """The ids of jobs that ended before a time, in seconds since 1970."""
        with self._database.reading() as session:
            old = select(JobRow.id).where(JobRow.state.in_(ENDED), JobRow.ended < moment)
            return session.scalars(old).all()


def _rows(result: CursorResult[Any]) -> int:
    return int(result.rowcount)


def _end(row: JobRow, state: str, error: str | None, facts: Mapping[str, Any] | None = None) -> None:
    row.state, row.error, row.ended = state, error, time.time()
    row.stage, row.worker, row.lease, row.time_left, row.stop = "", None, None, None, False
    for name, value in (facts or {}).items():
        setattr(row, name, value)


def _row(session: Session, id_: str) -> JobRow | None:
    return session.scalars(select(JobRow).where(JobRow.id == id_).with_for_update()).first()


def _found(session: Session, id_: str) -> JobRecord:
    row = session.scalars(select(JobRow).where(JobRow.id == id_)).first()
    if row is None:
        raise _unknown()
    if row.state != WAITING:
        return record(row)
    before = and_(JobRow.state == WAITING, JobRow.number < row.number)
    return record(row, (session.scalar(select(func.count()).where(before)) or 0) + 1)


def _unknown() -> UnknownJobError:
    return UnknownJobError(
        "no job has this id; it was forgotten, or never was: /api/jobs has those there are"
    )
