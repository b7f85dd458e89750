"""Values refuse what they cannot be: above all a fold with a subject on both sides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleeting.errors import FoldError, LeakError, OptionError
from fleeting.types import Clip, Fold, Prediction, Sample


def sample(subject="casme2/sub01", clip="EP01"):
    return Sample(f"{subject}/{clip}", "casme2", subject, "negative")


def test_a_fold_refuses_a_subject_on_both_sides():
    with pytest.raises(LeakError, match="casme2/sub01"):
        Fold("f", (sample(clip="a"),), (sample(clip="b"),))


def test_a_declared_fold_may_share_a_subject_but_never_a_sample():
    assert Fold("f", (sample(clip="a"),), (sample(clip="b"),), subjects_shared=True).subjects_shared
    with pytest.raises(LeakError, match="twice"):
        Fold("f", (sample(),), (sample(),), subjects_shared=True)


@pytest.mark.parametrize("sides", [((), (sample(),)), ((sample(),), ())])
def test_a_fold_refuses_an_empty_side(sides):
    with pytest.raises(FoldError, match="nothing to"):
        Fold("f", *sides)


people = st.sampled_from([f"one/s{i}" for i in range(4)])


@given(st.lists(people, min_size=1), st.lists(people, min_size=1))
def test_a_fold_exists_only_if_no_subject_is_shared(train, test):
    sides = [
        tuple(sample(person, f"{side}{i}") for i, person in enumerate(names))
        for side, names in (("train", train), ("test", test))
    ]
    if set(train) & set(test):
        with pytest.raises(LeakError):
            Fold("f", *sides)
    else:
        assert Fold("f", *sides).train == sides[0]


@pytest.mark.parametrize("subject", ["sub01", "/sub01", "casme2/", ""])
def test_a_subject_is_global_or_refused(subject):
    with pytest.raises(OptionError, match="cohort"):
        Sample("x", "casme2", subject, "negative")


def test_frames_of_one_clip_are_one_subjects():
    frames = [Sample(f"c/p/clip#{i}", "c", "c/p", "x") for i in range(3)]
    with pytest.raises(LeakError):
        Fold("f", (frames[0],), (frames[1],))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"frames": np.zeros((4, 8, 8, 3), np.float32)}, "uint8"),
        ({"frames": np.zeros((4, 8, 8), np.uint8)}, "uint8"),
        ({"times": np.zeros(3)}, "3 times"),
        ({"apex": 4}, "apex 4"),
        ({"onset": 3, "apex": 2}, "onset 3"),
    ],
)
def test_a_clip_that_cannot_be_is_refused(change, words):
    whole = {"frames": np.zeros((4, 8, 8, 3), np.uint8), "times": np.arange(4) / 10}
    whole |= {"onset": 0, "apex": 2, "offset": 3}
    assert Clip(**whole).apex == 2
    with pytest.raises(OptionError, match=words):
        Clip(**(whole | change))


def test_a_prediction_names_a_class_that_exists():
    with pytest.raises(OptionError, match="class 3 and there are 3 probabilities"):
        Prediction("id", "d", "d/p", "f", 0, 3, (0.2, 0.3, 0.5))
