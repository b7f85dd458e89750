"""Writes the picture of a finished run that the README shows: ``python docs/make/headline.py RUN``."""

from __future__ import annotations

import sys
from pathlib import Path

from fleeting.experiments.run_folder import Run
from fleeting.reports.pages import headline

TARGET = Path(__file__).parents[1] / "assets" / "ststnet-headline.svg"

if __name__ == "__main__":
    TARGET.write_text(headline(Run.load(Path(sys.argv[1]))), encoding="utf-8")
    print(TARGET)
