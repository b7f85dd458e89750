"""Arrays kept on disk by how they were made, so that the same work on the same input is done once.

What is kept may show faces: entries are for their owner alone, and so is a folder that is made here.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from fleeting.errors import CacheError, OptionError

LIMIT = 4 * 2**30
"""Bytes that a cache keeps unless told otherwise."""
TIDY = 0.02
"""The folder is looked over when so much of its limit was put into it, and at first."""


class Cache:
    """A folder of entries, each some named arrays under the key of the facts that decide them.

    The folder is the argument, else ``$FLEETING_CACHE``, else ``fleeting`` in the user's folder for caches;
    ``FLEETING_CACHE=off`` keeps nothing, whatever the argument. Above ``limit`` bytes the entries that were
    used longest ago go. Any number of processes may use one folder: an entry appears whole or not at all.
    """

    def __init__(self, folder: Path | None = None, limit: int = LIMIT) -> None:
        named = os.environ.get("FLEETING_CACHE", "")
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        self.folder = None if named == "off" else Path(folder or named or Path(home, "fleeting"))
        self.limit = limit
        self._unseen: float = limit  # bytes put since the folder was looked over

    @staticmethod
    def key(**facts: Any) -> str:
        """SHA-256 of the facts' canonical JSON. Raises OptionError on a fact that JSON cannot hold."""
        try:
            text = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise OptionError(f"facts of a cache key have to be plain values ({error})") from error
        return hashlib.sha256(text.encode()).hexdigest()

    def get(self, key: str) -> dict[str, npt.NDArray[Any]] | None:
        """The arrays put under that key; None if they are not here, or damaged."""
        if self.folder is None:
            return None
        path = self.folder / f"fleeting-{key}.npz"
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as entry:
                with suppress(OSError):  # somebody else's cache, to be read only
                    os.utime(path)  # used now
                return {name: entry[name] for name in entry.files}
        except Exception:  # a scrambled file makes the readers of zip and npy raise almost anything
            return None

    def put(self, key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Keep the arrays under that key, in place of what was there, unless they alone exceed the limit.

        Raises OptionError on an array of objects, and CacheError where the folder cannot be written.
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
            raise CacheError(
                f"cache {self.folder} cannot be written ({(error.strerror or str(error)).lower()}); set"
                " FLEETING_CACHE to a folder that can be, or to off"
            ) from error


def _write(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    handle, name = tempfile.mkstemp(".part", "fleeting-", path.parent)  # for its owner alone
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as entry:
            for title, array in arrays.items():
                with entry.open(f"{title}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _tidy(folder: Path, limit: int) -> None:
    """Remove what a killed writer left, and what was used longest ago until the rest is within the limit."""
    found = []
    for path in folder.glob("fleeting-*"):
        try:
            facts = path.stat()
        except FileNotFoundError:  # another process was faster
            continue
        if path.suffix == ".npz":
            found.append((facts.st_mtime_ns, facts.st_size, path))
        elif facts.st_mtime < time.time() - 3600:  # nobody writes for an hour
            path.unlink(missing_ok=True)
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total > limit:
            path.unlink(missing_ok=True)
            total -= size


def code_of(*modules: ModuleType) -> str:
    """SHA-256 of the modules' source, of a package all that is in it: a fact of whatever they compute.

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
