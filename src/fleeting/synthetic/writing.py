"""Writes takes to disk: videos, the pictures of a dataset, exact flow."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np

from fleeting.datasets import Drawable, DrawableVideos, Drawing, datasets
from fleeting.drawing.rendering import exact_flow, frame, write_video
from fleeting.executors import executors
from fleeting.faces.alignment import crop_size
from fleeting.optional import cv2
from fleeting.synthetic.takes import Take
from fleeting.types import FloatArray, Image, Progress

PARTIAL = ".partial"
"""The folder to which a long video's pictures are written until all are there."""


class _Frames(Sequence[Image]):
    """A take's frames, each drawn when it is accessed; accessing the last one calls ``done``."""

    def __init__(self, take: Take, done: Callable[[], None] = lambda: None) -> None:
        self._take, self._done = take, done

    def __len__(self) -> int:
        return self._take.last - self._take.first + 1

    def __getitem__(self, index: int) -> Image:  # type: ignore[override]
        if not 0 <= index < len(self):
            raise IndexError(index)
        take = self._take
        if index == len(self) - 1:
            self._done()
        image = frame(take.script, take.first + index)
        if take.crop is not None:
            image = cv2().warpAffine(image, take.to_crop, crop_size(take.crop), flags=cv2().INTER_AREA)
        return cv2().cvtColor(image, cv2().COLOR_RGB2GRAY) if take.gray else image


def flow_file(take: Take) -> Path:
    """The path of a take's exact flow, relative to the folder of drawn data."""
    return Path("flow") / f"{take.file.removesuffix('.mp4').replace('/', '_')}.npz"


def write_flows(folder: Path, takes: Sequence[Take]) -> None:
    """Write the exact flow from onset to apex of each take's first event, in pixels of its frames."""
    for take in takes:
        for event in take.script.events[:1]:
            u, v = exact_flow(take.script, event.onset_frame, event.apex_frame)
            if take.crop is not None:
                u, v = _cropped(take, u, v)
            (folder / "flow").mkdir(exist_ok=True)
            np.savez_compressed(folder / flow_file(take), u=u, v=v)


def _cropped(take: Take, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The flow of the whole picture resampled to the take's crop, in pixels of the crop."""
    size = crop_size(take.crop or 0)
    u, v = (cv2().warpAffine(channel, take.to_crop, size) for channel in (u, v))
    (a, b), (c, d) = take.to_crop[:, :2]
    return a * u + b * v, c * u + d * v


def write_long(
    folder: Path,
    takes: Sequence[Take],
    write: Callable[[Path, Take], None],
    workers: int | None,
    progress: Progress,
) -> None:
    """Write the takes whose files are missing, ``workers`` at once in processes; ``write`` writes one."""
    missing = [take for take in takes if not (folder / take.file).exists()]
    done = len(takes) - len(missing)
    progress("drawing videos", done, len(takes))
    count = min(workers or os.cpu_count() or 1, len(missing))
    executor = executors["processes" if count > 1 else "serial"]
    for number, _ in enumerate(executor(write, folder, missing, count), start=done + 1):
        progress("drawing videos", number, len(takes))


def write_one_video(folder: Path, take: Take) -> None:
    """Write a take that is a video."""
    write_video(take.script, folder / take.file)


def write_recording(folder: Path, take: Take) -> None:
    """Write the pictures of a long video to PARTIAL, and move them to their place when all are there."""
    if take.sample is not None:
        adapter = cast(DrawableVideos, datasets[take.sample.dataset])
        adapter.write_frames(folder / PARTIAL, Drawing(take.sample, _Frames(take), take.number))
        (folder / take.file).parent.mkdir(parents=True, exist_ok=True)
        (folder / PARTIAL / take.file).replace(folder / take.file)


def write_clips(folder: Path, takes: Sequence[Take], progress: Progress) -> None:
    """Write takes that are clips, each dataset's into its own folder with its sheet."""
    homes: dict[str, list[Drawing]] = {}
    for number, take in enumerate(takes, start=1):
        frames = _Frames(take, partial(progress, "drawing clips", number, len(takes)))
        if take.sample is not None:
            homes.setdefault(take.home, []).append(Drawing(take.sample, frames, take.number))
    for home, rows in homes.items():
        writer = cast(Drawable, datasets[rows[0].sample.dataset])
        writer.write(folder / home, rows)
