"""A recording whose analysis is done, as a value: where it lies, and what its analysis was asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fastapi import Request

from fleeting.analysis.result_folder import SUMMARY
from fleeting.web.places import page_of
from fleeting.web.service import service


@dataclass(frozen=True)
class Recording:
    """The recording at ``source``, the folder of its ``results``, the ``cache`` of what the page shows."""

    source: Path
    results: Path
    cache: Path

    def as_dict(self) -> dict[str, str]:
        """Where everything lies, as text: `recording_at` takes it."""
        return {name: str(path) for name, path in asdict(self).items()}

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        """The content of ``summary.json``."""
        found: dict[str, Any] = json.loads((self.results / SUMMARY).read_text(encoding="utf-8"))
        return found

    @property
    def fps(self) -> float | None:
        """Frames per second at which frames were counted; None where the file's own times hold."""
        fps: float | None = self.summary["settings"]["fps"]
        return fps

    @property
    def covered(self) -> bool:
        """Whether no picture of a face may be shown."""
        return bool(self.summary["settings"]["blur"])


def recording_at(of: Mapping[str, str]) -> Recording:
    """The recording of which `Recording.as_dict` told."""
    return Recording(**{name: Path(path) for name, path in of.items()})


def recording_of(request: Request, id_: str) -> Recording:
    """The recording of a job. Raises UnknownJobError, and NotYetError where its analysis is not done."""
    given = service(request)
    job, results = given.finished(id_)
    cache = page_of(given.folder, id_)
    cache.mkdir(exist_ok=True)
    return Recording(job.path(given.folder), results, cache)
