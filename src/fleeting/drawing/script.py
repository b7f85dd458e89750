"""Scripts: everything that a drawn video shows, frame by frame, decided before any pixel is drawn.

This module is longer than 300 lines: a script is one value, and all of its tracks are made here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from fleeting.drawing.paths import jaw_path, smooth_path, within
from fleeting.drawing.people import Identity
from fleeting.errors import OptionError, UnknownNameError
from fleeting.types import FloatArray, Kind

Disturb = Literal["none", "moderate", "strong"]
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
FPS = (25.0, 200.0)
LONGEST = 7200.0
"""Seconds of the longest video that can be drawn."""
LARGEST = 7.0
"""Largest amplitude, in percent of the eye distance: beyond it a photograph's skin folds over itself."""
STRENGTH: dict[Disturb, float] = {"none": 0.0, "moderate": 1.0, "strong": 2.0}
"""Factor by which the disturbances below are multiplied; with ``strong`` the person talks, too."""
DRIFT, ROTATION = (0.5, 2.0), 3.0
"""The head's drift: least and most root mean square in pixels; most degrees that it turns from level."""
LIGHT, NOISE = 0.05, (2.0, 4.0)
"""Largest change of light, as a share; least and most standard deviation of the noise, in steps of 255."""
BLINKS_PER_MINUTE, BLINK, SHUT = 15.0, (0.1, 0.3), 0.5
"""Blinks per minute; least and most seconds that a blink lasts; least seconds from one blink to the next."""
TALK = 5.0
"""How far speech drops the jaw, in percent of the eye distance."""


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


@dataclass(frozen=True, slots=True)
class Blink:
    """A blink: from ``start`` the lids close in ``close`` seconds, then open again in ``open`` seconds."""

    start: float
    close: float
    open: float

    def closure(self, time: float) -> float:
        """How far the lids are shut at ``time`` in seconds, 0 (open) to 1."""
        since = time - self.start
        if since <= 0 or since >= self.close + self.open:
            return 0.0
        phase = since / self.close if since < self.close else (self.close + self.open - since) / self.open
        return float(0.5 - 0.5 * np.cos(np.pi * phase))


@dataclass(frozen=True, eq=False)
class Script:
    """Everything a drawn video shows; it determines every frame and every true displacement to the bit.

    ``head`` is (frames, 3): the shift right and down in pixels, and the turn in radians about the middle of
    the face, clockwise in the picture. ``light`` is (frames, 2): the gain, and how much larger it is at the
    right edge than in the middle. ``talking`` (frames,) is how far speech drops the jaw, in pixels;
    ``noise_sigma`` is the standard deviation of the camera's noise in steps of 255. There are only two
    people: see ``TWO_PEOPLE``.
    """

    identity: Identity
    seed: int
    fps: float
    frames: int
    disturb: Disturb
    events: tuple[ScriptedEvent, ...]
    blinks: tuple[Blink, ...]
    head: FloatArray
    light: FloatArray
    talking: FloatArray
    noise_sigma: float


def write_script(
    identity: Identity,
    seed: int,
    seconds: float = 60.0,
    fps: float = 100.0,
    *,
    events_per_minute: float = 4.0,
    amplitude: float | None = None,
    macro: float = 0.0,
    disturb: Disturb = "moderate",
) -> Script:
    """The script of a video of one person: events at random times with rest between them, and disturbances.

    ``amplitude`` fixes the peak displacement in percent of the distance between the outer eye corners (None:
    log-uniform in AMPLITUDE); ``macro`` is the share of events that are long and large. Raises OptionError on
    a value out of its range, and if the events do not fit into ``seconds``.
    """
    _refuse(seed, fps, amplitude, disturb)
    if not 0 <= macro <= 1:
        raise OptionError(f"macro is {macro}, expected a share of the events; choose 0 to 1")
    if not (0 < seconds <= LONGEST and 0 <= events_per_minute < math.inf):
        found = f"{seconds} seconds with {events_per_minute} events a minute"
        raise OptionError(f"{found}: expected up to {LONGEST} seconds and 0 or more events; correct them")
    frames = max(1, round(seconds * fps))
    rng = np.random.default_rng([seed, identity.number, 2])
    count = int(events_per_minute * seconds / 60 + rng.random())
    kinds: list[Kind] = ["macro" if rng.random() < macro else "micro" for _ in range(count)]
    turns = rng.permutation(np.arange(count) + rng.integers(len(LABELS)))
    events = [
        _event(rng, LABELS[turn % len(LABELS)], kind, identity.eye_distance, fps, amplitude)
        for turn, kind in zip(turns, kinds, strict=True)
    ]
    if count > int(events_per_minute * seconds / 60) and _spare(events, frames, fps) < 0:
        events = events[:-1]  # the last event was only added by chance (rng.random() above)
    return _script(identity, seed, fps, frames, disturb, _placed(rng, events, frames, fps))


def script_of_clip(
    identity: Identity,
    label: Label | None,
    seed: int,
    fps: float = 100.0,
    *,
    action_units: str | None = None,
    amplitude: float | None = None,
    margin: float = 0.1,
    disturb: Disturb = "none",
) -> Script:
    """The script of a clip: one micro event of a class with ``margin`` seconds of rest before and after it.

    ``action_units`` names one of the class's COMBINATIONS (None: any). With the label None there is no event,
    and the clip is as long as it would be with one. Raises OptionError on a value out of its range.
    """
    _refuse(seed, fps, amplitude, disturb)
    if not 0 <= margin <= LONGEST:
        raise OptionError(f"margin is {margin}, expected seconds of rest; choose 0 or more")
    rng = np.random.default_rng([seed, identity.number, 3])
    known = COMBINATIONS if label is None else {label: COMBINATIONS.get(label, ())}
    names = [name for combinations in known.values() for name in combinations]
    if action_units not in (None, *names) or not names:
        found = f"{label} with action units {action_units}"
        raise OptionError(f"{found} cannot be drawn; choose among {', '.join(names or COMBINATIONS)}")
    drawn = label or LABELS[rng.integers(len(LABELS))]
    event = _event(rng, drawn, "micro", identity.eye_distance, fps, amplitude, action_units)
    rest = round(margin * fps)
    frames = event.offset_frame - event.onset_frame + 1 + 2 * rest
    events = () if label is None else (_moved(event, rest - event.onset_frame),)
    return _script(identity, seed, fps, frames, disturb, events)


def _refuse(seed: int, fps: float, amplitude: float | None, disturb: str) -> None:
    if seed < 0:
        raise OptionError(f"seed is {seed}, expected a whole number; choose 0 or more")
    if not FPS[0] <= fps <= FPS[1]:
        raise OptionError(f"fps is {fps}, expected frames a second; choose {FPS[0]:g} to {FPS[1]:g}")
    if amplitude is not None and not 0 < amplitude <= LARGEST:
        expected = f"above 0 and up to {LARGEST:g} percent of the eye distance"
        raise OptionError(f"amplitude is {amplitude}, expected {expected}; choose that, or none")
    if disturb not in STRENGTH:
        raise UnknownNameError("disturbance", disturb, STRENGTH)


def _event(
    rng: np.random.Generator,
    label: Label,
    kind: Kind,
    eye_distance: float,
    fps: float,
    amplitude: float | None,
    action_units: str | None = None,
) -> ScriptedEvent:
    """An event whose apex is frame 0."""
    units = str(rng.choice(COMBINATIONS[label]))
    least, most = AMPLITUDE[kind]
    percent = float(np.exp(rng.uniform(np.log(least), np.log(most))))
    pixels = eye_distance / 100 * (percent if amplitude is None else amplitude)
    shortest, longest = DURATION[kind]
    seconds = rng.uniform(SHORTEST if kind == "micro" and fps >= FAST else shortest, longest)
    frame = 1 / fps  # rise and fall last at least one frame, or the apex would be the onset
    rise = float(np.clip(seconds * rng.uniform(0.35, 0.55), frame, max(frame, seconds - frame)))
    event = ScriptedEvent(kind, label, action_units or units, pixels, rise, float(seconds) - rise, 0, 0, 0)
    reach = math.ceil(seconds * fps) + 1
    frames = np.arange(-reach, reach + 1)
    seen = frames[event.strength(frames / fps) >= EDGE]
    return replace(event, onset_frame=int(seen[0]), offset_frame=int(seen[-1]))


def _moved(event: ScriptedEvent, frames: int) -> ScriptedEvent:
    return replace(
        event,
        onset_frame=event.onset_frame + frames,
        apex_frame=event.apex_frame + frames,
        offset_frame=event.offset_frame + frames,
    )


def _spare(events: list[ScriptedEvent], frames: int, fps: float) -> int:
    """The number of frames left over when every event has its rest before and after; below 0: too few."""
    lengths = [event.offset_frame - event.onset_frame + 1 for event in events]
    return frames - sum(lengths) - math.ceil(GAP * fps) * (len(events) + 1)


def _placed(
    rng: np.random.Generator, events: list[ScriptedEvent], frames: int, fps: float
) -> tuple[ScriptedEvent, ...]:
    """The events one after another, each after a rest of GAP and a random part of the frames left over."""
    gap = math.ceil(GAP * fps)
    lengths = [event.offset_frame - event.onset_frame + 1 for event in events]
    spare = _spare(events, frames, fps)
    if events and spare < 0:
        found = f"{len(events)} events with rests take {frames - spare} frames and there are {frames}"
        raise OptionError(f"{found}; ask for fewer events a minute, or for more seconds")
    before = np.sort(rng.integers(0, max(spare, 0) + 1, len(events)))
    placed, start = [], 0
    for event, length, wait in zip(events, lengths, before, strict=True):
        placed.append(_moved(event, start + gap + int(wait) - event.onset_frame))
        start += gap + length
    return tuple(placed)


def _script(
    identity: Identity,
    seed: int,
    fps: float,
    frames: int,
    disturb: Disturb,
    events: tuple[ScriptedEvent, ...],
) -> Script:
    """The events with disturbances, whose own random numbers leave the movements of a seed unchanged."""
    rng = np.random.default_rng([seed, identity.number, 4])
    times = np.arange(frames) / fps
    strength = STRENGTH[disturb]
    drift, turn = rng.uniform(*DRIFT), np.radians(ROTATION) * rng.uniform(0.3, 1)
    shift = drift * np.sqrt(0.5) * smooth_path(rng, times, 2)
    head = np.column_stack([shift, turn * within(smooth_path(rng, times, 1))])
    light = LIGHT * within(smooth_path(rng, times, 2)) * rng.uniform(0.4, 1) * np.array([0.7, 0.3])
    sigma = rng.uniform(*NOISE)
    jaw = TALK / 100 * identity.eye_distance * jaw_path(rng, times)
    return Script(
        identity=identity,
        seed=seed,
        fps=fps,
        frames=frames,
        disturb=disturb,
        events=events,
        blinks=_blinks(rng, frames / fps, BLINKS_PER_MINUTE * strength),
        head=(strength * head).astype(np.float32),
        light=(np.array([1, 0]) + strength * light).astype(np.float32),
        talking=(jaw * (disturb == "strong")).astype(np.float32),
        noise_sigma=float(strength * sigma),
    )


def _blinks(rng: np.random.Generator, seconds: float, per_minute: float) -> tuple[Blink, ...]:
    """Blinks at random times, one after another."""
    blinks: list[Blink] = []
    time = 0.0
    while per_minute:
        length = rng.uniform(*BLINK)
        time += SHUT + rng.exponential(max(60 / per_minute - SHUT, SHUT))
        if time + length > seconds:
            break
        close = length * rng.uniform(0.3, 0.45)
        blinks.append(Blink(float(time), float(close), float(length - close)))
    return tuple(blinks)
