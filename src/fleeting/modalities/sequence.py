"""The frames of a clip, resampled to a fixed number, as they are or less the onset."""

from __future__ import annotations

import numpy as np

from fleeting.errors import OptionError
from fleeting.modalities import means, modalities
from fleeting.modalities._frames import movement
from fleeting.types import Clip, FloatArray


@modalities.register("sequence")
def sequence(clip: Clip, *, frames: int = 16, within: int = 0) -> FloatArray:
    """Pictures from onset to offset, evenly spaced in time, 0 to 255: (frames x 1 or 3, height, width).

    Pictures follow one another: all channels of the first, then those of the second. A picture between two
    frames is interpolated linearly in time (our reading). With ``within`` the last picture is at most that
    many frames of the clip behind the onset, however late the offset is. Raises OptionError on fewer than one
    frame, and where ``within`` is below nought.
    """
    if frames < 1 or within < 0:
        raise OptionError(f"sequence: frames is {frames}, within {within}; expected 1 or more, and 0 or more")
    return _laid(_resampled(clip, frames, within))


@modalities.register("difference-sequence")
@means("change")
def difference_sequence(clip: Clip, *, frames: int = 16) -> FloatArray:
    """Pictures behind the onset, each less the onset: (frames x 1 or 3, height, width), -255 to 255.

    Evenly spaced in time up to the offset, and laid out as those of `sequence`. What is alike in all frames,
    as the brightness of the room, is gone before a network's inputs are scaled. Raises OptionError on fewer
    than one frame.
    """
    if frames < 1:
        raise OptionError(f"difference-sequence: frames is {frames}, expected 1 or more")
    pictures = _resampled(clip, frames + 1)
    return _laid(pictures[1:] - pictures[:1])


def _resampled(clip: Clip, frames: int, within: int = 0) -> FloatArray:
    """Evenly spaced pictures, to the offset or ``within`` frames behind the onset, whichever is earlier.

    (frames, height, width, channels)
    """
    given = movement(clip)[: within + 1 if within else None]
    times = clip.times[clip.onset : clip.onset + len(given)]
    wanted = np.linspace(times[0], times[-1], frames)
    places = np.interp(wanted, times, np.arange(len(given)))
    before = places.astype(int)
    after = np.minimum(before + 1, len(given) - 1)
    share = (places - before)[:, None, None, None].astype(np.float32)
    early, late = (given[index].astype(np.float32) for index in (before, after))
    return np.asarray(early + share * (late - early))


def _laid(pictures: FloatArray) -> FloatArray:
    """Pictures one after the other: (frames x channels, height, width)."""
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2).reshape(-1, *pictures.shape[1:3]))
