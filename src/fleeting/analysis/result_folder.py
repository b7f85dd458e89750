"""The folder of one video's results: its files, what makes them complete, and how they are read back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleeting.analysis.event_files import read_events
from fleeting.analysis.video_files import RESULTS, contents
from fleeting.files import utf8
from fleeting.output.records import read_record
from fleeting.types import Event

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = {
    "csv": ("frames.csv", "faces.csv", "events.csv"),
    "json": ("events.json", "candidates.json"),
    "elan": ("events.eaf",),
    "html": ("report.html",),
    "video": ("annotated.mp4",),
    "units": ("units.csv",),
}
"""The files of each format. Those of csv and json are always written: the others are made from them."""
SUMMARY = "summary.json"


@dataclass(frozen=True)
class Analysis:
    """The results of one input: the input's path, the folder of results, the content of ``summary.json``."""

    source: Path
    folder: Path
    summary: Mapping[str, Any]

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The events that were found, read from ``events.json``."""
        return read_events(self.folder / "events.json")

    @cached_property
    def candidates(self) -> tuple[Event, ...]:
        """The movements that are too unlikely to be events, read from ``candidates.json``."""
        return read_events(self.folder / "candidates.json")

    def as_dict(self) -> dict[str, Any]:
        """The summary with the paths of the input and the folder, for JSON."""
        return {"source": str(self.source), "folder": str(self.folder), **self.summary}

    def table(self) -> Any:
        """A pandas table with a row for each event. Raises MissingExtraError without the extra ``tables``."""
        from fleeting.analysis.showing import events_table

        return events_table([self])

    def plot(self) -> Figure:
        """How much the face moved over time, with the events, as a matplotlib figure."""
        from fleeting.analysis.showing import curve_figure

        return curve_figure(self)

    def __repr__(self) -> str:
        lasts = self.summary.get("duration_s")
        long = "" if lasts is None else f"{lasts:.1f} s, "
        return f"Analysis({self.source.name}: {long}{self.summary.get('events', 0)} events)"

    def _repr_html_(self) -> str:
        from fleeting.analysis.showing import analysis_html

        return analysis_html(self)


def digest_of(source: Path) -> str:
    """SHA-256 of a file, or of a folder's pictures with their names."""
    digest = hashlib.sha256()
    for path in contents(source):
        digest.update(utf8(path.name) if source.is_dir() else b"")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def finished(folder: Path, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """The summary of complete results that ``folder`` holds for this input and these settings, else None."""
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        same = all(summary[name] == value for name, value in identity.items() if name != "input")
        same = same and summary["input"]["sha256"] == identity["input"]["sha256"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    files = [name for kind in identity["settings"]["formats"] for name in FORMATS[kind]]
    return summary if same and all((folder / name).is_file() for name in files) else None


def earlier_files(folder: Path, source: Path) -> dict[str, str] | None:
    """The files that a version without hashes left for this input, hashes unknown; None if it did not.

    Results with a damaged summary, which name no input, count as such: they are kept aside where they differ.
    """
    summary = read_record(folder / SUMMARY)
    found = summary.get("input")
    ours = isinstance(found, dict) and found.get("sha256") == digest_of(source)
    damaged = not summary and all((folder / name).is_file() for name in RESULTS) and _is_table(folder)
    names = [SUMMARY, *(name for files in FORMATS.values() for name in files)]
    return {name: "" for name in names if (folder / name).is_file()} if ours or damaged else None


def _is_table(folder: Path) -> bool:
    """Whether the ``frames.csv`` of a folder begins as those of every version do."""
    with (folder / "frames.csv").open("rb") as file:
        return file.readline(100).startswith(b"frame,time_s,faces,")
