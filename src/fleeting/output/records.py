"""Records the hashes of the files that were written into a folder, and keeps aside what was changed since."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from itertools import count
from pathlib import Path
from typing import Any

from fleeting.files import utf8

RECORD = ".fleeting.json"
"""The record of a folder, where no other file of it holds that."""


def sha256_of(path: Path) -> str:
    """SHA-256 of a file; "" if it is no file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_record(path: Path) -> dict[str, Any]:
    """The content of a record; empty if there is none, or it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def record_text(record: dict[str, Any]) -> str:
    """A record as the text of its file."""
    return json.dumps(record, indent=2) + "\n"


def keep_aside(path: Path) -> Path:
    """Rename a file or folder (``a.eaf`` to ``a.edited-1.eaf``), say so in the log, return its new path."""
    names = (path.with_name(f"{path.stem}.edited-{number}{path.suffix}") for number in count(1))
    kept = next(name for name in names if not os.path.lexists(name))
    path.rename(kept)
    said = "%s was edited since it was written, or is not ours; it is kept as %s"
    logging.getLogger("fleeting").warning(said, path, kept.name)
    return kept


def write_over(path: Path, content: str | bytes, known: str | None) -> str:
    """Write a file, whole or not at all, to a place as `put` takes it; return its SHA-256."""
    partial = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        partial.write_bytes(utf8(content) if isinstance(content, str) else content)
        return put(partial, path, known)
    finally:
        partial.unlink(missing_ok=True)


def put(new: Path, target: Path, known: str | None) -> str:
    """Move a file to its place and return its SHA-256.

    What lies there is replaced if its hash is ``known`` or the new file's, and kept aside otherwise.
    """
    digest = sha256_of(new)
    if os.path.lexists(target) and sha256_of(target) not in {known, digest} - {""}:
        keep_aside(target)
    new.replace(target)
    return digest
