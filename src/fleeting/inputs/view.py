"""A view: how a clip becomes a model's inputs (modalities and sizes, the crop, the colour, the apex rule)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from fleeting.faces import optical_flow
from fleeting.faces.clips import Crop
from fleeting.faces.optical_flow import shrink
from fleeting.modalities import modalities
from fleeting.types import Clip, FloatArray, Image

PROBE = Clip(np.full((3, 64, 52, 1), 128, np.uint8), np.arange(3) / 100, 0, 1, 2)
"""A small gray clip on which a modality is tried, so that a wrong option is found before any file is read."""


@dataclass(frozen=True)
class Input:
    """One input of a model: a modality, its options, and the ``size`` (height, width) of the array."""

    modality: str
    size: tuple[int, int]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """How clips become inputs: the inputs, the apex rule, and how frames are coloured and cropped.

    ``height`` is the rows of a crop, in pixels; ``equalise`` spreads the histogram of each frame.
    """

    inputs: tuple[Input, ...]
    apex: str = "annotated"
    color: str = "rgb"
    crop: Crop = "auto"
    height: int = 170
    equalise: bool = False


def arrays_of(clip: Clip, view: View) -> list[FloatArray]:
    """The arrays of one clip under a view: one (channels, height, width) for each input.

    The clip must already have its apex and be cropped as the view asks; colour and histograms are changed
    here.
    """
    clip = replace(clip, frames=toned(clip.frames, view))
    return [resized(modalities[item.modality](clip, **item.options), item.size) for item in view.inputs]


def resized(array: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Resize (channels, height, width) to ``size`` (height, width).

    Pixels are averaged by area where both sides shrink or stay, else interpolated bilinearly.
    """
    if array.shape[1:] == size:
        return array.astype(np.float32)
    if array.shape[1] >= size[0] and array.shape[2] >= size[1]:
        return np.stack([shrink(channel, size) for channel in array.astype(np.float32)])
    grown = [Pillow.fromarray(channel.astype(np.float32)) for channel in array]
    return np.stack([np.asarray(g.resize(size[::-1], Pillow.Resampling.BILINEAR)) for g in grown])


def toned(frames: Image, view: View) -> Image:
    """Frames converted to gray and with their histograms spread, each only where the view asks for it."""
    if view.color == "gray" and frames.shape[3] == 3:
        frames = np.stack([optical_flow.gray(frame) for frame in frames])[..., None]
    return np.stack([_equalised(frame) for frame in frames]) if view.equalise else frames


def _equalised(frame: Image) -> Image:
    """The frame with its histogram equalised; of a colour frame, only the luma channel."""
    if frame.shape[2] == 1:
        return np.asarray(ImageOps.equalize(Pillow.fromarray(frame[..., 0])))[..., None]
    luma, *colour = Pillow.fromarray(frame).convert("YCbCr").split()
    return np.asarray(Pillow.merge("YCbCr", (ImageOps.equalize(luma), *colour)).convert("RGB"))
