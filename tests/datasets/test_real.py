"""The real sheets and maps, where they lie beside the checkout: counts, joins, known mistakes."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from fleeting.benchmark.check import check
from fleeting.datasets import datasets, labelled, released
from fleeting.datasets.megc2019 import LEFT_OUT
from fleeting.datasets.smic import SMIC
from fleeting.types import Sample
from tests.fixtures.annotations import COUNTS

SHEETS = ("CASME2-coding-20140508.xlsx", "CASME2-coding-20190701.xlsx", "SAMM_Micro_FACS_Codes_v2.xlsx")


@pytest.fixture
def sheets(shared: Path) -> Path:
    folder = shared / "annotations"
    if not all((folder / name).is_file() for name in SHEETS):
        pytest.skip("needs ../shared: the annotation sheets are not there")
    return folder


def counts(samples: list[Sample], label_set: str) -> tuple[int, ...]:
    kept, classes = labelled(samples, label_set)
    found = Counter(sample.label for sample in kept)
    return tuple(found[name] for name in classes)


@pytest.mark.parametrize(
    ("release", "surprise", "sadness", "missing"), [(SHEETS[0], 25, 7, 0), (SHEETS[1], 28, 4, 1)]
)
def test_casme2(
    sheets: Path, tmp_path: Path, release: str, surprise: int, sadness: int, missing: int
) -> None:
    shutil.copy(sheets / release, tmp_path)
    checkup = check("casme2", tmp_path)
    assert (checkup.clips, checkup.subjects) == (255, 26)
    expected = {"happiness": 32, "others": 99, "disgust": 63, "repression": 27, "fear": 2}
    assert checkup.labels == {**expected, "surprise": surprise, "sadness": sadness}
    samples = datasets["casme2"].samples(tmp_path)
    assert counts(samples, "casme2-5") == (32, 63, 27, surprise, 99)
    assert sum(sample.apex is None for sample in samples) == missing
    assert samples[0].id == "casme2/sub01/EP02_01f"
    assert (samples[0].onset, samples[0].apex, samples[0].offset) == (46, 59, 86)
    missing_folders = [p for p in checkup.problems if p.blocks]
    assert len(missing_folders) == 255


@pytest.mark.parametrize("sheet", SHEETS[:2])
@pytest.mark.parametrize(("release", "surprise", "sadness"), [("2014", 25, 7), ("2019", 28, 4)])
def test_a_release_of_casme2_is_the_same_from_either_sheet(
    sheets: Path, tmp_path: Path, sheet: str, release: str, surprise: int, sadness: int
) -> None:
    shutil.copy(sheets / sheet, tmp_path)
    samples = released("casme2", release).samples(tmp_path)
    assert counts(samples, "casme2-5") == (32, 63, 27, surprise, 99)
    assert counts(samples, "casme2-5-all") == (32, 63, 27, surprise, 99 + sadness + 2)
    assert counts(samples, "megc3") == (90, 32, surprise)
    assert counts(samples, "megc3-broad") == (90 + sadness + 2, 32, surprise)
    assert counts([s for s in samples if s.id not in LEFT_OUT], "megc3") == (88, 32, surprise)


def test_casme2_releases_differ_in_three_labels_and_the_check_says_so(sheets: Path) -> None:
    notes = [p for p in check("casme2", sheets).problems if not p.blocks]
    assert [p.clip for p in notes if "releases differ" in p.what] == [
        *("casme2/sub24/EP07_01", "casme2/sub24/EP07_04f", "casme2/sub24/EP10_03")
    ]
    assert {p.clip for p in notes} >= {"casme2/sub04/EP12_01f", "casme2/sub05/EP09_05f"}


def test_samm(sheets: Path) -> None:
    checkup = check("samm", sheets)
    assert (checkup.clips, checkup.subjects) == (159, 29)
    assert checkup.labels == COUNTS["samm"]
    notes = {p.clip for p in checkup.problems if not p.blocks}
    assert notes == {"samm/028/028_4_1", "samm/032/032_3_1", "samm/032/032_3_2"}
    samples = datasets["samm"].samples(sheets)
    assert counts(samples, "samm-5") == (57, 26, 12, 15, 49)
    assert counts(samples, "samm-5-own") == (57, 26, 12, 15, 26)
    assert counts(samples, "objective") == (24, 13, 20, 8, 3)
    assert all(s.onset <= s.apex <= s.offset for s in samples)


@pytest.mark.parametrize("release", SHEETS[:2])
def test_the_composite_by_rule_is_the_organisers_list(
    sheets: Path, maps: Path, tmp_path: Path, release: str
) -> None:
    for name in (release, SHEETS[2]):
        shutil.copy(sheets / name, tmp_path)
    SMIC.fabricate(tmp_path)
    by_rule = [s for s in datasets["megc2019"].samples(tmp_path) if s.dataset != "smic"]
    listed = [s for s in datasets["megc2019-flow"].samples(maps) if s.dataset != "smic"]
    classes = [{s.id: s.label for s in labelled(samples, "megc3")[0]} for samples in (by_rule, listed)]
    assert classes[0] == classes[1]
    assert counts([s for s in by_rule if s.dataset == "casme2"], "megc3") == (88, 32, 25)
    assert counts([s for s in by_rule if s.dataset == "samm"], "megc3") == (92, 26, 15)


def test_the_maps(maps: Path) -> None:
    dataset = datasets["megc2019-flow"]
    checkup = check("megc2019-flow", maps)
    assert (checkup.clips, checkup.subjects, checkup.problems) == (442, 68, ())
    samples = dataset.samples(maps)
    parts = {name: [s for s in samples if s.dataset == name] for name in ("casme2", "samm", "smic")}
    assert {name: counts(part, "megc3") for name, part in parts.items()} == {
        "casme2": (88, 32, 25),
        "samm": (92, 26, 15),
        "smic": (70, 51, 43),
    }
    assert [len({s.subject for s in part}) for part in parts.values()] == [24, 28, 16]
    array = dataset.ready_array(maps, samples[0], "flow-map")
    assert array.shape == (3, 28, 28)
    assert np.ptp(array) > 100


def test_either_list_of_the_maps_says_the_same(maps: Path, tmp_path: Path) -> None:
    dataset = datasets["megc2019-flow"]
    both = {s.id: s.label for s in dataset.samples(maps)}
    for name in ("combined_3class_gt.csv", "combined_3_class2_for_optical_flow.csv"):
        root = tmp_path / name
        root.mkdir()
        shutil.copy(maps / name, root)
        assert {s.id: s.label for s in dataset.samples(root)} == both
