"""Says of each frame whether the picture changed and not the face, so that no movement may rest on it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from fleeting.faces.picture_changes import Change, PictureChanges
from fleeting.faces.tracking import Face
from fleeting.types import Frame

CUT = "cut: the picture is another one from frame {} on"
PART = "a part of the face changed at once (caption, cover): from frame {} on"
RECODED = "the picture was coded anew (heavy compression): from frame {} on"
LIGHT = "the light changed (flash, exposure)"
FLICKER = "the light flickers"
BLURRED = "out of focus or blurred: sharpness {:.2f}, usually {:.2f}"
"""Reasons for which a frame cannot be judged though a face is well enough seen in it."""
SOFT, SHARP_LASTS = 0.88, 2.0
"""Share of the median sharpness of the last SHARP_LASTS seconds below which a frame cannot be judged."""
PART_LASTS = 0.25
"""Seconds after a part of the face changed at once in which frames cannot be judged."""


@dataclass(frozen=True)
class Disturbed:
    """Why a frame cannot be judged, "" where it can; whether it is a cut; the frame since when it is so."""

    reason: str = ""
    cut: bool = False
    since: int | None = None


class Disturbances:
    """Watches the picture around one face from frame to frame."""

    def __init__(self) -> None:
        self._changes = PictureChanges()
        self._sharp: deque[tuple[float, float]] = deque()
        self._part: tuple[int, float] | None = None

    def push(self, frame: Frame, face: Face | None) -> Disturbed:
        """What is the matter with the next frame; ``face`` is None where it is not seen."""
        change = self._changes.push(frame, face.mesh if face else None)
        if change.cut is not None:
            self._sharp.clear()
            self._part = None
            return Disturbed(CUT.format(change.cut), True, change.cut)
        if change.part is not None:
            self._part = change.part, frame.time
        if self._part and frame.time - self._part[1] < PART_LASTS:
            return Disturbed(PART.format(self._part[0]), since=self._part[0])
        if change.recoded is not None:
            return Disturbed(RECODED.format(change.recoded), since=change.recoded)
        return Disturbed(_lit(change) or (self._blurred(frame, face) if face else ""))

    def _blurred(self, frame: Frame, face: Face) -> str:
        """The reason where the face is less sharp than it was in the last seconds."""
        while self._sharp and self._sharp[0][0] < frame.time - SHARP_LASTS:
            self._sharp.popleft()
        sharpness = face.measures.sharpness
        self._sharp.append((frame.time, sharpness))
        usual = float(np.median([before for _, before in self._sharp]))
        return BLURRED.format(sharpness, usual) if sharpness < SOFT * usual else ""


def is_cut(reason: str) -> bool:
    """Whether the reason for which a frame is not used is a cut."""
    return reason.startswith("cut")


def _lit(change: Change) -> str:
    if change.flicker:
        return FLICKER
    return LIGHT if change.light else ""
