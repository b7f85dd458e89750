"""Draws docs/assets/mesti.jpg: MESTI's weights, its pictures of drawn movements, and their gradients."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fleeting.drawing import identity
from fleeting.drawing.rendering import frames
from fleeting.drawing.script import script_of_clip
from fleeting.faces.clips import clip_of
from fleeting.modalities import modalities
from fleeting.modalities.rank_pooling import linear_ranks, nearness_ranks
from fleeting.models.meganet import GradientAttention
from fleeting.types import Clip, FloatArray

MOVEMENTS = {"negative": "4+9", "positive": "6+12", "surprise": "1+2"}
AMPLITUDE = 1.5
"""Percent of the eye distance: the largest that is drawn by default."""


def drawn(label: str, units: str) -> Clip:
    """A drawn movement of a class, from onset to offset."""
    script = script_of_clip(identity(2, 0), label, 5, action_units=units, amplitude=AMPLITUDE)
    (event,) = script.events
    images = list(islice(frames(script), event.onset_frame, event.offset_frame + 1))
    times = np.arange(len(images)) / script.fps
    clip, _ = clip_of(images, times, 0, event.apex_frame - event.onset_frame, len(images) - 1)
    return clip


def gradients(picture: FloatArray) -> FloatArray:
    """What MEGANet's gradient attention looks at, |Gx| + |Gy|: the mean over channels (height, width)."""
    attention, seen = GradientAttention(len(picture)), []
    attention.conv.register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
    attention(torch.from_numpy(picture)[None])
    found: FloatArray = seen[0][0].mean(dim=0).numpy()
    return found


def weights(axes: Axes, clip: Clip) -> None:
    """What each frame weighs by equation 4, by equation 3 and in the dynamic image, the largest 1."""
    count, ahead = clip.offset - clip.onset + 1, clip.apex - clip.onset + 1
    forms = {
        "MESTI, equation 4": np.concatenate([linear_ranks(ahead), -linear_ranks(count - ahead)]),
        "MESTI, all pairs (3)": nearness_ranks(ahead, count - ahead),
        "dynamic image": linear_ranks(count),
    }
    for name, form in forms.items():
        axes.plot(np.arange(1, count + 1), form / np.abs(form).max(), label=name)
    axes.axvline(ahead, color="#6b7280", linestyle=":")
    axes.axhline(0, color="#6b7280", linewidth=0.8)
    axes.set(xlabel="frame (dotted: the apex)", ylabel="weight / largest")
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))


def main() -> None:
    """Write the picture."""
    figure = Figure(figsize=(9, 9.3), dpi=90, layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 4.2))
    panels = below.subplots(len(MOVEMENTS), 5)
    for row, (label, units) in zip(panels, MOVEMENTS.items(), strict=True):
        clip = drawn(label, units)
        if label == "negative":
            weights(above.subplots(), clip)
        shown = {
            "apex": modalities["apex"](clip),
            "dynamic image": modalities["dynamic-image"](clip),
            "MESTI, equation 4": modalities["mesti"](clip),
            "MESTI, all pairs": modalities["mesti"](clip, pairs="all"),
        }
        for axes, (name, picture) in zip(row, shown.items(), strict=False):
            axes.imshow(picture.transpose(1, 2, 0).astype(np.uint8))
            axes.set_title(f"{label} ({units})" if name == "apex" else name, fontsize=9)
        mesti = shown["MESTI, equation 4"]
        row[-1].imshow(mesti.mean(axis=0), cmap="gray")
        row[-1].imshow(gradients(mesti), cmap="inferno", alpha=0.6)
        row[-1].set_title("its gradients", fontsize=9)
    for axes in panels.flat:
        axes.set_axis_off()
    figure.savefig(Path(__file__).parents[1] / "assets" / "mesti.jpg", pil_kwargs={"quality": 80})


if __name__ == "__main__":
    main()
