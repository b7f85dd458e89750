"""A job as a value: what the store gives out, and how the API shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fleeting.web.store.tables import JobRow

WAITING, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
ENDED = (DONE, FAILED, CANCELLED)
"""States that a job does not leave by itself."""


@dataclass(frozen=True)
class JobRecord:
    """A recording and its analysis, as the database has it. Times are seconds since 1970 (UTC).

    ``done`` of ``total`` frames are analysed; ``position`` is its place in the queue, from 1, None where it
    does not wait.
    """

    id: str
    name: str
    source: str
    local: bool
    settings: Mapping[str, Any]
    media: Mapping[str, Any] | None
    state: str
    stage: str
    done: int
    total: int
    time_left: float | None
    created: float
    started: float | None
    ended: float | None
    error: str | None
    events: int | None
    warnings: Sequence[str]
    worker: str | None
    lease: float | None
    attempts: int
    stop: bool
    position: int | None = None

    @property
    def progress(self) -> float:
        """The share of frames that are analysed, 0 to 1."""
        return 1.0 if self.state == DONE else min(1.0, self.done / self.total) if self.total else 0.0

    def path(self, folder: Path) -> Path:
        """Where the recording lies, given the folder of the server."""
        return Path(self.source) if self.local else folder / "jobs" / self.id / self.source

    def as_dict(self) -> dict[str, Any]:
        """The job as the API shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "stage": self.stage,
            "progress": round(self.progress, 4),
            "time_left_s": None if self.time_left is None else round(self.time_left, 1),
            "position": self.position,
            **{name: moment(getattr(self, name)) for name in ("created", "started", "ended")},
            "error": self.error,
            "events": self.events,
            "warnings": list(self.warnings),
            "settings": dict(self.settings),
            "media": None if self.media is None else dict(self.media),
        }


def moment(seconds: float | None) -> str | None:
    """A time in seconds since 1970 as ISO 8601 in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def record(row: JobRow, position: int | None = None) -> JobRecord:
    """The value of a row."""
    names = JobRecord.__dataclass_fields__.keys() - {"position"}
    return JobRecord(**{name: getattr(row, name) for name in names}, position=position)
