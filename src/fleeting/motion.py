"""How pixels moved: dense optical flow, the strain in it, and shrinking by area."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fleeting.opencv import cv2
from fleeting.types import FloatArray


def tvl1_flow(before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8]) -> tuple[FloatArray, FloatArray]:
    """TV-L1 flow (Zach et al. 2007) between two gray pictures (height, width): u right and v down, in pixels.

    Raises MissingExtraError without OpenCV's contrib modules.
    """
    flow = cv2().optflow.DualTVL1OpticalFlow_create().calc(before, after, None)  # (height, width, 2)
    return np.ascontiguousarray(flow[..., 0]), np.ascontiguousarray(flow[..., 1])


def optical_strain(u: FloatArray, v: FloatArray) -> FloatArray:
    """How much the skin stretches, pixel by pixel: sqrt(exx^2 + eyy^2 + 1/2 (du/dy + dv/dx)^2), unitless.

    Strain sees deformation only: a head that shifts as a whole leaves it at zero.
    """
    du_dy, du_dx = np.gradient(u)
    dv_dy, dv_dx = np.gradient(v)
    strain = np.sqrt(du_dx**2 + dv_dy**2 + 0.5 * (du_dy + dv_dx) ** 2)
    return np.asarray(strain, dtype=np.float32)


def motion_map(u: FloatArray, v: FloatArray, side: int = 28) -> FloatArray:
    """Flow as the composite's map: u, v and strain, shrunk by area, each 0 to 255: (3, side, side).

    Each channel is min-max scaled on its own; one that is flat is 127.5 (u, v) or 0 (strain) throughout.
    """
    channels = (u, 127.5), (v, 127.5), (optical_strain(u, v), 0.0)
    return np.stack([_stretched(shrink(channel, (side, side)), flat) for channel, flat in channels])


def _stretched(channel: FloatArray, flat: float) -> FloatArray:
    low, high = float(channel.min()), float(channel.max())
    if high - low < 1e-6:
        return np.full_like(channel, flat)
    return (channel - low) * np.float32(255 / (high - low))


def shrink(picture: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Shrink (height, width) to ``size`` by area: each new pixel is the mean of what it covers."""
    for axis, side in enumerate(size):
        picture = np.moveaxis(_shares(picture.shape[axis], side) @ np.moveaxis(picture, axis, 0), 0, axis)
    return np.asarray(picture, dtype=np.float32)


def _shares(old: int, new: int) -> FloatArray:
    """How much of each new pixel each old one makes up: (new, old), rows summing to 1."""
    left = np.arange(new)[:, None] * old / new
    covered = np.minimum(np.arange(old) + 1, left + old / new) - np.maximum(np.arange(old), left)
    return np.asarray(np.clip(covered, 0, None) * new / old, dtype=np.float32)
