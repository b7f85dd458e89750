"""Checks the path from frames to a class: the shipped recogniser is asked about drawn clips.

The recogniser was trained on motion maps of real faces and on nothing drawn. The clips are drawn
micro-expressions from onset to offset, aligned as a user's video is; each is asked about twice, as it is and
mirrored. Drawn skin moves without creasing, by fields that were made up, and all faces are warped from two
photographs. So this checks geometry, signs and scale; it is not a score of the recogniser.

    python studies/recogniser.py [--clips 20] [--disturb none|moderate|strong] [--apex NAME] [--seed 0]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.stats import binomtest

from fleeting.apex import apex_finders
from fleeting.drawing import TWO_PEOPLE, identity
from fleeting.drawing.rendering import frame
from fleeting.drawing.script import COMBINATIONS, STRENGTH, script_of_clip
from fleeting.faces.clips import clip_of
from fleeting.recognition.recogniser import Recogniser
from fleeting.types import Clip


def drawn_clips(
    count: int, disturb: str, seed: int, amplitude: float | None = None
) -> Iterator[tuple[str, str, Clip]]:
    """``count`` clips of each class with their label and action units.

    A class's combinations of action units come in turn; each clip shows another person.
    """
    number = 0
    for label, combinations in COMBINATIONS.items():
        for turn in range(count):
            number += 1
            units = combinations[turn % len(combinations)]
            script = script_of_clip(
                identity(number, seed), label, seed, action_units=units, amplitude=amplitude, disturb=disturb
            )
            (event,) = script.events
            shown = range(event.onset_frame, event.offset_frame + 1)
            images = [frame(script, i) for i in shown]
            times = np.arange(len(images)) / script.fps
            apex, last = event.apex_frame - event.onset_frame, len(images) - 1
            yield label, units, clip_of(images, times, 0, apex, last, crop="face")[0]


def mirrored(clip: Clip) -> Clip:
    """The clip mirrored: left and right are exchanged."""
    return replace(clip, frames=np.ascontiguousarray(clip.frames[:, :, ::-1]))


def main() -> None:
    """Draw the clips, have them recognised, print the table."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--clips", type=int, default=20, help="of each class")
    options.add_argument("--disturb", choices=STRENGTH, default="moderate")
    options.add_argument("--apex", choices=apex_finders, default="annotated", help="annotated: the true one")
    options.add_argument("--amplitude", type=float, default=None, help="percent of the eye distance")
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    recogniser, rows = Recogniser.load(), []
    for label, units, clip in drawn_clips(chosen.clips, chosen.disturb, chosen.seed, chosen.amplitude):
        seen = replace(clip, apex=apex_finders[chosen.apex](clip))
        said, other = recogniser.recognise(seen), recogniser.recognise(mirrored(seen))
        rows.append((label, units, said.label == label, not said.unsure, said.label == other.label))
    print(
        f"{recogniser.name}, {len(rows)} clips, disturbance {chosen.disturb}, apex {chosen.apex}.",
        TWO_PEOPLE,
    )
    print(
        f"{'class':10}{'units':8}{'clips':>6}{'right':>8}{'sure':>8}{'sure, right':>13}{'mirrored same':>15}"
    )
    groups = [(label, units) for label, found in COMBINATIONS.items() for units in (*found, "all")]
    for label, units in [*groups, ("all", "all")]:
        kept = [r for r in rows if label in (r[0], "all") and units in (r[1], "all")]
        if kept:
            print(f"{label:10}{units:8}{_line(np.array([r[2:] for r in kept], dtype=bool))}")
    right = sum(row[2] for row in rows)
    chance = binomtest(right, len(rows), 1 / len(COMBINATIONS), alternative="greater").pvalue
    print(f"by guessing, as many or more are right with probability {chance:.1g}")


def _line(found: np.ndarray) -> str:
    right, sure, same = found.T
    of_sure = f"{right[sure].mean():13.2f}" if sure.any() else f"{'–':>13}"
    return f"{len(found):6}{right.mean():8.2f}{sure.mean():8.2f}{of_sure}{same.mean():15.2f}"


if __name__ == "__main__":
    main()
