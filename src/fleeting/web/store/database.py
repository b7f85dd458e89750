"""Opens the database: SQLite so that readers and one writer do not disturb each other, or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session

from fleeting.errors import MissingExtraError, OptionError

WAIT = 30
"""Seconds for which a transaction waits for another one that writes."""
WRITES = "writes"
"""The option of a connection whose transactions write."""


class Database:
    """The engine of a database, and its transactions. Raises OptionError where there is no such database."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self._writing = self.engine.execution_options(**{WRITES: True})

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads."""
        with Session(self.engine) as session, session.begin():
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that writes; of one SQLite file there is one at a time, others wait for it."""
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise OptionError(f"{url!r} is no address of a database; write sqlite:///FILE") from error
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, connect_args={"timeout": WAIT, "check_same_thread": False})
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        return engine
    if parsed.get_backend_name() != "postgresql":
        found = f"the store is {parsed.get_backend_name()}"
        raise OptionError(f"{found}, expected sqlite:///FILE or postgresql://USER@HOST/DATABASE; give one")
    try:
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    except ImportError as error:
        raise MissingExtraError("psycopg", "postgres") from error


def refuse_unreachable(database: Database) -> None:
    """Raise OptionError, without the password that its address may hold, where a database cannot be used."""
    try:
        with database.engine.connect():
            pass
    except SQLAlchemyError as error:
        shown = database.engine.url.render_as_string(hide_password=True)
        why = str(getattr(error, "orig", error)).splitlines()[0]
        raise OptionError(f"the store {shown} cannot be opened ({why}); see whether it runs") from error


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")  # readers do not wait for the writer
    cursor.execute("PRAGMA synchronous=FULL")  # what was said to be kept outlives a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")  # what is forgotten does not stay in the file
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
