"""Pictures of one movement for the report: the face at onset, apex and offset, the flow, the change."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
from PIL import Image as Pillow

from fleeting.faces.landmarks import LEFT_EYE_AT, LEFT_MOUTH_AT, NOSE_AT, RIGHT_EYE_AT, RIGHT_MOUTH_AT
from fleeting.faces.optical_flow import gray
from fleeting.modalities import modalities
from fleeting.optional import cv2
from fleeting.types import Clip, Image

Stills = dict[str, str]
"""Pictures as data: addresses, by the names onset, apex, offset, flow and mesti; under "reach", the length of
the flow's longest arrow in percent of the distance between the outer eye corners."""
ZOOM = 2
"""Factor by which the picture of the flow is enlarged."""
APART, LONGEST = 10, 9.0
"""Pixels of the crop between two arrows; pixels of the crop that the longest arrow is drawn long, always."""
EYES = 0.78
"""Distance between the outer eye corners in the canonical crop, as a share of its width."""
LEAST = 0.15
"""Arrows shorter than this share of the longest one are left out."""
INK, LINES = (160, 30, 10), (190, 190, 190)


def stills(clip: Clip, *, blur: bool = False) -> Stills:
    """Pictures of a clip's movement, JPEG; with ``blur`` only the flow, over a sketch instead of the face."""
    moments = {"onset": clip.onset, "apex": clip.apex, "offset": clip.offset}
    shown = {name: _rgb(clip.frames[index]) for name, index in moments.items()}
    shown["mesti"] = _rgb(np.rint(modalities["mesti"](clip)).astype(np.uint8).transpose(1, 2, 0))
    under = _nobody(clip.frames.shape[2], clip.frames.shape[1]) if blur else _pale(shown["apex"])
    flow, reach = _arrows(under, clip)
    kept = {"flow": flow} if blur else {**shown, "flow": flow}
    return {"reach": reach, **{name: _address(image) for name, image in kept.items()}}


def _rgb(image: Image) -> Image:
    return image if image.shape[2] == 3 else image.repeat(3, axis=2)


def _pale(image: Image) -> Image:
    """The picture in light gray, enlarged."""
    size = ZOOM * image.shape[1], ZOOM * image.shape[0]
    light = 255 - (255 - gray(image)) // 3
    large = cv2().resize(light, size, interpolation=cv2().INTER_CUBIC)
    return np.asarray(cv2().cvtColor(large, cv2().COLOR_GRAY2RGB))


def _nobody(width: int, height: int) -> Image:
    """A sketch of eyes, nose and mouth where the canonical crop has them, enlarged; it shows nobody."""
    size = np.array([ZOOM * width, ZOOM * height])
    canvas = np.full((size[1], size[0], 3), 245, np.uint8)

    def place(at: tuple[float, float]) -> tuple[int, int]:
        x, y = np.rint(size * at).astype(int).tolist()
        return x, y

    for eye in (RIGHT_EYE_AT, LEFT_EYE_AT):
        cv2().ellipse(canvas, place(eye), (int(0.13 * size[0]), int(0.03 * size[1])), 0, 0, 360, LINES, 2)
    cv2().circle(canvas, place(NOSE_AT), int(0.04 * size[0]), LINES, 2)
    cv2().line(canvas, place(RIGHT_MOUTH_AT), place(LEFT_MOUTH_AT), LINES, 2)
    return canvas


def _arrows(canvas: Image, clip: Clip) -> tuple[Image, str]:
    """The movement from onset to apex as arrows on the enlarged ``canvas``, and the longest as text.

    The text is in percent of the distance between the outer eye corners.
    """
    u, v = (cv2().blur(channel, (APART, APART)) for channel in modalities["flow"](clip))
    rows, columns = np.mgrid[APART // 2 : u.shape[0] : APART, APART // 2 : u.shape[1] : APART]
    right, down = u[rows, columns], v[rows, columns]
    lengths = np.hypot(right, down)
    longest = float(lengths.max())
    for x, y, dx, dy, length in zip(*map(np.ravel, (columns, rows, right, down, lengths)), strict=True):
        if length > LEAST * longest:
            start = ZOOM * np.array([x, y])
            end = start + ZOOM * LONGEST / longest * np.array([dx, dy])
            ends = [tuple(np.rint(point).astype(int).tolist()) for point in (start, end)]
            cv2().arrowedLine(canvas, *ends, INK, 2, cv2().LINE_AA, tipLength=0.35)
    return canvas, f"{100 * longest / (EYES * u.shape[1]):.1f} %"


def _address(image: Image) -> str:
    written = BytesIO()
    Pillow.fromarray(image).save(written, format="JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
