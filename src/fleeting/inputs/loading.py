"""Loading a model's inputs: samples in, arrays out, either ready-made by the dataset or made from frames.

Frames become a clip of the face, a modality turns the clip into an array, and the array is resized.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from fleeting import apex, faces, inputs
from fleeting import modalities as modality_shelf
from fleeting.apex import apex_finders
from fleeting.datasets import Dataset, as_problem, number_of
from fleeting.errors import DatasetError, FaceError, OptionError, Problem
from fleeting.faces.clips import clip_of
from fleeting.inputs.cache import Cache, code_of
from fleeting.inputs.view import PROBE, Input, View, resized, toned
from fleeting.modalities import kind_of, modalities
from fleeting.types import ArrayKind, Clip, FloatArray, Image, Progress, Sample, silent
from fleeting.video import pictures
from fleeting.video.pictures import read_pictures

CROPPING: tuple[ModuleType, ...] = (faces, pictures, inputs)
"""Packages and modules of which any change makes cached crops stale."""
MAKING: tuple[ModuleType, ...] = (*CROPPING, apex, modality_shelf)
"""Packages and modules of which any change makes cached arrays stale; a plug-in's own module is added."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Samples with their arrays, in the same order, and the problems of those that could not be opened.

    ``arrays`` holds one array (n, channels, height, width) for each input; ``apexes`` counts the samples by
    the rule that found their apex, ``crops`` by how their frames were cropped (see
    `fleeting.faces.clips.clip_of`).
    """

    samples: tuple[Sample, ...]
    arrays: tuple[FloatArray, ...]
    kinds: tuple[ArrayKind, ...]
    problems: tuple[Problem, ...]
    apexes: Mapping[str, int]
    crops: Mapping[str, int]


@dataclass(frozen=True)
class Opened:
    """A sample's clip, the rule that gave its apex, and how its frames were cropped."""

    clip: Clip
    apex: str
    crop: str


def load(
    dataset: Dataset, root: Path, samples: Sequence[Sample], view: View, progress: Progress = silent
) -> Inputs:
    """Open every sample that can be opened, and return a Problem for each that cannot.

    Arrays made from frames are cached on disk. Raises UnknownNameError on an unknown modality, DatasetError
    where the dataset cannot supply the modality, OptionError on an option that the modality does not take,
    and CacheError where the cache cannot be written.
    """
    for item in view.inputs:
        refuse_unsupplied(dataset, item.modality)
        if item.modality not in dataset.ready:
            modalities[item.modality](PROBE, **item.options)  # report a wrong option once, not for every clip
    opened: list[Sample] = []
    rows: list[list[FloatArray]] = []
    problems: list[Problem] = []
    apexes: Counter[str] = Counter()
    crops: Counter[str] = Counter()
    opener = _Opener(dataset, root, view)
    for number, sample in enumerate(samples, start=1):
        try:
            arrays, apex, crop = opener.arrays(sample)
        except (DatasetError, FaceError, OptionError) as error:
            problems.append(as_problem(sample.id, error))
        else:
            opened.append(sample)
            rows.append(arrays)
            apexes[apex] += 1
            crops[crop] += 1
        progress("opening clips", number, len(samples))
    stacked = tuple(np.stack(column) for column in zip(*rows, strict=True))
    kinds = tuple(kind_of(i.modality, a.shape[1]) for i, a in zip(view.inputs, stacked, strict=bool(rows)))
    return Inputs(tuple(opened), stacked, kinds, tuple(problems), apexes, crops)


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
    """Each frame of each clip as a sample ``clip#frame``, for papers that classify single frames.

    Clips whose frames cannot be listed are returned as problems. Raises DatasetError on a dataset without
    frames.
    """
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


def open_clip(dataset: Dataset, root: Path, sample: Sample, view: View) -> Opened:
    """The sample's frames as a Clip of the face, with the apex found by the view's rule.

    Raises DatasetError where frames are missing or damaged or the annotated apex is not among them, and
    FaceError where no face is found.
    """
    return _opened(sample, dataset.frames(root, sample), view, _cache_of_faces())


def _opened(sample: Sample, paths: Sequence[Path], view: View, kept: Cache) -> Opened:
    numbers = np.array([number_of(path) for path in paths])
    if sample.fps is None:
        raise DatasetError(f"{sample.id} has no frame rate; its dataset has to declare one")
    apex, rule = len(paths) // 2, view.apex
    if rule == "annotated" and sample.apex is None:
        rule = "middle"
    elif rule == "annotated" and sample.apex is not None:
        apex = int(np.searchsorted(numbers, sample.apex))
        if apex >= len(numbers) or numbers[apex] != sample.apex:
            raise DatasetError(
                f"{sample.id}: apex frame {sample.apex} is not among frames {numbers[0]} to {numbers[-1]};"
                " correct the sheet, or choose data.apex=middle"
            )
    times = (numbers - numbers[0]) / sample.fps
    last = len(paths) - 1
    frames, crop = _faces(paths, view, kept)
    clip = Clip(frames, times, 0, apex, last)
    clip = replace(clip, apex=apex_finders[rule](clip))
    return Opened(replace(clip, frames=toned(clip.frames, view)), rule, crop)


def _faces(paths: Sequence[Path], view: View, kept: Cache) -> tuple[Image, str]:
    """The pictures cropped as the view asks, and how; cached, because finding faces is the slowest step."""
    key = kept.key(files=_files(paths), crop=view.crop, height=view.height, code=code_of(*CROPPING))
    found = kept.get(key)
    if found is None:
        images, times = [*read_pictures(paths)], range(len(paths))
        clip, crop = clip_of(images, times, 0, 0, 0, crop=view.crop, height=view.height)
        found = {"frames": clip.frames, "crop": np.array(crop)}
        if view.crop != "as-is":  # as-is searches no face, so caching large whole pictures would not pay
            kept.put(key, found)
    return found["frames"], str(found["crop"])


def _files(paths: Sequence[Path]) -> list[tuple[str, int, int]]:
    """Path, size in bytes and modification time of each file, so that a changed file gets another key."""
    return [(str(path), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in paths]


def _cache_of_faces() -> Cache:
    """The cache of face crops; it has its own folder and limit because large clips would evict the arrays."""
    return Cache(part="faces")


class _Opener:
    """Opens samples of one dataset and caches the arrays made from their frames."""

    def __init__(self, dataset: Dataset, root: Path, view: View) -> None:
        self._dataset, self._root, self._view = dataset, root, view
        self._kept, self._kept_faces = Cache(), _cache_of_faces()
        made = [item for item in view.inputs if item.modality not in dataset.ready]
        functions = [apex_finders[view.apex], *(modalities[item.modality] for item in made)]
        self._code = code_of(*MAKING, *(sys.modules[f.__module__] for f in functions))

    def arrays(self, sample: Sample) -> tuple[list[FloatArray], str, str]:
        """The sample's arrays, the rule that found its apex, and how its frames were cropped."""
        opened: Opened | None = None
        paths: list[Path] = []
        apex = crop = "none"
        arrays = []
        for item in self._view.inputs:
            if item.modality in self._dataset.ready:
                array = self._dataset.ready_array(self._root, sample, item.modality)
            else:
                paths = paths or self._dataset.frames(self._root, sample)
                key = self._kept.key(**self._facts(sample, item, paths))
                found = self._kept.get(key)
                if found is None:
                    opened = opened or _opened(sample, paths, self._view, self._kept_faces)
                    array = modalities[item.modality](opened.clip, **item.options)
                    found = {"array": array, "how": np.array([opened.apex, opened.crop])}
                    self._kept.put(key, found)
                array, (apex, crop) = found["array"], map(str, found["how"])
            if not np.isfinite(array).all():
                what = f"{sample.id}: {item.modality} is not finite"
                raise DatasetError(f"{what}; look at the clip, or leave it out")
            arrays.append(resized(array, item.size))
        return arrays, apex, crop

    def _facts(self, sample: Sample, item: Input, paths: Sequence[Path]) -> dict[str, Any]:
        """All facts that decide the values of an array made from frames: they make up its cache key."""
        view = self._view
        return {
            "sample": (sample.id, sample.onset, sample.apex, sample.offset, sample.fps),
            "files": _files(paths),
            "modality": (item.modality, dict(item.options)),
            "view": (view.apex, view.color, view.crop, view.height, view.equalise),
            "code": self._code,
        }
