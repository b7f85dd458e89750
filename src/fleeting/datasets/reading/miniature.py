"""Drawn clips to be written in a dataset's layout, and the simple ones that make up its miniature."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
from PIL import Image as Pillow

from fleeting.types import Image, Sample

HEIGHT, WIDTH, LENGTH = 32, 24, 13
"""Height and width of a miniature's pictures in pixels, and its number of frames from onset to offset."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """A clip to be written: its sample for the sheet, and its frames.

    Frames are gray (height, width) or RGB (height, width, 3). ``first`` is the number of the first frame, by
    default the onset; frames may extend beyond onset and offset.
    """

    sample: Sample
    frames: Sequence[Image]
    first: int | None = None

    def numbered(self) -> Iterator[tuple[int, Image]]:
        """Each frame with the number in its file name."""
        start = self.first if self.first is not None else self.sample.onset or 0
        yield from enumerate(self.frames, start=start)


def movement(direction: float, length: int, rng: np.random.Generator, *, gray: bool) -> list[Image]:
    """Frames of a bright spot that moves along ``direction`` (radians) until the middle frame and back."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    ground = 90 + 40 * np.sin(rows / 5 + rng.uniform(0, 2)) * np.cos(columns / 4 + rng.uniform(0, 2))
    top, left = HEIGHT / 2 + rng.uniform(-2, 2), WIDTH / 2 + rng.uniform(-2, 2)
    frames = []
    for time in range(length):
        far = 4 * math.sin(math.pi * time / (length - 1))
        away = (rows - top - far * math.sin(direction)) ** 2 + (
            columns - left - far * math.cos(direction)
        ) ** 2
        picture = ground + 110 * np.exp(-away / 18) + rng.normal(0, 1, ground.shape)
        levels = np.clip(picture, 0, 255).astype(np.uint8)
        frames.append(levels if gray else np.stack([levels, levels // 2 + 40, levels // 3 + 20], axis=2))
    return frames


def drawings(
    subjects: Sequence[int],
    labels: Sequence[str],
    sample: Callable[[int, int, str], Sample],
    *,
    seed: int,
    gray: bool,
    margin: int = 1,
) -> list[Drawing]:
    """One clip of each label for each subject; the label decides the direction of the spot's movement.

    ``sample`` makes a sample from the person, the number of the person's clip, and the label. ``margin`` is
    the number of still frames before the onset and after the offset.
    """
    made = []
    for place, person in enumerate(subjects):
        for number, label in enumerate(labels):
            facts = sample(person, number, label)
            onset = facts.onset or 0
            before = min(margin, max(onset - 1, 0))
            rng = np.random.default_rng([seed, place, number])
            direction = 2 * math.pi * number / len(labels)
            moving = movement(direction, LENGTH, rng, gray=gray)
            frames = [moving[0]] * before + moving + [moving[-1]] * margin
            made.append(Drawing(facts, frames, onset - before))
    return made


def save_picture(path: Path, picture: Image) -> None:
    """Write one frame, creating its folders; the ending of the file name decides the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {"quality": 95} if path.suffix == ".jpg" else {}
    Pillow.fromarray(picture).save(path, **options)


def save_workbook(path: Path, pages: Mapping[str, Sequence[Sequence[object]]]) -> None:
    """Write pages of rows of cells as an Excel workbook; "" becomes an empty cell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in pages.items():
        page = book.create_sheet(title)
        for row in rows:
            page.append([None if cell == "" else cell for cell in row])
    book.save(path)
