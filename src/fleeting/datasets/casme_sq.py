"""CAS(ME)^2: 300 macro- and 57 micro-expressions of 22 people in 98 long videos at 30 frames a second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fleeting.datasets import datasets
from fleeting.datasets.reading.cells import last_number, text
from fleeting.datasets.reading.recordings import Naming
from fleeting.datasets.reading.sheet_dataset import Miniature, Sheet, SheetDataset
from fleeting.datasets.reading.sheets import Cells, Workbook
from fleeting.errors import DatasetError, Problem
from fleeting.types import Sample

PEOPLE = (15, 16, *range(19, 28), *range(29, 39), 40)
"""Folder numbers of subjects 1 to 22 of the sheet, in order: the workbook's first naming rule."""
VIDEOS = {
    "disgust1": "0101",
    "disgust2": "0102",
    "anger1": "0401",
    "anger2": "0402",
    "happy1": "0502",
    "happy2": "0503",
    "happy3": "0505",
    "happy4": "0507",
    "happy5": "0508",
}
"""The code of each film in folder names, by its name in the sheet: the workbook's second naming rule."""
_PAGES = ("CASFEcode_final", "naming rule1", "naming rule2")


def _person(cell: object, book: Workbook) -> str:
    """The folder of a subject by the workbook's first naming rule, such as s15 for 1.

    Without that page of the workbook the rule of the release is used. Raises ValueError on an unknown
    subject.
    """
    number = last_number(text(cell))
    for rule in book.pages.get(_PAGES[1], ()):
        if len(rule) > 2 and text(rule[2]) == str(number):
            return text(rule[1])
    if not 1 <= number <= len(PEOPLE):
        raise ValueError(f"subject {number} is in no naming rule")
    return f"s{PEOPLE[number - 1]}"


def _video_rule(book: Workbook) -> Iterator[Problem]:
    """A problem for each film to which the workbook's second naming rule gives another code than VIDEOS."""
    for rule in book.pages.get(_PAGES[2], ()):
        code, video = (text(cell) for cell in (*rule, "", "")[:2])
        if video and VIDEOS.get(video, code.zfill(4)) != code.zfill(4):
            what = f"{book.path.name} calls the film {video} {code}, expected {VIDEOS[video]}"
            yield Problem("", what, "use the workbook of the release")


def _facts(sample: Sample) -> Mapping[str, str]:
    """The parts of a clip's folder name: ``anger1_1`` of s15 is in ``15_0401...``."""
    video = sample.id.rpartition("/")[2].partition("_")[0]
    return {"folder": str(last_number(sample.subject)), "code": VIDEOS.get(video.casefold(), video)}


def _row(sample: Sample) -> Cells:
    clip = sample.id.rpartition("/")[2].partition("@")[0]
    frames = (sample.onset, sample.apex or 0, sample.offset or 0)
    subject = PEOPLE.index(last_number(sample.subject)) + 1
    return subject, clip, *frames, sample.action_units, sample.label, f"{sample.kind}-expression", "helpless"


def _invented(number: int) -> str:
    if number > len(PEOPLE):
        raise DatasetError(f"casme-sq has names for {len(PEOPLE)} people, found number {number}; use fewer")
    return f"s{PEOPLE[number - 1]}"


def _naming_rules(samples: Sequence[Sample]) -> Mapping[str, Sequence[Cells]]:
    numbers = [last_number(sample.subject) for sample in samples]
    people = [(number, f"s{number}", PEOPLE.index(number) + 1) for number in numbers]
    return {_PAGES[1]: people, _PAGES[2]: [(code, video) for video, code in VIDEOS.items()]}


CASME_SQ = SheetDataset(
    name="casme-sq",
    cohort="casme-sq",
    title="CAS(ME)^2: 300 macro- and 57 micro-expressions of 22 people in long videos, 30 fps",
    paper="Qu et al. 2018, doi:10.1109/TAFFC.2017.2654440",
    access="on request from the authors (Chinese Academy of Sciences) after signing their agreement",
    licence="research only, no redistribution",
    label_sets=("megc3", "raw"),
    fps=30,
    words=("negative", "positive", "others", "surprise"),
    sheet=Sheet(
        files=("CAS(ME)^2code_final", "CAS(ME)2code_final", "code_final", "CAS(ME)*code_final*"),
        page=_PAGES[0],
        places=("subject", "clip", "onset", "apex", "offset", "action_units", "label", "kind"),
        row=_row,
        more=_naming_rules,
    ),
    person=_person,
    facts=_facts,
    layouts=(
        "longVideoFaceCropped/longVideoFaceCropped/{person}/{folder}_{code}*",
        "longVideoFaceCropped/{person}/{folder}_{code}*",
        "rawpic/{person}/{folder}_{code}*",
        "cropped/{person}/{folder}_{code}*",
        "selectedpic/{person}/{folder}_{code}*",
        "{person}/{folder}_{code}*",
    ),
    picture="rawpic/{person}/{folder}_{code}teeth/img{number:03d}.jpg",
    miniature=Miniature(
        person=_invented,
        people=(1, 2, 3),
        clip=lambda person, number, _: f"anger{2 - last_number(person) % 2}_{number + 1}",
        onset=21,
        macro=True,
    ),
    long=Naming(name="{folder}_{code}", fields={"person": r"s\d+", "folder": r"\d+", "code": r"\d{4}"}),
    sheet_check=_video_rule,
    clips_repeat=True,
    offset_from_apex=True,
    releases={"release": 357},
)
datasets.register("casme-sq")(CASME_SQ)
