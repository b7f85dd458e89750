"""Draws faces and text over the picture of a frame, and covers faces so that nobody can be recognised."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fleeting.faces.tracking import Face
from fleeting.optional import cv2
from fleeting.types import FloatArray, Image

READABLE = 480
"""Pixels: pictures of less height are enlarged, so that the text on them can be read."""
WIDEST = 4096
"""Pixels: no picture is enlarged beyond this width."""
BLOTS = 2
"""Colours across and down that a covered face is reduced to; six by six still look like a face."""
USED, NOT_USED, WRITING = (80, 230, 120), (255, 120, 60), (0, 0, 0)


@dataclass(frozen=True, eq=False)
class Mark:
    """The drawing around one face: its box (x, y, width, height in pixels), the text above and below it.

    ``points`` (n, 2 or 3), x and y in pixels, are drawn as dots. ``used`` decides the colour.
    """

    box: tuple[float, float, float, float]
    above: str = ""
    below: str = ""
    used: bool = True
    points: FloatArray | None = None


def drawn(image: Image, faces: Iterable[Face]) -> Image:
    """The RGB picture with mesh, box, id, quality and reason of each face; enlarged if small."""
    marks = [
        Mark(face.box, f"face {face.id}, quality {face.quality:.2f}", face.reason, not face.reason, face.mesh)
        for face in faces
    ]
    return marked(image, marks)


def marked(image: Image, marks: Iterable[Mark], line: str = "") -> Image:
    """The RGB picture with these marks and a line of text in the upper left corner; enlarged if small."""
    zoom = max(1, min(round(READABLE / image.shape[0]), WIDEST // image.shape[1]))
    size = zoom * image.shape[1], zoom * image.shape[0]
    canvas = np.ascontiguousarray(cv2().resize(image, size, interpolation=cv2().INTER_CUBIC))
    for mark in marks:
        color = USED if mark.used else NOT_USED
        for x, y in np.rint(zoom * mark.points[:, :2]).astype(int) if mark.points is not None else ():
            cv2().circle(canvas, (int(x), int(y)), 1, color, -1)
        x, y, width, height = (round(zoom * value) for value in mark.box)
        cv2().rectangle(canvas, (x, y), (x + width, y + height), color, 1)
        _write(canvas, mark.above, (x, y - 6), color)
        _write(canvas, mark.below, (x, y + height + 18), color)
    _write(canvas, line, (0, 0), USED)
    return canvas


def covered(image: Image, boxes: Iterable[tuple[float, float, float, float]]) -> Image:
    """A copy of a picture (height, width, 3) in which the faces in these boxes cannot be recognised.

    Each box, with a margin of a third of its size on every side (hair and ears), becomes one blurred patch.
    """
    canvas = image.copy()
    for x, y, width, height in boxes:
        rows = slice(max(0, round(y - height / 3)), max(0, round(y + height * 4 / 3)))
        columns = slice(max(0, round(x - width / 3)), max(0, round(x + width * 4 / 3)))
        part = canvas[rows, columns]
        if part.size:
            few = cv2().resize(part, (BLOTS, BLOTS), interpolation=cv2().INTER_AREA)
            part[:] = cv2().resize(few, part.shape[1::-1], interpolation=cv2().INTER_LINEAR)
    return canvas


def _write(canvas: Image, text: str, at: tuple[int, int], color: tuple[int, int, int]) -> None:
    """Write a line of text on a dark plate, moved where needed so that it stays inside the picture."""
    if not text:
        return
    font, height = cv2().FONT_HERSHEY_SIMPLEX, canvas.shape[0] / 1000
    (width, rise), drop = cv2().getTextSize(text, font, height, 1)
    x = max(2, min(at[0], canvas.shape[1] - width - 2))
    y = max(rise + 2, min(at[1], canvas.shape[0] - drop - 2))
    cv2().rectangle(canvas, (x - 2, y - rise - 2), (x + width + 2, y + drop), WRITING, -1)
    cv2().putText(canvas, text, (x, y), font, height, color, 1, cv2().LINE_AA)
