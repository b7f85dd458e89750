"""Takes an upload as it arrives and writes it to the disk; memory does not grow with its size."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from fleeting.errors import OptionError
from fleeting.web.names import safe_name
from fleeting.web.places import uploads

MOST_TEXT = 64 * 1024
"""Most bytes of a field that is no file."""
MOST_PARTS = 8
FORM = "send it as multipart/form-data with one part called file"


class TooLargeError(OptionError):
    """More bytes than the server takes."""


@dataclass
class Upload:
    """A file that was sent: where it lies until it is moved, its name, and the other fields of the form."""

    path: Path
    name: str = ""
    size: int = 0
    fields: dict[str, str] = field(default_factory=dict)

    def discard(self) -> None:
        """Delete the file, unless it was moved."""
        self.path.unlink(missing_ok=True)


class _Form:
    """Reads the parts of a form: one goes to a file, others are kept as text."""

    def __init__(self, upload: Upload, file: IO[bytes], most: int) -> None:
        self._upload, self._file, self._most = upload, file, most
        self._header = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._part, self._text, self._parts = "", b"", 0
        self.ended = False

    def callbacks(self) -> Any:
        """What the parser calls."""
        names = ("part_begin", "part_end", "header_end", "headers_finished", "end")
        found: dict[str, Any] = {f"on_{name}": getattr(self, name) for name in names}
        return {
            **found,
            "on_header_field": self.header_field,
            "on_header_value": self.header_value,
            "on_part_data": self.part_data,
        }

    def part_begin(self) -> None:
        """A part begins."""
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise OptionError(f"the form has more than {MOST_PARTS} parts; send one file in one request")
        self._headers, self._text, self._part = {}, b"", ""

    def header_field(self, data: bytes, start: int, end: int) -> None:
        """A piece of a header's name."""
        self._header += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        """A piece of a header's value."""
        self._value += data[start:end]

    def header_end(self) -> None:
        """A header is complete."""
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def headers_finished(self) -> None:
        """All headers of a part are there: which part it is."""
        _, given = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._part = given.get(b"name", b"").decode(errors="replace")
        if self._part != "file":
            return
        if self._upload.name:
            raise OptionError("the form has two files; send each in a request of its own")
        if b"filename" not in given:
            raise OptionError(f"the part called file is no file; {FORM}")
        self._upload.name = safe_name(given[b"filename"].decode(errors="replace"))

    def part_data(self, data: bytes, start: int, end: int) -> None:
        """A piece of a part."""
        if self._part == "file":
            self._upload.size += end - start
            refuse_large(self._upload.size, self._most)
            self._file.write(data[start:end])
        elif len(self._text) + end - start > MOST_TEXT:
            raise OptionError(f"a field of the form has more than {MOST_TEXT} bytes; send less")
        else:
            self._text += data[start:end]

    def part_end(self) -> None:
        """A part is complete."""
        if self._part != "file":
            self._upload.fields[self._part] = self._text.decode(errors="replace")

    def end(self) -> None:
        """The form is complete."""
        self.ended = True


def refuse_large(size: int, most: int) -> None:
    """Raise TooLargeError where an upload has more than ``most`` bytes."""
    if size > most:
        raise TooLargeError(f"the upload has more than {most} bytes, which is what this server takes; cut it")


async def received(chunks: AsyncIterator[bytes], kind: str, folder: Path, most: int) -> Upload:
    """The file of a form that arrives in ``chunks``, written to a temporary name below the server's folder.

    ``kind`` is the request's content type, ``most`` the bytes that a file may have. If anything goes wrong,
    the other side hanging up too, nothing is left. Raises OptionError on another form, TooLargeError.
    """
    form, options = parse_options_header(kind)
    if form != b"multipart/form-data" or b"boundary" not in options:
        raise OptionError(f"the request has the type {kind[:80] or 'none'!r}; {FORM}")
    uploads(folder).mkdir(parents=True, exist_ok=True)
    upload = Upload(uploads(folder) / f".{os.getpid()}.{uuid4().hex}")
    try:
        with upload.path.open("xb") as file:
            reader = _Form(upload, file, most)
            try:
                parser = MultipartParser(options[b"boundary"], reader.callbacks())
                async for chunk in chunks:
                    parser.write(chunk)
                parser.finalize()
            except FormParserError as error:
                raise OptionError(f"the form cannot be read; {FORM}") from error
            if not reader.ended or not upload.name:
                what = "ends in the middle" if not reader.ended else "has no file"
                raise OptionError(f"the form {what}; {FORM}")
    except BaseException:
        upload.discard()
        raise
    return upload
