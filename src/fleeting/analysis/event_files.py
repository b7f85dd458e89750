"""Writes and reads events as files: CSV tables and JSON; `elan_file` writes annotations for ELAN."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from fleeting.types import Event

COLUMNS = (
    *("event", "face", "kind", "onset_frame", "apex_frame", "offset_frame", "onset_s", "apex_s", "offset_s"),
    *("label", "confidence", "unsure"),
)
LAST = ("strength", "regions", "likelihood")
"""The first and the last columns of events.csv; ``p_<class>`` for each class stand between them."""


def event_row(event: Event, classes: Sequence[str]) -> dict[str, Any]:
    """An event as a dictionary by column name; None stands for a value that the event lacks."""
    facts = {name: getattr(event, name) for name in COLUMNS[1:-3]}
    facts |= {name: round(value, 6) for name, value in facts.items() if name.endswith("_s")}
    unsure = event.unsure if event.kind == "micro" else None  # nobody was asked for a macro event's class
    said = {"label": event.label or None, "confidence": _rounded(event.confidence), "unsure": unsure}
    chances = {f"p_{name}": _rounded(event.probabilities.get(name)) for name in classes}
    moved = {"strength": round(event.strength, 3), "regions": list(event.regions)}
    likely = {"likelihood": _rounded(event.likelihood)}
    return {"event": event.number, **facts, **said, **chances, **moved, **likely}


def events_csv(events: Iterable[Event], classes: Sequence[str]) -> str:
    """The table of events as CSV; ``unsure`` is true, false or, of macro events, empty.

    Regions are separated by semicolons.
    """
    text = StringIO()
    columns = [*COLUMNS, *(f"p_{name}" for name in classes), *LAST]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for event in events:
        row = event_row(event, classes)
        unsure = "" if row["unsure"] is None else str(row["unsure"]).lower()
        plain = {"unsure": unsure, "regions": "; ".join(event.regions)}
        writer.writerow({**row, **plain})
    return text.getvalue()


def events_json(events: Iterable[Event], classes: Sequence[str]) -> str:
    """The rows of `event_row` as a JSON list."""
    return json.dumps([event_row(event, classes) for event in events], indent=2, ensure_ascii=False) + "\n"


def read_events(path: Path) -> tuple[Event, ...]:
    """The events in an ``events.json``, or the candidates in a ``candidates.json``."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return tuple(_event(row) for row in rows)


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
    facts |= {
        "label": row["label"] or "",
        "unsure": bool(row["unsure"]),
        "regions": tuple(row["regions"]),
        "probabilities": chances,
    }
    likelihood = row.get("likelihood")  # the first files had none
    return Event(number=row["event"], **facts, likelihood=likelihood)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
