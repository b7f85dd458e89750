"""Takes the pictures of the page for docs/page.md: docs/assets/page-viewer.png, page-home.png, page-dark.png.

A video of 12 seconds is drawn, uploaded to a real server, analysed and looked at in a browser. It takes some
minutes, most of them for drawing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

import fleeting
from fleeting.web.client import Client

TARGET = Path(__file__).parents[2] / "docs" / "assets"
PATIENCE = 120_000
"""Milliseconds until a picture has to be there."""
COLOURS = 256
"""Colours that a picture is reduced to, so that it stays small."""


def keep(name: str, taken: bytes) -> None:
    """Write a picture with few colours."""
    image = Image.open(BytesIO(taken)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.FLOYDSTEINBERG).save(TARGET / name, optimize=True)
    print(TARGET / name)


def pictures(browser: Any, url: str, job: str) -> None:
    """Take the three pictures."""
    for scheme, address, name in (
        ("light", "/", "page-home.png"),
        ("light", f"/jobs/{job}", "page-viewer.png"),
        ("dark", f"/jobs/{job}", "page-dark.png"),
    ):
        page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme, locale="en-GB")
        page.goto(f"{url}{address}")
        if "jobs" in address:
            page.click("#events .entry button >> nth=0")
            page.wait_for_selector("#now[data-frame]", timeout=PATIENCE)
            page.wait_for_selector("#stills .loading", state="detached", timeout=PATIENCE)
            page.wait_for_timeout(1500)  # the small pictures of the list
        else:
            page.wait_for_selector("#jobs li[data-state=done]")
        keep(name, page.screenshot(full_page=name == "page-viewer.png"))
        page.close()


def main() -> None:
    """Draw, serve, upload, look."""
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 1:
            video = Path(sys.argv[1])
        else:
            fleeting.draw(
                Path(folder) / "drawn",
                videos=1,
                seconds=12,
                events_per_minute=20,
                amplitude=2,
                fps=60,
                seed=3,
            )
            video = next((Path(folder) / "drawn").glob("*.mp4"))
        command = [sys.executable, "-m", "fleeting", "serve", "--port", "0", "--folder", f"{folder}/service"]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
            sync_playwright() as playwright,
        ):
            url = (process.stdout.readline() if process.stdout else "").strip().rstrip("/")
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            try:
                client = Client(url)
                job = client.wait(client.upload(video, alarms_per_minute=4).id)
                pictures(browser, url, job.id)
            finally:
                browser.close()
                process.terminate()


if __name__ == "__main__":
    main()
