"""Writes files atomically: a reader sees the old file or the new one, never a part, even after a kill."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeGuard

import platformdirs

from fleeting.errors import OptionError


def is_address(value: object) -> bool:
    """Whether a caller means a place in a store, such as ``s3://bucket/videos``, and not a path."""
    return bool(re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", os.fspath(value))) if _is_path(value) else False


def _is_path(value: object) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(value, str | os.PathLike) and isinstance(os.fspath(value), str)


def path_of(value: object, what: str) -> Path:
    """A path that a caller gave as text or as one, ``~`` written out.

    Raises OptionError on anything else, and on the address of a store.
    """
    if is_address(value) and not os.path.exists(str(value)):
        raise OptionError(f"{what} is {value}, but only analyze knows stores; copy from it, or mount it")
    if not isinstance(value, str | os.PathLike) or isinstance(value, bytes):
        raise OptionError(f"{what} is {type(value).__name__}, expected a path; give it as text or as a Path")
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        raise OptionError(f"{what} {value!r}: {error}; write the path out") from error


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write; it replaces ``path`` when the block ends without error."""
    partial = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Delete half-written files and folders in ``folder`` whose writing process is no longer alive."""
    for leftover in folder.glob(".*"):
        process = leftover.name.split(".")[1]
        if not process.isdecimal() or _alive(int(process)):
            continue
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # the process is alive and belongs to another user
    return True


def utf8(text: str) -> bytes:
    """The text in UTF-8; bytes of a file's name that are no text stand there as escapes, as JSON has them."""
    return text.encode("utf-8", "backslashreplace")


def legible(text: str) -> str:
    """The text as files of ours hold it and give it back, with the escapes of `utf8`."""
    return utf8(text).decode()


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that it appears only when it is complete."""
    with appearing(path) as partial:
        partial.write_bytes(utf8(content) if isinstance(content, str) else content)


def user_cache() -> Path | None:
    """The user's folder for what fleeting keeps, as the system has it; None for a user without a home."""
    try:
        found = platformdirs.user_cache_path("fleeting", appauthor=False)
    except RuntimeError:
        return None
    return found if found.is_absolute() else None  # earlier versions leave a "~" that nothing stands for


def refuse_file(out: Path) -> None:
    """Raise OptionError if ``out``, a folder to write to, is a file."""
    if out.exists() and not out.is_dir():
        raise OptionError(f"{out} is a file, expected a folder to write to; name another")
