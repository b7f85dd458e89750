"""Tests whether a change of the code's layout changed anything a user sees, by hashes of the outputs.

    python studies/unchanged.py --record     # before: writes unchanged.json beside this file
    python studies/unchanged.py              # after: exit status 1 if any output is marked DIFFERENT

Recorded are the predictions of two recipes on the composite's published motion maps and of three recipes on
drawn data (two of them train networks with torch), ``events.csv`` and ``frames.csv`` of every sample video,
the help text of every command, and the names that the package exports. Only hashes are kept: no id, no label
and no number of real data. Floating-point results, and so the hashes, are those of one machine and one set
of library versions.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
RECORD = HERE / "unchanged.json"
ON_MAPS = ("megc2019/linear-flow", "megc2019/symmetric-flow")
ON_DRAWN = ("drawn/linear-flow", "drawn/ststnet", "meganet/two-blocks")
COMMANDS = (
    *(
        "analyze",
        "check",
        "demo",
        "draw",
        "explain",
        "export",
        "faces",
        "list",
        "live",
        "null",
        "report",
        "run",
    ),
    *("score", "score-intervals", "spot", "tables", "train"),
)


def command(*words: str) -> str:
    """The text that ``fleeting`` prints with these arguments, 100 columns wide and without a cache."""
    surroundings = {**os.environ, "COLUMNS": "100", "FLEETING_CACHE": "off"}
    done = subprocess.run(
        [sys.executable, "-m", "fleeting", *words],
        capture_output=True,
        text=True,
        env=surroundings,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"fleeting {' '.join(words)} exited with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def hash_of(content: str | bytes) -> str:
    """SHA-256 of a text or of bytes."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def outputs(shared: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """Produces every output that is recorded, and yields its name and its hash."""
    import fleeting

    yield "fleeting.__all__", hash_of("\n".join(fleeting.__all__))
    yield "fleeting --help", hash_of(command("--help"))
    for name in COMMANDS:
        yield f"fleeting {name} --help", hash_of(command(name, "--help"))
    for recipe in ON_MAPS:
        out = folder / recipe
        command("run", recipe, "--data", f"megc2019-flow={shared / 'megc2019-flow'}", "--out", str(out))
        yield f"{recipe} predictions.csv", hash_of((out / "predictions.csv").read_bytes())
    drawn = folder / "casme2"
    command("draw", str(drawn), "--layout", "casme2", "--subjects", "3", "--clips", "3", "--flows", "0")
    for recipe in ON_DRAWN:
        out = folder / recipe
        data = (
            []
            if recipe.startswith("drawn/")
            else ["--data", f"casme2={drawn}", "--set", "data.dataset=casme2"]
        )
        command("run", recipe, "--quick", *data, "--out", str(out))
        yield f"{recipe} --quick predictions.csv", hash_of((out / "predictions.csv").read_bytes())
    for video in sorted((shared / "videos").iterdir()):
        command("analyze", str(video), "--out", str(folder / "analysis"), "--formats", "csv")
        for table in ("events.csv", "frames.csv"):
            found = folder / "analysis" / video.stem / table
            yield f"{video.name} {table}", hash_of(found.read_bytes())


def main() -> int:
    """Record the hashes, or compare the outputs with the recorded ones; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="write the hashes instead of comparing them")
    beside = os.environ.get("FLEETING_SHARED", HERE.parent.parent / "shared" / "data")
    parser.add_argument("--shared", type=Path, default=Path(beside), help="the folder of real data")
    options = parser.parse_args()
    before = {} if options.record else json.loads(RECORD.read_text(encoding="utf-8"))
    now: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, digest in outputs(options.shared, Path(folder)):
            now[name] = digest
            state = "recorded" if options.record else "same" if before.get(name) == digest else "DIFFERENT"
            print(f"{state:10}{name}", flush=True)
    for name in before.keys() - now.keys():
        print(f"{'MISSING':10}{name}")
    if options.record:
        RECORD.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
        return 0
    return int(before != now)


if __name__ == "__main__":
    sys.exit(main())
