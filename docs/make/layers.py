"""Draws the layers and writes the tables of rooms; ``--check`` fails if one is stale.

The layers are those of ``.importlinter``, from top to bottom; names, sentences and modules are read from the
package. The drawing is ``docs/assets/layers.svg``; the tables go into the marked parts of
``docs/architecture.md``.
"""

from __future__ import annotations

import configparser
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from pages import DOCS, ROOT, filled, settle, table
from rooms import Room, rooms

CONTRACTS = ROOT / ".importlinter"
PAGE, PICTURE = DOCS / "architecture.md", DOCS / "assets" / "layers.svg"
WIDTH, ROW, GAP, EDGE, TOP = 960, 38, 20, 24, 20
LETTER = 9.1
"""Width of a letter of a name, in pixels."""
APART, TOGETHER = 26, 14
"""Pixels between boxes of one layer: if their modules may not import each other, and if they may."""
BELOW = 8
"""Pixels between the lines of one layer."""
SHELF, ROOM, MODULE = "#fde68a", "#bfdbfe", "#e5e7eb"


@dataclass(frozen=True)
class Layer:
    """The names of one layer; ``friends`` says that they may import each other."""

    names: tuple[str, ...]
    friends: bool = False


def contracts(text: str) -> tuple[list[Layer], list[str]]:
    """The layers from top to bottom, and the names of the rooms that must not import torch.

    Of several contracts of layers the exhaustive one is taken: it is that of the whole package.
    """
    parser = configparser.ConfigParser()
    parser.read_string(text)
    sections = [parser[name] for name in parser.sections()]
    layered = [section for section in sections if section.get("type") == "layers"]
    layered.sort(key=lambda section: not section.getboolean("exhaustive", fallback=False))
    forbidding = [section for section in sections if section.get("type") == "forbidden"]
    free = [section for section in forbidding if "torch" in section["forbidden_modules"].split()]
    lines = [line.strip() for line in layered[0]["layers"].splitlines() if line.strip()]
    names = {name.removeprefix("fleeting.") for section in free for name in section["source_modules"].split()}
    return [_layer(line) for line in lines], sorted(names)


def _layer(line: str) -> Layer:
    names = (name.strip("() ").removeprefix("fleeting.") for name in re.split(r"[|:]", line))
    return Layer(tuple(names), ":" in line)


STYLE = """<style>
text { font: 15px ui-monospace, Menlo, Consolas, monospace; fill: #111827 }
.number, .key { font: 13px system-ui, sans-serif; fill: #4b5563 }
.rule { stroke: #d1d5db }
.friends { stroke: #374151; stroke-width: 3 }
.arrow { stroke: #4b5563; fill: none }
rect { stroke: #374151 }
.paper { fill: #fff; stroke: none }
</style>"""


def drawn(layers: Sequence[Layer], known: Mapping[str, Room]) -> str:
    """The picture: a row for each layer, a box for each of its names."""
    shapes: list[str] = []
    y = TOP
    for number, layer in enumerate(layers, start=1):
        if number > 1:
            shapes.append(_line(EDGE, WIDTH - EDGE, y - GAP / 2, "rule"))
        lines = _lines(layer)
        height = len(lines) * (ROW + BELOW) - BELOW
        shapes.append(f'<text x="{EDGE}" y="{y + height / 2 + 5:g}" class="number">{number}</text>')
        for row, names in enumerate(lines):
            shapes += _row(names, layer.friends, y + row * (ROW + BELOW), known)
        y += height + GAP
    about = "; ".join(", ".join(layer.names) for layer in layers)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 50}" role="img"'
            ' aria-labelledby="title desc">',
            '<title id="title">The layers of fleeting</title>',
            f'<desc id="desc">From top to bottom, each imports only what is below: {escape(about)}.</desc>',
            STYLE,
            f'<rect class="paper" width="{WIDTH}" height="{y + 50}"/>',
            *shapes,
            _arrow(WIDTH - EDGE, TOP, y - GAP),
            *_key(y + 12),
            "</svg>\n",
        ]
    )


def _line(left: float, right: float, y: float, kind: str) -> str:
    return f'<line x1="{left:g}" x2="{right:g}" y1="{y:g}" y2="{y:g}" class="{kind}"/>'


def _arrow(x: float, top: float, bottom: float) -> str:
    return f'<path d="M{x:g} {top:g} V{bottom:g} m-5 -8 l5 8 l5 -8" class="arrow"/>'


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5" fill="{colour}"/>'


def _box_width(name: str) -> float:
    return round(max(len(name) * LETTER + 24, 76))


def _lines(layer: Layer) -> list[list[str]]:
    """The names of a layer, split into lines that fit the width of the picture."""
    room = WIDTH - 2 * EDGE - 60
    between = TOGETHER if layer.friends else APART
    lines: list[list[str]] = [[]]
    used = 0.0
    for name in layer.names:
        wide = _box_width(name) + between
        if lines[-1] and used + wide - between > room:
            lines.append([])
            used = 0.0
        lines[-1].append(name)
        used += wide
    return lines


def _row(names: Sequence[str], friends: bool, y: float, known: Mapping[str, Room]) -> list[str]:
    """The boxes of one line, centred."""
    between = TOGETHER if friends else APART
    wide = sum(map(_box_width, names)) + between * (len(names) - 1)
    x = (WIDTH - wide) / 2
    shapes = []
    for number, name in enumerate(names):
        room, width = known[name], _box_width(name)
        if friends and number:
            shapes.append(_line(x - between, x, y + ROW / 2, "friends"))
        place = f'x="{x + width / 2:g}" y="{y + ROW / 2 + 5:g}" text-anchor="middle"'
        colour = SHELF if room.shelf else ROOM if room.package else MODULE
        shapes += [
            f"<g><title>{escape(room.sentence)}</title>",
            _box(x, y, width, ROW, colour),
            f"<text {place}>{escape(name)}</text></g>",
        ]
        x += width + between
    return shapes


def _key(y: float) -> list[str]:
    """What the colours and lines mean."""
    signs = (
        (_box, ROOM, "room", 80),
        (_box, SHELF, "shelf: a room with a registry", 225),
        (_box, MODULE, "module of the top level", 200),
        (_line, "friends", "may import each other", 190),
        (_arrow, "", "imports only what is below", 0),
    )
    shapes: list[str] = []
    x = EDGE
    for draw, how, meaning, wide in signs:
        if draw is _box:
            shapes.append(_box(x, y, 20, 16, how))
        elif draw is _line:
            shapes.append(_line(x, x + 20, y + 8, how))
        else:
            shapes.append(_arrow(x + 10, y, y + 16))
        shapes.append(f'<text x="{x + 27}" y="{y + 13:g}" class="key">{meaning}</text>')
        x += wide
    return shapes


def tables(layers: Sequence[Layer], free: Sequence[str], known: Mapping[str, Room]) -> dict[str, str]:
    """The content of the generated parts of ``docs/architecture.md``, by the parts' names."""
    placed = [(number, known[name]) for number, layer in enumerate(layers, start=1) for name in layer.names]
    return {
        "layers": table(
            ["layer", "room", "in one sentence", "modules"],
            [
                [
                    number,
                    f"`{room.name}`" + (" (shelf)" if room.shelf else ""),
                    _cell(room.sentence),
                    ", ".join(f"`{name}`" for name in room.modules) or "–",
                ]
                for number, room in placed
                if room.package
            ],
        ),
        "top level": table(
            ["layer", "module", "in one sentence"],
            [
                [number, f"`{room.name}`", _cell(room.sentence)]
                for number, room in placed
                if not room.package and not room.name.startswith("__")
            ],
        ),
        "torch-free": ", ".join(f"`{name}`" for name in free),
    }


def _cell(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")


def main() -> int:
    """Write (or check) the picture and the page."""
    layers, free = contracts(CONTRACTS.read_text(encoding="utf-8"))
    known = rooms()
    text = PAGE.read_text(encoding="utf-8")
    for part, content in tables(layers, free, known).items():
        text = filled(text, part, content)
    made: dict[Path, str | None] = {PICTURE: drawn(layers, known), PAGE: text}
    return settle(made)


if __name__ == "__main__":
    sys.exit(main())
