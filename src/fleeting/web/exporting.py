"""Writes a rater's review as files: CSV, JSON, ELAN, or a dataset of own clips with its recordings."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fleeting.analysis.elan_file import events_eaf
from fleeting.analysis.event_files import COLUMNS, LAST, event_row
from fleeting.datasets.clips import table_text
from fleeting.datasets.own.table import HEADER, NAME
from fleeting.errors import OptionError
from fleeting.types import Event
from fleeting.web.columns import Table
from fleeting.web.reviews import ACCEPTED, FRAMES, OPEN, Review

STATES = f"{ACCEPTED},{OPEN}"
"""Which events are exported unless something else is asked for: all but those that were rejected."""
REVIEWED = ("origin", "state", "comment", "rater")
README = """\
Recordings, and clips.csv, which says who is in them and what moves when, as a person accepted it.

    fleeting check clips THIS_FOLDER
    fleeting run clips/linear-flow --data clips=THIS_FOLDER

The column `subject` decides what leaks: one person has to have one name in all rows, of all recordings.
Where the export was not told who it is, it is the recording's name: correct it where one person is in
several.
"""


def chosen(reviews: Mapping[int, Review], states: Collection[str]) -> list[Review]:
    """The reviews in these states, by onset; candidates only if they were accepted."""
    found = [one for one in reviews.values() if one.state in states]
    found = [one for one in found if not one.candidate or one.state == ACCEPTED]
    return sorted(found, key=lambda one: (one.event.onset_frame, one.n))


def rows_of(reviews: Sequence[Review], classes: Sequence[str], rater: str) -> list[dict[str, Any]]:
    """The rows of ``events.json``, with what the rater says of each."""
    rows = []
    for one in reviews:
        said = {"origin": "added" if one.found is None else "found", "state": one.state}
        said |= {"comment": one.comment, "rater": rater}
        rows.append({**event_row(one.event, classes), **said})
    return rows


def as_csv(reviews: Sequence[Review], classes: Sequence[str], rater: str) -> str:
    """The columns of ``events.csv``, and further ones for what the rater says.

    A text that a spreadsheet program would take for a formula has a quotation mark before it.
    """
    text = StringIO()
    columns = [*COLUMNS, *(f"p_{name}" for name in classes), *LAST, *REVIEWED]
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows_of(reviews, classes, rater):
        unsure = "" if row["unsure"] is None else str(row["unsure"]).lower()
        lists = {name: "; ".join(row[name]) for name in ("regions", "action_units")}
        plain = {name: _harmless(row[name]) for name in ("label", "comment", "rater")}
        writer.writerow({**row, "unsure": unsure, **lists, **plain})
    return text.getvalue()


def _harmless(text: str | None) -> str:
    return f"'{text}" if text and text[0] in "=+-@\t\r" else text or ""


def as_json(reviews: Sequence[Review], classes: Sequence[str], rater: str) -> str:
    """The rows of `rows_of` as a JSON list."""
    return json.dumps(rows_of(reviews, classes, rater), indent=2, ensure_ascii=False) + "\n"


def as_elan(
    reviews: Sequence[Review], classes: Sequence[str], name: str, frames: Table, summary: Mapping[str, Any]
) -> bytes:
    """An ELAN file to lie beside the recording, whose name is ``name``.

    Words of raters that are no class of the recogniser are entries of its vocabulary too.
    """
    words = {one.event.label for one in reviews if one.event.label} - {*classes}
    played = None if summary["settings"]["fps"] else played_of(frames, summary["container_start_s"])
    beside = Path("/recordings")
    said = [_certain(one.event) for one in reviews]
    return events_eaf(said, beside / name, beside, played, (*classes, *sorted(words)))


def _certain(event: Event) -> Event:
    """The event with its number, and unsure only where no person said its class."""
    return replace(event, unsure=event.unsure and event.confidence is not None)


def played_of(frames: Table, start: float) -> npt.NDArray[np.float64] | None:
    """When a player shows each frame, by its number, in seconds; ``start`` is where its container begins."""
    if not len(frames["frame"]):
        return None
    numbers = np.arange(int(frames["frame"][-1]) + 1)
    found: npt.NDArray[np.float64] = np.interp(numbers, frames["frame"], frames["time_s"]) - start
    return found


@dataclass(frozen=True)
class Recording:
    """A recording of a dataset: its path, its name there, who is in it, and a rater's reviews.

    ``fps`` is what was stated of a file that plays a fast recording slowly.
    """

    path: Path
    name: str
    subject: str
    reviews: Sequence[Review]
    fps: float | None = None


def write_dataset(path: Path, recordings: Sequence[Recording]) -> None:
    """Write a zip file that is a dataset `clips` once it is unpacked: the recordings and their table.

    Only accepted micro-movements with a class become rows to train on; macro ones need none. Recordings of
    one name get a number. Raises OptionError where nothing was accepted.
    """
    named = _named(recordings)
    header = (*HEADER, "kind", "fps")
    rows = [row for name, one in named for row in _rows(name, one)]
    if not any(row[header.index("onset")] != "" for row in rows):
        raise OptionError("no movement with a class was accepted, so there is no dataset; accept some first")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr(f"{NAME}.csv", table_text(header, rows).encode())
        file.writestr("README.txt", README)
        for name, one in named:
            if one.path.is_dir():
                for picture in sorted(one.path.iterdir()):
                    file.write(picture, f"{name}/{picture.name}")
            else:
                file.write(one.path, name)


def _named(recordings: Sequence[Recording]) -> list[tuple[str, Recording]]:
    """The recordings with names of their own, whatever the case of their letters."""
    named: dict[str, tuple[str, Recording]] = {}
    for one in recordings:
        path, number = Path(one.name), 1
        name = one.name
        while name.casefold() in named:
            number += 1
            name = f"{path.stem}-{number}{path.suffix}"
        named[name.casefold()] = name, one
    return [*named.values()]


def _rows(name: str, one: Recording) -> list[tuple[object, ...]]:
    said = [review for review in one.reviews if review.state == ACCEPTED]
    said = [review for review in said if review.event.label or review.event.kind == "macro"]
    fps = f"{one.fps:g}" if one.fps else ""
    if not said:
        return [(name, one.subject, "", "", "", "", "", fps)]
    rows: dict[tuple[int, ...], tuple[object, ...]] = {}
    for review in said:
        frames = tuple(getattr(review.event, field) for field in FRAMES)
        label = _harmless(review.event.label)
        rows.setdefault(frames, (name, one.subject, *frames, label, review.event.kind, fps))
    return [*rows.values()]
