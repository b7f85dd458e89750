"""Draws docs/assets/drawn.jpg: people at rest, moving far, the exact flow between, and with turned heads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from fleeting.drawing import identity
from fleeting.drawing.rendering import exact_flow, frame
from fleeting.drawing.script import script_of_clip, write_script

MOVEMENTS = (("surprise", "1+2"), ("positive", "6+12"), ("negative", "4+9"), ("surprise", "1+2+26"))
TURNS = ((-18.0, 0.0, -4.0), (16.0, -6.0, 3.0), (-12.0, 9.0, 5.0), (18.0, 4.0, -6.0))
"""Yaw, pitch and roll of each person in the last row, in degrees."""
AMPLITUDE = 6.0
"""Percent of the eye distance: four times the largest that is drawn by default, to be seen at all."""


def turned(number: int) -> np.ndarray:
    """A frame in which the head of a person is turned, speaks and looks aside."""
    script = write_script(identity(number), number, 10.0, 30.0, style="head", disturb="strong")
    if script.scene is None:
        raise TypeError("style head draws a scene")
    loudest = int(dict(script.scene.moves)["26"].argmax())
    pose, framing = script.scene.pose.copy(), script.scene.framing.copy()
    pose[loudest, :3] = np.radians(TURNS[number - 1])
    framing[loudest] = 1, 0, 0
    scene = replace(
        script.scene, pose=pose, framing=framing, hands=(), shrunk=1.0, focus=0 * script.scene.focus
    )
    return frame(replace(script, scene=scene, blinks=()), loudest)


def strip(number: int, label: str, units: str) -> np.ndarray:
    """One person: onset, apex, where the skin went (hue: direction, brightness: how far), and turned."""
    script = script_of_clip(identity(number), label, number, action_units=units, amplitude=AMPLITUDE)
    (event,) = script.events
    u, v = exact_flow(script, event.onset_frame, event.apex_frame)
    length, angle = cv2.cartToPolar(u, v, angleInDegrees=True)
    hue = np.stack([angle / 2, np.full_like(u, 255), 255 * length / length.max()], axis=2).astype(np.uint8)
    pictures = [
        frame(script, event.onset_frame),
        frame(script, event.apex_frame),
        cv2.cvtColor(hue, cv2.COLOR_HSV2RGB),
        turned(number),
    ]
    x, y = (round(place) for place in script.identity.place)
    return np.vstack([picture[y - 130 : y + 190, x - 140 : x + 140] for picture in pictures])


def main() -> None:
    """Write the picture."""
    strips = [strip(number, *movement) for number, movement in enumerate(MOVEMENTS, start=1)]
    Image.fromarray(np.hstack(strips)).save(Path(__file__).parents[1] / "assets" / "drawn.jpg", quality=85)


if __name__ == "__main__":
    main()
