"""SMIC: micro-expressions recorded by three cameras; it has no sheet, and folder names are the labels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fleeting.datasets import datasets
from fleeting.datasets.reading import checks
from fleeting.datasets.reading.cells import last_number
from fleeting.datasets.reading.disk import folders, is_folder, pictures, under
from fleeting.datasets.reading.miniature import LENGTH, Drawing, drawings, save_picture
from fleeting.errors import DatasetError, Problem
from fleeting.types import FloatArray, Sample

_WORDS = {"ne": "negative", "po": "positive", "sur": "surprise"}
_ROOTS = ("SMIC_all_cropped/{camera}", "SMIC_all_raw/{camera}", "{camera}", "*/{camera}")


@dataclass(frozen=True, kw_only=True)
class Smic:
    """The clips of one camera of SMIC; see `fleeting.datasets.Dataset`.

    Onset and offset are the first and last frame on the disk; the apex is not annotated.
    """

    name: str
    camera: str
    fps: float
    clips: int | None = None
    """The number of clips in the release, where it is known."""
    part: str = ""
    title: str = ""
    paper: str = "Li et al. 2013, doi:10.1109/FG.2013.6553717"
    access: str = "on request from the University of Oulu after signing an agreement"
    licence: str = "research only, no redistribution"
    label_sets: tuple[str, ...] = ("megc3", "megc3-broad", "raw")
    words: tuple[str, ...] = tuple(_WORDS.values())
    ready: tuple[str, ...] = ()
    has_frames: bool = True
    needs_root: bool = True
    gray: bool = False
    crop: int = 169
    """Rows (pixels) of the tight face crops that the dataset distributes."""

    def home(self, root: Path) -> Path | None:
        """The folder that holds this camera's folders s1, s2, ...; None if there is none.

        Raises DatasetError where ``root`` is not a folder.
        """
        if not is_folder(root):
            raise DatasetError(f"{root} is not a folder; name the folder that holds the dataset")
        for pattern in _ROOTS:
            for home in under(root, pattern, {"camera": self.camera}):
                if under(home, "s*/micro", {}):
                    return home
        return root if self.camera == "HS" and under(root, "s*/micro", {}) else None

    def samples(self, root: Path) -> list[Sample]:
        """Every clip folder as a sample, sorted by person, label and name. Raises DatasetError."""
        return [self._sample(folder) for folder in self._clips(root)]

    def problems(self, root: Path, samples: Sequence[Sample]) -> Iterator[Problem]:
        """Problems of these clips: their names, folders and files."""
        wanted = {sample.id: sample for sample in samples}
        found: dict[str, list[Path]] = {}
        for clip in self._clips(root):
            found.setdefault(self._id(clip), []).append(clip)
        yield from self._strangers(root)
        count = len(found)
        if self.clips and count != self.clips and abs(count - self.clips) <= 0.05 * self.clips:
            what = f"the folders hold {count} clips, the release has {self.clips}"
            yield Problem("", what, "check that no folder was lost or added", blocks=False)
        for name, sample in wanted.items():
            folder, *more = found.get(name, [None])
            if folder is not None and more:
                places = " and ".join(str(path.relative_to(root)) for path in (folder, *more))
                yield Problem(name, f"lies on the disk {1 + len(more)} times, {places}", "keep one of them")
                continue
            if folder is not None and _coded(folder) != (label := folder.parent.name.casefold()):
                said = _coded(folder) or "nothing"
                what = f"the folder says {label}, its name {folder.name} says {said}"
                yield Problem(name, what, "move it where the release has it")
            if sample.onset is not None or folder is None:
                yield from checks.order(sample, apex_expected=False)
            yield from checks.files(sample, folder, f"of {name}")

    def frames(self, root: Path, sample: Sample) -> list[Path]:
        """Picture files from onset to offset in numeric order. Raises DatasetError if there are none."""
        home = self._home(root)
        clip = re.sub("#.*", "", sample.id).rpartition("/")[2]
        number, _, rest = clip.removeprefix("s").partition("_")
        person = last_number(number)
        for spelled in (f"s{person}", f"s{person:02d}"):
            for name in (f"s{person}_{rest}", f"s{person:02d}_{rest}"):
                facts = {"person": spelled, "label": sample.label, "clip": name}
                for folder in under(home, "{person}/micro/*/{clip}", facts):
                    if found := checks.between(sample, pictures(folder)):
                        return found
        raise DatasetError(f"{sample.id}: no frames of it are below {home}; {checks.RESTORE}")

    def spare(self, root: Path, sample: Sample) -> list[Path]:  # noqa: ARG002
        """No files: a clip is everything in its folder."""
        return []

    def ready_array(self, root: Path, sample: Sample, modality: str) -> FloatArray:  # noqa: ARG002
        """Raises DatasetError: this dataset has frames and no ready-made arrays."""
        raise DatasetError(f"{sample.id}: {self.name} has no {modality} ready-made; compute it from frames")

    def fabricate(self, root: Path, seed: int = 0) -> None:
        """Write a miniature of three people with two clips of every label below ``root``."""

        def sample(person: int, number: int, label: str) -> Sample:
            return self.invent(person, number, label, apex=LENGTH // 2, length=LENGTH)

        labels = self.words * 2
        self.write(root, drawings((1, 2, 11), labels, sample, seed=seed, gray=False, margin=0))

    def invent(
        self,
        person: int,
        number: int,
        label: str,
        *,
        apex: int,  # noqa: ARG002 - SMIC has none
        length: int,
    ) -> Sample:
        """Make up the sample of a drawn clip; see `SheetDataset.invent`."""
        code = {word: code for code, word in _WORDS.items()}[label]
        name, onset = f"s{person:02d}", 559740 + number * 40
        clip = f"{self.part}{name}_{code}_{number // len(_WORDS) + 1:02d}"
        subject = f"smic/{name}"
        offset = onset + length - 1
        return Sample(f"{subject}/{clip}", self.name, subject, label, onset, None, offset, self.fps)

    def write(self, root: Path, rows: Sequence[Drawing]) -> None:
        """Write clips in this dataset's layout: the label is a folder, files have the camera's numbers."""
        for row in rows:
            for number, picture in row.numbered():
                save_picture(root / self.place(row.sample) / f"reg_image{number:06d}.bmp", picture)

    def place(self, sample: Sample) -> str:
        """The folder, relative to the root, into which `write` puts a clip's frames."""
        person = f"s{last_number(sample.subject)}"
        clip = f"{person}_{sample.id.rpartition('/')[2].partition('_')[2]}"
        return f"SMIC_all_cropped/{self.camera}/{person}/micro/{sample.label}/{clip}"

    def _home(self, root: Path) -> Path:
        home = self.home(root)
        if home is None:
            raise DatasetError(
                f"{root} holds no folders {self.camera}/s1/micro/negative/..., expected SMIC's;"
                f" name the folder that holds SMIC_all_cropped or {self.camera}"
            )
        return home

    def _clips(self, root: Path) -> list[Path]:
        """Clip folders, ordered by person, label and name."""
        return [clip for label in self._labels(root) if _is_label(label) for clip in folders(label)]

    def _strangers(self, root: Path) -> Iterator[Problem]:
        """A problem for each folder beside the labels whose name is no label: its contents are not read."""
        for folder in (path for path in self._labels(root) if not _is_label(path)):
            clips, loose = folders(folder), pictures(folder)
            if clips or loose:
                what = f"{folder.relative_to(root)} is none of {', '.join(_WORDS.values())}"
                lost = f"{len(clips)} clips" if clips else f"{len(loose)} pictures"
                yield Problem("", f"{what}: {lost} in it are not read", "rename it, or move it out of micro")

    def _labels(self, root: Path) -> list[Path]:
        """All folders at the level of the labels, sorted by person and name."""
        people = [path for path in folders(self._home(root)) if re.fullmatch(r"s\d+", path.name.casefold())]
        people.sort(key=lambda path: last_number(path.name))
        return [label for person in people for label in under(person, "micro/*", {})]

    def _id(self, folder: Path) -> str:
        person = f"s{last_number(folder.parents[2].name):02d}"
        return f"smic/{person}/{self.part}{person}_{folder.name.partition('_')[2] or folder.name}"

    def _sample(self, folder: Path) -> Sample:
        try:
            numbers = list(pictures(folder))
        except DatasetError:  # `problems` reports it
            numbers = []
        onset, offset = (numbers[0], numbers[-1]) if numbers else (None, None)
        name, label = self._id(folder), folder.parent.name.casefold()
        subject = "/".join(name.split("/")[:2])
        return Sample(name, self.name, subject, label, onset, None, offset, self.fps)


def _is_label(folder: Path) -> bool:
    return folder.name.casefold() in _WORDS.values()


def _coded(folder: Path) -> str:
    """The label that the name of a clip folder contains, "" if none."""
    parts = folder.name.casefold().split("_")
    return next((_WORDS[part] for part in parts if part in _WORDS), "")


SMIC = Smic(
    name="smic",
    camera="HS",
    fps=100,
    clips=164,
    title="SMIC-HS: 164 spontaneous micro-expressions of 16 people, 100 fps, no apex annotated",
)
SMIC_VIS = Smic(
    name="smic-vis",
    camera="VIS",
    fps=25,
    part="vis/",
    title="SMIC-VIS: the micro-expressions of SMIC in visible light, 25 fps, no apex annotated",
)
SMIC_NIR = Smic(
    name="smic-nir",
    camera="NIR",
    fps=25,
    part="nir/",
    title="SMIC-NIR: the micro-expressions of SMIC in near infrared, 25 fps, no apex annotated",
)
for camera in (SMIC, SMIC_VIS, SMIC_NIR):
    datasets.register(camera.name)(camera)
