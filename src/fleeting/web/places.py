"""Where everything of a job lies below the server's folder, and how what was left behind is removed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from pathlib import Path

from fleeting.analysis.result_folder import SUMMARY
from fleeting.files import sweep

JOB = r"[0-9a-f]{32}"
"""What an id looks like: nothing else is ever joined to a path."""


def jobs_folder(folder: Path) -> Path:
    """The folder that holds a folder for each job."""
    return folder / "jobs"


def job_folder(folder: Path, id_: str) -> Path:
    """The folder of a job. Raises ValueError on what is no id."""
    if not re.fullmatch(JOB, id_):
        raise ValueError("no id of a job")
    return jobs_folder(folder) / id_


def uploads(folder: Path) -> Path:
    """The folder in which uploads lie until they are complete."""
    return folder / "uploads"


def results_of(folder: Path, id_: str) -> Path | None:
    """The folder of a job's complete results: what `fleeting.analyze` wrote. None if there is none."""
    found = sorted((job_folder(folder, id_) / "results").glob(f"*/{SUMMARY}"))
    return found[0].parent if found else None


def cache_of(folder: Path, id_: str) -> Path:
    """The folder in which the service keeps what it computed of a job's results."""
    return job_folder(folder, id_) / "cache"


def page_of(folder: Path, id_: str) -> Path:
    """The folder in which what the page shows of a job is kept: pictures, and a copy of the video."""
    return job_folder(folder, id_) / "page"


def forget_files(folder: Path, id_: str) -> None:
    """Delete everything of a job from the disk."""
    shutil.rmtree(job_folder(folder, id_), ignore_errors=True)


def clear(folder: Path, known: Collection[str]) -> int:
    """Delete uploads that were cut off, and folders of jobs that are not ``known``; how many they were.

    It is called before a server takes its first request, and by that server alone.
    """
    lost = 0
    for path in uploads(folder).glob("*"):
        lost += 1
        path.unlink(missing_ok=True)
    for path in jobs_folder(folder).glob("*"):
        if path.name not in known and re.fullmatch(JOB, path.name):
            lost += 1
            shutil.rmtree(path, ignore_errors=True)
    sweep(folder)
    return lost
