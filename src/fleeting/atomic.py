"""Files that appear whole: a reader (or a kill) meets the old one or the new one, never a part."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; what is written there becomes ``path`` when the block ends well."""
    partial = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file whole."""
    with appearing(path) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
