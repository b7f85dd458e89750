"""A small share of `make soak`: broken videos and kills of `studies/soak.py`."""

import sys
from pathlib import Path

import pytest

from fleeting.synthetic.draw import draw

sys.path.insert(0, str(Path(__file__).parents[1] / "studies"))
import soak


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    (video,) = draw(folder, videos=1, seconds=2, fps=30, seed=1, flows=0)["videos"]
    return folder / video["file"]


@pytest.mark.slow
def test_each_damage_changes_the_file_and_does_so_again(sound, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    kinds = soak.broken(sound, tmp_path / "a", range(18))
    soak.broken(sound, tmp_path / "b", range(18))
    assert soak.hashes(tmp_path / "a") == soak.hashes(tmp_path / "b")
    assert set(kinds.values()) == {damage.__name__ for damage in soak.DAMAGES}
    assert {path.suffix for path in kinds} == set(soak.CONTAINERS)
    whole = soak.contained(sound)
    assert [path for path in kinds if path.read_bytes() == whole[path.suffix]] == []


@pytest.mark.slow
def test_broken_videos_are_named_and_harm_nothing(sound, tmp_path):
    ends, wrong = soak.soak_videos(tmp_path / "work", sound, range(18))
    assert wrong == []
    assert sum(ends.values()) == 18


@pytest.mark.slow
def test_a_killed_analysis_ends_as_an_unbroken_one(sound, tmp_path):
    ends, wrong = soak.soak_kills(tmp_path / "work", ["analyze", sound, *soak.ANALYZE], 2)
    assert wrong == []
    assert sum(ends.values()) == 2
