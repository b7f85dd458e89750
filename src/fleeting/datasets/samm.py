"""SAMM: 159 spontaneous micro-movements of 29 people at 200 frames a second."""

from __future__ import annotations

from fleeting.datasets import datasets
from fleeting.datasets.reading.cells import last_number, text
from fleeting.datasets.reading.checks import Correction
from fleeting.datasets.reading.sheet_dataset import Miniature, Sheet, SheetDataset
from fleeting.datasets.reading.sheets import Cells, Workbook
from fleeting.types import Sample

_FROM_FLOW = "re-estimated from optical flow (tvaranka/meb)"
CORRECTIONS = {
    "samm/028/028_4_1": (Correction("apex", 1143, 1105, f"it lies behind the offset; {_FROM_FLOW}"),),
    "samm/032/032_3_1": (Correction("apex", 1930, 4945, f"it lies before the onset; {_FROM_FLOW}"),),
    "samm/032/032_3_2": (Correction("apex", 5127, 5130, f"it is the frame after the onset; {_FROM_FLOW}"),),
    "samm/013/013_1_9": (Correction("offset", 5793, 5739, "two digits swapped in older copies"),),
}


def person(cell: object, _: Workbook) -> str:
    """The person's part of the id: 006 for ``'006'`` or 6."""
    return f"{last_number(text(cell)):03d}"


def _row(sample: Sample) -> Cells:
    onset, offset, clip = sample.onset or 0, sample.offset or 0, sample.id.rpartition("/")[2]
    units = int(sample.action_units) if sample.action_units.isdecimal() else sample.action_units
    frames = (onset, "" if sample.apex is None else sample.apex, offset, offset - onset + 1)
    inducement = last_number(clip.rpartition("_")[0])
    seen = ("Micro - 1/2", units, sample.label, sample.objective, "")
    return sample.subject[-3:], clip, inducement, *frames, *seen


SAMM = SheetDataset(
    name="samm",
    cohort="samm",
    title="SAMM: 159 spontaneous micro-movements of 29 people of 13 ethnicities, 200 fps",
    paper="Davison et al. 2018, doi:10.1109/TAFFC.2016.2573832",
    access="on request from Manchester Metropolitan University after signing an agreement",
    licence="research only, no redistribution",
    label_sets=("samm-5", "samm-5-own", "samm-8", "megc3", "megc3-broad", "objective", "raw"),
    fps=200,
    words=("Anger", "Contempt", "Disgust", "Fear", "Happiness", "Other", "Sadness", "Surprise"),
    sheet=Sheet(
        files=("SAMM_Micro_FACS_Codes_v2", "SAMM_*Micro_FACS_Codes*"),
        page="MICRO_ONLY",
        prose=(
            ("SAMM", "", "", "", "one row for each movement"),
            (),
            ("Symbol Key:",),
            ('"/" = or',),
            (),
        ),
        header=(
            *("Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame"),
            *("Duration", "Micro", "Action Units", "Estimated Emotion", "Objective Classes", "Notes"),
        ),
        row=_row,
    ),
    person=person,
    layouts=("SAMM/{person}/{clip}", "SAMM_CROP/{person}/{clip}", "{person}/{clip}"),
    picture="SAMM/{person}/{clip}/{person}_{number:05d}.jpg",
    miniature=Miniature(
        person="{:03d}".format,
        people=(6, 7, 11),
        clip=lambda person, number, _: f"{person}_{number + 1}_1",
        onset=5562,
        gray=True,
    ),
    corrections=CORRECTIONS,
    releases={"release": 159},
)
datasets.register("samm")(SAMM)
