"""Fills the generated parts of the documentation's pages, and writes the pages or finds the stale ones."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
END = "<!-- end -->"


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def filled(text: str, part: str, content: str) -> str:
    """The page with ``content`` between ``<!-- generated: PART -->`` and ``<!-- end -->``.

    A page without that part is returned as it is.
    """
    start = f"<!-- generated: {part} -->"
    if start not in text:
        return text
    before, _, rest = text.partition(start)
    return f"{before}{start}\n\n{content}\n\n{END}{rest.partition(END)[2]}"


def settle(made: Mapping[Path, str | None]) -> int:
    """Write the files whose text differs from ``made``, and delete those whose text there is None.

    Returns the exit status. With ``--check`` on the command line no file is changed, and it is 1 if one would
    be.
    """
    check = "--check" in sys.argv
    differing = []
    for path, text in made.items():
        if (path.read_text(encoding="utf-8") if path.exists() else None) == text:
            continue
        differing.append(path.relative_to(ROOT).as_posix())
        if check:
            continue
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if differing:
        what = "stale, run `make tables`" if check else "written"
        print(f"{what}: {', '.join(sorted(differing))}")
    return int(check and bool(differing))
