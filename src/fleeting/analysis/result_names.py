"""Names the folder of results of each input: the one it has already, or the first that is free."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from fleeting.analysis.result_folder import SUMMARY, digest_of
from fleeting.analysis.video_files import VideoFile
from fleeting.output.failures import writing
from fleeting.output.lock import locked
from fleeting.output.owned import claim, record_of
from fleeting.output.records import read_record

WAIT = 60.0
"""Seconds to wait for another process that names its folders in the same place."""
LONGEST = 200
"""Most bytes of a folder's name, its number not counted."""


def described(source: Path, folder: Path) -> dict[str, Any]:
    """An input as ``summary.json`` names it: its file, and its path from the folder of results."""
    whole = source.resolve()
    try:
        path = Path(os.path.relpath(whole, folder.resolve())).as_posix()
    except ValueError:  # another drive of Windows
        path = whole.as_posix()
    return {"file": called(source), "path": path}


def called(source: Path) -> str:
    """The name of a file or folder as the user has it: that of a link, not of where it leads."""
    return Path(os.path.abspath(source)).name


def is_of(recorded: Mapping[str, Any], folder: Path, source: Path) -> bool:
    """Whether the input in a record of ``folder`` is ``source``: the same content from the same place.

    A place where nothing is any more does not count, for files are moved. Where the content was not read, the
    name decides.
    """
    path = recorded.get("path")
    if path is not None and (folder / path).exists() and not (folder / path).samefile(source):
        return False
    if (digest := recorded.get("sha256")) is None:
        return path is not None and recorded.get("file") == called(source)
    return bool(digest == digest_of(source))


def placed(out: Path, found: Sequence[VideoFile]) -> list[VideoFile]:
    """The inputs with the names of their folders below ``out``, which are marked as theirs.

    An input whose results lie there keeps their folder. Others get their file's name without extension, or
    with it where two files of one call differ in nothing else; where that belongs to another input, the name
    with the first free number from 2 on. Raises OutputError where ``out`` cannot be written.
    """
    if not found:
        return []
    plain = _plain([item.source for item in found])
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        with locked(out, WAIT):
            having = _having(out)
            taken: set[str] = set()
            named = []
            for item, name in zip(found, plain, strict=True):
                own = _own(item.source, having, taken) or _free(out, name, taken)
                taken.add(own.casefold())
                claim(out / own, "analyze", described(item.source, out / own))
                named.append(replace(item, name=own))
    return named


def _plain(sources: Sequence[Path]) -> list[str]:
    """The names of files without their extensions, where two inputs of one call would be alike with them."""
    names = [called(source) for source in sources]
    stems = [name if src.is_dir() else src.stem for name, src in zip(names, sources, strict=True)]
    pairs = list(zip(stems, names, strict=True))
    files = Counter(stem for stem, _ in {(stem.casefold(), name.casefold()) for stem, name in pairs})
    return [_safe(name if files[stem.casefold()] > 1 else stem) for stem, name in pairs]


def _safe(name: str) -> str:
    """A name that stands for a folder of its own on every system: not hidden, neither "." nor ".."."""
    short = os.fsdecode(os.fsencode(name)[:LONGEST])
    return short.strip(". ") or "unnamed"


def _having(out: Path) -> dict[str, list[Path]]:
    """The folders below ``out`` that are marked as an input's, by the name of the input's file."""
    found: dict[str, list[Path]] = {}
    for folder in sorted(path for path in out.iterdir() if path.is_dir()):
        found.setdefault(_input(folder).get("file", ""), []).append(folder)
    return found


def _own(source: Path, having: Mapping[str, Sequence[Path]], taken: set[str]) -> str:
    """The name of the folder that holds results of this input already; "" if there is none."""
    with suppress(OSError):  # an input that cannot be read has no results
        for folder in having.get(called(source), ()):
            if folder.name.casefold() not in taken and is_of(_input(folder), folder, source):
                return folder.name
    return ""


def _free(out: Path, name: str, taken: set[str]) -> str:
    """The first of ``name``, ``name-2``, ... that no other input has."""
    names = (f"{name}-{number}" if number > 1 else name for number in count(1))
    return next(one for one in names if one.casefold() not in taken and not _input(out / one))


def _input(folder: Path) -> Mapping[str, Any]:
    """What the record of an analysis calls its input; earlier versions had it in the summary alone."""
    record = record_of(folder, SUMMARY)
    if "purpose" not in record:
        record = read_record(folder / SUMMARY)
    found = record.get("input") if record.get("purpose", "analyze") == "analyze" else None
    return found if isinstance(found, dict) else {}
