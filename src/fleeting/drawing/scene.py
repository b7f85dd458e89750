"""A scene: what a head in three dimensions and the camera before it do, frame by frame, in style ``head``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fleeting.types import FloatArray


@dataclass(frozen=True, slots=True)
class Hand:
    """A hand that comes up before the face, stays, and goes: from ``start`` for ``seconds``.

    ``across`` is where its middle lies beside the mouth, in eye distances; ``tilt`` is its angle in radians.
    """

    start: float
    seconds: float
    across: float
    tilt: float

    def raised(self, time: float) -> float:
        """How far it is up at ``time`` in seconds, 0 to 1; it comes and goes in a quarter of a second."""
        since = time - self.start
        share = min(since, self.seconds - since) / min(0.25, self.seconds / 2)
        share = min(max(share, 0.0), 1.0)
        return share * share * (3 - 2 * share)


@dataclass(frozen=True, eq=False)
class Scene:
    """What style ``head`` adds to a script; everything is relative to the photograph at rest.

    ``pose`` is (frames, 6): yaw (to the right in the picture), pitch (down) and roll (clockwise) in radians,
    how many times nearer the head is, and its shift right and down in pixels. ``framing`` is (frames, 3):
    how much larger the camera shows everything, and its shift right and down in pixels. ``moves`` are paths
    (frames,) of the skin and the eyes that are not among the script's events, in pixels at the peak, by the
    action units or the name of the gaze that they pull. ``focus`` (frames,) is the blur's standard deviation
    in pixels; ``shading`` (3,) is the direction from which light comes (right, down, away) times its share.
    Pictures are ``shrunk`` to that share of 640x480; videos are compressed by ``crf``. ``disturbances`` says
    all this in the words of truth.json.
    """

    pose: FloatArray
    framing: FloatArray
    moves: tuple[tuple[str, FloatArray], ...]
    focus: FloatArray
    hands: tuple[Hand, ...]
    shading: FloatArray
    shrunk: float
    crf: int | None
    disturbances: tuple[dict[str, Any], ...]
