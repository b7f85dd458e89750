"""Writes single files, such as a page or a picture, beside files of others: only in places that are ours."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from fleeting.errors import OutputError
from fleeting.files import utf8, write_atomically
from fleeting.output.failures import writing
from fleeting.output.lock import locked
from fleeting.output.records import RECORD, keep_aside, read_record, record_text, sha256_of

WAIT = 30.0
"""Seconds to wait for another process that writes a file into the same folder."""


def refuse_foreign(path: Path, *, replace: bool = False) -> None:
    """Raise OutputError where ``path`` is a folder, or a file that this package did not write.

    With ``replace`` a file may be anyone's: `write_own` keeps it aside.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder, expected a file to write; name a file in it")
    if os.path.lexists(path) and path.name not in _beside(path.parent) and not replace:
        raise OutputError(
            f"{path} exists and is not known as a file of fleeting; nothing was changed: name another --out,"
            " or write it all the same with --replace (the old one is then kept aside)"
        )


def write_own(path: Path, content: str | bytes, *, replace: bool = False) -> None:
    """Write a file, whole or not at all, and remember its hash in the hidden record of its folder.

    A file of ours that was edited is kept aside. Raises OutputError as `refuse_foreign` does, and where the
    file cannot be written.
    """
    data = utf8(content) if isinstance(content, str) else content
    digest = hashlib.sha256(data).hexdigest()
    if sha256_of(path) != digest:
        refuse_foreign(path, replace=replace)
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.parent, WAIT):
            if os.path.lexists(path) and sha256_of(path) not in (digest, _beside(path.parent).get(path.name)):
                keep_aside(path)
            write_atomically(path, data)
            record = read_record(path.parent / RECORD)
            record["beside"] = {**_beside(path.parent), path.name: digest}
            write_atomically(path.parent / RECORD, record_text(record))


def _beside(folder: Path) -> dict[str, str]:
    """The hashes of the single files that were written into a folder, by their names."""
    found = read_record(folder / RECORD).get("beside")
    return found if isinstance(found, dict) else {}
