"""Cutting a clip out of a video, for users who already know when the movement happens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from fleeting.apex import apex_finders, apex_rule
from fleeting.errors import OptionError
from fleeting.faces.clips import Crop, clip_of
from fleeting.types import Clip, Image
from fleeting.video.reader import open_video, refuse_wrong


def cut(
    source: str | Path | int | Image,
    start: float,
    end: float,
    *,
    apex: str = "flow",
    fps: float | None = None,
    crop: Crop = "face",
    height: int = 170,
) -> Clip:
    """The stretch of a video from ``start`` to ``end`` (seconds, both included) as a Clip of the face.

    ``source`` is anything that `fleeting.open_video` reads. Onset and offset are the first and last frame of
    the stretch; ``apex`` names the apex finder; times are the video's own. Raises VideoError where nothing
    can be read and FaceError where no face is found.

    >>> clip = fleeting.cut("interview.mp4", 1.0, 1.2)
    >>> len(clip.frames), clip.onset, clip.offset
    (7, 0, 6)
    """
    if apex_rule(apex).annotated:
        raise OptionError("a stretch of a video has no annotated apex; choose flow, dc-rois or middle")
    refuse_wrong(fps, start, end)
    with open_video(source, fps=fps, start=start, end=np.nextafter(end, np.inf)) as video:
        frames = list(video)
    times = np.array([frame.time for frame in frames])
    last = len(frames) - 1
    clip, _ = clip_of([frame.image for frame in frames], times, 0, last // 2, last, crop=crop, height=height)
    return replace(clip, apex=apex_finders[apex](clip))
