"""Locks an output folder for one process, by a lock of the operating system, which ends with its process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EINVAL, ENOLCK, ENOTSUP
from pathlib import Path

from fleeting.errors import OutputError

LOCK = ".fleeting.lock"
"""The file in a folder that is locked while the folder is written; it is deleted afterwards."""


@contextmanager
def locked(folder: Path, wait: float = 0.0) -> Iterator[None]:
    """Keep other processes (on a network drive, of other machines too) out of an existing folder.

    Waits up to ``wait`` seconds for another process; then raises OutputError. On a file system without locks
    a warning is logged, and nobody is kept out.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK, timeout=wait)
    try:
        lock.acquire()
    except Timeout as error:
        raise OutputError(
            f"{folder} is being written by another process; wait until that has ended, or name another folder"
        ) from error
    except OSError as error:
        if error.errno not in (EINVAL, ENOLCK, ENOTSUP):
            raise
        logging.getLogger("fleeting").warning(
            "%s lies where nothing can be locked (%s); let no second process write there",
            folder,
            error.strerror,
        )
    try:
        yield
    finally:
        with suppress(OSError):  # Windows deletes it at the release
            if lock.is_locked:
                (folder / LOCK).unlink(missing_ok=True)  # whoever waits sees that, and makes another
        lock.release()
