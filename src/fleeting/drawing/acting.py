"""What a person does before the camera in style ``head``: turns, talks, looks about, chews, smiles.

How fast heads turn is set by seven minutes of ordinary footage of people who talk, turn and act, measured
outside this repository: most of the time hardly at all (medians of 1.5, 2.1 and 0.9 degrees a second in yaw,
pitch and roll), at times fast (nine tenths below 16, 16 and 8). The other numbers are choices, not
measurements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from fleeting.drawing.events import COMBINATIONS, LABELS
from fleeting.drawing.gazes import GAZES
from fleeting.drawing.paths import Array, held, jaw_path, smooth_path, spans
from fleeting.drawing.scene import Hand
from fleeting.types import FloatArray

SWAY, NEARER, SHIFT = (1.4, 1.2, 0.7), 0.008, 0.015
"""Root mean square of the head's slow sway: yaw, pitch and roll in degrees; nearness as a share; its shift in
eye distances."""
NOD, NODDING, LIVELY = (2.2, 2.4, 1.4, 0.008), 0.3, 0.6
"""The same, of the nods that come with speech: yaw, pitch, roll and nearness; the seconds between their
steps; how much livelier, as a logarithm, people are at one time than at another."""
AROUND = 0.15
"""Seconds: the standard deviation of the edges of what nods go with."""
TURNS, TURNED, TURNING = 3.0, (5.0, 12.0), (0.35, 0.8)
"""Turns of the head a minute, their degrees, and the seconds that one takes."""
LOOKS, LOOK, SACCADE = 30.0, (0.012, 0.005), 0.05
"""Looks elsewhere a minute; their spread across and down in eye distances; the seconds that the eyes take."""
EXPRESSIONS, EXPRESSION = 3.0, (1.2, 4.0)
"""Expressions that last, a minute, and their peaks in percent of the eye distance."""
JAW, LIPS, SYLLABLE = 4.0, 1.2, 0.14
"""Percent of the eye distance by which speech drops the jaw, at most, and moves the corners of the mouth
(root mean square), and the seconds between their steps."""
CHEWS, BITES, CHEW = 0.5, (1.2, 1.8), 2.5
"""Times a minute that a person chews where disturbances are strong; bites a second; percent of the eye
distance by which the chin rises."""
HANDS = 0.5
"""Hands before the face, a minute, where disturbances are strong."""
APART = 0.4
"""Seconds by which hands and cuts keep away from the events of the script: they would hide them."""


@dataclass(frozen=True, eq=False)
class Act:
    """What the person does, in fields of `Scene`; here the ``pose`` has no limit to how far a head turns."""

    pose: Array
    moves: tuple[tuple[str, FloatArray], ...]
    hands: tuple[Hand, ...]
    notes: tuple[dict[str, Any], ...]


def act(
    rng: np.random.Generator, times: Array, unit: float, strength: float, busy: list[tuple[float, float]]
) -> Act:
    """What a person does at ``times`` (seconds from 0).

    ``unit`` is the distance between the outer eye corners in pixels, ``strength`` 0 for nothing, 1 for
    moderate and 2 for strong disturbances; ``busy`` are seconds in which nothing may hide the face.
    """
    talking = jaw_path(rng, times)
    if strength > 1:
        talking = np.maximum(talking, jaw_path(rng, times))
    pose, notes = _pose(rng, times, strength, _lively(times, talking))
    pose[:, 4:] *= unit
    moves, more = _moves(rng, times, strength, talking)
    hands = _hands(rng, times, strength, busy)
    notes += more + [note("hand", hand.start, hand.start + hand.seconds) for hand in hands]
    pulled = tuple((name, (unit * path).astype(np.float32)) for name, path in moves if strength)
    return Act(pose, pulled, hands, tuple(notes))


def note(kind: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    """An entry of truth.json's disturbances, in seconds; the script turns them into frames."""
    return {"kind": kind, "start": start, "end": end, **more}


def apart(some: list[tuple[float, float]], busy: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those of ``some`` spans that keep APART from all ``busy`` ones."""
    return [
        (start, end)
        for start, end in some
        if all(end + APART < begin or start - APART > stop for begin, stop in busy)
    ]


def _lively(times: Array, talking: Array) -> Array:
    """1 where somebody talks, 0 elsewhere, with smooth edges: the head begins gently."""
    frame = times[1] if len(times) > 1 else AROUND
    return np.asarray(gaussian_filter1d((talking > 0).astype(float), AROUND / frame, mode="nearest"))


def _larger(strength: float) -> float:
    """0, 1 and 1.5 for no, moderate and strong disturbances: strong ones come oftener rather than larger."""
    return float(strength**0.6)


def _pose(
    rng: np.random.Generator, times: Array, strength: float, lively: Array
) -> tuple[Array, list[dict[str, Any]]]:
    """(times, 6) as in `Scene`, but with the shift in eye distances; and the turns."""
    large = _larger(strength)
    degrees = large * np.array(SWAY) * smooth_path(rng, times, 3)
    lively = lively * np.exp(LIVELY * smooth_path(rng, times, 1)[:, 0])
    nods = large * np.array(NOD) * lively[:, None] * smooth_path(rng, times, 4, NODDING)
    degrees += nods[:, :3]
    notes = []
    for start, end in spans(rng, times[-1], strength * TURNS, (1.2, 5.0)):
        yaw = large * rng.uniform(*TURNED) * rng.choice([-1, 1])
        pitch = large * rng.uniform(-5, 5)
        degrees[:, :2] += held(times, start, end, rng.uniform(*TURNING))[:, None] * [yaw, pitch]
        notes.append(note("turn", start, end, yaw_degrees=round(float(yaw), 2)))
    near = 1 + large * NEARER * smooth_path(rng, times, 1) + nods[:, 3:]
    shift = large * SHIFT * smooth_path(rng, times, 2)
    return np.column_stack([np.radians(degrees), near, shift]), notes


def _moves(
    rng: np.random.Generator, times: Array, strength: float, talking: Array
) -> tuple[list[tuple[str, Array]], list[dict[str, Any]]]:
    """Paths of the skin and the eyes in eye distances, by what pulls; and the disturbances that they are."""
    large = _larger(strength)
    jaw = large * JAW / 100 * talking
    lips = large * LIPS / 100 * _lively(times, talking) * smooth_path(rng, times, 1, SYLLABLE)[:, 0]
    moves = [("26", jaw), ("20", lips)]
    spoken = np.flatnonzero(np.diff(np.concatenate([[0], talking > 0, [0]]).astype(int))).reshape(-1, 2)
    frame = times[1] if len(times) > 1 else 0.0
    notes = [note("talking", first * frame, (after - 1) * frame) for first, after in spoken if strength]
    eyes, looks = _looks(rng, times, strength)
    moves += [(name, path) for name, path in zip(GAZES, eyes.T, strict=True)]
    notes += looks
    for start, end in spans(rng, times[-1], strength * EXPRESSIONS, (0.8, 4.0)):
        units = str(rng.choice(COMBINATIONS[LABELS[rng.integers(len(LABELS))]]))
        peak = rng.uniform(*EXPRESSION)
        moves.append((units, peak / 100 * held(times, start, end, rng.uniform(0.25, 0.8))))
        notes.append(note("expression", start, end, action_units=units, peak_percent=round(peak, 2)))
    for start, end in spans(rng, times[-1], (strength > 1) * CHEWS, (2.0, 5.0)):
        bites = 0.5 - 0.5 * np.cos(2 * np.pi * rng.uniform(*BITES) * (times - start))
        moves.append(("17", CHEW / 100 * bites * held(times, start, end, 0.3)))
        notes.append(note("chewing", start, end))
    return moves, notes


def _looks(rng: np.random.Generator, times: Array, strength: float) -> tuple[Array, list[dict[str, Any]]]:
    """Where the eyes look, (times, 2) across and down in eye distances, in jumps."""
    path, at, notes = np.zeros((len(times), 2)), np.zeros(2), []
    for start, end in spans(rng, times[-1], min(strength, 1) * LOOKS, (SACCADE, SACCADE)):
        to = rng.normal(0, LOOK)
        gone = np.clip((times - start) / SACCADE, 0, 1)[:, None]
        path += (to - at) * gone * gone * (3 - 2 * gone)
        at = to
        notes.append(note("gaze", start, end))
    return path, notes


def _hands(
    rng: np.random.Generator, times: Array, strength: float, busy: list[tuple[float, float]]
) -> tuple[Hand, ...]:
    found = spans(rng, times[-1], (strength > 1) * HANDS, (0.8, 2.5))
    return tuple(
        Hand(start, end - start, float(rng.uniform(-0.3, 0.3)), float(rng.uniform(-0.5, 0.5)))
        for start, end in apart(found, busy)
    )
