"""Tables of a recording as columns, parsed once and kept as arrays beside its results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from fleeting.files import appearing

Table = dict[str, npt.NDArray[Any]]
Kept = tuple[Path, int]
"""The file of a table, and when it was written, in nanoseconds."""
_writing = Lock()


def keep(path: Path, source: Path, parse: Callable[[Path], Table]) -> None:
    """Parse ``source`` and keep its columns at ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with appearing(path) as partial, partial.open("wb") as file:
        np.savez(file, **parse(source))  # type: ignore[arg-type]  # numpy takes the names for its own options


def kept(path: Path, source: Path, parse: Callable[[Path], Table]) -> Kept:
    """The table of ``source`` that is kept at ``path``, written anew where ``source`` is younger."""
    with _writing:  # two requests at once would write to one temporary file
        if not path.is_file() or path.stat().st_mtime_ns < source.stat().st_mtime_ns:
            keep(path, source, parse)
    return path, path.stat().st_mtime_ns


@lru_cache(maxsize=16)
def columns(table: Kept) -> Table:
    """The columns of a table that is kept."""
    with np.load(table[0], allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def coded(words: Sequence[str]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.str_]]:
    """Words as numbers of the sorted list of them, which follows; its first is ""."""
    every = sorted({"", *words})
    places = {word: place for place, word in enumerate(every)}
    return np.array([places[word] for word in words], np.int32), np.array(every)
