"""Scores of micro and macro movements, each alone and together; the written lists can be read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleeting.errors import OptionError
from fleeting.scoring.intervals import Interval, read_intervals
from fleeting.scoring.movements import movements_csv, score_kinds

VIDEOS = ("a", "b", "c")


def spans(*places, label=""):
    return [Interval(video, onset, offset, label) for video, onset, offset in places]


def test_the_overall_score_pools_kinds_that_are_matched_apart():
    truth = {"micro": spans(("a", 10, 19), ("b", 10, 19)), "macro": spans(("a", 50, 99))}
    found = {"micro": spans(("a", 10, 19), ("a", 50, 99)), "macro": spans(("b", 10, 19))}
    scores = score_kinds(VIDEOS, truth, found)
    counted = {kind: tuple(scores[kind][name] for name in ("tp", "fp", "fn")) for kind in found}
    assert counted == {"micro": (1, 1, 1), "macro": (0, 1, 1)}
    assert scores["overall"] == {"tp": 1, "fp": 2, "fn": 2, "precision": 1 / 3, "recall": 1 / 3, "f1": 1 / 3}
    assert scores["per_video"]["b"]["micro"]["fn"] == 1
    assert scores["per_video"]["c"]["macro"]["f1"] is None
    assert (scores["recognised"], scores["strs"]) == (None, None)


def test_one_kind_alone_has_no_overall_score():
    scores = score_kinds(VIDEOS, {"micro": spans(("a", 1, 9))}, {"micro": []})
    assert (scores["micro"]["fn"], scores["macro"], scores["overall"]) == (1, None, None)


def test_strs_asks_for_classes_of_the_hits_that_have_one():
    truth = {
        "micro": [
            *spans(("a", 10, 19), ("a", 30, 39), label="negative"),
            *spans(("b", 10, 19), label="surprise"),
            *spans(("b", 50, 59), label="other"),
            *spans(("c", 10, 19), label="positive"),
        ]
    }
    found = {
        "micro": [
            *spans(("a", 10, 19), ("b", 10, 19), label="negative"),
            *spans(("a", 30, 39), label="negative"),
            *spans(("b", 50, 59), label="positive"),
        ]
    }
    scores = score_kinds(VIDEOS, truth, found, ("negative", "positive", "surprise"))
    assert scores["recognised"]["classes"] == ("negative", "surprise")
    assert scores["recognised"]["confusion"] == ((2, 0), (1, 0))
    assert scores["recognised"]["uf1"] == pytest.approx((0.8 + 0) / 2)
    assert scores["strs"] == pytest.approx(8 / 9 * 0.4)
    nothing = score_kinds(VIDEOS, truth, {"micro": []}, ("negative",))
    assert (nothing["strs"], nothing["recognised"]["uf1"]) == (0.0, None)


def test_what_is_found_elsewhere_is_refused():
    with pytest.raises(OptionError, match="intervals of d"):
        score_kinds(VIDEOS, {"micro": []}, {"micro": spans(("d", 1, 2))})


places = st.tuples(st.sampled_from(VIDEOS), st.integers(0, 40), st.integers(0, 20))


@given(st.sets(places), st.sets(places), st.booleans())
def test_the_lists_are_read_again_as_they_were(tmp_path_factory, micro, macro, labelled):
    movements = {
        kind: [Interval(video, a + shift, a + shift + length, kind) for video, a, length in of_kind]
        for kind, of_kind, shift in (("micro", micro, 0), ("macro", macro, 1000))
    }
    path = tmp_path_factory.mktemp("lists") / "list.csv"
    path.write_text(movements_csv(VIDEOS, movements, labelled=labelled))
    read = read_intervals(path)
    assert read.videos == VIDEOS
    assert read.labelled == labelled
    everything = [*movements["micro"], *movements["macro"]]
    kept = {(i.video, i.onset, i.offset, i.label if labelled else "") for i in everything}
    assert {(i.video, i.onset, i.offset, i.label) for i in read.intervals} == kept
