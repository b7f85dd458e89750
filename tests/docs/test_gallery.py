"""The gallery shows every picture there is, and the scripts that it names are there."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
GALLERY = (DOCS / "gallery.md").read_text(encoding="utf-8")


def test_every_picture_is_shown_once():
    shown = re.findall(r"\]\(assets/([^)]+)\)", GALLERY)
    assert sorted(shown) == sorted(path.name for path in (DOCS / "assets").iterdir())


def test_the_scripts_that_draw_are_there():
    named = set(re.findall(r"python (\S+\.py)", GALLERY))
    assert named
    assert [script for script in named if not (DOCS.parent / script).is_file()] == []
