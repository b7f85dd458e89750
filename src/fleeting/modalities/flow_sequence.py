"""How far the face is from its onset at several moments of a clip, as one array."""

from __future__ import annotations

import numpy as np

from fleeting.errors import OptionError
from fleeting.modalities import means, modalities
from fleeting.modalities._frames import flow_between
from fleeting.types import Clip, FloatArray


@modalities.register("flow-sequence")
@means("u", "v")
def flow_sequence(clip: Clip, *, fields: int = 9, backend: str = "tvl1") -> FloatArray:
    """How far each pixel moved from the onset to each of several moments: (2 x fields, height, width).

    The moments are evenly spaced in time up to the offset, each the frame nearest to it; u and v of one field
    follow those of the one before, in pixels as in `flow`. A still clip is 0. Raises OptionError on fewer
    than one field.
    """
    if fields < 1:
        raise OptionError(f"flow-sequence: fields is {fields}, expected 1 or more")
    times = clip.times[clip.onset : clip.offset + 1]
    wanted = np.linspace(times[0], times[-1], fields + 1)[1:]
    moments = clip.onset + np.abs(times[:, None] - wanted).argmin(axis=0)
    return np.concatenate([flow_between(clip, clip.onset, moment, backend) for moment in moments])
