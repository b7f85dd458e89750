"""Says which action units a movement changes: blendshapes at its apex less those at its onset, over noise.

Pictures of the face are kept for some seconds, and the slow networks see them only where there is a movement.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from fleeting.faces.blendshapes import UNITS, blendshapes, unit_values
from fleeting.faces.networks import level_face
from fleeting.faces.tracking import Face
from fleeting.types import FloatArray, Frame, Image
from fleeting.video.later import FrameInFile, made_of

APART = 0.03
"""Seconds that two looks at the face are apart at least: 30 looks a second."""
HELD = 0.08
"""Seconds up to the onset, and from the apex on, of which the mean is taken."""
BEFORE = 1.5
"""Seconds before the onset that the noise is taken from."""
FEWEST = 5
"""Changes before the onset without which there is no noise to compare with, and nothing is said."""
SLACK = 1e-6
"""Seconds by which the times of frames may be rounded."""
STANDS_OUT = 4.0
"""How many times the noise a change must be (docs: decision 14)."""
LONGEST = 5.0
"""Seconds, BEFORE included, of the longest movement whose units can be told."""


class ActionUnits:
    """Keeps pictures of one face, to tell a movement's units up to ``latency`` seconds after its offset."""

    def __init__(self, latency: float) -> None:
        self._lasts = latency + LONGEST
        self._kept: deque[tuple[float, Callable[[], Image]]] = deque()

    def add(self, frame: Frame | FrameInFile, face: Face) -> None:
        """Keep the face as this frame shows it; frames that follow too closely (APART) are passed over."""
        if self._kept and frame.time < self._kept[-1][0] + APART:
            return
        self._kept.append((frame.time, made_of(frame, lambda image: level_face(image, face.mesh))))
        while self._kept[0][0] < frame.time - self._lasts:
            self._kept.popleft()

    def changed(self, onset_s: float, apex_s: float) -> tuple[str, ...]:
        """The units that a movement with these times changes, the surest first, as `told` writes them."""
        first, last = onset_s - BEFORE - HELD, apex_s + HELD
        near = [(time, face) for time, face in self._kept if first <= time <= last]
        times = np.array([time for time, _ in near])
        if len(_starts(times, onset_s, apex_s)) < FEWEST:
            return ()
        return told(changes(times, unit_values([blendshapes(face()) for _, face in near]), onset_s, apex_s))


def changes(times: npt.ArrayLike, values: npt.ArrayLike, onset_s: float, apex_s: float) -> FloatArray | None:
    """How far each unit changes from onset to apex, over its noise: (7,) for values (n, 7) at times (n,).

    The change is the mean from the apex on (HELD) less the mean up to the onset; the noise is the root mean
    square of the changes over equally long times in the seconds before the onset (BEFORE), or that of a quiet
    face (`Unit.least`) where this is larger. None where too little was seen (FEWEST).
    """
    at, curves = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    lasts = apex_s - onset_s

    def mean(first: float, last: float) -> npt.NDArray[np.float64] | None:
        inside = (at >= first - SLACK) & (at <= last + SLACK)
        return curves[inside].mean(axis=0) if inside.any() else None

    def change(start: float) -> npt.NDArray[np.float64] | None:
        before, after = mean(start - HELD, start), mean(start + lasts, start + lasts + HELD)
        return None if before is None or after is None else after - before

    usual = [found for found in map(change, _starts(at, onset_s, apex_s)) if found is not None]
    found = change(onset_s)
    if found is None or len(usual) < FEWEST:
        return None
    noise = np.maximum(np.sqrt(np.square(usual).mean(axis=0)), [unit.least for unit in UNITS])
    return np.asarray(found / noise, dtype=np.float32)


def told(over_noise: FloatArray | None) -> tuple[str, ...]:
    """Units whose change stands out (STANDS_OUT), the surest first, such as ``AU12+ lip corner puller``.

    A plus says that the muscle contracts from onset to apex, a minus that it lets go.
    """
    if over_noise is None:
        return ()
    order = np.argsort(-np.abs(over_noise))
    return tuple(
        f"{UNITS[i].code}{'+' if over_noise[i] > 0 else '-'} {UNITS[i].name}"
        for i in order
        if abs(over_noise[i]) >= STANDS_OUT
    )


def _starts(at: npt.NDArray[np.float64], onset_s: float, apex_s: float) -> npt.NDArray[np.float64]:
    """The times at which a change as long as this one can begin that is over before the onset."""
    return at[(at >= onset_s - BEFORE) & (at + (apex_s - onset_s) + HELD <= onset_s + SLACK)]
