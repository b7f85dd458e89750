"""Brings the tables of a database to this version's state; a database of a newer version is refused."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from fleeting.errors import OptionError
from fleeting.web.store.database import WRITES, Database

LOCK = 0x666C6565
"""The number under which PostgreSQL keeps a second server from migrating at the same time."""


def migrate(database: Database) -> None:
    """Make or change the tables, all of it or nothing. Raises OptionError on a newer version's database."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with database.engine.execution_options(**{WRITES: True}).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None and found not in known:
            what = f"the store was made by a newer version (its tables are at {found})"
            raise OptionError(f"{what}; install that version, or name another --store")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
