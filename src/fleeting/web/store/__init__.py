"""A store keeps jobs and what people changed in their events: a database, SQLite or PostgreSQL."""

from fleeting.web.store.changes import Batch, ChangeRow
from fleeting.web.store.records import JobRecord
from fleeting.web.store.store import Store

__all__ = ["Batch", "ChangeRow", "JobRecord", "Store"]
