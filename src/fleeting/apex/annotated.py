"""Apex finders that do not look at the frames: the annotated apex, and the middle frame."""

from __future__ import annotations

from fleeting.apex import apex_finders
from fleeting.types import Clip


@apex_finders.register("annotated")
def annotated(clip: Clip) -> int:
    """The apex that the clip came with."""
    return clip.apex


@apex_finders.register("middle")
def middle(clip: Clip) -> int:
    """The frame half way from onset to offset, the later one of two."""
    return (clip.onset + clip.offset + 1) // 2
