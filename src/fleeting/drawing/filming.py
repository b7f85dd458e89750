"""What the camera does in style ``head``: it hunts for focus, steps its exposure, cuts, compresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fleeting.drawing.acting import apart, note
from fleeting.drawing.paths import Array, held, smooth_path, spans, within
from fleeting.types import FloatArray

LIGHT = 0.03
"""Largest slow change of light, as a share."""
EXPOSURES, STEP, STEPPING = 1.0, (0.06, 0.18), (0.1, 0.4)
"""Steps of the exposure a minute, as shares of the light, and the seconds that one takes."""
FLICKERS, FLICKER, HERTZ = 0.25, (0.004, 0.012), (3.0, 12.0)
"""Share of the videos whose light flickers, by which share of it, how often a second."""
FOCUSES, FOCUS = 0.7, (0.8, 2.0)
"""Hunts for focus a minute, and the standard deviation of their blur in pixels, at most."""
CUTS, ZOOM, JUMP, OTHERWISE = 1.0, (1.0, 1.25), 15.0, (4.0, 3.0, 2.0)
"""Cuts a minute where disturbances are strong; how much larger the next shot shows everything, its shift in
pixels, and how otherwise the head is held in it, in degrees of yaw, pitch and roll."""
NOISE, CRF = (1.5, 3.0), (21, 27)
"""Standard deviation of the camera's noise, in steps of 255, and the constant rate factor of H.264, both with
moderate disturbances; strong ones add STRONGER."""
STRONGER = 1.5, 6
SMALL = 0.5
"""Share of the videos with strong disturbances that are half as large, with eyes 50 to 70 pixels apart."""


@dataclass(frozen=True, eq=False)
class Film:
    """What the camera does; the fields are those of `Scene` and of `Script`.

    ``jumps`` (frames, 3) is how much otherwise the head is held since a cut: yaw, pitch, roll in radians.
    """

    framing: FloatArray
    jumps: FloatArray
    focus: FloatArray
    light: FloatArray
    shrunk: float
    crf: int | None
    noise_sigma: float
    notes: tuple[dict[str, Any], ...]


def film(rng: np.random.Generator, times: Array, strength: float, busy: list[tuple[float, float]]) -> Film:
    """What the camera does at ``times``; see `fleeting.drawing.acting.act` for the arguments."""
    framing, jumps, notes = _cuts(rng, times, strength, busy)
    focus = np.zeros(len(times))
    for start, end in spans(rng, times[-1], strength * FOCUSES, (0.4, 1.2)):
        focus = np.maximum(focus, rng.uniform(*FOCUS) * held(times, start, end, (end - start) / 2))
        notes.append(note("focus", start, end))
    light, more = _light(rng, times, strength)
    worse, crf = min(strength, 1), int(rng.integers(CRF[0], CRF[1] + 1))
    sigma = float(worse * (rng.uniform(*NOISE) + (strength > 1) * STRONGER[0]))
    crf += STRONGER[1] * (strength > 1)
    shrunk = 0.5 if strength > 1 and rng.random() < SMALL else 1.0
    whole = [note("noise", 0, times[-1], sigma=round(sigma, 2)), note("compression", 0, times[-1], crf=crf)]
    whole += [note("small", 0, times[-1], shrunk=shrunk)] if shrunk < 1 else []
    return Film(
        framing=framing.astype(np.float32),
        jumps=jumps.astype(np.float32),
        focus=focus.astype(np.float32),
        light=light.astype(np.float32),
        shrunk=shrunk,
        crf=crf if strength else None,
        noise_sigma=sigma,
        notes=tuple(notes + more + (whole if strength else [])),
    )


def _cuts(
    rng: np.random.Generator, times: Array, strength: float, busy: list[tuple[float, float]]
) -> tuple[Array, Array, list[dict[str, Any]]]:
    framing, jumps = np.tile([1.0, 0.0, 0.0], (len(times), 1)), np.zeros((len(times), 3))
    notes = []
    for cut, _ in apart(spans(rng, times[-1], (strength > 1) * CUTS, (0.0, 0.0)), busy):
        after = times >= cut
        framing[after] = [rng.uniform(*ZOOM), *rng.uniform(-JUMP, JUMP, 2)]
        jumps[after] = np.radians(rng.normal(0, OTHERWISE))
        notes.append(note("cut", times[after][0], times[after][0]))
    return framing, jumps, notes


def _light(rng: np.random.Generator, times: Array, strength: float) -> tuple[Array, list[dict[str, Any]]]:
    """(times, 2): the gain, and how much larger it is at the right edge; and the steps and the flicker."""
    slow = LIGHT * within(smooth_path(rng, times, 2)) * [0.7, 0.3]
    gain, notes, at = np.zeros(len(times)), [], 0.0
    for start, end in spans(rng, times[-1], strength * EXPOSURES, STEPPING):
        to = 0.0 if at else float(rng.uniform(*STEP) * rng.choice([-1, 1]))
        gain += (to - at) * np.clip((times - start) / (end - start), 0, 1)
        notes.append(note("exposure", start, end, gain=round(1 + to, 3)))
        at = to
    if rng.random() < strength * FLICKERS:
        size, hertz = rng.uniform(*FLICKER), rng.uniform(*HERTZ)
        gain += size * np.sin(2 * np.pi * hertz * times)
        notes.append(note("flicker", 0, times[-1], share=round(size, 4), hertz=round(hertz, 2)))
    light = strength * slow + [1, 0]
    light[:, 0] += gain
    return light, notes
