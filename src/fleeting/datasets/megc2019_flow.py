"""MEGC2019 as ready-made motion maps, in the layout in which public repositories distribute them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from fleeting.datasets import datasets
from fleeting.datasets.reading.cells import last_number, plain, shortened, text
from fleeting.datasets.reading.checks import LEAVE_OUT, RESTORE, repeated
from fleeting.datasets.reading.disk import contents, fault, is_folder, listing, reason, under
from fleeting.datasets.reading.miniature import Drawing, drawings, save_picture
from fleeting.datasets.reading.rows import Reading
from fleeting.datasets.reading.sheets import decoded, encoding_note
from fleeting.errors import DatasetError, Problem
from fleeting.faces.four_regions import four_regions
from fleeting.megc_names import PEOPLE
from fleeting.types import FloatArray, Sample
from fleeting.video.pictures import UNREADABLE, damage, load_picture

CLASSES = ("negative", "positive", "surprise")
SIDE = 28
LISTS = ("combined_3class_gt.csv", "combined_3_class2_for_optical_flow.csv")
"""File names of the organisers' list and of the HTNet repository's list; either alone suffices."""


@dataclass(frozen=True)
class Megc2019Flow:
    """442 maps of 28x28: horizontal flow, vertical flow and strain from onset to apex, each 0..255."""

    name: str = "megc2019-flow"
    title: str = "MEGC2019 composite as motion maps: 442 clips of 68 people, 28x28 (u, v, strain)"
    paper: str = (
        "Liong et al. 2019, doi:10.1109/FG.2019.8756567; See et al. 2019, doi:10.1109/FG.2019.8756611"
    )
    access: str = "with the public code of STSTNet and HTNet"
    licence: str = "research only: the maps come from CASME II, SAMM and SMIC"
    label_sets: tuple[str, ...] = ("megc3", "raw")
    ready: tuple[str, ...] = ("flow-map", "region-map")
    has_frames: bool = False
    needs_root: bool = True

    def samples(self, root: Path) -> list[Sample]:
        """Every row of the list, in its order. Raises DatasetError."""
        return list(_read(root).samples)

    def problems(self, root: Path, samples: Sequence[Sample]) -> Iterator[Problem]:
        """Rows of the whole list that cannot be read, and maps of these samples that are missing or empty."""
        reading = _read(root)
        ids = {sample.id for sample in samples}
        yield from (p for p in reading.problems if p.clip in ids or not p.clip or p.blocks)
        yield from (p for p in repeated(reading.samples) if p.clip in ids)
        maps = _maps(root)
        for sample in samples:
            path, *more = maps.get(_stem(sample), [None])
            if path is None:
                what = f"its map {_stem(sample)} .png is missing"
                yield Problem(sample.id, what, RESTORE)
            elif more:
                named = ", ".join(repr(one.name) for one in (path, *more))
                yield Problem(
                    sample.id, f"its map is there {1 + len(more)} times ({named})", "keep one of them"
                )
            elif what := fault(path):
                yield Problem(sample.id, what, RESTORE)
        if ids >= {sample.id for sample in reading.samples}:
            yield from _beyond_the_list(maps, reading.samples)

    def frames(self, root: Path, sample: Sample) -> list[Path]:  # noqa: ARG002
        """Raises DatasetError: the dataset has maps and no frames."""
        raise DatasetError(f"{sample.id} is a motion map without frames; use its flow-map")

    def spare(self, root: Path, sample: Sample) -> list[Path]:  # noqa: ARG002
        """No files: no clip has a folder of its own."""
        return []

    def ready_array(self, root: Path, sample: Sample, modality: str) -> FloatArray:
        """The map, or its four HTNet regions, as (3, 28, 28): u, v, strain, each 0..255. Raises DatasetError.

        The maps come without landmarks, so the regions are placed where an aligned face has its eyes and
        mouth.
        """
        if modality not in self.ready:
            raise DatasetError(f"{sample.id}: {modality} is not ready-made; use {' or '.join(self.ready)}")
        path = _map_folder(root) / f"{_stem(sample)} .png"
        if not path.is_file():
            elsewhere = _maps(root).get(_stem(sample))
            if elsewhere is None:
                raise DatasetError(f"{sample.id}: its map {path.name} is missing; {RESTORE}")
            path = elsewhere[0]
        array = _opened(path, sample)
        return four_regions(array) if modality == "region-map" else array

    def fabricate(self, root: Path, seed: int = 0) -> None:
        """Write a miniature below ``root``: three people of each dataset, two maps of each class."""
        for rows in (_miniature(member, seed) for member in PEOPLE):
            self.write(root, rows)

    def write(self, root: Path, rows: Sequence[Drawing]) -> None:
        """Write each clip's first frame (28, 28, 3) as its map, and append the clips to both lists."""
        lines = [_names(row.sample) for row in rows]
        _append(root / LISTS[0], "", [f"{d},{re.sub('^0+', '', s)},{c},{k}" for d, s, c, k in lines], "\r\n")
        head = "dataset,sub,filename_o,label,apex,imagename,sub_filename"
        _append(root / LISTS[1], head, [f"{d},{s},{c},{k},,{s}_{c}.jpg," for d, s, c, k in lines], "\n")
        for row in rows:
            save_picture(root / "maps" / f"{_stem(row.sample)} .png", row.frames[0])


def _names(sample: Sample) -> tuple[str, str, str, int]:
    person, clip = sample.subject.partition("/")[2], sample.id.rpartition("/")[2]
    return sample.dataset, person, clip, CLASSES.index(sample.label)


def _append(path: Path, head: str, lines: Sequence[str], end: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    started = path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        file.writelines(f"{line}{end}" for line in ([] if started or not head else [head]) + list(lines))


def _read(root: Path) -> Reading:
    """The organisers' list, or the other list where only that is there, with the problems of its rows.

    Where both are there, clips on which they differ are problems. Raises DatasetError where there is no list,
    or a list without rows.
    """
    if not is_folder(root):
        raise DatasetError(f"{root} is not a folder; name the folder that holds the maps and their list")
    by_name = {path.name.casefold(): path for path in listing(root)}
    paths = [by_name[name] for name in LISTS if name in by_name]
    if not paths:
        raise DatasetError(f"{root} holds no list, expected {' or '.join(LISTS)}; put it beside the maps")
    readings = [_list(path) for path in paths]
    for path, reading in zip(paths, readings, strict=True):
        if not reading.samples:
            raise DatasetError(
                f"{path} has no rows 'dataset,subject,clip,label', expected casme2, samm or smic first;"
                " use the list of the release, in UTF-8"
            )
    first = readings[0]
    differing = _differing(*readings) if readings[1:] else ()
    return Reading(first.samples, (*first.problems, *differing))


def _differing(first: Reading, second: Reading) -> Iterator[Problem]:
    """A problem for each clip on which the two lists disagree."""
    one, other = ({sample.id: sample.label for sample in reading.samples} for reading in (first, second))
    for name in one:
        if one[name] != other.get(name, "nothing"):
            what = f"{LISTS[0]} says {one[name] or 'nothing'}, {LISTS[1]} {other.get(name) or 'nothing'}"
            yield Problem(name, what, "delete the list that is wrong, either alone suffices")
    if extra := sorted(other.keys() - one.keys()):
        what = f"{LISTS[1]} has {len(extra)} clips more than {LISTS[0]}, {extra[0]} among them"
        yield Problem("", what, "delete the list that is wrong, either alone suffices")


def _list(path: Path) -> Reading:
    try:
        words, encoding = decoded(path, contents(path))
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read ({reason(error)}); check its path and permissions"
        ) from error
    samples, problems = [], list(encoding_note(path, encoding))
    for number, line in enumerate(re.split(r"\r\n?|\n", words), start=1):
        named = [text(cell) for cell in (*_cells(path, number, line), "", "", "", "")[:4]]
        if not any(named) or named[0].casefold() == "dataset":
            continue
        sample, what = _sample(*named)
        if sample is not None:
            samples.append(sample)
        if what:
            what = f"row {number} of {path.name}: {what}"
            problems.append(Problem(sample.id if sample else "", what, LEAVE_OUT))
    return Reading(tuple(samples), tuple(problems))


def _cells(path: Path, number: int, line: str) -> list[str]:
    """The cells of one line, parsed alone so that a stray quotation mark cannot swallow the lines below it.

    Raises DatasetError.
    """
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise DatasetError(
            f"{path}, line {number}, is no row of comma-separated values ({error}); correct it, a quotation"
            " mark perhaps, or use the list of the release"
        ) from error


def _sample(dataset: str, person: str, clip: str, label: str) -> tuple[Sample | None, str]:
    """A row as a sample, and its problem in words; no sample where the row names no clip."""
    member = dataset.casefold()
    try:
        name = plain(PEOPLE[member].format(last_number(person)), "person")
        clip = plain(clip, "clip")
    except (KeyError, ValueError):
        said = ",".join((dataset, person, clip, label))
        return None, f"{shortened(said)!r} is not dataset, subject, clip, label"
    subject = f"{member}/{name}"
    if member == "smic":  # s1_ne_01 on the disk, s01_ne_01 in the lists
        clip = f"{name}_{clip.partition('_')[2] or clip}"
    known = label in ("0", "1", "2")
    sample = Sample(f"{subject}/{clip}", member, subject, CLASSES[int(label)] if known else label)
    return sample, "" if known else f"label {label!r} is none of 0, 1, 2"


def _stem(sample: Sample) -> str:
    """The name of a sample's map without its ending: ``<subject>_<clip>``."""
    return "_".join(sample.id.partition("/")[2].split("/"))


def _map_folder(root: Path) -> Path:
    found = under(root, "maps", {})
    return found[0] if found else root


def _maps(root: Path) -> dict[str, list[Path]]:
    """Map files by ``<subject>_<clip>``; a blank before ``.png`` is optional."""
    found: dict[str, list[Path]] = {}
    for path in listing(_map_folder(root)):
        if path.suffix.casefold() == ".png":
            found.setdefault(_normal(path.stem), []).append(path)
    return found


def _normal(stem: str) -> str:
    """A map's name with the subject spelled as in ids.

    6_006_1_2 becomes 006_006_1_2, and s1_s1_ne_01 becomes s01_s01_ne_01.
    """
    plain = stem.strip()
    if match := re.fullmatch(r"\d{1,3}_(\d{3})(_.*)", plain):
        return f"{match[1]}_{match[1]}{match[2]}"
    if match := re.fullmatch(r"s\d+_s(\d+)(_.*)", plain):
        return f"s{int(match[1]):02d}_s{int(match[1]):02d}{match[2]}"
    return plain


def _beyond_the_list(maps: dict[str, list[Path]], samples: Sequence[Sample]) -> Iterator[Problem]:
    extra = sorted(maps.keys() - {_stem(sample) for sample in samples})
    if extra:
        what = f"{len(extra)} maps are in no list, {', '.join(extra[:3])} among them"
        yield Problem("", what, "nothing to do, they are not used", blocks=False)


def _opened(path: Path, sample: Sample) -> FloatArray:
    if what := fault(path):
        raise DatasetError(f"{sample.id}: {what}; {RESTORE}")
    try:
        picture = load_picture(path)
        mode, pixels = picture.mode, np.asarray(picture)
    except UNREADABLE as error:
        raise DatasetError(f"{sample.id}: {path.name} cannot be read ({damage(error)}); {RESTORE}") from error
    if mode != "RGB" or pixels.shape != (SIDE, SIDE, 3):
        found = f"{mode} of {pixels.shape[1]}x{pixels.shape[0]}"
        raise DatasetError(f"{sample.id}: {path.name} is {found}, expected RGB of {SIDE}x{SIDE}; {RESTORE}")
    return pixels.astype(np.float32).transpose(2, 0, 1)


def _miniature(member: str, seed: int) -> list[Drawing]:
    code = {"negative": "ne", "positive": "po", "surprise": "sur"}

    def sample(number_of_person: int, number: int, label: str) -> Sample:
        person = PEOPLE[member].format(number_of_person)
        clip = {
            "casme2": f"EP{number + 1:02d}_{person[-2:]}f",
            "samm": f"{person}_{number + 1}_1",
            "smic": f"{person}_{code[label]}_{number // 3 + 1:02d}",
        }[member]
        return Sample(f"{member}/{person}/{clip}", member, f"{member}/{person}", label)

    own = seed + list(PEOPLE).index(member)
    made = drawings((6, 7, 11), CLASSES * 2, sample, seed=own, gray=True, margin=0)
    return [Drawing(item.sample, [_motion_map(item)]) for item in made]


def _motion_map(item: Drawing) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """An imitation of a motion map, each channel 0..255, from the change between first and middle frame.

    The channels are the gradient of the change along x, that along y, and the size of the change.
    """
    change = item.frames[len(item.frames) // 2].astype(float) - item.frames[0]
    square = np.asarray(Pillow.fromarray(change.astype(np.float32)).resize((SIDE, SIDE)))
    channels = [np.gradient(square, axis=1), np.gradient(square, axis=0), np.abs(square)]
    scaled = [(channel - channel.min()) / max(float(np.ptp(channel)), 1e-6) * 255 for channel in channels]
    return np.stack(scaled, axis=2).astype(np.uint8)


datasets.register("megc2019-flow")(Megc2019Flow())
