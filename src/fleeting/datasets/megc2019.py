"""MEGC2019: CASME II, SAMM and SMIC-HS as one dataset of 442 clips in three classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fleeting.datasets import Dataset, datasets
from fleeting.datasets.casme2 import CASME2, RELEASE_LABELS
from fleeting.datasets.reading.checks import Correction
from fleeting.datasets.reading.disk import folders, is_folder
from fleeting.datasets.reading.labels import labelled
from fleeting.datasets.reading.miniature import Drawing
from fleeting.datasets.reading.sheet_dataset import SheetDataset
from fleeting.datasets.samm import SAMM
from fleeting.datasets.smic import SMIC, Smic
from fleeting.errors import DatasetError, Problem
from fleeting.types import FloatArray, Sample

CLIPS, SUBJECTS = 442, 68
"""Clips and subjects of the organisers' list; the rule below gives the same numbers."""
LEFT_OUT = {
    "casme2/sub04/EP12_01f": "its apex is missing",
    "casme2/sub05/EP09_05f": "its apex is its onset",
}
"""Clips of CASME II that are missing from the organisers' list, with the likely reason."""

_LABELS_OF_2014 = {
    clip: (Correction("label", said["2019"], said["2014"], "MEGC2019 uses the labels of 2014"),)
    for clip, said in RELEASE_LABELS.items()
}
_CASME2 = replace(
    CASME2,
    sheet=replace(CASME2.sheet, files=("CASME2-coding-20140508", *CASME2.sheet.files)),
    corrections={**CASME2.corrections, **_LABELS_OF_2014},
    release_labels={},
)
_MEMBERS: Mapping[str, SheetDataset | Smic] = {"casme2": _CASME2, "samm": SAMM, "smic": SMIC}


@dataclass(frozen=True)
class Megc2019:
    """The composite by rule: every clip of the three datasets that has one of the three classes.

    The three datasets are either together in the root or each in its own folder below it. Samples keep the
    name, id and emotion word of their own dataset; the label set ``megc3`` maps them to negative, positive
    and surprise.
    """

    name: str = "megc2019"
    title: str = "MEGC2019 composite: 442 clips of 68 people from CASME II, SAMM and SMIC-HS, three classes"
    paper: str = "See et al. 2019, doi:10.1109/FG.2019.8756611"
    access: str = "the three datasets, each on request from its authors"
    licence: str = "that of the three datasets: research only, no redistribution"
    label_sets: tuple[str, ...] = ("megc3", "raw")
    ready: tuple[str, ...] = ()
    has_frames: bool = True
    needs_root: bool = True
    members: tuple[str, ...] = tuple(_MEMBERS)
    """The datasets that are drawn for it, each in its own folder below the root."""

    def samples(self, root: Path) -> list[Sample]:
        """The clips that have a class, of CASME II, then SAMM, then SMIC. Raises DatasetError."""
        found = [s for name, member in _MEMBERS.items() for s in member.samples(home(root, name))]
        kept = {sample.id for sample in labelled(found, "megc3")[0]} - set(LEFT_OUT)
        return [sample for sample in found if sample.id in kept]

    def problems(self, root: Path, samples: Sequence[Sample]) -> Iterator[Problem]:
        """Problems of each dataset's samples, labels set back to those of 2014, a wrong count of clips."""
        for name, member in _MEMBERS.items():
            mine = [sample for sample in samples if sample.dataset == name]
            yield from member.problems(home(root, name), mine)
        read = _CASME2.read(home(root, "casme2"))
        yield from (problem for problem in read.problems if problem.clip in _LABELS_OF_2014)
        count = len(samples)
        if count != CLIPS and abs(count - CLIPS) <= 0.05 * CLIPS:
            what = f"{count} clips have a class, the composite has {CLIPS}"
            yield Problem("", what, "check the sheets: its scores will not compare", blocks=False)

    def frames(self, root: Path, sample: Sample) -> list[Path]:
        """Picture files from onset to offset, from the sample's own dataset. Raises DatasetError."""
        return self._member(sample).frames(home(root, sample.dataset), sample)

    def spare(self, root: Path, sample: Sample) -> list[Path]:
        """Picture files before onset and after offset, from the sample's own dataset. Raises DatasetError."""
        return self._member(sample).spare(home(root, sample.dataset), sample)

    def ready_array(self, root: Path, sample: Sample, modality: str) -> FloatArray:
        """Raises DatasetError: the three datasets have frames and no ready-made arrays."""
        return self._member(sample).ready_array(root, sample, modality)

    def fabricate(self, root: Path, seed: int = 0) -> None:
        """Write a miniature of each of the three datasets in its own folder below ``root``."""
        for name, member in _MEMBERS.items():
            member.fabricate(root / name, seed)

    def write(self, root: Path, rows: Sequence[Drawing]) -> None:
        """Write each clip in the layout of its own dataset, with one folder for each dataset."""
        for name, member in _MEMBERS.items():
            member.write(root / name, [row for row in rows if row.sample.dataset == name])

    def _member(self, sample: Sample) -> Dataset:
        if sample.dataset not in _MEMBERS:
            raise DatasetError(f"{sample.id} is of {sample.dataset}; expected {', '.join(_MEMBERS)}")
        return _MEMBERS[sample.dataset]


def home(root: Path, name: str) -> Path:
    """The folder of one of the three datasets.

    Tried in this order: a folder below ``root`` whose name contains the dataset's, ``root`` itself, any other
    folder right below it. Raises DatasetError where none of them holds the dataset's sheet or folders.
    """
    if not is_folder(root):
        raise DatasetError(f"{root} is not a folder; name the folder that holds CASME II, SAMM and SMIC")
    below = folders(root)
    called = [path for path in below if name in path.name.casefold().replace(" ", "").replace("_", "")]
    for folder in (*called, root, *below):
        if _holds(folder, name):
            return folder
    raise DatasetError(
        f"{root} does not hold {name}, expected its sheet or folders there or one folder below;"
        " name the folder that holds CASME II, SAMM and SMIC"
    )


def _holds(folder: Path, name: str) -> bool:
    member = _MEMBERS[name]
    return member.home(folder) is not None if isinstance(member, Smic) else member.has_sheet(folder)


datasets.register("megc2019")(Megc2019())
