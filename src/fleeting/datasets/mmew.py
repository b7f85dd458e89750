"""MMEW: 300 micro-expressions of 30 people at 90 frames a second."""

from __future__ import annotations

from fleeting.datasets import datasets
from fleeting.datasets.reading.cells import last_number, text
from fleeting.datasets.reading.sheet_dataset import Miniature, Sheet, SheetDataset
from fleeting.datasets.reading.sheets import Cells, Workbook
from fleeting.types import Sample


def _person(cell: object, _: Workbook) -> str:
    """The person's part of the id: S01 for 1, ``'01'`` or ``S01``."""
    return f"S{last_number(text(cell)):02d}"


def _row(sample: Sample) -> Cells:
    clip = sample.id.rpartition("/")[2]
    frames = (sample.onset, "" if sample.apex is None else sample.apex, sample.offset)
    return last_number(sample.subject), clip, *frames, sample.action_units, sample.label, ""


MMEW = SheetDataset(
    name="mmew",
    cohort="mmew",
    title="MMEW: 300 micro-expressions of 30 people, 90 fps",
    paper="Ben et al. 2022, doi:10.1109/TPAMI.2021.3067464",
    access="on request from the authors (Shandong University) after signing their agreement",
    licence="research only, no redistribution",
    label_sets=("megc3", "raw"),
    fps=90,
    words=("surprise", "disgust", "others", "happiness", "fear", "sadness", "anger"),
    sheet=Sheet(
        files=("MMEW_Micro_Exp", "MMEW_Micro_Exp*"),
        page="Sheet1",
        header=(
            *("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units"),
            *("Estimated Emotion", "remarks"),
        ),
        row=_row,
    ),
    person=_person,
    layouts=("Micro_Expression/*/{clip}", "*/{clip}"),
    picture="Micro_Expression/{label}/{clip}/{number}.jpg",
    miniature=Miniature(
        person="S{:02d}".format,
        clip=lambda person, number, _: f"{person}-{number + 1:02d}-001",
        onset=1,
        step=0,
    ),
    releases={"release": 300},
)
datasets.register("mmew")(MMEW)
