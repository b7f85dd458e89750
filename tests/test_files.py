"""Files appear whole or not at all, and what a killed process left half-written is deleted."""

import os

from fleeting.files import sweep


def test_leftovers_of_the_living_are_left_alone(tmp_path):
    (tmp_path / "folds" / f".{os.getpid()}.mine").mkdir(parents=True)
    (tmp_path / "folds" / ".999999999.theirs").mkdir()
    sweep(tmp_path / "folds")
    assert [path.name for path in (tmp_path / "folds").iterdir()] == [f".{os.getpid()}.mine"]
