"""One movement of a drawn face: its action units, its strength over time, and its place in a video."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from fleeting.errors import OptionError
from fleeting.types import FloatArray, Kind

Label = Literal["positive", "negative", "surprise"]
EDGE = 0.05
"""Onset and offset lie where the displacement passes this share of its peak."""
EDGE_AT = float(np.arccos(2 * EDGE - 1) / np.pi)
"""The place at which a raised cosine, which is 1 at 0 and 0 at 1, passes EDGE."""
AMPLITUDE: dict[Kind, tuple[float, float]] = {"micro": (0.3, 1.5), "macro": (2.0, 6.0)}
"""Least and most peak displacement, in percent of the distance between the outer corners of the eyes."""
DURATION: dict[Kind, tuple[float, float]] = {"micro": (0.08, 0.45), "macro": (0.5, 2.0)}
"""Least and most seconds from onset to offset."""
SHORTEST, FAST = 0.04, 100.0
"""Least seconds of a micro event in videos of FAST or more frames per second."""
GAP = 0.5
"""Least seconds of rest before, between and after events."""
COMBINATIONS: dict[Label, tuple[str, ...]] = {
    "positive": ("6+12",),
    "negative": ("4", "9", "10", "14", "15", "17", "20", "4+9", "4+15", "15+17"),
    "surprise": ("1+2", "1+2+5", "1+2+26", "5+26"),
}
"""The combinations of action units for each class; an event draws one of them."""
LABELS = tuple(COMBINATIONS)


@dataclass(frozen=True, slots=True)
class ScriptedEvent:
    """One movement of the face with its truth.

    The displacement peaks exactly on ``apex_frame`` with ``amplitude_px`` pixels. It passes 5 % of the peak
    ``rise`` seconds before the apex and again ``fall`` seconds after it; ``onset_frame`` and ``offset_frame``
    are the first and the last frame at or above 5 %. ``action_units`` looks like ``1+2``.
    """

    kind: Kind
    label: Label
    action_units: str
    amplitude_px: float
    rise: float
    fall: float
    onset_frame: int
    apex_frame: int
    offset_frame: int

    def strength(self, times: npt.ArrayLike) -> FloatArray:
        """Share of the peak displacement, 0 to 1, at ``times`` in seconds from the apex: a raised cosine."""
        seconds = np.asarray(times, dtype=np.float64)
        reach = np.where(seconds < 0, self.rise, self.fall) / EDGE_AT
        return np.asarray(0.5 + 0.5 * np.cos(np.pi * np.minimum(np.abs(seconds) / reach, 1)), np.float32)

    def moves(self, since: float) -> bool:
        """Whether the skin is away from rest at ``since`` seconds from the apex."""
        return -self.rise < since * EDGE_AT < self.fall


def event(
    rng: np.random.Generator,
    label: Label,
    kind: Kind,
    eye_distance: float,
    fps: float,
    amplitude: float | None,
    action_units: str | None = None,
) -> ScriptedEvent:
    """An event of style ``flat`` whose apex is frame 0: it comes back to rest."""
    units = str(rng.choice(COMBINATIONS[label]))
    least, most = AMPLITUDE[kind]
    percent = float(np.exp(rng.uniform(np.log(least), np.log(most))))
    pixels = eye_distance / 100 * (percent if amplitude is None else amplitude)
    shortest, longest = DURATION[kind]
    seconds = rng.uniform(SHORTEST if kind == "micro" and fps >= FAST else shortest, longest)
    frame = 1 / fps  # rise and fall last at least one frame, or the apex would be the onset
    rise = float(np.clip(seconds * rng.uniform(0.35, 0.55), frame, max(frame, seconds - frame)))
    made = ScriptedEvent(kind, label, action_units or units, pixels, rise, float(seconds) - rise, 0, 0, 0)
    reach = math.ceil(seconds * fps) + 1
    frames = np.arange(-reach, reach + 1)
    seen = frames[made.strength(frames / fps) >= EDGE]
    return replace(made, onset_frame=int(seen[0]), offset_frame=int(seen[-1]))


def moved(event: ScriptedEvent, frames: int) -> ScriptedEvent:
    """The event so many frames later."""
    return replace(
        event,
        onset_frame=event.onset_frame + frames,
        apex_frame=event.apex_frame + frames,
        offset_frame=event.offset_frame + frames,
    )


def spare(events: list[ScriptedEvent], frames: int, fps: float) -> int:
    """The number of frames left over when every event has its rest before and after; below 0: too few."""
    lengths = [event.offset_frame - event.onset_frame + 1 for event in events]
    return frames - sum(lengths) - math.ceil(GAP * fps) * (len(events) + 1)


def placed(
    rng: np.random.Generator, events: list[ScriptedEvent], frames: int, fps: float
) -> tuple[ScriptedEvent, ...]:
    """The events one after another, each after a rest of GAP and a random part of the frames left over.

    Raises OptionError if they do not fit.
    """
    gap = math.ceil(GAP * fps)
    lengths = [event.offset_frame - event.onset_frame + 1 for event in events]
    left = spare(events, frames, fps)
    if events and left < 0:
        found = f"{len(events)} events with rests take {frames - left} frames and there are {frames}"
        raise OptionError(f"{found}; ask for fewer events a minute, or for more seconds")
    before = np.sort(rng.integers(0, max(left, 0) + 1, len(events)))
    done, start = [], 0
    for event, length, wait in zip(events, lengths, before, strict=True):
        done.append(moved(event, start + gap + int(wait) - event.onset_frame))
        start += gap + length
    return tuple(done)
