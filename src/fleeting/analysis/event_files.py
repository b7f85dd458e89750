"""Writes and reads events as files: CSV tables, JSON, and annotations for ELAN."""

from __future__ import annotations

import csv
import json
import mimetypes
import os
from collections.abc import Iterable, Sequence
from io import BytesIO, StringIO
from itertools import chain, count
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from fleeting.optional import elan
from fleeting.types import Event

COLUMNS = (
    *("event", "face", "kind", "onset_frame", "apex_frame", "offset_frame", "onset_s", "apex_s", "offset_s"),
    *("label", "confidence", "unsure"),
)
LAST = ("strength", "regions", "likelihood")
"""The first and the last columns of events.csv; ``p_<class>`` for each class stand between them."""
NO_DATE = "1970-01-01T00:00:00+00:00"
"""ELAN's files need a date; this one is constant, so that the same events give the same bytes."""


def event_row(event: Event, classes: Sequence[str]) -> dict[str, Any]:
    """An event as a dictionary by column name; None stands for a value that the event lacks."""
    facts = {name: getattr(event, name) for name in COLUMNS[1:-3]}
    facts |= {name: round(value, 6) for name, value in facts.items() if name.endswith("_s")}
    said = {"label": event.label or None, "confidence": _rounded(event.confidence), "unsure": event.unsure}
    chances = {f"p_{name}": _rounded(event.probabilities.get(name)) for name in classes}
    moved = {"strength": round(event.strength, 3), "regions": list(event.regions)}
    likely = {"likelihood": _rounded(event.likelihood)}
    return {"event": event.number, **facts, **said, **chances, **moved, **likely}


def events_csv(events: Iterable[Event], classes: Sequence[str]) -> str:
    """The table of events as CSV; ``unsure`` is true or false, regions are separated by semicolons."""
    text = StringIO()
    columns = [*COLUMNS, *(f"p_{name}" for name in classes), *LAST]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for event in events:
        row = event_row(event, classes)
        plain = {"unsure": str(event.unsure).lower(), "regions": "; ".join(event.regions)}
        writer.writerow({**row, **plain})
    return text.getvalue()


def events_json(events: Iterable[Event], classes: Sequence[str]) -> str:
    """The rows of `event_row` as a JSON list."""
    return json.dumps([event_row(event, classes) for event in events], indent=2, ensure_ascii=False) + "\n"


def read_events(path: Path) -> tuple[Event, ...]:
    """The events in an ``events.json``, or the candidates in a ``candidates.json``."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return tuple(_event(row) for row in rows)


def events_eaf(events: Iterable[Event], media: Path | None, folder: Path, first: float = 0.0) -> bytes:
    """The bytes of an ELAN file for ``folder``: one tier for each face and kind, times in milliseconds.

    A tier cannot hold events that overlap, so the later one goes to a second tier. Times count from the
    recording's first frame, which lies at ``first`` seconds on the recording's own clock. The file names the
    recording ``media`` by its path relative to ``folder``; with None (a folder of pictures) it names none.
    Raises MissingExtraError without pympi.
    """
    document = elan().Eaf(author="fleeting")
    document.adocument["DATE"] = NO_DATE
    events = sorted(events, key=lambda event: (event.face, event.kind, event.onset_s))
    if events:
        document.remove_tier("default")
    if media is not None:
        path = Path(os.path.relpath(media.resolve(), folder.resolve())).as_posix()
        kind = mimetypes.guess_type(path)[0] or "video/unknown"
        document.add_linked_file(path, relpath=path, mimetype=kind)
    ends: dict[str, int] = {}
    for event in events:
        start = max(0, round(1000 * (event.onset_s - first)))
        end = max(start + 1, round(1000 * (event.offset_s - first)))
        usual = f"face {event.face} {event.kind}"
        names = chain([usual], (f"{usual} ({number})" for number in count(2)))
        tier = next(name for name in names if ends.get(name, 0) <= start)
        if tier not in ends:
            document.add_tier(tier)
        ends[tier] = end
        document.add_annotation(tier, start, end, describe(event))
    written = BytesIO()
    tree = ElementTree.ElementTree(elan().to_adocument(document, True))
    tree.write(written, xml_declaration=True, encoding="UTF-8")
    return written.getvalue()


def recording_of(path: Path) -> Path | None:
    """The recording that an ``events.eaf`` names; None if the file is missing, damaged or names none."""
    try:
        media = ElementTree.parse(path).find(".//MEDIA_DESCRIPTOR")
    except (OSError, ElementTree.ParseError):
        return None
    return None if media is None else path.parent / media.get("RELATIVE_MEDIA_URL", "")


def describe(event: Event) -> str:
    """An event in a few words, such as "unsure, perhaps surprise 0.41, likelihood 0.83"."""
    if event.label:
        said = f"{'unsure, perhaps ' if event.unsure else ''}{event.label} {event.confidence:.2f}"
    else:
        said = "movement of unknown class" if event.unsure else "movement"
    return said if event.likelihood is None else f"{said}, likelihood {event.likelihood:.2f}"


def _event(row: dict[str, Any]) -> Event:
    chances = {name[2:]: value for name, value in row.items() if name.startswith("p_") and value is not None}
    facts = {name: row[name] for name in (*COLUMNS[1:], "strength")}
    facts |= {"label": row["label"] or "", "regions": tuple(row["regions"]), "probabilities": chances}
    likelihood = row.get("likelihood")  # the first files had none
    return Event(number=row["event"], **facts, likelihood=likelihood)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
