"""Scripts: everything that a drawn video shows, frame by frame, decided before any pixel is drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from fleeting.drawing.acting import act, note
from fleeting.drawing.events import COMBINATIONS as COMBINATIONS
from fleeting.drawing.events import EDGE as EDGE
from fleeting.drawing.events import GAP as GAP
from fleeting.drawing.events import LABELS, event, moved, placed, spare
from fleeting.drawing.events import Label as Label
from fleeting.drawing.events import ScriptedEvent as ScriptedEvent
from fleeting.drawing.filming import film
from fleeting.drawing.head import limited
from fleeting.drawing.paths import jaw_path, smooth_path, within
from fleeting.drawing.people import Identity
from fleeting.drawing.profiles import lasting_event
from fleeting.drawing.scene import Scene
from fleeting.errors import OptionError, UnknownNameError
from fleeting.types import FloatArray, Kind

Disturb = Literal["none", "moderate", "strong"]
Style = Literal["flat", "head"]
EVENTS = {"flat": event, "head": lasting_event}
"""How an event is drawn, by style."""
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
SHADING = 0.35
"""Share of the light that comes from one side in style ``head``, and so changes as the skin turns."""
TALK = 5.0
"""How far speech drops the jaw, in percent of the eye distance."""


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
    people: see ``TWO_PEOPLE``. In style ``head`` the ``scene`` says what moves, in place of ``head`` and
    ``talking``, which are 0 then; in style ``flat`` it is None.
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
    scene: Scene | None = None


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
    style: Style = "flat",
) -> Script:
    """The script of a video of one person: events at random times with rest between them, and disturbances.

    ``amplitude`` fixes the peak displacement in percent of the distance between the outer eye corners (None:
    log-uniform, or in style ``head`` as measured); ``macro`` is the share of events that are long and large.
    Raises OptionError on a value out of its range, and if the events do not fit into ``seconds``.
    """
    _refuse(seed, fps, amplitude, disturb, style)
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
        EVENTS[style](rng, LABELS[turn % len(LABELS)], kind, identity.eye_distance, fps, amplitude)
        for turn, kind in zip(turns, kinds, strict=True)
    ]
    if count > int(events_per_minute * seconds / 60) and spare(events, frames, fps) < 0:
        events = events[:-1]  # the last event was only added by chance (rng.random() above)
    return _script(identity, seed, fps, frames, disturb, placed(rng, events, frames, fps), style)


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
    style: Style = "flat",
) -> Script:
    """The script of a clip: one micro event of a class with ``margin`` seconds of rest before and after it.

    ``action_units`` names one of the class's COMBINATIONS (None: any). With the label None there is no event,
    and the clip is as long as it would be with one. Raises OptionError on a value out of its range.
    """
    _refuse(seed, fps, amplitude, disturb, style)
    if not 0 <= margin <= LONGEST:
        raise OptionError(f"margin is {margin}, expected seconds of rest; choose 0 or more")
    rng = np.random.default_rng([seed, identity.number, 3])
    known = COMBINATIONS if label is None else {label: COMBINATIONS.get(label, ())}
    names = [name for combinations in known.values() for name in combinations]
    if action_units not in (None, *names) or not names:
        found = f"{label} with action units {action_units}"
        raise OptionError(f"{found} cannot be drawn; choose among {', '.join(names or COMBINATIONS)}")
    drawn = label or LABELS[rng.integers(len(LABELS))]
    event = EVENTS[style](rng, drawn, "micro", identity.eye_distance, fps, amplitude, action_units)
    rest = round(margin * fps)
    frames = event.offset_frame - event.onset_frame + 1 + 2 * rest
    events = () if label is None else (moved(event, rest - event.onset_frame),)
    return _script(identity, seed, fps, frames, disturb, events, style)


def _refuse(seed: int, fps: float, amplitude: float | None, disturb: str, style: str) -> None:
    if seed < 0:
        raise OptionError(f"seed is {seed}, expected a whole number; choose 0 or more")
    if not FPS[0] <= fps <= FPS[1]:
        raise OptionError(f"fps is {fps}, expected frames a second; choose {FPS[0]:g} to {FPS[1]:g}")
    if amplitude is not None and not 0 < amplitude <= LARGEST:
        expected = f"above 0 and up to {LARGEST:g} percent of the eye distance"
        raise OptionError(f"amplitude is {amplitude}, expected {expected}; choose that, or none")
    if disturb not in STRENGTH:
        raise UnknownNameError("disturbance", disturb, STRENGTH)
    if style not in EVENTS:
        raise UnknownNameError("style", style, EVENTS)


def _script(
    identity: Identity,
    seed: int,
    fps: float,
    frames: int,
    disturb: Disturb,
    events: tuple[ScriptedEvent, ...],
    style: Style,
) -> Script:
    """The events with disturbances, whose own random numbers leave the movements of a seed unchanged."""
    if style == "head":
        return _filmed(identity, seed, fps, frames, disturb, events)
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


def _filmed(
    identity: Identity,
    seed: int,
    fps: float,
    frames: int,
    disturb: Disturb,
    events: tuple[ScriptedEvent, ...],
) -> Script:
    """The events with a head in three dimensions and its disturbances, in place of those of `_script`."""
    rng, times = np.random.default_rng([seed, identity.number, 7]), np.arange(frames) / fps
    strength = STRENGTH[disturb]
    busy = [(event.onset_frame / fps, event.offset_frame / fps) for event in events]
    acted = act(rng, times, identity.eye_distance, strength, busy)
    filmed = film(rng, times, strength, busy)
    blinks = _blinks(rng, frames / fps, BLINKS_PER_MINUTE * strength)
    pose = np.column_stack([limited(acted.pose[:, :3] + filmed.jumps), acted.pose[:, 3:]])
    side = np.array([rng.choice([-1, 1]) * rng.uniform(0.3, 0.8), -rng.uniform(0.2, 0.6), -1])
    scene = Scene(
        pose=pose.astype(np.float32),
        framing=filmed.framing,
        moves=acted.moves,
        focus=filmed.focus,
        hands=acted.hands,
        shading=(SHADING * side / np.linalg.norm(side)).astype(np.float32),
        shrunk=filmed.shrunk,
        crf=filmed.crf,
        disturbances=_in_frames([*acted.notes, *filmed.notes, *map(_note, blinks)], fps, frames),
    )
    return Script(
        identity=identity,
        seed=seed,
        fps=fps,
        frames=frames,
        disturb=disturb,
        events=events,
        blinks=blinks,
        head=np.zeros((frames, 3), np.float32),
        light=filmed.light,
        talking=np.zeros(frames, np.float32),
        noise_sigma=filmed.noise_sigma,
        scene=scene,
    )


def _note(blink: Blink) -> dict[str, Any]:
    return note("blink", blink.start, blink.start + blink.close + blink.open)


def _in_frames(notes: list[dict[str, Any]], fps: float, frames: int) -> tuple[dict[str, Any], ...]:
    """Disturbances in the order in which they begin, with their first and last frame in place of seconds."""
    found = []
    for one in sorted(notes, key=lambda one: (one["start"], one["kind"])):
        rest = {name: value for name, value in one.items() if name not in ("kind", "start", "end")}
        first, last = math.ceil(one["start"] * fps - 1e-6), math.floor(one["end"] * fps + 1e-6)
        last = min(max(first, last), frames - 1)
        found.append({"kind": one["kind"], "onset_frame": min(first, last), "offset_frame": last, **rest})
    return tuple(found)


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
