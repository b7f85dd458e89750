"""The frames of one clip, whether they are picture files or a stretch of a video file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from fleeting.datasets import Dataset, Filmed, film_frames, number_of
from fleeting.errors import DatasetError
from fleeting.types import Image, Sample
from fleeting.video.pictures import read_pictures


@dataclass(frozen=True, eq=False)
class Footage:
    """The number and the time (seconds) of each frame of a clip, and the files that hold them.

    ``film`` is whether it is one video file; ``fps`` are its frames per second where its own times do not
    count.
    """

    numbers: npt.NDArray[np.int64]
    times: npt.NDArray[np.float64]
    files: tuple[Path, ...]
    film: bool = False
    fps: float | None = None

    def facts(self) -> list[Any]:
        """What decides the pictures: path, size in bytes and time of change of each file, and the stretch."""
        files = [(str(path), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in self.files]
        return [*files, (int(self.numbers[0]), int(self.numbers[-1]), self.fps)] if self.film else files

    def images(self) -> list[Image]:
        """The pictures. Raises DatasetError where one is missing or damaged."""
        if self.film:
            return film_frames(self.files[0], int(self.numbers[0]), int(self.numbers[-1]))
        return list(read_pictures(self.files))


def footage_of(dataset: Dataset, root: Path, sample: Sample) -> Footage:
    """The frames of a sample from onset to offset. Raises DatasetError where there are none."""
    if hasattr(dataset, "medium") and (one := cast(Filmed, dataset).medium(root, sample)).is_film:
        if sample.onset is None or sample.offset is None or sample.onset > sample.offset:
            raise DatasetError(f"{sample.id} has no onset and offset in this order; correct its row")
        inside = (one.numbers >= sample.onset) & (one.numbers <= sample.offset)
        return Footage(one.numbers[inside], one.times[inside], (one.path,), True, one.fps)
    return of_pictures(sample, dataset.frames(root, sample))


def of_pictures(sample: Sample, paths: Sequence[Path]) -> Footage:
    """Picture files as a clip's frames. Raises DatasetError on a sample without a frame rate."""
    numbers = np.array([number_of(path) for path in paths])
    if sample.fps is None:
        raise DatasetError(f"{sample.id} has no frame rate; its dataset has to declare one")
    return Footage(numbers, (numbers - numbers[0]) / sample.fps, tuple(paths))
