"""Makes of the name of an uploaded file one that is safe on every system; it is never a path."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

from fleeting.errors import OptionError

LONGEST = 150
"""Most bytes of a name, in UTF-8, its extension not counted."""
LONGEST_SUFFIX = 12
FORBIDDEN = frozenset('<>:"/\\|?*')
RESERVED = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10)))
)
"""Names that mean a device on Windows, whatever their extension."""


def safe_name(given: str) -> str:
    """The name under which an uploaded file is kept. Raises OptionError on one that is a path or a device.

    >>> safe_name("my clip.mp4")
    'my clip.mp4'
    """
    name = unicodedata.normalize("NFC", given)
    if not name.strip(". "):
        raise OptionError("the file has no name; give it one, such as clip.mp4")
    if set(name) & {"/", "\\"}:
        raise OptionError("the file's name is a path; give the name alone, such as clip.mp4")
    if not all(mark.isprintable() for mark in name):
        raise OptionError("the file's name has characters that cannot be printed; rename it")
    if name.split(".")[0].strip().casefold() in RESERVED:
        raise OptionError("the file's name is that of a device on Windows; rename it")
    plain = "".join("_" if mark in FORBIDDEN else mark for mark in name).strip(". ")
    path = PurePosixPath(plain)
    suffix = path.suffix if len(path.suffix.encode()) <= LONGEST_SUFFIX else ""
    stem = plain[: len(plain) - len(suffix)].encode()[:LONGEST].decode(errors="ignore")
    return f"{stem.strip('. ') or 'unnamed'}{suffix}"
