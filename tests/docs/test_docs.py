"""The documentation names all there is: pages in the navigation, names, shelves, decisions, folders."""

import re
import tomllib
from pathlib import Path

import pytest

import fleeting

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SHELVES = [
    source.parent.name
    for source in sorted(Path(fleeting.__file__).parent.glob("*/__init__.py"))
    if "Registry(" in source.read_text(encoding="utf-8")
]


def text(*pages: Path) -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


def listed(nav: object) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [page for part in (nav.values() if isinstance(nav, dict) else nav) for page in listed(part)]


def test_every_public_name_is_in_the_reference():
    anchors = re.findall(r"\{ #(\S+) \}", text(*(DOCS / "reference").glob("*.md")))
    assert {f"fleeting.{name.strip('_')}" for name in fleeting.__all__} <= set(anchors)
    assert len(anchors) == len(set(anchors))


@pytest.mark.parametrize("shelf", SHELVES)
def test_every_shelf_says_how_to_add_to_it(shelf):
    assert f"| `{shelf}/` | [`fleeting.{shelf}`](reference/{shelf}.md) |" in text(DOCS / "extending.md")


def test_every_decision_is_in_the_index():
    index = text(DOCS / "decisions" / "index.md")
    for page in (DOCS / "decisions").glob("[0-9]*.md"):
        number, title = text(page).splitlines()[0].removeprefix("# ").split(". ", 1)
        assert f"| {number} | [{title}]({page.name}) |" in index


def test_every_page_is_in_the_navigation_once():
    nav = listed(tomllib.loads(text(ROOT / "zensical.toml"))["project"]["nav"])
    assert sorted(nav) == sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))


def test_the_picture_of_the_layers_shows_every_folder(monkeypatch):
    monkeypatch.syspath_prepend(DOCS / "make")
    from layers import contracts, drawn
    from rooms import rooms

    layers, _ = contracts(text(ROOT / ".importlinter"))
    known = rooms()
    picture = drawn(layers, known)
    assert picture == drawn(layers, known)
    assert [name for name, room in known.items() if room.package and f">{name}</text>" not in picture] == []
