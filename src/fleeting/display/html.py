"""HTML fragments for notebooks: facts, tables and small pictures, complete in themselves and escaped."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image as Pillow

if TYPE_CHECKING:
    from fleeting.types import Image


MOST = 20
"""The rows of a table that a notebook shows; the rest is counted."""
HIGH = 96
"""The height of a picture in a notebook, in pixels; smaller pictures are not enlarged."""
_CELL = "text-align:left;padding:0 .8em 0 0;vertical-align:top"


def card(title: str, facts: Iterable[tuple[str, object]], *more: str) -> str:
    """A title, a line for each fact that is not None or "", and ready fragments below."""
    lines = "".join(
        f'<tr><th style="{_CELL};font-weight:normal;opacity:.7">{escape(name)}</th>'
        f'<td style="{_CELL}">{escape(str(value))}</td></tr>'
        for name, value in facts
        if value not in (None, "")
    )
    table = f'<table style="border-collapse:collapse">{lines}</table>' if lines else ""
    return f'<div style="font-size:90%"><b>{escape(title)}</b>{table}{"".join(more)}</div>'


def grid(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of at most MOST rows, and how many more there are; "" without rows. None is a dash."""
    if not rows:
        return ""
    head = "".join(f'<th style="{_CELL}">{escape(name)}</th>' for name in heads)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows[:MOST])
    left = len(rows) - MOST
    more = f"<div>and {left} more</div>" if left > 0 else ""
    return f'<table style="border-collapse:collapse"><tr>{head}</tr>{body}</table>{more}'


def picture(image: Image, caption: str) -> str:
    """A picture, uint8 (height, width, 1 or 3), at most HIGH pixels high, with its caption below."""
    drawn = Pillow.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    if drawn.height > HIGH:
        drawn = drawn.resize((max(1, round(drawn.width * HIGH / drawn.height)), HIGH))
    content = BytesIO()
    drawn.save(content, "PNG")
    source = f"data:image/png;base64,{b64encode(content.getvalue()).decode()}"
    said = escape(caption, quote=True)
    style = "display:inline-block;margin:.3em .6em 0 0;text-align:center"
    return f'<span style="{style}"><img src="{source}" alt="{said}"><br>{said}</span>'


def _cells(row: Sequence[object]) -> str:
    return "".join(f'<td style="{_CELL}">{escape(_text(cell))}</td>' for cell in row)


def _text(cell: object) -> str:
    if cell is None:
        return "–"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
