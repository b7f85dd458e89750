"""From samples to arrays: ready-made by the dataset, or frames, a clip, a modality, brought to size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from fleeting.datasets import Dataset
from fleeting.datasets._checks import as_problem
from fleeting.datasets._disk import number_of
from fleeting.errors import DatasetError, OptionError, Problem
from fleeting.modalities import kind_of, modalities
from fleeting.motion import shrink
from fleeting.pictures import read_pictures
from fleeting.types import ArrayKind, Clip, FloatArray, Sample

Progress = Callable[[int, int], None]
ApexRule = Literal["annotated", "middle"]


@dataclass(frozen=True)
class View:
    """How clips are looked at: modalities, each with the side to which its picture is brought."""

    modalities: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    apex: ApexRule = "annotated"
    color: Literal["rgb", "gray"] = "rgb"


@dataclass(frozen=True, eq=False)
class Inputs:
    """Samples with their arrays, in the same order, and what could not be opened.

    ``arrays`` holds one (n, channels, height, width) for each modality; ``apexes`` counts the samples by the
    rule that found their apex.
    """

    samples: tuple[Sample, ...]
    arrays: tuple[FloatArray, ...]
    kinds: tuple[ArrayKind, ...]
    problems: tuple[Problem, ...]
    apexes: Mapping[str, int]


def load(
    dataset: Dataset, root: Path, samples: Sequence[Sample], view: View, progress: Progress | None = None
) -> Inputs:
    """Every sample that can be opened, and a Problem for each that cannot.

    Raises UnknownNameError on an unknown modality and DatasetError where the dataset cannot supply it.
    """
    for name in view.modalities:
        refuse_unsupplied(dataset, name)
    opened: list[Sample] = []
    rows: list[list[FloatArray]] = []
    problems: list[Problem] = []
    apexes: Counter[str] = Counter()
    for number, sample in enumerate(samples, start=1):
        try:
            arrays, rule = _arrays(dataset, root, sample, view)
        except (DatasetError, OptionError) as error:
            problems.append(as_problem(sample.id, error))
        else:
            opened.append(sample)
            rows.append(arrays)
            apexes[rule] += 1
        if progress is not None:
            progress(number, len(samples))
    stacked = tuple(np.stack(column) for column in zip(*rows, strict=True))
    kinds = tuple(kind_of(n, a.shape[1]) for n, a in zip(view.modalities, stacked, strict=bool(rows)))
    return Inputs(tuple(opened), stacked, kinds, tuple(problems), apexes)


def refuse_unsupplied(dataset: Dataset, modality: str) -> None:
    """Refuse a modality that this dataset cannot supply. Raises UnknownNameError or DatasetError."""
    _ = modalities[modality]
    if modality not in dataset.ready and not dataset.has_frames:
        ready = ", ".join(dataset.ready)
        raise DatasetError(
            f"{dataset.name} has no frames and supplies {ready} ready-made; found {modality}: choose {ready},"
            " or a dataset with frames"
        )


def frames_of(dataset: Dataset, root: Path, samples: Sequence[Sample]) -> tuple[list[Sample], list[Problem]]:
    """Each frame of each clip as a sample ``clip#frame``, for the papers that classify single frames."""
    if not dataset.has_frames:
        raise DatasetError(f"{dataset.name} has no frames; found data.unit=frame, use data.unit=clip")
    frames: list[Sample] = []
    problems: list[Problem] = []
    for sample in samples:
        try:
            numbers = [number_of(path) for path in dataset.frames(root, sample)]
        except DatasetError as error:
            problems.append(as_problem(sample.id, error))
            continue
        frames += [replace(sample, id=f"{sample.id}#{n}", onset=n, apex=n, offset=n) for n in numbers]
    return frames, problems


def _arrays(dataset: Dataset, root: Path, sample: Sample, view: View) -> tuple[list[FloatArray], str]:
    clip, rule = None, "none"
    arrays = []
    for name, size in zip(view.modalities, view.sizes, strict=True):
        if name in dataset.ready:
            array = dataset.ready_array(root, sample, name)
        else:
            if clip is None:
                clip, rule = open_clip(dataset, root, sample, view)
            array = modalities[name](clip)
        if not np.isfinite(array).all():
            raise DatasetError(f"{sample.id}: {name} is not finite; look at the clip, or leave it out")
        arrays.append(resized(array, size))
    return arrays, rule


def open_clip(dataset: Dataset, root: Path, sample: Sample, view: View) -> tuple[Clip, str]:
    """The sample's frames as a Clip, and the rule that gave its apex. Raises DatasetError."""
    paths = dataset.frames(root, sample)
    numbers = np.array([number_of(path) for path in paths])
    frames = read_pictures(paths)
    if view.color == "gray":
        frames = np.rint(frames.mean(axis=3, keepdims=True)).astype(np.uint8)
    if sample.fps is None:
        raise DatasetError(f"{sample.id} has no frame rate; its dataset has to declare one")
    apex, rule = len(paths) // 2, "middle"
    if view.apex == "annotated" and sample.apex is not None:
        apex, rule = int(np.searchsorted(numbers, sample.apex)), "annotated"
        if apex >= len(numbers) or numbers[apex] != sample.apex:
            raise DatasetError(
                f"{sample.id}: apex frame {sample.apex} is not among frames {numbers[0]} to {numbers[-1]};"
                " correct the sheet, or choose data.apex=middle"
            )
    times = (numbers - numbers[0]) / sample.fps
    return Clip(frames, times, 0, apex, len(paths) - 1), rule


def resized(array: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Bring (channels, height, width) to ``size``: by area where it shrinks, bilinear where it grows."""
    if array.shape[1:] == size:
        return array.astype(np.float32)
    if array.shape[1] >= size[0] and array.shape[2] >= size[1]:
        return np.stack([shrink(channel, size) for channel in array.astype(np.float32)])
    pictures = [Image.fromarray(channel.astype(np.float32)) for channel in array]
    return np.stack([np.asarray(p.resize(size[::-1], Image.Resampling.BILINEAR)) for p in pictures])
