"""Loading a model's inputs: samples in, arrays out, either ready-made by the dataset or made from frames.

Frames become a clip of the face, a modality turns the clip into an array, and the array is resized.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from fleeting import apex, faces, inputs
from fleeting import modalities as modality_shelf
from fleeting.apex import ANNOTATED, apex_finders, apex_rule
from fleeting.datasets import Dataset, as_problem
from fleeting.errors import DatasetError, FaceError, OptionError, Problem
from fleeting.faces.clips import clip_of
from fleeting.inputs.cache import Cache, code_of
from fleeting.inputs.footage import Footage, footage_of
from fleeting.inputs.view import PROBE, Input, View, resized, toned
from fleeting.modalities import kind_of, modalities
from fleeting.types import ArrayKind, Clip, FloatArray, Image, Progress, Sample, silent
from fleeting.video import pictures

CROPPING: tuple[ModuleType, ...] = (faces, pictures, inputs)
"""Packages and modules of which any change makes cached crops stale."""
MAKING: tuple[ModuleType, ...] = (*CROPPING, apex, modality_shelf)
"""Packages and modules of which any change makes cached arrays stale; a plug-in's own module is added."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Samples with their arrays, in the same order, and the problems of those that could not be opened.

    ``arrays`` holds one array (n, channels, height, width) for each input, ``kinds`` what its channels mean
    and how its pixels are stretched, in the median over clips; ``apexes`` counts the samples by what gave
    their apex (``annotated`` or a finder), ``crops`` by how their frames were cropped (see
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
    """A sample's clip, what gave its apex (``annotated`` or a finder), and how its frames were cropped."""

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
    stretches: list[list[float]] = []
    problems: list[Problem] = []
    apexes: Counter[str] = Counter()
    crops: Counter[str] = Counter()
    opener = _Opener(dataset, root, view)
    for number, sample in enumerate(samples, start=1):
        try:
            made, apex, crop = opener.arrays(sample)
        except (DatasetError, FaceError, OptionError) as error:
            problems.append(as_problem(sample.id, error))
        else:
            opened.append(sample)
            rows.append([resized(a, item.size) for a, item in zip(made, view.inputs, strict=True)])
            stretches.append([_stretch(a, item) for a, item in zip(made, view.inputs, strict=True)])
            apexes[apex] += 1
            crops[crop] += 1
        progress("opening clips", number, len(samples))
    stacked = tuple(np.stack(column) for column in zip(*rows, strict=True))
    pixels = np.median(stretches, axis=0) if rows else ()
    kinds = tuple(
        replace(kind_of(item.modality, array.shape[1]), pixel=float(pixel))
        for item, array, pixel in zip(view.inputs, stacked, pixels, strict=bool(rows))
    )
    return Inputs(tuple(opened), stacked, kinds, tuple(problems), apexes, crops)


def _stretch(array: FloatArray, item: Input) -> float:
    """The height over the width of a pixel of this array after it is resized."""
    (height, width), (tall, wide) = array.shape[1:], item.size
    return float(height * wide / (width * tall))


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
            numbers = footage_of(dataset, root, sample).numbers.tolist()
        except DatasetError as error:
            problems.append(as_problem(sample.id, error))
            continue
        frames += single_frames(sample, numbers)
    return frames, problems


def moments_of(
    dataset: Dataset, root: Path, samples: Sequence[Sample], view: View, count: int
) -> tuple[list[Sample], list[Problem]]:
    """The frames about each clip's apex, but for the apex itself, as the apexes of samples ``clip#frame``.

    With the apex they are ``count``, or fewer where the clip has fewer frames after its onset. The apex is
    the annotated one if the view's rule asks for it and there is one, else the middle frame. Clips whose
    frames cannot be listed are returned as problems. Raises DatasetError on a dataset without frames, and
    OptionError where the rule searches for apexes: what it finds is not known before clips are opened.
    """
    rule = apex_rule(view.apex)
    if rule.finder != "middle":
        raise OptionError(
            f"data.moments={count} takes frames about the annotated apex or the middle, found"
            f" data.apex={view.apex}; choose annotated or middle"
        )
    if not dataset.has_frames:
        raise DatasetError(f"{dataset.name} has no frames, found data.moments={count}; leave it out")
    moments: list[Sample] = []
    problems: list[Problem] = []
    for sample in samples:
        try:
            numbers = footage_of(dataset, root, sample).numbers
        except DatasetError as error:
            problems.append(as_problem(sample.id, error))
            continue
        centre = len(numbers) // 2
        if rule.annotated and sample.apex is not None:
            centre = int(np.searchsorted(numbers, sample.apex))
        first = max(1, min(centre - count // 2, len(numbers) - count))
        about = [n for n in range(first, min(first + count, len(numbers))) if n != centre]
        moments += [replace(sample, id=f"{sample.id}#{n}", apex=n) for n in numbers[about].tolist()]
    return moments, problems


def single_frames(sample: Sample, numbers: Iterable[int]) -> list[Sample]:
    """A clip's frames with these numbers as samples ``clip#frame``, each its own onset, apex and offset."""
    return [replace(sample, id=f"{sample.id}#{n}", onset=n, apex=n, offset=n) for n in numbers]


def open_clip(dataset: Dataset, root: Path, sample: Sample, view: View) -> Opened:
    """The sample's frames as a Clip of the face, with the apex found by the view's rule.

    Raises DatasetError where frames are missing or damaged or the annotated apex is not among them, and
    FaceError where no face is found.
    """
    return _opened(sample, footage_of(dataset, root, sample), view, _cache_of_faces())


def _opened(sample: Sample, footage: Footage, view: View, kept: Cache) -> Opened:
    numbers = footage.numbers
    rule = apex_rule(view.apex)
    apex, finder = len(numbers) // 2, rule.finder
    if rule.annotated and sample.apex is not None:
        finder = ANNOTATED
        apex = int(np.searchsorted(numbers, sample.apex))
        if apex >= len(numbers) or numbers[apex] != sample.apex:
            raise DatasetError(
                f"{sample.id}: apex frame {sample.apex} is not among frames {numbers[0]} to {numbers[-1]};"
                " correct the sheet, or choose data.apex=middle"
            )
    frames, crop = _faces(footage, view, kept)
    clip = Clip(frames, footage.times - footage.times[0], 0, apex, len(numbers) - 1)
    clip = replace(clip, apex=apex_finders[finder](clip))
    return Opened(replace(clip, frames=toned(clip.frames, view)), finder, crop)


def _faces(footage: Footage, view: View, kept: Cache) -> tuple[Image, str]:
    """The pictures cropped as the view asks, and how; cached, because finding faces is the slowest step."""
    key = kept.key(files=footage.facts(), crop=view.crop, height=view.height, code=code_of(*CROPPING))
    found = kept.get(key)
    if found is None:
        images, times = footage.images(), range(len(footage.numbers))
        clip, crop = clip_of(images, times, 0, 0, 0, crop=view.crop, height=view.height)
        found = {"frames": clip.frames, "crop": np.array(crop)}
        if view.crop != "as-is":  # as-is searches no face, so caching large whole pictures would not pay
            kept.put(key, found)
    return found["frames"], str(found["crop"])


def _cache_of_faces() -> Cache:
    """The cache of face crops; it has its own folder and limit because large clips would evict the arrays."""
    return Cache(part="faces")


class _Opener:
    """Opens samples of one dataset and caches the arrays made from their frames."""

    def __init__(self, dataset: Dataset, root: Path, view: View) -> None:
        self._dataset, self._root, self._view = dataset, root, view
        self._kept, self._kept_faces = Cache(), _cache_of_faces()
        made = [item for item in view.inputs if item.modality not in dataset.ready]
        functions = [apex_finders[apex_rule(view.apex).finder], *(modalities[item.modality] for item in made)]
        self._code = code_of(*MAKING, *(sys.modules[f.__module__] for f in functions))

    def arrays(self, sample: Sample) -> tuple[list[FloatArray], str, str]:
        """The sample's arrays as they are made, what gave its apex, and how its frames were cropped."""
        opened: Opened | None = None
        footage: Footage | None = None
        apex = crop = "none"
        arrays = []
        for item in self._view.inputs:
            if item.modality in self._dataset.ready:
                array = self._dataset.ready_array(self._root, sample, item.modality)
            else:
                footage = footage or footage_of(self._dataset, self._root, sample)
                key = self._kept.key(**self._facts(sample, item, footage))
                found = self._kept.get(key)
                if found is None:
                    opened = opened or _opened(sample, footage, self._view, self._kept_faces)
                    array = modalities[item.modality](opened.clip, **item.options)
                    found = {"array": array, "how": np.array([opened.apex, opened.crop])}
                    self._kept.put(key, found)
                array, (apex, crop) = found["array"], map(str, found["how"])
            if not np.isfinite(array).all():
                what = f"{sample.id}: {item.modality} is not finite"
                raise DatasetError(f"{what}; look at the clip, or leave it out")
            arrays.append(array)
        return arrays, apex, crop

    def _facts(self, sample: Sample, item: Input, footage: Footage) -> dict[str, Any]:
        """All facts that decide the values of an array made from frames: they make up its cache key."""
        view = self._view
        return {
            "sample": (sample.id, sample.onset, sample.apex, sample.offset, sample.fps),
            "files": footage.facts(),
            "modality": (item.modality, dict(item.options)),
            "view": (view.apex, view.color, view.crop, view.height, view.equalise),
            "code": self._code,
        }
