"""Reads movements that were marked in ELAN, and the events of an analysis as a person corrected them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

from fleeting.datasets.own.entries import MOMENTS, Entry
from fleeting.datasets.own.media import SUMMARY, analysed, folders_below
from fleeting.datasets.own.table import read_table
from fleeting.datasets.reading.cells import is_empty, seconds, text
from fleeting.errors import DatasetError, Problem

TABLE, ELAN, FOUND = "events.csv", "events.eaf", "events.json"
"""The files of an analysis that a person corrects, and the one that says what they said before."""
UNSURE = "unsure"
"""What an analysis writes for an event whose class is better not said: no label."""


def read_annotations(root: Path) -> tuple[list[Entry], list[Problem]]:
    """Every movement that ELAN files and analyses below the root list, and what is wrong with the files.

    Of an analysis the ELAN file or the table is read: that which was edited, the table where neither was. Of
    two that were edited nothing says which counts, so both block. Raises DatasetError on a file that cannot
    be read.
    """
    entries: list[Entry] = []
    problems: list[Problem] = []
    for folder, files in folders_below(root):
        record = analysed(folder) if SUMMARY in files else None
        if record is not None:
            more, notes = _of_analysis(root, folder, record)
        else:
            more = [entry for n in files if n.casefold().endswith(".eaf") for entry in read_elan(folder / n)]
            notes = []
        entries += more
        problems += notes
    return entries, problems


def _of_analysis(root: Path, folder: Path, record: Mapping[str, object]) -> tuple[list[Entry], list[Problem]]:
    """The events of an analysis, from the file that was edited."""
    written, source = record.get("files"), record.get("input")
    hashes = written if isinstance(written, dict) else {}
    edited = [name for name in (TABLE, ELAN) if _differs(folder / name, hashes.get(name))]
    named = folder.relative_to(root).as_posix()
    if len(edited) > 1:
        what = f"{named}: {TABLE} and {ELAN} were both edited, and say two things of one video"
        return [], [Problem("", what, "delete or rename the one that does not count")]
    if edited == [ELAN]:
        return read_elan(folder / ELAN), []
    if not (folder / TABLE).is_file():
        return [], []
    file = str(source.get("file", "")) if isinstance(source, dict) else ""
    entries, problems = read_table(folder / TABLE, file or named)
    whole = [replace(entry, where=f"{entry.where} in {named}") for entry in entries]
    found = _found(folder / FOUND)
    return [_without_unsure(_as_edited(entry, found)) for entry in whole], problems


def _differs(path: Path, known: object) -> bool:
    if not path.is_file():
        return False
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() != known
    except OSError:
        return False


def _found(path: Path) -> dict[str, Mapping[str, Any]]:
    """The events as the analysis found them, by number; empty where that cannot be read any more."""
    try:
        return {str(row["event"]): row for row in json.loads(path.read_text(encoding="utf-8"))}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _as_edited(entry: Entry, found: Mapping[str, Mapping[str, Any]]) -> Entry:
    """An event without the frame, or the time, that a person left as it was when correcting the other one."""
    was, cells = found.get(entry.others.get("event", ""), {}), dict(entry.cells)
    for moment in MOMENTS:
        frame, time = f"{moment}_frame", f"{moment}_s"
        if was.get(frame) is None or was.get(time) is None:
            continue
        kept_frame = text(cells.get(moment)) == str(was[frame])
        kept_time = _is_time(cells.get(time), float(was[time]))
        if kept_frame != kept_time and not is_empty(cells.get(moment)) and not is_empty(cells.get(time)):
            del cells[moment if kept_frame else time]
    return replace(entry, cells=cells)


def _is_time(cell: object, wanted: float) -> bool:
    try:
        time = seconds(cell)
    except ValueError:
        return False
    return time is not None and abs(time - wanted) < 1e-3


def _without_unsure(entry: Entry) -> Entry:
    """An event without a label that is the analysis' own and unsure: nobody stands by it."""
    given = {name[2:]: value.replace(",", ".") for name, value in entry.others.items() if name[:2] == "p_"}
    chances = {name: float(value) for name, value in given.items() if re.fullmatch(r"\d*\.?\d+", value)}
    own = max(chances, key=chances.__getitem__, default="")
    if entry.others.get(UNSURE, "").casefold() != "true" or entry.cells.get("label") != own:
        return entry
    return replace(entry, cells={name: cell for name, cell in entry.cells.items() if name != "label"})


def read_elan(path: Path) -> list[Entry]:
    """The annotations of the tiers of an ELAN file that are below no other tier, in the order of time.

    The subject is the tier's participant. The label is what a tier below it says whose name ends in "class",
    or else the annotation itself; an apex is the beginning of an annotation of a tier below whose name ends
    in "apex". A tier whose name holds "macro" lists macro-movements. Raises DatasetError where the file
    cannot be read.
    """
    try:
        tree = ElementTree.parse(path).getroot()
        slots = {slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in tree.iter("TIME_SLOT")}
        media = tree.find(".//MEDIA_DESCRIPTOR")
        named = "" if media is None else media.get("RELATIVE_MEDIA_URL") or media.get("MEDIA_URL") or ""
        tiers = list(tree.iter("TIER"))
        marked = [
            entry for tier in tiers if not tier.get("PARENT_REF") for entry in _marked(tier, tiers, slots)
        ]
    except (OSError, ElementTree.ParseError, ValueError) as error:
        what = f"{path} is not an ELAN file that can be read ({' '.join(str(error).split())})"
        raise DatasetError(f"{what}; save it again in ELAN, or move it away") from error
    file = PurePosixPath(named.replace("\\", "/")).name or path.stem
    marked.sort(key=lambda facts: facts["onset_s"])  # type: ignore[arg-type, return-value]
    return [
        Entry(
            f"annotation {number} of {path.name} ({cells.pop('tier')})", {"file": file, **cells}, played=True
        )
        for number, cells in enumerate(marked, start=1)
    ]


def _marked(
    tier: ElementTree.Element, tiers: Sequence[ElementTree.Element], slots: Mapping[str | None, str | None]
) -> Iterator[dict[str, object]]:
    """The annotations of a tier as cells by field, with what the tiers below it say."""
    below = [one for one in tiers if one.get("PARENT_REF") == tier.get("TIER_ID")]
    spans = {}
    for one in tier.iter("ALIGNABLE_ANNOTATION"):
        spans[one.get("ANNOTATION_ID")] = _span(one, slots)
        facts: dict[str, object] = dict(zip(("onset_s", "offset_s"), _span(one, slots), strict=True))
        facts |= {"tier": f"tier {tier.get('TIER_ID')}", "subject": tier.get("PARTICIPANT") or ""}
        name = (tier.get("TIER_ID") or "").casefold()
        facts["kind"] = next((kind for kind in ("macro", "micro") if kind in name), "")
        classes = _named(below, "class")
        said = [_value(ref) for ref in _references(classes, one)] if classes else [_value(one)]
        facts["label"] = next((label for label in said if label.casefold() != UNSURE), "")
        facts["action_units"] = next((_value(r) for r in _references(_named(below, "action units"), one)), "")
        apexes = [
            _span(peak, slots)[0]
            for kid in _named(below, "apex")
            for peak in kid.iter("ALIGNABLE_ANNOTATION")
        ]
        start, end = _span(one, slots)
        facts["apex_s"] = next((time for time in apexes if start <= time <= end), None)
        yield facts


def _named(tiers: Sequence[ElementTree.Element], ending: str) -> list[ElementTree.Element]:
    return [tier for tier in tiers if (tier.get("TIER_ID") or "").casefold().endswith(ending)]


def _references(
    tiers: Sequence[ElementTree.Element], one: ElementTree.Element
) -> Iterator[ElementTree.Element]:
    """The annotations of these tiers that refer to one annotation."""
    wanted = one.get("ANNOTATION_ID")
    return (
        ref for tier in tiers for ref in tier.iter("REF_ANNOTATION") if ref.get("ANNOTATION_REF") == wanted
    )


def _value(annotation: ElementTree.Element) -> str:
    return " ".join((annotation.findtext("ANNOTATION_VALUE") or "").split())


def _span(annotation: ElementTree.Element, slots: Mapping[str | None, str | None]) -> tuple[float, float]:
    """Begin and end of an annotation in seconds. Raises ValueError where the file does not say them."""
    times = [slots.get(annotation.get(f"TIME_SLOT_REF{end}")) for end in (1, 2)]
    if None in times:
        raise ValueError(f"annotation {annotation.get('ANNOTATION_ID')} has no time")
    return float(times[0] or 0) / 1000, float(times[1] or 0) / 1000
