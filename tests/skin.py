"""The motion of a made-up face: regions that move when they are told to, and a camera's noise."""

import numpy as np

from fleeting.faces.skin_motion import REGIONS, Motion

EDGE_AT = np.arccos(-0.9) / np.pi  # where a raised cosine passes 5 %


def bump(times, onset, offset, apex=None):
    """There and back: 0 to 1 at the apex, 5 % at onset and offset."""
    apex = (onset + offset) / 2 if apex is None else apex
    reach = np.where(times < apex, apex - onset, offset - apex) / EDGE_AT
    return 0.5 + 0.5 * np.cos(np.pi * np.minimum(np.abs(times - apex) / reach, 1))


def even(seconds=8.0, fps=100.0, start=0.0):
    return start + np.arange(round(seconds * fps)) / fps


def motions(times, *moves, shut=None, noise=0.03, seed=0, gaps=(), stretches=None):
    """One motion a frame; each move is (name of regions, course (frames,), right, down) in percent.

    A name stands for every region that has it in its own, mirrored on the left; ``gaps`` are frames without
    a face.
    """
    rng = np.random.default_rng(seed)
    places = noise * rng.standard_normal((len(times), len(REGIONS), 2))
    for name, course, right, down in moves:
        for i in [i for i, region in enumerate(REGIONS) if name in region]:
            mirrored = -1 if REGIONS[i].startswith("left") else 1
            places[:, i] += course[:, None] * [mirrored * right, down]
    eyes = np.zeros(len(times)) if shut is None else shut
    stretches = np.zeros(len(times), int) if stretches is None else stretches
    return [
        Motion(
            frame,
            float(time),
            None if frame in gaps else places[frame].astype(np.float32),
            int(stretches[frame]),
            float("nan") if frame in gaps else 0.0,
            float("nan") if frame in gaps else float(eyes[frame]),
        )
        for frame, time in enumerate(times)
    ]


def all_of(spotter, pushed):
    """Everything a spotter finds."""
    return [found for motion in pushed for found in spotter.push(motion)] + spotter.finish()
