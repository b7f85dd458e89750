"""Events as real micro-expressions go: a quick rise, a peak, and a part of it that stays.

The numbers are summaries of 149 spontaneous micro-expressions that were measured as skin motion at 200 frames
a second, outside this repository: no recording and no track of them is in here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fleeting.drawing.events import COMBINATIONS, EDGE, EDGE_AT, Label, ScriptedEvent, event
from fleeting.types import FloatArray, Kind

SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
"""Shares of all events at which the quantiles below stand; between them they are linear."""
RISE = (0.06, 0.08, 0.10, 0.16, 0.28, 0.36, 0.40)
"""Quantiles of the seconds from 5 % of the peak to the peak."""
FALL = (0.03, 0.035, 0.045, 0.11, 0.17, 0.23, 0.25)
"""Quantiles of the seconds from the peak to the offset."""
PEAK = (0.3, 0.52, 0.73, 1.25, 2.4, 4.5, 5.0)
"""Quantiles of the peak displacement, in percent of the distance between the outer corners of the eyes."""
REMAINS = (0.05, 0.20, 0.37, 0.63, 0.88, 0.97, 0.97)
"""Quantiles of the share of the peak at which the skin still stands at the offset."""
DECAY = (0.4, 1.2)
"""Least and most seconds in which what remains sinks to a third afterwards. Assumed, not measured: the
annotations of real ones end at the offset."""
LONGEST = 0.5
"""Most seconds of a micro-expression from onset to offset."""
GONE = 4.0
"""DECAYs after which nothing is left."""


@dataclass(frozen=True, slots=True)
class LastingEvent(ScriptedEvent):
    """A movement of which ``remains``, a share of the peak, is left at its offset; see `ScriptedEvent`.

    From the peak to the offset, ``fall`` seconds, it sinks to that share; afterwards it dies away within a
    few times ``decay`` seconds.
    """

    remains: float
    decay: float

    def strength(self, times: npt.ArrayLike) -> FloatArray:
        """Share of the peak displacement, 0 to 1, at ``times`` in seconds from the apex."""
        seconds = np.asarray(times, dtype=np.float64)
        before = 0.5 + 0.5 * np.cos(np.pi * np.clip(-seconds * EDGE_AT / self.rise, 0, 1))
        sunk = 0.5 - 0.5 * np.cos(np.pi * np.clip(seconds / self.fall, 0, 1))
        after = np.maximum(seconds - self.fall, 0) / self.decay
        left = np.exp(-after) * np.clip(GONE - after, 0, 1)  # ends, instead of going on for ever
        return np.asarray(before * (1 - (1 - self.remains) * sunk) * left, dtype=np.float32)

    def moves(self, since: float) -> bool:
        """Whether the skin is away from rest at ``since`` seconds from the apex."""
        return -self.rise < since * EDGE_AT and since < self.fall + GONE * self.decay


def lasting_event(
    rng: np.random.Generator,
    label: Label,
    kind: Kind,
    eye_distance: float,
    fps: float,
    amplitude: float | None,
    action_units: str | None = None,
) -> ScriptedEvent:
    """An event of style ``head`` whose apex is frame 0; a macro-expression comes back to rest."""
    if kind == "macro":
        return event(rng, label, kind, eye_distance, fps, amplitude, action_units)
    units = str(rng.choice(COMBINATIONS[label]))
    rise, fall, percent, remains = (
        float(np.interp(rng.random(), SHARES, quantiles)) for quantiles in (RISE, FALL, PEAK, REMAINS)
    )
    pixels = eye_distance / 100 * (percent if amplitude is None else amplitude)
    frame = 1 / fps  # rise and fall last at least one frame, or the apex would be the onset
    fall = max(fall, frame)
    rise = max(min(rise, LONGEST - fall), 1.5 * frame)
    decay = float(rng.uniform(*DECAY))
    made = LastingEvent(
        kind, label, action_units or units, pixels, rise, fall, 0, 0, 0, remains=remains, decay=decay
    )
    frames = np.arange(-math.ceil(rise * fps) - 1, 1)
    onset = int(frames[made.strength(frames / fps) >= EDGE][0])
    return replace(made, onset_frame=onset, offset_frame=max(1, math.floor(fall * fps)))
