"""SAMM Long Videos: 343 macro- and 159 micro-movements in the 147 long recordings of SAMM."""

from __future__ import annotations

from fleeting.datasets import datasets
from fleeting.datasets.reading.cells import last_number
from fleeting.datasets.reading.recordings import Naming
from fleeting.datasets.reading.sheet_dataset import Miniature, Sheet, SheetDataset
from fleeting.datasets.reading.sheets import Cells
from fleeting.datasets.samm import SAMM, person
from fleeting.types import Sample


def _row(sample: Sample) -> Cells:
    clip = sample.id.rpartition("/")[2]
    onset, offset = sample.onset or 0, sample.offset or 0
    frames = (onset, -1 if sample.apex is None else sample.apex, offset, offset - onset + 1)
    kind = "Macro" if sample.kind == "macro" else "Micro - 1/2"
    inducement = last_number(clip.rpartition("_")[0])
    return sample.subject[-3:], clip, inducement, *frames, kind, sample.action_units, ""


SAMM_LV = SheetDataset(
    name="samm-lv",
    cohort="samm",
    title="SAMM Long Videos: 343 macro- and 159 micro-movements in 147 videos of SAMM's people, 200 fps",
    paper="Yap, Kendrick and Yap 2020, arXiv:1911.01519",
    access="on request from Manchester Metropolitan University after signing an agreement",
    licence="research only, no redistribution",
    label_sets=("samm-5", "samm-8", "megc3", "objective", "raw"),
    fps=200,
    words=SAMM.words,
    sheet=Sheet(
        files=(
            *("SAMM_LongVideos_V3_Release", "SAMM_LongVideos_V2_Release", "SAMM_LongVideos_V1_Release"),
            "SAMM_LongVideos*",
        ),
        page="FACS_Movement_Only",
        prose=(("SAMM Long Videos",), (), ("-1 = the apex was not annotated",), ()),
        header=(
            *("Subject", "Filename", "Inducement Code", "Onset", "Apex", "Offset", "Duration", "Type"),
            *("Action Units", "Notes"),
        ),
        row=_row,
        required=("subject", "clip", "onset", "offset", "kind"),
    ),
    person=person,
    layouts=("SAMM_longvideos/{video}", "{video}"),
    picture="SAMM_longvideos/{video}/{video}_{number:04d}.jpg",
    miniature=Miniature(
        person="{:03d}".format,
        people=(6, 7, 11),
        clip=lambda person, number, _: f"{person}_1_{number + 1}",
        onset=21,
        macro=True,
        gray=True,
    ),
    labels_from=SAMM,
    long=Naming(name="{video}", fields={"video": r"(?P<person>\d{3})_\d+"}),
    clips_repeat=True,
    rounded=True,
    releases={"release": 502},
)
datasets.register("samm-lv")(SAMM_LV)
