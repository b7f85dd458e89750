"""CASME II: 255 spontaneous micro-expressions of 26 people at 200 frames a second."""

from __future__ import annotations

from fleeting.datasets import datasets
from fleeting.datasets.reading.cells import last_number, text
from fleeting.datasets.reading.sheet_dataset import Miniature, Sheet, SheetDataset
from fleeting.datasets.reading.sheets import Cells, Workbook
from fleeting.types import Sample

RELEASE_LABELS = {
    clip: {"2014": "sadness", "2019": "surprise"}
    for clip in ("casme2/sub24/EP07_01", "casme2/sub24/EP07_04f", "casme2/sub24/EP10_03")
}
"""The three clips that the releases of 2014 and 2019 label differently."""


def _person(cell: object, _: Workbook) -> str:
    """The person's part of the id: sub01 for ``'01'``, 1 or ``sub01``."""
    return f"sub{last_number(text(cell)):02d}"


def _row(sample: Sample) -> Cells:
    units = int(sample.action_units) if sample.action_units.isdecimal() else sample.action_units
    subject, clip = sample.subject[-2:], sample.id.rpartition("/")[2]
    frames = (sample.onset, "/" if sample.apex is None else sample.apex, sample.offset)
    return subject, clip, "", *frames, "", units, sample.label, sample.objective


CASME2 = SheetDataset(
    name="casme2",
    cohort="casme2",
    title="CASME II: 255 spontaneous micro-expressions of 26 people, 200 fps",
    paper="Yan et al. 2014, doi:10.1371/journal.pone.0086041",
    access="on request from the authors (Chinese Academy of Sciences) after signing their agreement",
    licence="research only, no redistribution",
    label_sets=("casme2-5", "casme2-5-all", "megc3", "megc3-broad", "objective", "raw"),
    fps=200,
    words=("happiness", "disgust", "repression", "surprise", "others", "sadness", "fear"),
    sheet=Sheet(
        files=("CASME2-coding-20190701", "CASME2-coding-20140508", "CASME2-coding*", "CASME2*"),
        page="Sheet1",
        header=(
            *("Subject", "Filename", "", "OnsetFrame", "ApexFrame", "OffsetFrame", ""),
            *("Action Units", "Estimated Emotion", "Objective Classes"),
        ),
        row=_row,
        more=lambda _: {"Sheet2": (), "Sheet3": ()},
    ),
    person=_person,
    layouts=(
        "Cropped/{person}/{clip}",
        "CASME2_RAW_selected/{person}/{clip}",
        "CASME2-RAW/CASME2-RAW/{person}/{clip}",
        "CASME2-RAW/{person}/{clip}",
        "{person}/{clip}",
    ),
    picture="CASME2_RAW_selected/{person}/{clip}/img{number}.jpg",
    miniature=Miniature(
        person="sub{:02d}".format,
        clip=lambda person, number, _: f"EP{number + 1:02d}_{person[-2:]}f",
    ),
    release_labels=RELEASE_LABELS,
    releases={"release": 255},
)
datasets.register("casme2")(CASME2)
