"""Measures how far each apex finder is from the truth, on drawn clips whose apex is known exactly.

A clip is one drawn micro-expression from onset to offset, aligned as a user's video is. Drawn skin moves but
does not crease: finders that use the skin's texture may do better on real faces.

    python studies/apex.py [--clips 60] [--fps 100] [--disturb none|moderate|strong] [--seed 0]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np

from fleeting.apex import ApexFinder, apex_finders
from fleeting.drawing import identity
from fleeting.drawing.rendering import frames
from fleeting.drawing.script import COMBINATIONS, STRENGTH, script_of_clip
from fleeting.faces.clips import clip_of
from fleeting.types import Clip


def drawn_clips(count: int, fps: float, disturb: str, seed: int) -> Iterator[Clip]:
    """``count`` clips of different people, with the classes in turn."""
    labels = tuple(COMBINATIONS)
    for number in range(count):
        label = labels[number % len(labels)]
        script = script_of_clip(identity(number + 1, seed), label, seed, fps, disturb=disturb)
        (event,) = script.events
        within = slice(event.onset_frame, event.offset_frame + 1)
        shown = list(frames(script))[within]
        apex = event.apex_frame - event.onset_frame
        clip, _ = clip_of(shown, np.arange(len(shown)) / fps, 0, apex, len(shown) - 1, crop="face")
        yield clip


def errors(finder: ApexFinder, clips: list[Clip]) -> np.ndarray:
    """The distance, in frames, between the apex that the finder finds and the true one, for each clip."""
    return np.array([abs(finder(clip) - clip.apex) for clip in clips])


def main() -> None:
    """Draw the clips, run each finder on them, print a row for each finder."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--clips", type=int, default=60)
    options.add_argument("--fps", type=float, default=100)
    options.add_argument("--disturb", choices=STRENGTH, default="moderate")
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    clips = list(drawn_clips(chosen.clips, chosen.fps, chosen.disturb, chosen.seed))
    count = sum(len(clip.frames) for clip in clips)
    print(f"{len(clips)} clips, {count} frames at {chosen.fps:g} fps, disturbance {chosen.disturb}")
    print(f"{'':10s}{'error in frames':>24s}{'in milliseconds':>24s}")
    print(f"{'finder':10s}{'median    mean    90 %':>24s}{'median    mean    90 %':>24s}  ms a frame")
    for name in apex_finders:
        if name == "annotated":
            continue
        started = time.perf_counter()
        off = errors(apex_finders[name], clips)
        seconds = time.perf_counter() - started
        figures = np.array([np.median(off), off.mean(), np.percentile(off, 90)])
        columns = "".join(f"{figure:8.1f}" for figure in (*figures, *(figures * 1000 / chosen.fps)))
        print(f"{name:10s}{columns}{1000 * seconds / count:12.2f}")


if __name__ == "__main__":
    main()
