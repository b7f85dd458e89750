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
LAST = ("strength", "regions", "likelihood", "action_units")
"""The first and the last columns of events.csv; ``p_<class>`` for each class stand between them."""


def event_row(event: Event, classes: Sequence[str]) -> dict[str, Any]:
    """An event by column name, and its ``doubt``; None stands for a value that the event lacks."""
    facts = {name: getattr(event, name) for name in COLUMNS[1:-3]}
    facts |= {name: round(value, 6) for name, value in facts.items() if name.endswith("_s")}
    unsure = event.unsure if event.kind == "micro" else None  # nobody was asked for a macro event's class
    said = {"label": event.label or None, "confidence": _rounded(event.confidence), "unsure": unsure}
    chances = {f"p_{name}": _rounded(event.probabilities.get(name)) for name in classes}
    moved = {"strength": round(event.strength, 3), "regions": list(event.regions)}
    seen = {"likelihood": _rounded(event.likelihood), "action_units": list(event.action_units)}
    return {"event": event.number, **facts, **said, **chances, **moved, **seen, "doubt": event.doubt or None}


def events_csv(events: Iterable[Event], classes: Sequence[str]) -> str:
    """The table of events as CSV; ``unsure`` is true, false or, of macro events, empty.

    Regions are separated by semicolons, and so are action units.
    """
    text = StringIO()
    columns = [*COLUMNS, *(f"p_{name}" for name in classes), *LAST]
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for event in events:
        row = event_row(event, classes)
        unsure = "" if row["unsure"] is None else str(row["unsure"]).lower()
        plain = {"unsure": unsure, **{name: "; ".join(row[name]) for name in ("regions", "action_units")}}
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
    """An event in a few words, such as "unsure, perhaps surprise 0.41, likelihood 0.83, AU1+ AU2+"."""
    if event.label:
        said = f"{'unsure, perhaps ' if event.unsure else ''}{event.label} {event.confidence:.2f}"
    else:
        said = "movement of unknown class" if event.unsure else "movement"
    likely = "" if event.likelihood is None else f", likelihood {event.likelihood:.2f}"
    units = " ".join(unit.split()[0] for unit in event.action_units)
    return f"{said}{likely}{', ' if units else ''}{units}"


def _event(row: dict[str, Any]) -> Event:
    chances = {name[2:]: value for name, value in row.items() if name.startswith("p_") and value is not None}
    facts = {name: row[name] for name in (*COLUMNS[1:], "strength")}
    facts |= {
        "label": row["label"] or "",
        "unsure": bool(row["unsure"]),
        "regions": tuple(row["regions"]),
        "probabilities": chances,
    }
    facts["likelihood"] = row.get("likelihood")  # the first files had none, and no action units
    facts["action_units"] = tuple(row.get("action_units", ()))
    facts["doubt"] = row.get("doubt") or ""
    return Event(number=row["event"], **facts)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
