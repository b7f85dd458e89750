"""Where each face is in each frame, out of ``faces.csv``, by the time of the frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fleeting.analysis.frame_tables import read_rows
from fleeting.web.columns import Table, coded, columns, keep, kept
from fleeting.web.media.recording import Recording
from fleeting.web.places import page_of

MOST = 50_000
"""Most rows of one answer."""
FILE = "boxes.npz"


def keep_boxes(folder: Path, id_: str, results: Path) -> None:
    """Parse a job's ``faces.csv`` and keep its columns."""
    keep(page_of(folder, id_) / FILE, results / "faces.csv", _parsed)


def boxes(recording: Recording, start: float, end: float) -> dict[str, list[Any]]:
    """Rows from ``start`` to ``end`` seconds, at most `MOST`, as columns: frame, face, box, reason."""
    table = _table(recording)
    first, last = np.searchsorted(table["time_s"], [start, end + 1e-9]).tolist()
    cut = {
        name: column[first : min(last, first + MOST)] for name, column in table.items() if name != "reasons"
    }
    found: dict[str, list[Any]] = {name: cut[name].tolist() for name in ("frame", "face")}
    found |= {name: np.round(cut[name], 1).tolist() for name in ("x", "y", "width", "height")}
    found["reason"] = table["reasons"][cut["reason"]].tolist()
    return found


def box_at(recording: Recording, face: int, frame: int) -> tuple[float, float, float, float] | None:
    """The box (x, y, width, height in pixels) of a face in a frame, None where it was not seen."""
    table = _table(recording)
    first, last = np.searchsorted(table["frame"], [frame, frame + 1]).tolist()
    for row in range(first, last):
        if table["face"][row] == face:
            x, y, width, height = (float(table[name][row]) for name in ("x", "y", "width", "height"))
            return x, y, width, height
    return None


def _table(recording: Recording) -> Table:
    return columns(kept(recording.cache / FILE, recording.results / "faces.csv", _parsed))


def _parsed(path: Path) -> Table:
    rows = [row for row in read_rows(path) if row.box is not None]
    sides = np.array([row.box for row in rows], np.float32).reshape(len(rows), 4)
    reason, reasons = coded([row.reason for row in rows])
    return {
        "frame": np.array([row.frame for row in rows], np.int64),
        "time_s": np.array([row.time for row in rows], np.float64),
        "face": np.array([row.face for row in rows], np.int64),
        **{name: sides[:, place] for place, name in enumerate(("x", "y", "width", "height"))},
        "reason": reason,
        "reasons": reasons,
    }
