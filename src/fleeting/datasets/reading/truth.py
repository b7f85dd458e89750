"""Recognising drawn data by its truth file, so that reports can say that the people are drawn."""

from __future__ import annotations

import json
from pathlib import Path

TRUTH = "truth.json"


def drawn_people(root: Path) -> str:
    """The caveat about the people in a folder of drawn data, "" for any other folder.

    It is read from the truth file in ``root`` or in the folder above.
    """
    for path in (root / TRUTH, root.parent / TRUTH):
        try:
            return str(json.loads(path.read_text(encoding="utf-8"))["people"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return ""
