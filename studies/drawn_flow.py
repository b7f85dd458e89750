"""Compares optical flow with the exact flow of drawn micro-expressions: endpoint error where the skin moves.

Each pair is the onset and the apex frame of a drawn clip, with light, noise and head motion as --disturb
says; the truth is the exact flow, including the head's. Errors are means over the pixels of the face that the
expression moves by more than a tenth of its peak, in pixels of the 640x480 picture. The row "nothing" is the
error of a flow of zero, which is the mean length of the true flow.

    python studies/drawn_flow.py [--clips 8] [--disturb none|moderate|strong]
"""

from __future__ import annotations

import argparse
from statistics import fmean

import cv2
import numpy as np

from fleeting.drawing import identity
from fleeting.drawing.rendering import exact_flow, frame
from fleeting.drawing.script import COMBINATIONS, script_of_clip
from fleeting.faces.optical_flow import FLOWS, flow

AMPLITUDES = (0.3, 0.75, 1.5)
"""Peak displacements, in percent of the distance between the outer eye corners: least, middle, most."""


def errors(number: int, amplitude: float, disturb: str) -> dict[str, float]:
    """The error of each backend on one clip, and of a flow of zero ("nothing"), in pixels."""
    label = tuple(COMBINATIONS)[number % len(COMBINATIONS)]
    script = script_of_clip(identity(number + 1), label, number, amplitude=amplitude, disturb=disturb)
    (event,) = script.events
    times = event.onset_frame, event.apex_frame
    moving = np.hypot(*exact_flow(script, *times, head=False)) > 0.1 * event.amplitude_px
    rows, columns = (np.flatnonzero(moving.any(axis=axis)) for axis in (1, 0))
    box = np.s_[max(0, rows[0] - 20) : rows[-1] + 20, max(0, columns[0] - 20) : columns[-1] + 20]
    u, v = (channel[box] for channel in exact_flow(script, *times))
    before, after = (cv2.cvtColor(frame(script, n)[box], cv2.COLOR_RGB2GRAY) for n in times)
    found = {"nothing": (0 * u, 0 * v), **{name: flow(before, after, name) for name in FLOWS}}
    return {name: float(np.hypot(a - u, b - v)[moving[box]].mean()) for name, (a, b) in found.items()}


def main() -> None:
    """Measure every amplitude and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--disturb", default="none", choices=("none", "moderate", "strong"))
    given = parser.parse_args()
    print(f"{given.clips} clips an amplitude, disturbance {given.disturb}; pixels")
    print("backend   " + "".join(f"{amplitude:>8g} %" for amplitude in AMPLITUDES))
    found = {a: [errors(n, a, given.disturb) for n in range(given.clips)] for a in AMPLITUDES}
    for name in ("nothing", *FLOWS):
        print(f"{name:10}" + "".join(f"{fmean(e[name] for e in found[a]):10.3f}" for a in AMPLITUDES))


if __name__ == "__main__":
    main()
