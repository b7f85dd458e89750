"""CAS(ME)^3, part A: micro-expression clips of 94 people at 30 frames a second, recorded with depth."""

from __future__ import annotations

from fleeting.datasets import datasets
from fleeting.datasets.reading.cells import text
from fleeting.datasets.reading.checks import Correction
from fleeting.datasets.reading.recordings import Naming
from fleeting.datasets.reading.sheet_dataset import Miniature, Sheet, SheetDataset
from fleeting.datasets.reading.sheets import Cells, Row, Workbook
from fleeting.types import Sample

_FOUND = "found by tvaranka/meb"
CORRECTIONS = {
    "casme3/spNO.149/d_112": (Correction("apex", 83, 160, f"it lies before the onset; {_FOUND}"),),
    "casme3/spNO.216/d_3647": (Correction("onset", 3647, 2647, f"one digit is wrong; {_FOUND}"),),
    "casme3/spNO.216/e_0": (Correction("onset", 0, 1, f"frames count from 1; {_FOUND}"),),
    "casme3/spNO.40/e_1812": (Correction("offset", None, 1845, f"it was left out; {_FOUND}"),),
    "casme3/spNO.40/e_2327": (Correction("offset", None, 2403, f"it was left out; {_FOUND}"),),
    "casme3/spNO.214/c_5": (Correction("offset", 3460, 34, f"two digits too many; {_FOUND}"),),
}
"""Corrections by clip id; the id contains the onset of the sheet, even where that onset is wrong."""


def _person(cell: object, book: Workbook) -> str:  # noqa: ARG001
    """The person's part of the id, from ``spNO.1`` in any letter case. Raises ValueError on anything else."""
    prefix, _, number = text(cell).partition(".")
    if prefix.casefold() != "spno" or not number.isdecimal():
        raise ValueError(f"{text(cell)!r} is not a subject such as spNO.1")
    return f"spNO.{int(number)}"


def _clip(row: Row) -> str:
    """The clip's name: the letter of its video and its onset, as a video holds several micro-expressions."""
    onset = text(row.cells.get("onset")) or f"row{row.number}"
    return f"{text(row.cells.get('clip'))}_{onset}"


def _row(sample: Sample) -> Cells:
    video = sample.id.rpartition("/")[2].partition("_")[0]
    frames = (str(sample.onset), "0" if sample.apex is None else str(sample.apex), str(sample.offset))
    objective = ("", "I", "II", "III", "IV", "V", "VI", "VII")[sample.objective or 0]
    return sample.subject.partition("/")[2], video, *frames, sample.action_units, objective, sample.label


CASME3 = SheetDataset(
    name="casme3",
    cohort="casme3",
    title="CAS(ME)^3 part A: 860 micro-expressions of 94 people (921 in the first release), 30 fps",
    paper="Li et al. 2023, doi:10.1109/TPAMI.2022.3174895",
    access="on request from the authors (Chinese Academy of Sciences) after signing their agreement",
    licence="research only, no redistribution",
    label_sets=("megc3", "objective", "raw"),
    fps=30,
    words=("disgust", "surprise", "others", "fear", "anger", "sad", "happy"),
    sheet=Sheet(
        files=("cas(me)3_part_A_ME_label_JpgIndex_v2", "cas(me)3_part_A_ME_label_JpgIndex*"),
        page="label",
        header=("Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion"),
        row=_row,
        more=lambda _: {"Sheet1": (), "Sheet3": ()},
    ),
    person=_person,
    clip=_clip,
    facts=lambda sample: {"onset": str(sample.onset)},
    layouts=(
        "Part_A_ME_clip/frame/{person}_{clip}",
        "Part_A_ME_clip/frame/{person}_{video}_{onset}",
        "{person}/{video}/color",
        "{person}_{clip}",
        "{person}_{video}_{onset}",
    ),
    picture="Part_A_ME_clip/frame/{person}_{clip}/{number}.jpg",
    miniature=Miniature(
        person="spNO.{}".format,
        clip=lambda _, number, onset: f"{'abJ'[number % 3]}_{onset}",
        onset=355,
    ),
    long=Naming(name="{person}/{video}", fields={"person": r"spno\.\d+", "video": "[a-z]"}),
    corrections=CORRECTIONS,
    releases={"second release": 860, "first release": 921},
)
datasets.register("casme3")(CASME3)
