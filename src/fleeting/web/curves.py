"""The curves of action units of a job, kept as arrays, and put together as the rows of its frames are."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fleeting.faces.blendshapes import UNITS
from fleeting.web.columns import Table, columns, keep, kept
from fleeting.web.frames import binned, table_of
from fleeting.web.places import cache_of
from fleeting.web.service import MissingError

SOURCE, FILE = "units.csv", "units.npz"
FACTS = ("frame", "time_s", "face", "reason")
"""The columns of ``units.csv`` that are no curves."""
DIGITS = 5


def keep_curves(folder: Path, id_: str, results: Path) -> None:
    """Parse a job's ``units.csv``, if it has one, and keep its columns."""
    if (results / SOURCE).is_file():
        keep(cache_of(folder, id_) / FILE, results / SOURCE, _parsed)


def names(results: Path) -> dict[str, str]:
    """The curves of ``units.csv`` with what FACS calls each, "" where it does not; none without the file."""
    try:
        with (results / SOURCE).open(newline="", encoding="utf-8") as file:
            header = next(csv.reader(file), [])
    except FileNotFoundError:
        return {}
    known = {unit.code: unit.name for unit in UNITS}
    return {name: known.get(name, "") for name in header if name not in FACTS}


def curves(
    of: tuple[Path, str, Path],
    wanted: Sequence[str],
    face: int | None,
    span: tuple[float, float, int],
) -> dict[str, Any]:
    """The ``wanted`` curves in the rows that `frames.thinned` gives for the same ``span``.

    ``of`` is the server's folder, the job's id, and the folder of its results; ``span`` is start, end and
    points. A row has the largest value of its frames; ``largest`` has that of the whole recording. Without a
    ``face`` it is the one that is seen in most frames. Raises MissingError where there are no curves, or none
    of a name.
    """
    folder, id_, results = of
    known = names(results)
    if not known:
        raise MissingError("there are no curves of action units: add the recording again, with units set")
    if odd := sorted(set(wanted) - set(known)):
        raise MissingError(f"there is no curve {odd[0]}; there are {', '.join(known)}")
    table = columns(kept(cache_of(folder, id_) / FILE, results / SOURCE, _parsed))
    faces, counts = np.unique(table["face"], return_counts=True)
    one = face if face is not None or not len(faces) else int(faces[counts.argmax()])
    rows = table["face"] == one
    frames = table_of(folder, id_, results)
    first, last, every = binned(frames, *span)
    places = np.searchsorted(frames["frame"], table["frame"][rows]) - first
    inside = (places >= 0) & (places < last - first)
    found: dict[str, list[float | None]] = {}
    for name in wanted:
        values = np.full(-(-(last - first) // every), np.nan)
        np.fmax.at(values, places[inside] // every, table[name][rows][inside])
        found[name] = [None if math.isnan(value) else round(value, DIGITS) for value in values.tolist()]
    tops = {name: _largest(table[name][rows]) for name in known}
    return {"face": one, "curves": found, "largest": tops, "every": every}


def _largest(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float | None:
    finite = values[np.isfinite(values)]
    return round(float(finite.max()), DIGITS) if len(finite) else None


def _parsed(path: Path) -> Table:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        header = next(rows)
        cells = list(zip(*rows, strict=True)) or [()] * len(header)
    named = dict(zip(header, cells, strict=True))
    found: Table = {name: np.array(named[name], np.int64) for name in ("frame", "face")}
    for name in header:
        if name not in FACTS:
            found[name] = np.array([cell or "nan" for cell in named[name]], np.float32)
    return found
