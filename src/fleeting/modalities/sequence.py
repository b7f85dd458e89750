"""The frames of a clip, resampled to a fixed number."""

from __future__ import annotations

import numpy as np

from fleeting.errors import OptionError
from fleeting.modalities import modalities
from fleeting.modalities._frames import movement
from fleeting.types import Clip, FloatArray


@modalities.register("sequence")
def sequence(clip: Clip, *, frames: int = 16) -> FloatArray:
    """Pictures from onset to offset, evenly spaced in time, 0 to 255: (frames x 1 or 3, height, width).

    Pictures follow one another: all channels of the first, then those of the second. A picture between two
    frames is interpolated linearly in time (our reading). Raises OptionError on fewer than one frame.
    """
    if frames < 1:
        raise OptionError(f"sequence: frames is {frames}, expected 1 or more")
    given = movement(clip)
    times = clip.times[clip.onset : clip.offset + 1]
    wanted = np.linspace(times[0], times[-1], frames)
    places = np.interp(wanted, times, np.arange(len(given)))
    before = places.astype(int)
    after = np.minimum(before + 1, len(given) - 1)
    share = (places - before)[:, None, None, None].astype(np.float32)
    early, late = (given[index].astype(np.float32) for index in (before, after))
    mixed = early + share * (late - early)
    return np.ascontiguousarray(mixed.transpose(0, 3, 1, 2).reshape(-1, *given.shape[1:3]))
