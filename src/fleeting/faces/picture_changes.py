"""Tells when the picture around a face changes and not the face: cuts, light, flicker, captions.

Every frame is compared with the frames around it in a small copy of the picture, in logarithms of its
brightness, so that a change of light is a number that is added everywhere. A cut is a change that is many
times as large as all changes shortly before and shortly after it (Yeo and Liu 1995): movements of people take
longer than a frame, and speed up and slow down.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from fleeting.faces.optical_flow import gray
from fleeting.faces.warping import halved, median, quantile
from fleeting.optional import cv2
from fleeting.types import FloatArray, Frame

SMALL = 256
"""Pixels of the longer side of the small copies."""
SIDE, CELLS, AROUND = 48, 8, 1.4
"""The square around the face, AROUND times the longer side of its mesh, is looked at in SIDE by SIDE pixels,
in CELLS by CELLS cells."""
OFFSET = 16.0
"""Gray values that are added before the logarithm, so that noise in the dark is no change."""
APART = 1 / 70
"""Seconds: frames that follow sooner are not looked at."""
STEP, BEFORE = 0.034, 0.2
"""Seconds from one frame of a comparison to the other (a codec smears a cut over a frame or two), and seconds
before a cut that are looked at."""
JUMPS = 3.5
"""How many times as large as every change around it a change is a cut. In seven minutes of real people who
turn, talk and act, two frames reach 3.5, one of them a cut; the next one has 3.3."""
LEAST, LEAST_PART = 0.0015, 0.004
"""Smallest change that counts, of the median cell and of the fifth of the cells that changed most."""
RECODED, ANEW = 0.03, 0.1
"""On one of a file's rare key frames, smallest change of a part that counts, and smallest change of the
median cell that is a cut: less is a heavily compressed picture that was coded anew."""
LIGHT, LIGHT_LASTS = 0.1, 0.25
"""Change of the light, as a logarithm, within so many seconds, from which on a frame cannot be judged."""
FLICKER, FLICKER_LASTS = 0.03, 0.5
"""Median change of the light in a row of the picture from frame to frame over so many seconds from which on
the light flickers."""


@dataclass(frozen=True)
class Change:
    """What changed in the picture.

    ``cut``, ``part`` and ``recoded`` are the numbers of the frame from which on the whole face looks
    otherwise, or only a part of it (a caption), or only as the file codes it: known some frames later, None
    in all other frames. ``light`` and ``flicker`` say whether this frame's light changes too much, once or
    all the time.
    """

    cut: int | None = None
    part: int | None = None
    recoded: int | None = None
    light: bool = False
    flicker: bool = False


@dataclass(frozen=True, eq=False)
class _Small:
    """A small copy of a frame, in logarithms, and the light: the sum of its changes so far."""

    number: int
    time: float
    picture: FloatArray
    light: float
    rows: float
    key: bool


class PictureChanges:
    """Looks at the picture around one face from frame to frame."""

    def __init__(self) -> None:
        self._kept: deque[_Small] = deque()
        self._box = np.zeros(4)
        self._last = -1

    def push(self, frame: Frame, mesh: FloatArray | None) -> Change:
        """What changed, given the next frame and the face's mesh in it (468, 2 or more), if it is seen."""
        if self._kept and frame.time - self._kept[-1].time < APART:
            return Change()
        scale = SMALL / max(frame.image.shape[:2])
        if mesh is not None:
            self._box = np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)]) * scale
        if not self._box.any():
            return Change()
        self._keep(frame, scale)
        period = float(np.median(np.diff([kept.time for kept in self._kept]))) if len(self._kept) > 2 else 1.0
        jump = self._jump(period)
        while jump.cut is not None and self._kept[0].number < jump.cut:
            self._kept.popleft()
        now = self._kept[-1]
        recent = [kept.light for kept in self._kept if kept.time >= now.time - LIGHT_LASTS]
        rows = [kept.rows for kept in self._kept if kept.time >= now.time - FLICKER_LASTS]
        flicker = len(rows) > 4 and float(np.median(rows)) > FLICKER
        light = bool(np.abs(now.light - np.array(recent)).max() > LIGHT)
        return replace(jump, light=light, flicker=flicker)

    def _keep(self, frame: Frame, scale: float) -> None:
        """Keep a small copy of the frame, and forget those of which nothing depends any more."""
        size = tuple(max(1, round(scale * side)) for side in frame.image.shape[1::-1])
        small = halved(gray(frame.image), size).astype(np.float32)
        picture = np.log(cv2().GaussianBlur(small, (0, 0), 1.0) + OFFSET)
        light = rows = 0.0
        if self._kept:
            change = self._square(picture) - self._square(self._kept[-1].picture)
            light = self._kept[-1].light + median(change)
            rows = median(np.abs(np.median(change, axis=1)))
        self._kept.append(_Small(frame.number, frame.time, picture, light, rows, frame.key))
        while self._kept[0].time < frame.time - FLICKER_LASTS:
            self._kept.popleft()

    def _square(self, picture: FloatArray) -> FloatArray:
        """The square around the face: (SIDE, SIDE)."""
        middle = (self._box[:2] + self._box[2:]) / 2
        scale = SIDE / (AROUND * max(float(np.max(self._box[2:] - self._box[:2])), 1.0))
        matrix = np.column_stack([scale * np.eye(2), SIDE / 2 - scale * middle])
        border = cv2().BORDER_REPLICATE
        return np.asarray(cv2().warpAffine(picture, matrix, (SIDE, SIDE), borderMode=border))

    def _jump(self, period: float) -> Change:
        """What looks otherwise from a frame on that is by now old enough for telling."""
        step, before = max(1, round(STEP / period)), max(3, round(BEFORE / period))
        kept = list(self._kept)[-(before + 3 * step + 2) :]
        at = len(kept) - 2 * step - 2
        if at < step + 3 or kept[at].number <= self._last or kept[-1].time - kept[0].time > 3 * BEFORE:
            return Change()
        start = at - 1 - (step - 1) // 2
        light = abs(kept[start + step].light - kept[start].light)
        square = cache(lambda index: self._square(kept[index].picture))
        change = _changed(square, start, step)
        if change[1] < max(JUMPS * LEAST_PART, light / 2):
            return Change()  # as nearly always, so that nothing else has to be compared
        others = (*range(max(start - step + 1, 1)), *range(start + step, len(kept) - step))
        around = np.max([_changed(square, other, step) for other in others], axis=0)
        whole, part = change >= JUMPS * np.maximum(around, (LEAST, LEAST_PART))
        if not part:
            return Change()
        self._last, first = kept[-1].number, kept[start + step].number
        keys = [one.key for one in kept[start : start + step + 1]]
        if any(keys) and not all(keys) and change[0] < ANEW:
            return Change(recoded=first) if change[1] >= RECODED else Change()
        return Change(cut=first) if whole else Change(part=first)


def _changed(square: Callable[[int], FloatArray], start: int, step: int) -> FloatArray:
    """How much the median cell changed over a step, and the fifth of the cells that changed most.

    (2,), the change of light aside; ``square`` gives the square around the face in each kept picture.
    """
    change = square(start + step) - square(start)
    off = np.abs(change - median(change)).reshape(CELLS, SIDE // CELLS, CELLS, -1)
    cells = off.mean(axis=(1, 3))
    return np.array([median(cells), quantile(cells, 0.8)])
