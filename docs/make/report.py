"""Writes docs/assets/report.png, the top of a demonstration's report; its argument is the folder."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

TARGET = Path(__file__).parents[1] / "assets" / "report.png"

if __name__ == "__main__":
    (page_of_demo,) = Path(sys.argv[1]).glob("analysis/*/report.html")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1000, "height": 1500})
        page.goto(page_of_demo.resolve().as_uri())
        page.screenshot(path=TARGET)
        browser.close()
    print(TARGET)
