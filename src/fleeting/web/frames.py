"""The table of a job's frames as columns, kept as arrays, and thinned out with their peaks left in."""

from __future__ import annotations

import csv
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fleeting.web.columns import Kept, Table, coded, columns, keep, kept
from fleeting.web.places import cache_of

NUMBERS = ("time_s", "motion", "quality", "x", "y", "width", "height")
COUNTS = ("frame", "faces")
FILE = "frames.npz"
DECIMALS = {"time_s": 6, "motion": 4, "quality": 3, "x": 1, "y": 1, "width": 1, "height": 1}


def keep_table(folder: Path, id_: str, results: Path) -> None:
    """Parse a job's ``frames.csv`` and keep its columns."""
    keep(cache_of(folder, id_) / FILE, results / "frames.csv", _parsed)


def table_of(folder: Path, id_: str, results: Path) -> Table:
    """The columns of a job's ``frames.csv``; ``reason`` are numbers of ``reasons``, of which 0 is ""."""
    return columns(_kept(folder, id_, results))


def thinned_json(folder: Path, id_: str, results: Path, start: float, end: float, points: int) -> bytes:
    """What `thinned` gives of a job's frames, as JSON; ``every`` is a number."""
    return _json(_kept(folder, id_, results), start, end, points)


def forget_tables() -> None:
    """Keep nothing of any job in memory."""
    columns.cache_clear()
    _json.cache_clear()


@lru_cache(maxsize=64)
def _json(table: Kept, start: float, end: float, points: int) -> bytes:
    found = thinned(columns(table), start, end, points)
    return json.dumps({**found, "every": found["every"][0]}, separators=(",", ":")).encode()


def _kept(folder: Path, id_: str, results: Path) -> Kept:
    return kept(cache_of(folder, id_) / FILE, results / "frames.csv", _parsed)


def _parsed(path: Path) -> Table:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        header = next(rows)
        cells = list(zip(*rows, strict=True)) or [()] * len(header)
    named = dict(zip(header, cells, strict=True))
    found: Table = {name: np.array(named[name], np.int64) for name in COUNTS}
    found |= {name: np.array([cell or "nan" for cell in named[name]], np.float64) for name in NUMBERS}
    found["reason"], found["reasons"] = coded(named["reason"])
    return found


def thinned(table: Table, start: float, end: float, points: int) -> dict[str, list[Any]]:
    """The rows from ``start`` to ``end`` (seconds) as lists; more than ``points`` are put together.

    A row then stands for ``every`` frames: the first one's number, time and box, the mean of their motion and
    quality, the smallest and largest motion, the most faces and the commonest reason that is not empty.
    """
    first, last, every = binned(table, start, end, points)
    many = last - first
    cut = {name: column[first:last] for name, column in table.items() if name != "reasons"}
    starts = np.arange(0, many, every)
    if not many:
        return {**{name: [] for name in (*COUNTS, *NUMBERS, *MOTIONS, "reason")}, "every": [1]}
    found: Table = {name: cut[name][starts] for name in ("frame", "time_s", "x", "y", "width", "height")}
    found["faces"] = np.maximum.reduceat(cut["faces"], starts)
    for name in ("motion", "quality"):
        found[name] = _means(cut[name], starts)
    found["motion_min"] = np.fmin.reduceat(cut["motion"], starts)
    found["motion_max"] = np.fmax.reduceat(cut["motion"], starts)
    listed: dict[str, list[Any]] = {name: _plain(name, column) for name, column in found.items()}
    listed["reason"] = table["reasons"][_commonest(cut["reason"], every, len(starts))].tolist()
    return {**listed, "every": [every]}


def binned(table: Table, start: float, end: float, points: int) -> tuple[int, int, int]:
    """The first row from ``start`` on, the first after ``end``, and how many go together for ``points``."""
    first, last = np.searchsorted(table["time_s"], [start, end]).tolist()
    last += int((table["time_s"][last:] == end).sum()) if np.isfinite(end) else 0
    last = max(first, last)
    return first, last, max(1, -(-(last - first) // points))


MOTIONS = ("motion_min", "motion_max")


def _means(values: npt.NDArray[np.float64], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    known = np.isfinite(values)
    counts = np.add.reduceat(known.astype(np.int64), starts)
    sums = np.add.reduceat(np.where(known, values, 0.0), starts)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _commonest(reasons: npt.NDArray[np.int32], every: int, bins: int) -> npt.NDArray[np.int64]:
    """The number of each bin's commonest reason besides 0; 0 where there is no other."""
    found = np.zeros(bins, np.int64)
    places = np.flatnonzero(reasons)
    pairs, counts = np.unique(
        np.stack([places // every, reasons[places].astype(np.int64)]), axis=1, return_counts=True
    )
    order = np.argsort(counts, kind="stable")  # the commonest of a bin is written last
    found[pairs[0, order]] = pairs[1, order]
    return found


def _plain(name: str, column: npt.NDArray[Any]) -> list[Any]:
    """A column as numbers for JSON, None where it is not known."""
    if column.dtype.kind != "f":
        return list(column.tolist())
    rounded = np.round(column, DECIMALS[name.removesuffix("_min").removesuffix("_max")])
    unknown = ~np.isfinite(rounded)
    values: list[Any] = rounded.tolist()
    for place in np.flatnonzero(unknown).tolist():
        values[place] = None
    return values
