"""Clips of a photographed face on which one place moves, by exactly known amounts."""

from functools import cache

import matplotlib.cbook
import numpy as np
import skimage.data
from PIL import Image

from fleeting.faces import landmarks, networks
from fleeting.optional import cv2
from fleeting.types import Clip

HEIGHT, WIDTH = 170, 139
EDGE = 24
"""Pixels around the crop that may move into it."""
RIGHT_BROW, MOUTH_CORNER = (0.22, 0.17), (0.28, 0.77)
"""Places that move, x and y in shares of the crop."""


@cache
def face(photograph="astronaut"):
    """The canonical crop of a photograph with an edge around it, float32 RGB."""
    if photograph == "astronaut":
        image = skimage.data.astronaut()
    else:
        with Image.open(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as picture:
            image = np.asarray(picture.convert("RGB"))
    mesh, _ = networks.mesh(image, networks.square_of_detection(networks.detect(image)[0]))
    to = np.array([landmarks.RIGHT_EYE_AT, landmarks.LEFT_EYE_AT]) * (WIDTH, HEIGHT) + EDGE
    matrix, _ = cv2().estimateAffinePartial2D(landmarks.eyes(mesh), to.astype(np.float32))
    size = WIDTH + 2 * EDGE, HEIGHT + 2 * EDGE
    return cv2().warpAffine(image, matrix, size, borderMode=cv2().BORDER_REFLECT).astype(np.float32)


def course(frames, apex):
    """How far the movement has come in each frame: a raised cosine, 0 at both ends and 1 at the apex."""
    time = np.arange(frames)
    share = np.where(time <= apex, time / max(apex, 1), (frames - 1 - time) / max(frames - 1 - apex, 1))
    return 0.5 - 0.5 * np.cos(np.pi * share)


def bumped_clip(
    frames=21,
    apex=9,
    pixels=1.5,
    at=RIGHT_BROW,
    photograph="astronaut",
    noise=2.0,
    drift=0.0,
    channels=3,
    margin=0,
    seed=0,
):
    """A place that moves up and to the left by ``pixels`` and comes back; the whole face drifts to the right.

    ``margin`` frames of other pictures lie before the onset and behind the offset.
    """
    rng = np.random.default_rng(seed)
    picture = face(photograph)
    rows, columns = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32)
    x, y = np.array(at) * (WIDTH, HEIGHT) + EDGE
    bump = pixels * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 12.0**2)).astype(np.float32)
    pictures = []
    for number, share in enumerate(course(frames, apex)):
        right = drift * number / max(frames - 1, 1)
        left, up = (np.float32(part * share) * bump for part in (0.6, 0.8))
        where = columns - np.float32(right) + left, rows + up
        moved = cv2().remap(picture, *where, cv2().INTER_CUBIC)
        pictures.append(moved[EDGE:-EDGE, EDGE:-EDGE])
    clean = np.stack(pictures)
    if channels == 1:
        clean = clean.mean(axis=3, keepdims=True)
    noisy = clean + noise * rng.standard_normal((frames, HEIGHT, WIDTH, channels))
    shown = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    other = rng.integers(0, 256, size=(margin, *shown.shape[1:]), dtype=np.uint8)
    times = np.arange(frames + 2 * margin) / 100
    return Clip(np.concatenate([other, shown, other]), times, margin, margin + apex, margin + frames - 1)
