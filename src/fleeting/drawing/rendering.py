"""Renders a script as pictures, as a video file, and as the exact movement of every point of the skin.

The whole photograph moves with the head, as if the camera moved: nothing tears, and there is no seam. Values
are not rounded before light and noise are applied: with 256 steps, smooth skin that moves a little would not
change. Each video has one bank of normal samples; the noise of a frame is a part of it from a random start,
so it is independent from pixel to pixel, and from frame to frame at one pixel.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import map_coordinates

from fleeting.drawing.hands import draw_hand
from fleeting.drawing.head import Array
from fleeting.drawing.portrait import FINER, HEIGHT, MARGIN, WIDTH, to_fine
from fleeting.drawing.posture import Box, Posture, level_of, open_lids, part_lips, posture, skin_at
from fleeting.drawing.scene import Scene
from fleeting.drawing.script import Script
from fleeting.drawing.truth import truth_of as truth_of
from fleeting.drawing.units import pixels
from fleeting.drawing.views import view
from fleeting.errors import OptionError
from fleeting.optional import cv2
from fleeting.types import FloatArray, Image
from fleeting.video.writer import video_appearing

BANK = 2**23
"""Samples in the bank of noise from which all frames of a video take theirs."""
MOUTH = (48, 20, 16)
"""The colour behind parted lips, RGB."""
SHARP, LOOSE = 0.2, 4
"""Standard deviation of a blur that is left out; every LOOSE-th pixel is looked at for where skin moves."""
CRF = 23
"""Constant rate factor of H.264: 0 is lossless, 51 the strongest compression."""


def frame(script: Script, number: int) -> Image:
    """Frame ``number``, counted from 0: RGB (480, 640, 3), or as small as a scene has it.

    Raises OptionError if there is no such frame.
    """
    _refuse_missing(script, number)
    pose = posture(script, number)
    if script.scene is not None:
        return _filmed(script, script.scene, pose, number)
    image = cv2().warpAffine(
        pose.rest.picture,
        _fine(_inverse(pose.head)),
        (WIDTH, HEIGHT),
        flags=cv2().INTER_LINEAR | cv2().WARP_INVERSE_MAP,
        borderMode=cv2().BORDER_REFLECT,
    )
    if (box := pose.box) is not None:
        _draw_face(image, pose, box)
    return _through_camera(image, script, number)


def frames(script: Script) -> Iterator[Image]:
    """All frames, one after another, as `frame` draws them."""
    for number in range(script.frames):
        yield frame(script, number)


def exact_flow(script: Script, i: int, j: int, *, head: bool = True) -> tuple[FloatArray, FloatArray]:
    """The exact optical flow from frame i to frame j: u right and v down, of a frame's size, in its pixels.

    It is exact to 0.01 pixel. A point that is hidden in frame j (an eye under its lid) gets the place where
    it would be; the dark gap between parted lips moves with the line between them. ``head=False`` keeps the
    head as it is in frame i, so that only the expression moves. Raises OptionError on a frame that does not
    exist.
    """
    _refuse_missing(script, i, j)
    start, end = posture(script, i), posture(script, j)
    if script.scene is not None:
        before, after = view(script, i), view(script, j if head else i)
        places = (_grid(script.scene.shrunk) + 0.5) / script.scene.shrunk - 0.5
        flow = after.seen(_moved(start, end, before.level_of(places))) - places
        flow *= script.scene.shrunk
    else:
        moved = _moved(start, end, _applied(_inverse(start.head), pixels().astype(np.float64)))
        flow = _applied(end.head if head else start.head, moved) - pixels()
    u, v = np.moveaxis(flow.astype(np.float32), 2, 0)
    return np.ascontiguousarray(u), np.ascontiguousarray(v)


def _moved(start: Posture, end: Posture, level: Array) -> Array:
    """The level places in one posture of what is at these level places (..., 2) in another."""
    moved = level.copy()
    boxes = [box for box in (start.box, end.box) if box is not None]
    if boxes:
        left, top, right, bottom = _union(boxes)
        x, y = level[..., 0], level[..., 1]
        cover = map_coordinates(start.rest.cover, (y, x), order=1, mode="constant")
        near = (x >= left) & (x < right) & (y >= top) & (y < bottom) & (cover < 0.5)
        moved[near] = level_of(end, skin_at(start, level[near]))
    return moved


def _grid(shrunk: float) -> FloatArray:
    """X and y of each pixel of a picture of that share of the whole one's size."""
    columns, rows = (np.arange(round(shrunk * side)) for side in (WIDTH, HEIGHT))
    return np.stack(np.meshgrid(columns, rows), axis=2).astype(np.float64)


def write_video(script: Script, path: Path, crf: int | None = None) -> dict[str, Any]:
    """Draw the whole script into an MP4 file (H.264, constant rate factor ``crf``), and return its truth.

    Without a factor it is the scene's, or CRF.

    The file appears when it is complete, and is the same to the byte each time: x264 runs in one thread with
    its other defaults. Frame n is presented at n / fps. The truth describes the frames before compression,
    which removes part of a small movement (`benchmarks/drawing.py` prints how much). Returns the entries of
    `truth_of`, the file's name and the person's number. Raises MissingExtraError without PyAV and OptionError
    on a factor outside 0 to 51.
    """
    if crf is None:
        crf = script.scene.crf if script.scene and script.scene.crf is not None else CRF
    if not 0 <= crf <= 51:
        raise OptionError(f"crf is {crf}, expected 0 (lossless) to 51; choose one of those")
    rate = Fraction(script.fps).limit_denominator(10_000)
    with video_appearing(path, rate=rate, crf=str(crf), threads="1") as video:
        for number, image in enumerate(frames(script)):
            video.add(image, float(number / rate))
    return {"file": path.name, "subject": script.identity.number, **truth_of(script)}


def _filmed(script: Script, scene: Scene, pose: Posture, number: int) -> Image:
    """A frame of style ``head``: the portrait on the turned head, what is before it, the camera."""
    shown, rest, time = view(script, number), pose.rest, number / script.fps
    level = shown.level
    picture = cv2().remap(rest.picture, to_fine(level), None, cv2().INTER_LINEAR, None, cv2().BORDER_REFLECT)
    image = np.asarray(picture, dtype=np.float32)
    if (box := pose.box) is not None:
        still = _part_of(level, box)
        flow = cv2().remap(
            pose.flow(box), level[still] - np.array(box[:2], np.float32), None, cv2().INTER_LINEAR
        )
        cover = cv2().remap(rest.cover, level[still], None, cv2().INTER_LINEAR)
        _draw_skin(image[still], pose, level[still], flow, cover)
    if shown.is_turned:
        light = shown.light(scene.shading)
        image = cv2().multiply(image, cv2().merge([light] * 3))
    for hand in scene.hands:
        if (raised := hand.raised(time)) > 0:
            draw_hand(image, rest, hand, raised)
    if scene.shrunk < 1:
        size = round(scene.shrunk * WIDTH), round(scene.shrunk * HEIGHT)
        image = cv2().resize(image, size, interpolation=cv2().INTER_AREA)
    if (blur := scene.shrunk * float(scene.focus[number])) > SHARP:
        image = cv2().GaussianBlur(image, (0, 0), blur)
    return _through_camera(image, script, number)


def _part_of(level: FloatArray, box: Box) -> tuple[slice, slice]:
    """The part of the picture that shows the box of level places."""
    left, top, right, bottom = box
    x, y = np.moveaxis(level[::LOOSE, ::LOOSE], 2, 0)
    near = (x > left - LOOSE) & (x < right + LOOSE) & (y > top - LOOSE) & (y < bottom + LOOSE)
    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    down, across = (
        slice(max(LOOSE * (int(at[0]) - 1), 0), LOOSE * (int(at[-1]) + 2)) for at in (rows, columns)
    )
    return down, across


def _draw_face(image: FloatArray, pose: Posture, box: Box) -> None:
    """Draw the skin that moves over the still picture, into ``image``."""
    rest = pose.rest
    left, top, right, bottom = _seen_box(pose.head, box)
    to_level = _inverse(pose.head)
    level = cv2().transform(pixels()[top:bottom, left:right], to_level)

    def seen(array: FloatArray, x: int, y: int) -> FloatArray:
        """An array over level places, whose first is (x, y), resampled to the seen places of the box."""
        matrix = np.column_stack([to_level[:, :2], to_level @ [left, top, 1] - [x, y]])
        flags = cv2().INTER_LINEAR | cv2().WARP_INVERSE_MAP
        return np.asarray(cv2().warpAffine(array, matrix, (right - left, bottom - top), flags=flags))

    flow, cover = seen(pose.flow(box), *box[:2]), seen(rest.cover, 0, 0)
    _draw_skin(image[top:bottom, left:right], pose, level, flow, cover)


def _draw_skin(
    still: FloatArray, pose: Posture, level: FloatArray, flow: FloatArray, cover: FloatArray
) -> None:
    """Draw skin that moves over a part of a still picture, whose level places, flow and cover are given."""
    rest = pose.rest
    skin = level - flow
    dark = np.zeros(skin.shape[:2], np.float32)
    if pose.parts:
        skin, dark = part_lips(rest, level, skin)
    face = _sampled(rest.skin, skin)
    if pose.closure:
        lids, lid = open_lids(rest, skin, pose.closure)
        face = cv2().blendLinear(_sampled(rest.skin, lids), face, lid, 1 - lid)
    if pose.parts:
        face = cv2().blendLinear(np.full_like(face, MOUTH), face, dark, 1 - dark)
    still[:] = cv2().blendLinear(still, face, cover, 1 - cover)


def _sampled(picture: FloatArray, places: FloatArray) -> FloatArray:
    return np.asarray(cv2().remap(picture, to_fine(places), None, cv2().INTER_LINEAR), dtype=np.float32)


@lru_cache(maxsize=2)
def _noise(seed: int, sigma: float) -> FloatArray:
    return np.float32(sigma) * np.random.default_rng([seed, 5]).standard_normal(BANK, dtype=np.float32)


@cache
def _across(height: int, width: int) -> FloatArray:
    """A ramp from -1 at the left edge of the picture to 1 at the right: (height, width, 3)."""
    return np.linspace(-1, 1, width, dtype=np.float32)[None, :, None] * np.ones((height, 1, 3), np.float32)


def _through_camera(image: FloatArray, script: Script, number: int) -> Image:
    """The picture with the light and the noise of frame ``number``, in 8 bits."""
    gain, slope = (float(share) for share in script.light[number])
    across = _across(*image.shape[:2])
    image = cv2().multiply(image, cv2().addWeighted(across, slope, across, 0.0, gain))
    start = np.random.default_rng([script.seed, number, 6]).integers(BANK - image.size)
    noise = _noise(script.seed, script.noise_sigma)[start : start + image.size]
    return np.asarray(cv2().add(image, noise.reshape(image.shape), dtype=cv2().CV_8U), dtype=np.uint8)


def _applied(matrix: FloatArray, points: Array) -> Array:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def _inverse(matrix: FloatArray) -> FloatArray:
    back = matrix[:, :2].T  # the inverse of a rotation is its transpose
    return np.column_stack([back, -back @ matrix[:, 2]])


def _fine(matrix: FloatArray) -> FloatArray:
    """A matrix that leads to frame pixels, changed to lead to the portrait's fine grid, see `to_fine`."""
    return np.asarray(FINER * matrix + np.array([[0, 0, FINER * MARGIN + (FINER - 1) / 2]]))


def _seen_box(head: FloatArray, box: Box) -> Box:
    left, top, right, bottom = box
    corners = _applied(head, np.array([[left, top], [right, top], [left, bottom], [right, bottom]]))
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
    x, y = np.clip([low[0], high[0]], 0, WIDTH), np.clip([low[1], high[1]], 0, HEIGHT)
    return int(x[0]), int(y[0]), int(x[1]), int(y[1])


def _union(boxes: list[Box]) -> Box:
    edges = np.array(boxes)
    left, top = edges[:, :2].min(axis=0)
    right, bottom = edges[:, 2:].max(axis=0)
    return int(left), int(top), int(right), int(bottom)


def _refuse_missing(script: Script, *numbers: int) -> None:
    for number in numbers:
        if not 0 <= number < script.frames:
            raise OptionError(
                f"frame {number} of a script of {script.frames}; ask for 0 to {script.frames - 1}"
            )
