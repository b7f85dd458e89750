"""The tables of the database, as typed classes of SQLAlchemy; `migrations` makes them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Boolean, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """What all tables have in common."""


class JobRow(Base):
    """A recording and its analysis. Times are seconds since 1970 (UTC)."""

    __tablename__ = "jobs"
    __table_args__ = (Index("jobs_by_state", "state", "number"),)

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    """Counts the jobs in the order in which they came."""
    id: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    """The path of the recording: in the job's folder or, if ``local``, on this machine."""
    local: Mapped[bool] = mapped_column(Boolean, default=False)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    media: Mapped[dict[str, Any] | None] = mapped_column(JSON, default=None)
    state: Mapped[str] = mapped_column(String(16), default="queued")
    stage: Mapped[str] = mapped_column(String(32), default="")
    done: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int] = mapped_column(Integer, default=0)
    time_left: Mapped[float | None] = mapped_column(Float, default=None)
    created: Mapped[float] = mapped_column(Float)
    started: Mapped[float | None] = mapped_column(Float, default=None)
    ended: Mapped[float | None] = mapped_column(Float, default=None)
    error: Mapped[str | None] = mapped_column(Text, default=None)
    events: Mapped[int | None] = mapped_column(Integer, default=None)
    warnings: Mapped[list[str]] = mapped_column(JSON, default=list)
    worker: Mapped[str | None] = mapped_column(String(64), default=None)
    lease: Mapped[float | None] = mapped_column(Float, default=None)
    """Until when the worker has the job, unless it gives a sign of life before."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    stop: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whether the worker is asked to stop, because the job was cancelled."""


class ChangedField(Base):
    """One field of one event that one rater changed; rows are never altered but for ``undone``."""

    __tablename__ = "changes"
    __table_args__ = (Index("changes_by_job", "job", "number"),)

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    job: Mapped[str] = mapped_column(String(32), ForeignKey("jobs.id", ondelete="CASCADE"))
    batch: Mapped[str] = mapped_column(String(32))
    """The same for the fields that were changed by one request, and are undone together."""
    rater: Mapped[str] = mapped_column(String(64))
    at: Mapped[float] = mapped_column(Float)
    event: Mapped[int] = mapped_column(Integer)
    field: Mapped[str] = mapped_column(String(32))
    before: Mapped[Any] = mapped_column(JSON, default=None, nullable=True)
    after: Mapped[Any] = mapped_column(JSON, default=None, nullable=True)
    undone: Mapped[float | None] = mapped_column(Float, default=None)
    """When the change was taken back."""
