"""Writes events as annotations for ELAN, so that they lie where ELAN's player shows the movement."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from itertools import chain, count
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from fleeting.optional import elan
from fleeting.types import Event

CLASSES, UNSURE = "classes", "unsure"
"""The name of the controlled vocabulary, and its word for an event whose class is better not said."""
PARTS = ("class", "confidence", "likelihood", "action units")
"""Tiers below the one of micro events, each annotation of which says one thing of its event. Below that of
macro events is the last alone."""


def events_eaf(
    events: Iterable[Event],
    media: Path | None,
    folder: Path,
    played: npt.NDArray[np.float64] | None = None,
    classes: Sequence[str] = (),
) -> bytes:
    """The bytes of an ELAN file for ``folder``, with the date of today; times are in milliseconds.

    Each face and kind has a tier, ``face 0 micro``, and below it one with the apex, a frame long, and one
    with the action units; below that of micro events are tiers with the class, out of a controlled
    vocabulary, the confidence and the likelihood. A tier cannot hold events that overlap, so the later one
    goes to a second tier. ``played`` says when a player shows each frame, in seconds by the frame's number;
    None takes the events' own times. The file names the recording ``media`` by its path relative to
    ``folder``; with None (a folder of pictures) it names none. Raises MissingExtraError without pympi.
    """
    document = _document(classes)
    events = sorted(events, key=lambda event: (event.face, event.kind, event.onset_s))
    if events:
        document.remove_tier("default")
    if media is not None:
        whole = media.parent.resolve() / media.name
        path = Path(os.path.relpath(whole, folder.resolve())).as_posix()
        kind = mimetypes.guess_type(path)[0] or "video/unknown"
        document.add_linked_file(_address(path), relpath=_address(path), mimetype=kind)
    ends: dict[str, int] = {}
    for event in events:
        start, apex, apex_end, end = _milliseconds(event, played)
        usual = f"face {event.face} {event.kind}"
        names = chain([usual], (f"{usual} ({number})" for number in count(2)))
        tier = next(name for name in names if ends.get(name, 0) <= start)
        if tier not in ends:
            _add_tiers(document, tier, event)
        ends[tier] = end
        document.add_annotation(tier, start, end, f"event {event.number}")
        document.add_annotation(f"{tier} apex", apex, apex_end, "apex")
        for part, said in zip(PARTS, _said(event), strict=True):
            if said:
                document.add_ref_annotation(f"{tier} {part}", tier, (start + end) // 2, said)
    written = BytesIO()
    tree = ElementTree.ElementTree(_completed(document))
    tree.write(written, xml_declaration=True, encoding="UTF-8")
    return written.getvalue()


def recording_of(path: Path) -> Path | None:
    """The recording that an ``events.eaf`` names; None if the file is missing, damaged or names none."""
    try:
        media = ElementTree.parse(path).find(".//MEDIA_DESCRIPTOR")
    except (OSError, ElementTree.ParseError):
        return None
    if media is None:
        return None
    named = media.get("RELATIVE_MEDIA_URL", "")
    found = path.parent / named
    return found if found.exists() else path.parent / unquote(named, errors="surrogateescape")


def _address(path: str) -> str:
    """A path as an XML file can hold it: what cannot be printed, or is no text, is percent-encoded."""
    return "".join(
        mark if mark.isprintable() else quote(mark, safe="", errors="surrogateescape") for mark in path
    )


def _document(classes: Sequence[str]) -> Any:
    """An empty file with its types of tiers and the vocabulary of classes."""
    document = elan().Eaf(author="fleeting")
    document.adocument["DATE"] = f"{datetime.now(UTC).date()}T00:00:00+00:00"
    document.add_linguistic_type("apex", "Included_In")
    document.add_linguistic_type("class", "Symbolic_Association", timealignable=False)
    document.add_linguistic_type("number", "Symbolic_Association", timealignable=False)
    document.add_linguistic_type("text", "Symbolic_Association", timealignable=False)
    document.add_language("eng", "http://cdb.iso.org/lg/CDB-00138502-001", "English (eng)")
    document.add_controlled_vocabulary(CLASSES)
    for number, name in enumerate((*classes, UNSURE)):
        document.add_cv_entry(CLASSES, f"cve{number}", [(name, "eng", None)])
    return document


def _completed(document: Any) -> Any:
    """The file as XML, in which the type of the class tiers names the vocabulary, which pympi cannot do."""
    root = elan().to_adocument(document, True)
    kind = root.find("./LINGUISTIC_TYPE[@LINGUISTIC_TYPE_ID='class']")
    kind.set("CONTROLLED_VOCABULARY_REF", CLASSES)
    return root


def _add_tiers(document: Any, tier: str, event: Event) -> None:
    """A tier for events of this one's kind, and those below it."""
    document.add_tier(tier)
    document.add_tier(f"{tier} apex", ling="apex", parent=tier)
    kinds = {"class": "class", "action units": "text"}
    for part in PARTS if event.kind == "micro" else PARTS[-1:]:
        document.add_tier(f"{tier} {part}", ling=kinds.get(part, "number"), parent=tier)


def _said(event: Event) -> tuple[str, str, str, str]:
    """What the tiers of PARTS say of an event; "" where there is nothing to say."""
    units = "; ".join(event.action_units)
    if event.kind != "micro":
        return "", "", "", units
    numbers = ["" if value is None else f"{value:.2f}" for value in (event.confidence, event.likelihood)]
    return UNSURE if event.unsure else event.label, numbers[0], numbers[1], units


def _milliseconds(event: Event, played: npt.NDArray[np.float64] | None) -> tuple[int, int, int, int]:
    """Onset, apex, the end of the apex's frame and offset of an event: whole, increasing, none below zero."""
    if played is None:
        times = event.onset_s, event.apex_s, event.apex_s, event.offset_s
    else:
        frames = event.onset_frame, event.apex_frame, event.apex_frame + 1, event.offset_frame
        times = tuple(float(played[min(frame, len(played) - 1)]) for frame in frames)  # type: ignore[assignment]
    start, apex, after, end = (max(0, round(1000 * time)) for time in times)
    end = max(start + 1, end)
    apex = min(max(start, apex), end - 1)
    return start, apex, min(max(apex + 1, after), end), end
