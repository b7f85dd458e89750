"""One of a dataset's releases, asked for whichever sheet lies there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fleeting.datasets import Drawing, datasets, released
from fleeting.datasets.casme2 import CASME2
from fleeting.errors import OptionError, UnknownNameError
from fleeting.types import Sample

DIFFERS, ALIKE = "casme2/sub24/EP07_01", "casme2/sub24/EP07_02"


def written(root: Path, label: str, sheet: str) -> None:
    """Two clips of CASME II with this label, one of them a clip whose label depends on the release."""
    frames = [np.zeros((4, 4), np.uint8)] * 3
    rows = [
        Drawing(Sample(name, "casme2", name.rpartition("/")[0], label, 9, 10, 11), frames)
        for name in (DIFFERS, ALIKE)
    ]
    CASME2.write(root, rows)
    (root / f"{CASME2.sheet.files[0]}.xlsx").rename(root / f"{sheet}.xlsx")


def labels(root: Path, release: str) -> dict[str, str]:
    return {sample.id: sample.label for sample in released("casme2", release).samples(root)}


@pytest.mark.parametrize(("release", "label"), [("2014", "sadness"), ("2019", "surprise")])
@pytest.mark.parametrize("there", ["sadness", "surprise"])
def test_only_the_clips_that_differ_are_labelled_anew(
    tmp_path: Path, there: str, release: str, label: str
) -> None:
    written(tmp_path, there, "CASME2-coding-20190701")
    assert labels(tmp_path, release) == {DIFFERS: label, ALIKE: there}
    assert labels(tmp_path, "") == {DIFFERS: there, ALIKE: there}


def test_the_sheet_of_the_release_is_preferred(tmp_path: Path) -> None:
    written(tmp_path, "fear", "CASME2-coding-20140508")
    written(tmp_path, "disgust", "CASME2-coding-20190701")
    assert labels(tmp_path, "2014")[ALIKE] == "fear"
    assert labels(tmp_path, "2019")[ALIKE] == labels(tmp_path, "")[ALIKE] == "disgust"


def test_the_check_names_the_clips_that_were_labelled_anew(tmp_path: Path) -> None:
    written(tmp_path, "surprise", "CASME2-coding-20190701")
    dataset = released("casme2", "2014")
    (note,) = dataset.problems(tmp_path, dataset.samples(tmp_path))
    assert (note.clip, note.blocks) == (DIFFERS, False)
    assert (
        note.what
        == "the sheet says surprise for the label; sadness is used: the labels of 2014 are asked for"
    )


def test_a_release_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean '201[49]'"):
        released("casme2", "2015")
    with pytest.raises(OptionError, match=r"samm has no releases that differ.*leave it out"):
        released("samm", "2014")
    with pytest.raises(UnknownNameError, match="did you mean 'casme2'"):
        released("casme-2", "2014")


def test_no_release_is_the_dataset_itself() -> None:
    assert all(released(name) is datasets[name] for name in datasets)
