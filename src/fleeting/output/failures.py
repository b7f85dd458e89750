"""Turns failures of the file system, such as a full disk, into one sentence about the output."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fleeting.errors import OutputError

FULL = {errno.ENOSPC: "free some space", errno.EDQUOT: "free some space", errno.EFBIG: "write fewer formats"}
CLOSED = {
    errno.EROFS: "it can only be read",
    errno.EACCES: "see its permissions",
    errno.EPERM: "see its permissions",
    errno.EIO: "see whether the disk is sound",
    errno.ENOTDIR: "a part of its path is a file",
    errno.EEXIST: "a part of its path is a file",
    errno.ENAMETOOLONG: "its name is too long",
}
"""What to do about a write that failed, by the number of the error."""


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Raise OutputError where something in ``place`` cannot be written; other errors pass."""
    try:
        yield
    except OSError as error:
        do = FULL.get(error.errno or 0)
        if do is None and error.filename is not None and _within(error, place):
            do = CLOSED.get(error.errno or 0)
        if do is None and error.errno == errno.EROFS:
            do = CLOSED[errno.EROFS]
        if do is None:
            raise
        raise OutputError(
            f"{place} cannot be written ({error.strerror}): {do}, or name another place"
        ) from error


def _within(error: OSError, place: Path) -> bool:
    """Whether an error names a path in ``place``, or one above it that could not be made."""
    names = [Path(str(name)).absolute() for name in (error.filename, error.filename2) if name is not None]
    place = place.absolute()
    return any(name.is_relative_to(place) or place.is_relative_to(name) for name in names)
