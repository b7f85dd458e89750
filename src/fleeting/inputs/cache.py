"""A cache of arrays on disk, keyed by how they were made, so that the same work is done only once.

Entries may show faces, so entries, and the folders created here, are readable by their owner alone.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import time
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from fleeting.errors import CacheError, OptionError
from fleeting.files import user_cache

LIMIT = 4 * 2**30
"""The default limit of a cache, in bytes: 4 GiB."""
TIDY = 0.02
"""The share of the limit that is written between two clean-ups of a folder; the first write cleans up too."""


class Cache:
    """A folder of entries; each entry holds named arrays under a key made of the facts that decide them.

    The folder is the argument, else ``$FLEETING_CACHE``, else ``fleeting`` in the user's folder for caches;
    ``FLEETING_CACHE=off`` keeps nothing, whatever the argument. ``part`` names a folder below it. Nobody
    asked for the last of these: where the user has no such folder, or it cannot be written, nothing is kept,
    and the log says so once. Above ``limit`` bytes the least recently used entries are removed. Any number of
    processes may use one folder: an entry appears whole or not at all.
    """

    def __init__(self, folder: Path | None = None, limit: int = LIMIT, *, part: str = "") -> None:
        named = os.environ.get("FLEETING_CACHE", "")
        self._asked = bool(folder or named)
        chosen = None if named == "off" else folder or (Path(named) if named else _usual())
        self.folder = chosen and chosen / part
        self.limit = limit
        self._unseen: float = limit  # bytes written since the last clean-up; at first enough to cause one

    @staticmethod
    def key(**facts: Any) -> str:
        """SHA-256 of the facts' canonical JSON. Raises OptionError on a fact that JSON cannot hold."""
        try:
            text = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError) as error:
            found = f"the facts of a cache key are not plain values ({error})"
            raise OptionError(f"{found}; expected what JSON can hold; convert them first") from error
        return hashlib.sha256(text.encode()).hexdigest()

    def get(self, key: str) -> dict[str, npt.NDArray[Any]] | None:
        """The arrays stored under that key; None if there are none or the file is damaged."""
        if self.folder is None:
            return None
        path = self.folder / f"fleeting-{key}.npz"
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as entry:
                with suppress(OSError):  # the cache may be another user's, and read-only
                    os.utime(path)  # mark as used now
                return {name: entry[name] for name in entry.files}
        except Exception:  # on a damaged file the zip and npy readers raise almost any exception
            return None

    def put(self, key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Store the arrays under that key, replacing older ones, unless they alone exceed the limit.

        Raises OptionError on an array of objects, and CacheError where a folder that was asked for cannot be
        written.
        """
        if self.folder is None or sum(array.nbytes for array in arrays.values()) > self.limit:
            return
        if objects := [name for name, array in arrays.items() if array.dtype.hasobject]:
            raise OptionError(f"array {objects[0]!r} holds objects, expected numbers; they cannot be kept")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self.folder / f"fleeting-{key}.npz", arrays)
            self._unseen += sum(array.nbytes for array in arrays.values())
            if self._unseen > TIDY * self.limit:
                _tidy(self.folder, self.limit)
                self._unseen = 0
        except OSError as error:
            found = f"cache {self.folder} cannot be written ({(error.strerror or str(error)).lower()})"
            if self._asked:
                raise CacheError(f"{found}; set FLEETING_CACHE to a folder that can be, or to off") from error
            _note(found)
            self.folder = None


def _usual() -> Path | None:
    """The folder that is used if none is asked for; None for a user without a home."""
    if (found := user_cache()) is None:
        _note("this user has no home for a cache")
    return found


@cache
def _note(found: str) -> None:
    """Say once that nothing is kept, and why."""
    logging.getLogger("fleeting").warning(
        "%s, so inputs are made anew by every command; FLEETING_CACHE names a folder for them, or is off",
        found,
    )


def _write(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    handle, name = tempfile.mkstemp(".part", "fleeting-", path.parent)  # readable by its owner alone
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as entry:
            for title, array in arrays.items():
                with entry.open(f"{title}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _tidy(folder: Path, limit: int) -> None:
    """Remove leftovers of killed writers, then the least recently used entries until the limit is met."""
    found = []
    for path in folder.glob("fleeting-*"):
        try:
            facts = path.stat()
        except FileNotFoundError:  # another process was faster
            continue
        if path.suffix == ".npz":
            found.append((facts.st_mtime_ns, facts.st_size, path))
        elif facts.st_mtime < time.time() - 3600:  # no write takes an hour: its writer was killed
            path.unlink(missing_ok=True)
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total > limit:
            path.unlink(missing_ok=True)
            total -= size


def code_of(*modules: ModuleType) -> str:
    """SHA-256 of the modules' source; for a package, of all its modules.

    It is a fact of a cache key: when the code changes, entries made by the old code are no longer found.
    Raises OptionError on a module without source.
    """
    digest = hashlib.sha256()
    for module in modules:
        if (source := getattr(module, "__file__", None)) is None:
            raise OptionError(f"module {module.__name__} has no source file; name the modules that compute")
        folder = Path(source).parent
        for path in sorted(folder.rglob("*.py")) if hasattr(module, "__path__") else [Path(source)]:
            digest.update(path.read_bytes())
    return digest.hexdigest()
