"""A modality is one way of looking at a clip: ``Clip -> array`` (channels, height, width), float32.

Register the function under its name and declare with `means` what its channels mean, so that augmentations
treat motion as motion. A modality never imports torch, draws no random numbers, and never changes its clip.
A dataset may supply a modality's arrays ready-made instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fleeting.registry import Registry
from fleeting.types import ArrayKind, Clip, FloatArray

Modality = Callable[[Clip], FloatArray]

modalities: Registry[Modality] = Registry("modality", "fleeting.modalities")


def means(*channels: str, rest: float = 0.0, tiles: int = 1) -> Callable[[Modality], Modality]:
    """Decorator that declares what the channels of a modality mean.

    Names are repeated until every channel has one. ``rest`` is the value that means "no displacement",
    ``tiles`` how many pictures lie along one side (see `fleeting.types.ArrayKind`).
    """

    def note(function: Modality) -> Modality:
        function.kind = ArrayKind(channels, rest, tiles)  # type: ignore[attr-defined]
        return function

    return note


def kind_of(name: str, channels: int) -> ArrayKind:
    """The meaning of each channel of that modality's array; without `means` they are plain pictures."""
    declared: ArrayKind = getattr(modalities[name], "kind", ArrayKind(("picture",)))
    return replace(declared, channels=declared.channels * (channels // len(declared.channels)))
