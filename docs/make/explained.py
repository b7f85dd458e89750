"""Draws docs/assets/explained.jpg: a drawn smile, what the shipped recogniser counted, inputs of the clip."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

import fleeting
from fleeting.drawing import identity
from fleeting.drawing.rendering import write_video
from fleeting.drawing.script import script_of_clip
from fleeting.explanations.clip_figures import explanation_figure, png

SHOWN = ("apex", "difference", "flow", "strain", "dynamic-image", "mesti")


def main() -> None:
    """Write the picture."""
    smile = script_of_clip(identity(2, 0), "positive", 5, 60, margin=2.5, amplitude=1.5, action_units="6+12")
    with TemporaryDirectory() as folder:
        video = Path(folder) / "smile.mp4"
        write_video(smile, video)
        found = fleeting.explain(video, event=1)
    figures = [
        explanation_figure(found.title, found.notes, found.under, found.over, found.looks),
        fleeting.inputs_figure(found.clip, SHOWN),
    ]
    pictures = [Image.open(BytesIO(png(figure, dpi=90))).convert("RGB") for figure in figures]
    sheet = Image.new("RGB", (max(p.width for p in pictures), sum(p.height for p in pictures)), "white")
    below = 0
    for picture in pictures:
        sheet.paste(picture, (0, below))
        below += picture.height
    sheet.save(Path(__file__).parents[1] / "assets" / "explained.jpg", quality=80)


if __name__ == "__main__":
    main()
