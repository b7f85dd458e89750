"""How a model looks at clips: which inputs, of frames cropped and coloured how, brought to which size."""

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
"""A clip on which a modality shows whether it takes its options."""


@dataclass(frozen=True)
class Input:
    """One input of a model: a modality, the options it is given, and the size to which it is brought."""

    modality: str
    size: tuple[int, int]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """How clips are looked at: which inputs, from frames cropped and coloured how, the apex by which rule."""

    inputs: tuple[Input, ...]
    apex: str = "annotated"
    color: str = "rgb"
    crop: Crop = "auto"
    height: int = 170
    equalise: bool = False


def arrays_of(clip: Clip, view: View) -> list[FloatArray]:
    """What a model that looks so at clips gets to see of this one: an array (channels, height, width) each.

    The clip comes with its apex and cropped as the view says; its frames are toned here.
    """
    clip = replace(clip, frames=toned(clip.frames, view))
    return [resized(modalities[item.modality](clip, **item.options), item.size) for item in view.inputs]


def resized(array: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Bring (channels, height, width) to ``size``: by area where it shrinks, bilinear where it grows."""
    if array.shape[1:] == size:
        return array.astype(np.float32)
    if array.shape[1] >= size[0] and array.shape[2] >= size[1]:
        return np.stack([shrink(channel, size) for channel in array.astype(np.float32)])
    grown = [Pillow.fromarray(channel.astype(np.float32)) for channel in array]
    return np.stack([np.asarray(g.resize(size[::-1], Pillow.Resampling.BILINEAR)) for g in grown])


def toned(frames: Image, view: View) -> Image:
    """Frames as gray and with their histograms spread, where the view wants that."""
    if view.color == "gray" and frames.shape[3] == 3:
        frames = np.stack([optical_flow.gray(frame) for frame in frames])[..., None]
    return np.stack([_equalised(frame) for frame in frames]) if view.equalise else frames


def _equalised(frame: Image) -> Image:
    """The frame with its brightness (of colours, the luma alone) spread over the whole range."""
    if frame.shape[2] == 1:
        return np.asarray(ImageOps.equalize(Pillow.fromarray(frame[..., 0])))[..., None]
    luma, *colour = Pillow.fromarray(frame).convert("YCbCr").split()
    return np.asarray(Pillow.merge("YCbCr", (ImageOps.equalize(luma), *colour)).convert("RGB"))
