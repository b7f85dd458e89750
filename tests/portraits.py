"""Two photographs of faces, worse copies of them, and scenes in which both people move."""

from functools import cache

import matplotlib.cbook
import numpy as np
import skimage.data
from PIL import Image

from fleeting.faces.tracking import find_face
from fleeting.optional import cv2

NAMES = ("hopper", "astronaut")


@cache
def photograph(name):
    """RGB; Grace Hopper (US Navy) by matplotlib, Eileen Collins (NASA) by scikit-image."""
    if name == "hopper":
        path = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
        return np.asarray(Image.open(path).convert("RGB"))
    return np.ascontiguousarray(skimage.data.astronaut()[..., :3])


def placed(image, across=0.0, down=0.0, scale=1.0, turn=0.0, size=None):
    """The picture turned (degrees, clockwise) and scaled about its middle, then shifted; gray around it."""
    height, width = image.shape[:2]
    if scale < 1:  # by area, as a camera further away would
        image = cv2().resize(image, None, fx=scale, fy=scale, interpolation=cv2().INTER_AREA)
        scale = 1.0
    matrix = cv2().getRotationMatrix2D((image.shape[1] / 2, image.shape[0] / 2), -turn, scale)
    matrix[:, 2] += (width - image.shape[1]) / 2 + across, (height - image.shape[0]) / 2 + down
    return cv2().warpAffine(image, matrix, size or (width, height), borderValue=(100, 100, 100))


def blurred(image, sigma):
    return cv2().GaussianBlur(image, (0, 0), sigma) if sigma else image


def lit(image, times=1.0, contrast=1.0):
    return np.clip(128 + (image.astype(float) * times - 128) * contrast, 0, 255).astype(np.uint8)


@cache
def head(name, height=220):
    """The photograph's head with a little around it, brought to a height."""
    image = photograph(name)
    x, y, width, rise = find_face(image).box
    left, top = max(0, round(x - width / 4)), max(0, round(y - rise / 4))
    cut = image[top : round(y + 1.25 * rise), left : round(x + 1.25 * width)]
    factor = height / len(cut)
    return cv2().resize(cut, None, fx=factor, fy=factor, interpolation=cv2().INTER_AREA)


def scene(*people, size=(640, 480)):
    """A gray picture with heads, each (name, x, y of its middle); the last one is in front."""
    canvas = np.full((size[1], size[0], 3), 100, np.uint8)
    for name, x, y in people:
        picture = head(name)
        height, width = picture.shape[:2]
        left, top = round(x - width / 2), round(y - height / 2)
        inside = np.s_[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)]
        part = canvas[inside]
        part[:] = picture[max(0, -top) :, max(0, -left) :][: part.shape[0], : part.shape[1]]
    return canvas
