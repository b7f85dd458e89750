"""The folder of one video's results: how it is written without partial states, and how it is read back."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fleeting.analysis.event_files import read_events
from fleeting.analysis.video_files import contents
from fleeting.types import Event

FORMATS = {
    "csv": ("frames.csv", "faces.csv", "events.csv"),
    "json": ("events.json", "candidates.json"),
    "elan": ("events.eaf",),
    "html": ("report.html",),
    "video": ("annotated.mp4",),
}
"""The files of each format. Those of csv and json are always written: the others are made from them."""
SUMMARY, PARTIAL = "summary.json", ".partial"


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


def digest_of(source: Path) -> str:
    """SHA-256 of a file, or of a folder's pictures with their names."""
    digest = hashlib.sha256()
    for path in contents(source):
        digest.update(path.name.encode() if source.is_dir() else b"")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def finished(folder: Path, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """The summary of complete results that ``folder`` holds for this input and these settings, else None."""
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        same = all(summary[name] == value for name, value in identity.items())
    except (OSError, ValueError, LookupError, TypeError):
        return None
    files = [name for kind in identity["settings"]["formats"] for name in FORMATS[kind]]
    return summary if same and all((folder / name).is_file() for name in files) else None


@contextmanager
def aside(folder: Path) -> Iterator[Path]:
    """A temporary folder to write results to; if all goes well, they then replace those in ``folder``."""
    partial = folder / PARTIAL
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        (folder / SUMMARY).unlink(missing_ok=True)
        for name in (*(name for files in FORMATS.values() for name in files), SUMMARY):
            if (partial / name).exists():
                (partial / name).replace(folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        with suppress(OSError):  # the folder is not empty, so it stays
            folder.rmdir()
