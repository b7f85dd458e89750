"""Opens a folder to write to: only one that is ours, one process at a time, and nothing edited is lost."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fleeting.errors import OutputError
from fleeting.files import sweep, write_atomically
from fleeting.output.failures import writing
from fleeting.output.lock import locked
from fleeting.output.records import RECORD, keep_aside, put, read_record, record_text, sha256_of, write_over

WRITING = "being written"
"""Stands in a record for the hash of a file until it is written."""
Files = Mapping[str, str]
"""SHA-256 of files as they were written, by their paths in the folder; "" where it is not known."""


class Owned:
    """A folder that this process may write, as `owned` opens it.

    Files are written elsewhere and then put, or written by `write`; what lies in their places is kept aside
    if it was edited.
    """

    def __init__(self, folder: Path, record: dict[str, Any], before: Files | None) -> None:
        self.folder = folder
        self.foreign = before is None
        """Whether the folder is not ours, and is written because the user asked for it."""
        self._record, self._before = record, dict(before or {})
        self._now: dict[str, str] = {}

    @property
    def known(self) -> Files:
        """The files as they were written by earlier calls."""
        return dict(self._before)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A temporary folder on the same file system, to write files to before they are put."""
        staged = self.folder / f".{os.getpid()}.partial"
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        try:
            yield staged
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def put(self, new: Path, name: str) -> None:
        """Move a finished file to ``name`` in the folder."""
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        self._now[name] = put(new, target, self._before.get(name))

    def put_all(self, staged: Path) -> None:
        """Move all files below a staging folder to the same places in this folder."""
        for path in sorted(path for path in staged.rglob("*") if path.is_file()):
            self.put(path, path.relative_to(staged).as_posix())

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file of the folder, whole or not at all."""
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        self._now[name] = write_over(target, content, self._before.get(name))

    def give_way(self, names: Iterable[str]) -> None:
        """Keep aside those of these files that were edited: others are about to take their places.

        Those that a killed process had begun to write (see `begin`) are deleted.
        """
        for name in names:
            path, known = self.folder / name, self._before.get(name)
            if known == WRITING:
                path.unlink(missing_ok=True)
                del self._before[name]
            elif os.path.lexists(path) and sha256_of(path) != (known or None):
                keep_aside(path)

    def begin(self, names: Iterable[str]) -> None:
        """Record that these files are about to be written by other means; `wrote` ends that."""
        self._now |= dict.fromkeys(names, WRITING)
        self.save()

    def wrote(self, names: Iterable[str]) -> None:
        """Record files that were written into the folder by other means; missing ones are left out."""
        found = self._now | {name: sha256_of(self.folder / name) for name in names}
        self._now = {name: digest for name, digest in found.items() if digest}

    def finish(self, staged: Path, marker: str) -> dict[str, Any]:
        """Move complete results into place, ``marker`` last, and return its content with the record in it.

        ``marker`` is a JSON file among the staged ones. Files of earlier results that are not among these go.
        """
        facts = {**read_record(staged / marker), **self._record}
        (staged / marker).unlink()
        if os.path.lexists(self.folder / marker):
            _retire(self.folder / marker)
        self.put_all(staged)
        self._drop_others()
        content = {**facts, "files": {**dict(sorted(self._now.items())), marker: _own_hash(facts)}}
        write_atomically(self.folder / marker, record_text(content))
        return content

    def save(self) -> None:
        """Write the record into the hidden file `RECORD`."""
        files = dict(sorted({**self._before, **self._now}.items()))
        kept = {name: value for name, value in read_record(self.folder / RECORD).items() if name == "beside"}
        write_atomically(self.folder / RECORD, record_text({**self._record, "files": files, **kept}))

    def _drop_others(self) -> None:
        """Delete the files of earlier results that were not written again; edited ones are kept aside."""
        for name in self._before.keys() - self._now.keys():
            path = self.folder / name
            if self._before[name] and sha256_of(path) == self._before[name]:
                path.unlink()
            elif os.path.lexists(path):
                keep_aside(path)


def _own_hash(record: Mapping[str, Any]) -> str:
    """The hash of all that a marker says, without the hashes of the files."""
    said = {name: value for name, value in record.items() if name != "files"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _retire(marker: Path) -> None:
    """Remove the marker of earlier results, so that it never stands beside others; keep an edited one."""
    record = read_record(marker)
    files = record.get("files")
    if isinstance(files, dict) and files.get(marker.name) == _own_hash(record):
        marker.unlink()
    else:
        keep_aside(marker)


def never(_folder: Path) -> Files | None:
    """Earlier versions left nothing that could be told from other files."""
    return None


@contextmanager
def owned(
    folder: Path,
    purpose: str,
    made_from: Mapping[str, Any],
    *,
    inputs: Sequence[Path] = (),
    same: Callable[[Mapping[str, Any]], bool] | None = None,
    earlier: Callable[[Path], Files | None] = never,
    marker: str = RECORD,
    replace: bool = False,
) -> Iterator[Owned]:
    """Open ``folder`` to write results of ``purpose`` to it, made from what ``made_from`` describes as JSON.

    ``inputs`` are the paths that are read: none may lie in the folder. ``same`` says whether the ``input`` of
    a record is this one; by default it has to be equal to ``made_from``. ``earlier`` tells the files of a
    folder that a version without records left for the same, None if it is no such folder. ``marker`` is the
    file that holds the record if results are complete; until then it stands in `RECORD`. With ``replace`` any
    folder is opened. Raises OutputError, and touches nothing, where the folder is not ours, where an input
    lies in it, while another process has it, and where it cannot be written.
    """
    made_from = json.loads(json.dumps(made_from))  # as a record gives it back
    is_same = same or (lambda found: found == made_from)

    def files() -> Files | None:
        return _files(folder, purpose, is_same, earlier, marker, replace=replace)

    _refuse_inputs(folder, inputs)
    files()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with locked(folder):
                own = Owned(folder, {"purpose": purpose, "input": dict(made_from)}, files())
                if not own.foreign:
                    sweep(folder)
                own.save()
                try:
                    yield own
                finally:
                    _settle(folder, marker)
        finally:
            with suppress(OSError):  # it holds something, so it stays
                folder.rmdir()


@contextmanager
def reopened(folder: Path, purpose: str) -> Iterator[Owned]:
    """Open a folder that is known to be ours, to write a file of it anew; raises as `owned` does."""
    made_from = record_of(folder).get("input", {})
    with owned(folder, purpose, made_from, earlier=lambda _: {}) as own:
        yield own


def claim(folder: Path, purpose: str, made_from: Mapping[str, Any]) -> None:
    """Mark a folder that holds nothing yet as ours for this input, until `owned` opens it."""
    if not visible(folder):
        folder.mkdir(parents=True, exist_ok=True)
        Owned(folder, {"purpose": purpose, "input": dict(made_from)}, {}).save()


def disclaim(folder: Path) -> None:
    """Take a mark of `claim` away from a folder into which nothing was written."""
    if folder.is_dir() and not visible(folder):
        with suppress(OutputError, OSError):  # another process has it, or something else lies in it
            with locked(folder):
                _settle(folder)
            folder.rmdir()


def visible(folder: Path) -> list[str]:
    """The names in a folder that are not hidden, sorted; empty if there is no folder."""
    if not folder.is_dir():
        if os.path.lexists(folder):
            raise OutputError(f"{folder} is a file, expected a folder to write to; name another")
        return []
    with writing(folder):
        return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def record_of(folder: Path, marker: str = RECORD) -> dict[str, Any]:
    """The record of a folder: of its complete results, or of what was begun in it; empty if there is none."""
    complete = read_record(folder / marker)
    return complete if "purpose" in complete else read_record(folder / RECORD)


def _files(
    folder: Path,
    purpose: str,
    same: Callable[[Mapping[str, Any]], bool],
    earlier: Callable[[Path], Files | None],
    marker: str,
    *,
    replace: bool,
) -> Files | None:
    """The files that were written into a folder for this; None where it is not ours, and to be replaced.

    Raises OutputError where it is not ours, and not to be replaced.
    """
    holds = visible(folder)
    record = record_of(folder, marker)
    found: Files = record.get("files", {}) if isinstance(record.get("files"), dict) else {}
    source = record.get("input")
    mine = record.get("purpose") == purpose and isinstance(source, dict) and same(source)
    if mine or not holds:
        return found
    if "purpose" not in record and (known := earlier(folder)) is not None:
        return known
    if replace:
        return None
    if "purpose" in record:
        what = f"{folder} holds what `{record['purpose']}` made of another input or with other settings"
    else:
        what = f"{folder} holds {holds[0]!r}, which was not written for this"
    raise OutputError(
        f"{what}; nothing was changed: name another folder, or write there all the same with --replace"
        " (files of the same name are then kept aside)"
    )


def _refuse_inputs(folder: Path, inputs: Iterable[Path]) -> None:
    """Raise OutputError where an input is the folder or lies in it, under whatever name."""
    if not folder.exists():
        return
    for path in inputs:
        whole = path.resolve()
        if any(place.exists() and place.samefile(folder) for place in (whole, *whole.parents)):
            where = "is the folder" if whole == folder.resolve() else f"lies in {folder}, the folder"
            raise OutputError(f"{path} {where} that is to be written; name another folder")


def _settle(folder: Path, marker: str = RECORD) -> None:
    """Delete the hidden record where nothing was written, or where ``marker`` holds it."""
    with suppress(OSError, OutputError):
        record = read_record(folder / RECORD)
        if visible(folder) and (marker == RECORD or "purpose" not in read_record(folder / marker)):
            return
        if "beside" in record:
            write_atomically(folder / RECORD, record_text({"beside": record["beside"]}))
        else:
            (folder / RECORD).unlink(missing_ok=True)
