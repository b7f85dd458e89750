"""Optical flow between two frames of a clip, and the optical strain computed from it."""

from __future__ import annotations

from typing import Literal

import numpy as np

from fleeting.faces import optical_flow
from fleeting.modalities import means, modalities
from fleeting.modalities._frames import flow_between
from fleeting.types import Clip, FloatArray


@modalities.register("flow")
@means("u", "v")
def flow(clip: Clip, *, backend: str = "tvl1") -> FloatArray:
    """How far each pixel moved from onset to apex: (2, height, width), u right and v down, in pixels.

    Pixels are those of the gray crop, which is shrunk to 141 rows where it has more than 170. ``backend`` is
    one of the backends of `fleeting.faces.optical_flow.flow`. A still clip is 0.
    """
    return np.stack(flow_between(clip, clip.onset, clip.apex, backend))


@modalities.register("flow-offset")
@means("u", "v")
def flow_offset(clip: Clip, *, backend: str = "tvl1") -> FloatArray:
    """How far each pixel moved from apex to offset: (2, height, width), u right and v down, in pixels.

    Pixels are those of the gray crop, which is shrunk to 141 rows where it has more than 170. ``backend`` is
    one of the backends of `fleeting.faces.optical_flow.flow`. A still clip is 0.
    """
    return np.stack(flow_between(clip, clip.apex, clip.offset, backend))


@modalities.register("strain")
@means("strain")
def strain(clip: Clip, *, form: Literal["usual", "printed"] = "usual", backend: str = "tvl1") -> FloatArray:
    """How much the skin stretched from onset to apex: (1, height, width), unitless, 0 and more.

    ``form`` is one of the forms of `fleeting.faces.optical_flow.optical_strain`, ``backend`` one of the
    backends of `fleeting.faces.optical_flow.flow`. A still clip is 0.
    """
    u, v = flow_between(clip, clip.onset, clip.apex, backend)
    return optical_flow.optical_strain(u, v, form)[None]


@modalities.register("flow-strain")
@means("u", "v", "strain")
def flow_strain(
    clip: Clip, *, form: Literal["usual", "printed"] = "usual", backend: str = "tvl1"
) -> FloatArray:
    """How each pixel moved from onset to apex, and the strain in it (DFR-Net): (3, height, width), in pixels.

    The channels are those of `flow` and `strain`, side by side and unscaled. A still clip is 0.
    """
    u, v = flow_between(clip, clip.onset, clip.apex, backend)
    return np.stack([u, v, optical_flow.optical_strain(u, v, form)])
