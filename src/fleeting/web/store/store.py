"""Opens the store of a server: its jobs, and the changes of their events."""

from __future__ import annotations

from fleeting.web.store.changes import Changes
from fleeting.web.store.database import Database, refuse_unreachable
from fleeting.web.store.migrating import migrate
from fleeting.web.store.queue import JobQueue


class Store(JobQueue, Changes):
    """The jobs and changes in the database at an address (see `fleeting.web.store.database.Database`).

    Raises OptionError where it cannot be opened, or was made by a newer version.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        try:
            refuse_unreachable(self._database)
            migrate(self._database)
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self._database.close()
