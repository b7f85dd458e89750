"""A spotter turns a face's motion, pushed in frame by frame, into intervals: what moved, from when to when.

Register a callable that makes a fresh spotter, such as its class, under the spotter's name. A spotter is
pushed every frame in order, frames without a usable face too. It gives each movement back once, no later than
``latency`` seconds after its offset; `finish` gives the rest. The movements depend on the motion alone, not
on how the pushes are timed; memory does not grow with the video. A spotter imports no torch and draws no
random numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fleeting.errors import OptionError
from fleeting.faces.skin_motion import Motion
from fleeting.registry import Registry
from fleeting.types import Kind

DEFAULT = "rising"
LONGEST_MICRO = 0.5
"""Longest duration of a micro-movement, in seconds."""


@dataclass(frozen=True, slots=True)
class Spotted:
    """One movement of a face.

    ``onset``, ``apex`` and ``offset`` are frame numbers, the first and the last frame in which the movement
    is seen; ``onset_s``, ``apex_s`` and ``offset_s`` are their presentation times in seconds. ``strength`` is
    how many times larger the movement is than the video's own noise; ``regions`` are the names of the regions
    that moved (of `fleeting.faces.skin_motion.REGIONS`), the surest first. ``likelihood``, 0 to 1, is how
    probable it is that this is a brief movement of facial muscles of its own: not speech, a blink, gaze, the
    head or the camera, nor part of a longer expression. It is None for macro-movements, and where the spotter
    does not judge. Raises OptionError where onset, apex and offset are not in this order.
    """

    kind: Kind
    onset: int
    apex: int
    offset: int
    onset_s: float
    apex_s: float
    offset_s: float
    strength: float
    regions: tuple[str, ...]
    likelihood: float | None = None

    def __post_init__(self) -> None:
        if not self.onset <= self.apex <= self.offset:
            found = f"onset {self.onset}, apex {self.apex}, offset {self.offset}"
            raise OptionError(f"a movement has {found}, expected them in this order; swap them")


class Spotter(Protocol):
    """Takes the motion of one face over time and gives its movements back."""

    latency: float
    """Seconds after a movement's offset by which it is given back."""

    def push(self, motion: Motion) -> list[Spotted]:
        """The movements that are certain once this frame is seen, by onset."""
        ...

    def finish(self) -> list[Spotted]:
        """The movements that were still undecided when the frames ended."""
        ...

    def point(self, alarms_per_minute: float) -> float:
        """The likelihood from which on about so many false alarms a minute come on ordinary footage."""
        ...


spotters: Registry[Callable[[], Spotter]] = Registry("spotter", "fleeting.spotting")
