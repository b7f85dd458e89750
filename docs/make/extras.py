"""Prints what each extra weighs, the table of docs/installing.md: ``python docs/make/extras.py [FOLDER]``.

Fetches every wheel of ``fleeting[all]`` into the folder, in the versions of constraints.txt, by pip and from
the index that pip is set up for; then asks pip which of them each extra takes. Nothing is installed: the
installed size is that of the files in the wheels, without the bytecode that Python writes beside them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zipfile import ZipFile

ROOT = Path(__file__).parents[2]
MB = 1e6
NAMED = 3
"""How many of the largest packages a row names."""


def pip(*words: str) -> str:
    """What pip prints."""
    command = [sys.executable, "-m", "pip", *words, "--constraint", str(ROOT / "constraints.txt")]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def taken(extra: str, wheels: Path) -> list[Path]:
    """The wheels that an extra takes with the base, of those in the folder."""
    wanted = f"fleeting[{extra}]" if extra else "fleeting"
    words = ("--dry-run", "--quiet", "--ignore-installed", "--no-index", "--report", "-")
    found = json.loads(pip("install", *words, "--find-links", str(wheels), wanted))
    return [Path(unquote(urlsplit(one["download_info"]["url"]).path)) for one in found["install"]]


def installed(wheel: Path) -> int:
    """Bytes of the files in a wheel."""
    with ZipFile(wheel) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def rows(extras: Sequence[str], wheels: Path) -> Iterator[str]:
    """The table's lines, the base first."""
    yield "| extra | packages | download, MB | installed, MB | the largest, installed |"
    yield "|---|--:|--:|--:|---|"
    base: set[str] = set()
    for extra in ("", *extras):
        sizes = {wheel.name: (wheel.stat().st_size, installed(wheel)) for wheel in taken(extra, wheels)}
        base = base or set(sizes)
        down, up = (sum(pair[place] for pair in sizes.values()) / MB for place in (0, 1))
        added = {name: pair[1] for name, pair in sizes.items() if not extra or name not in base}
        named = sorted(added, key=lambda name: -added[name])[:NAMED]
        largest = ", ".join(f"{name.split('-')[0]} {added[name] / MB:.0f}" for name in named)
        yield f"| {f'`{extra}`' if extra else 'none'} | {len(sizes)} | {down:.0f} | {up:.0f} | {largest} |"


def main() -> None:
    """Fetch the wheels that are not in the folder yet, and print the table with its date."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    with tempfile.TemporaryDirectory() as empty:
        wheels = Path(sys.argv[1] if sys.argv[1:] else empty)
        pip("wheel", "--quiet", "--wheel-dir", str(wheels), "--find-links", str(wheels), f"{ROOT}[all]")
        python = ".".join(map(str, sys.version_info[:2]))
        (torch,) = (
            wheel.name.split("-")[1] for wheel in taken("train", wheels) if wheel.name[:6] == "torch-"
        )
        print(f"{datetime.now():%Y-%m-%d}, Python {python}, {sys.platform}, torch {unquote(torch)}\n")
        for line in rows([*extras["optional-dependencies"]], wheels):
            print(line, flush=True)


if __name__ == "__main__":
    main()
