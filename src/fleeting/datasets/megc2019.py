"""MEGC2019: CASME II, SAMM and SMIC-HS as one dataset of 442 clips in three classes; also with CAS(ME)^3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fleeting.datasets import Dataset, datasets
from fleeting.datasets.casme2 import CASME2, RELEASE_LABELS
from fleeting.datasets.casme3 import CASME3
from fleeting.datasets.reading.disk import folders, is_folder
from fleeting.datasets.reading.labels import labelled
from fleeting.datasets.reading.miniature import Drawing
from fleeting.datasets.reading.sheet_dataset import SheetDataset
from fleeting.datasets.samm import SAMM
from fleeting.datasets.smic import SMIC, Smic
from fleeting.errors import DatasetError, Problem
from fleeting.types import FloatArray, Sample

CLIPS, SUBJECTS = 442, 68
"""Clips and subjects of the organisers' list; the rule below gives the same numbers in the classes megc3."""
WIDEST = "megc3-broad"
"""The label set that gives the most clips a class: those of megc3, and CASME II's sadness and fear."""
LEFT_OUT = {
    "casme2/sub04/EP12_01f": "its apex is missing",
    "casme2/sub05/EP09_05f": "its apex is its onset",
}
"""Clips of CASME II that are missing from the organisers' list, with the likely reason."""

_CASME2 = CASME2.of_release("2014")
_MEMBERS: Mapping[str, SheetDataset | Smic] = {
    "casme2": _CASME2,
    "samm": SAMM,
    "smic": SMIC,
    "casme3": CASME3,
}
"""Datasets that a composite may have as its members."""


@dataclass(frozen=True, kw_only=True)
class Composite:
    """Several datasets as one by rule: every clip of them that has a class, with CASME II as of 2014.

    The datasets are either together in the root or each in its own folder below it. Samples keep the name, id
    and emotion word of their own dataset; a label set maps them to negative, positive and surprise.
    """

    name: str
    members: tuple[str, ...]
    """The datasets that it is made of, which are drawn for it each in its own folder below the root."""
    title: str
    paper: str
    access: str = "its datasets, each on request from its authors"
    licence: str = "that of its datasets: research only, no redistribution"
    label_sets: tuple[str, ...] = ("megc3", WIDEST, "raw")
    ready: tuple[str, ...] = ()
    has_frames: bool = True
    needs_root: bool = True

    def samples(self, root: Path) -> list[Sample]:
        """The clips that have a class in any of its label sets, member by member. Raises DatasetError."""
        found = [s for name in self.members for s in _MEMBERS[name].samples(home(root, name))]
        kept = {sample.id for sample in labelled(found, WIDEST)[0]} - set(LEFT_OUT)
        return [sample for sample in found if sample.id in kept]

    def problems(self, root: Path, samples: Sequence[Sample]) -> Iterator[Problem]:
        """Problems of each dataset's samples, labels set back to those of 2014, a wrong count of clips."""
        for name in self.members:
            mine = [sample for sample in samples if sample.dataset == name]
            yield from _MEMBERS[name].problems(home(root, name), mine)
        read = _CASME2.read(home(root, "casme2"))
        asked = {sample.id for sample in samples}
        yield from (p for p in read.problems if p.clip in RELEASE_LABELS.keys() - asked)
        listed = [sample for sample in labelled(samples, "megc3")[0] if sample.dataset in MEGC2019.members]
        count = len(listed)
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
        """Raises DatasetError: its datasets have frames and no ready-made arrays."""
        return self._member(sample).ready_array(root, sample, modality)

    def fabricate(self, root: Path, seed: int = 0) -> None:
        """Write a miniature of each member in its own folder below ``root``."""
        for name in self.members:
            _MEMBERS[name].fabricate(root / name, seed)

    def write(self, root: Path, rows: Sequence[Drawing]) -> None:
        """Write each clip in the layout of its own dataset, with one folder for each dataset."""
        for name in self.members:
            _MEMBERS[name].write(root / name, [row for row in rows if row.sample.dataset == name])

    def _member(self, sample: Sample) -> Dataset:
        if sample.dataset not in self.members:
            raise DatasetError(f"{sample.id} is of {sample.dataset}; expected {', '.join(self.members)}")
        return _MEMBERS[sample.dataset]


def home(root: Path, name: str) -> Path:
    """The folder of one member of a composite.

    Tried in this order: a folder below ``root`` whose name contains the dataset's, ``root`` itself, any other
    folder right below it. Raises DatasetError where none of them holds the dataset's sheet or folders.
    """
    if not is_folder(root):
        raise DatasetError(f"{root} is not a folder; name the one that holds the datasets of the composite")
    below = folders(root)
    called = [path for path in below if name in path.name.casefold().replace(" ", "").replace("_", "")]
    for folder in (*called, root, *below):
        if _holds(folder, name):
            return folder
    raise DatasetError(
        f"{root} does not hold {name}, expected its sheet or folders there or one folder below;"
        " name the folder that holds the datasets of the composite"
    )


def _holds(folder: Path, name: str) -> bool:
    member = _MEMBERS[name]
    return member.home(folder) is not None if isinstance(member, Smic) else member.has_sheet(folder)


MEGC2019 = Composite(
    name="megc2019",
    members=("casme2", "samm", "smic"),
    title="MEGC2019 composite: 442 clips of 68 people from CASME II, SAMM and SMIC-HS, three classes",
    paper="See et al. 2019, doi:10.1109/FG.2019.8756611",
)
MEGC2019_AND_CASME3 = Composite(
    name="megc2019-casme3",
    members=(*MEGC2019.members, "casme3"),
    title="MEGC2019 composite and CAS(ME)^3, to train on the one and test on the other",
    paper=f"{MEGC2019.paper}; {CASME3.paper}",
)
for composite in (MEGC2019, MEGC2019_AND_CASME3):
    datasets.register(composite.name)(composite)
