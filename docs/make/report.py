"""Writes what the README shows of `fleeting demo`: the printed lines, and docs/assets/report.png.

Its argument is the folder of the demonstration. The picture holds the printed lines as a text of its own, so
that a test can tell whether both are of one demonstration.
"""

from __future__ import annotations

import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "docs" / "assets" / "report.png"
COMMAND = "$ fleeting demo\n"
SHOWN = re.compile(rf"(?<=^{re.escape(COMMAND)}).*?(?=^```$)", re.MULTILINE | re.DOTALL)
"""The lines of README.md below the command."""


def printed(folder: Path) -> str:
    """What the demonstration in ``folder`` prints, as if that were the usual folder."""
    command = [sys.executable, "-m", "fleeting", "demo", "--out", folder.name]
    done = subprocess.run(command, cwd=folder.parent, capture_output=True, encoding="utf-8", check=True)
    lines = (line.rstrip() for line in done.stdout.splitlines())
    return "".join(f"{line}\n" for line in lines).replace(f"report: {folder.name}/", "report: demo/")


def picture(folder: Path) -> Image.Image:
    """The top of the report of the demonstration in ``folder``."""
    (page_of_demo,) = folder.glob("analysis/*/report.html")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1000, "height": 1500})
        page.goto(page_of_demo.resolve().as_uri())
        taken = page.screenshot()
        browser.close()
    return Image.open(BytesIO(taken))


def main() -> None:
    """Write both."""
    folder = Path(sys.argv[1])
    lines, readme, facts = printed(folder), ROOT / "README.md", PngInfo()
    facts.add_itxt("printed", lines)
    picture(folder).save(TARGET, pnginfo=facts, optimize=True)
    readme.write_text(
        SHOWN.sub(lambda _: lines, readme.read_text(encoding="utf-8"), count=1), encoding="utf-8"
    )
    print(TARGET)


if __name__ == "__main__":
    main()
