"""MEGC's spotting scores of any two lists of intervals, the truth and what was found."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fleeting
from fleeting.cli import main
from fleeting.errors import LogError, OptionError
from fleeting.scoring.intervals import Interval, IntervalList, match, read_intervals, score_lists

VIDEOS = ("a", "b", "c")
intervals = st.builds(
    lambda video, onset, length, label: Interval(video, onset, onset + length, label),
    st.sampled_from(VIDEOS),
    st.integers(0, 300),
    st.integers(0, 60),
    st.sampled_from(["negative", "positive", "surprise"]),
)
lists = st.lists(intervals, max_size=25, unique_by=lambda i: (i.video, i.onset, i.offset))


def listed(found, labelled=True):
    return IntervalList(VIDEOS, tuple(found), labelled)


def wrote(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@given(lists.filter(bool))
def test_a_perfect_list_gives_one(truth):
    scores = score_lists(listed(truth), listed(truth))
    assert (scores.pooled.fp, scores.pooled.fn) == (0, 0)
    assert scores.pooled.precision == scores.pooled.recall == scores.pooled.f1 == 1
    assert scores.recognised.uf1 == scores.recognised.uar == scores.strs == 1


@given(lists, lists, st.randoms())
def test_order_does_not_matter(truth, found, random):
    before = score_lists(listed(truth), listed(found))
    random.shuffle(truth)
    random.shuffle(found)
    assert score_lists(listed(truth), listed(found)) == before


@given(lists, lists, st.integers(0, 10**6))
def test_shifting_both_lists_changes_nothing(truth, found, by):
    moved = (
        [Interval(i.video, i.onset + by, i.offset + by, i.label) for i in side] for side in (truth, found)
    )
    assert score_lists(*map(listed, moved)) == score_lists(listed(truth), listed(found))


@given(lists.filter(bool), lists)
def test_intervals_far_from_any_movement_only_lower_precision(truth, found):
    before = score_lists(listed(truth), listed(found)).pooled
    extra = [Interval("c", 1000, 1010, "positive"), Interval("a", 2000, 2000, "negative")]
    after = score_lists(listed(truth), listed([*found, *extra])).pooled
    assert (after.tp, after.fn, after.fp) == (before.tp, before.fn, before.fp + 2)
    assert after.recall == before.recall
    assert after.precision <= before.precision


@given(lists, lists)
def test_one_more_interval_never_loses_a_hit(truth, found):
    counts = [score_lists(listed(truth), listed(found[:n])).pooled.tp for n in range(len(found) + 1)]
    assert counts == sorted(counts)


@given(lists, lists)
def test_hits_are_real_and_use_each_interval_once(truth, found):
    for video in VIDEOS:
        true, said = ([i for i in side if i.video == video] for side in (truth, found))
        pairs = match(true, said)
        for side in (0, 1):
            assert len({pair[side] for pair in pairs}) == len(pairs)
        for t, f in pairs:
            own, other = set(range(t.onset, t.offset + 1)), set(range(f.onset, f.offset + 1))
            assert 2 * len(own & other) >= len(own | other)


def test_half_of_the_union_counts_with_both_ends_in():
    assert match([Interval("a", 0, 9)], [Interval("a", 5, 9)])  # 5 of 10 frames
    assert not match([Interval("a", 0, 9)], [Interval("a", 6, 9)])
    assert match([Interval("a", 7, 7)], [Interval("a", 7, 8)])


def test_as_many_hits_as_can_be():
    """The best pair alone would leave the second true interval without any."""
    truth = [Interval("a", 0, 9), Interval("a", 2, 13)]
    found = [Interval("a", 2, 10), Interval("a", 0, 4)]
    assert match(truth, found) == [(truth[0], found[1]), (truth[1], found[0])]


def test_pooled_over_all_videos_empty_ones_too():
    truth = listed([Interval("a", 0, 9, "positive"), Interval("b", 0, 9, "negative")])
    found = listed(
        [Interval("a", 0, 9, "positive"), Interval("a", 50, 60, "positive"), Interval("c", 0, 9, "x")]
    )
    scores = score_lists(truth, found)
    assert (scores.pooled.tp, scores.pooled.fp, scores.pooled.fn) == (1, 2, 1)
    assert scores.pooled.f1 == pytest.approx(2 / 5)
    assert scores.per_video["c"].fp == 1
    assert scores.per_video["c"].recall is None
    assert scores.strs == pytest.approx(2 / 5)


def test_classes_are_scored_over_those_that_hits_truly_have():
    truth = listed([Interval("a", 100 * n, 100 * n + 9, label) for n, label in enumerate("ppnn")])
    found = listed([Interval("a", 100 * n, 100 * n + 9, label) for n, label in enumerate("ppns")])
    scores = score_lists(truth, found)
    assert scores.recognised.classes == ("n", "p", "s")
    assert scores.recognised.uf1 == pytest.approx((2 / 3 + 1) / 2)
    assert scores.recognised.uar == pytest.approx(0.75)
    assert scores.strs == scores.recognised.uf1


def test_nothing_found_and_nothing_there():
    some = listed([Interval("a", 0, 9, "p")])
    scores = score_lists(some, listed([]))
    assert (scores.pooled.precision, scores.pooled.recall, scores.pooled.f1, scores.strs) == (0, 0, 0, 0)
    nothing = score_lists(listed([]), listed([]))
    assert (nothing.pooled.precision, nothing.pooled.recall, nothing.pooled.f1) == (None, None, None)
    assert nothing.strs is None
    assert nothing.recognised.uf1 is None


def test_what_is_not_said_is_noted():
    truth = IntervalList(VIDEOS, (Interval("a", 0, 9, "p"),), labelled=True)
    found = IntervalList(("a",), (Interval("a", 0, 9),))
    scores = score_lists(truth, found)
    assert scores.recognised is None
    assert any("2 of 3 videos (b, c)" in note for note in scores.notes)
    assert any("only the truth has labels" in note for note in scores.notes)


@pytest.mark.parametrize(
    "text",
    [
        "video,onset,offset\nx,1,9\ny,,\n",
        "\ufeffVideo; Onset; Offset\r\nx;1,0;9,0\r\n\r\n;;\r\ny;;\r\n",
        "offset\tsubject\tvideo\tonset\n9\ts1\tx\t1\n\ts1\ty\n",
        '"video","onset","offset"\n"x","1.0","8.999999999"\n"y","",""',
    ],
)
def test_reads_what_programs_write(tmp_path, text):
    found = read_intervals(wrote(tmp_path / "list.csv", text))
    assert found == IntervalList(("x", "y"), (Interval("x", 1, 9),))


def test_rounds_off_noise_and_folds_labels(tmp_path):
    text = "video,onset,offset,label\nx,566.0000000000001,570.9999999, Positive \n"
    (interval,) = read_intervals(wrote(tmp_path / "list.csv", text)).intervals
    assert interval == Interval("x", 566, 571, "positive")


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("x,9,1", "line 2: onset 9 and offset 1"),
        ("x,-4,1", "line 2: onset -4"),
        ("x,1e300,1e301", "line 2: onset"),
        ("x,nan,3", "line 2: found 'nan'"),
        ("x,1,inf", "line 2: found 'inf'"),
        ("x,one,3", "line 2: found 'one'"),
        ("x,,3", "line 2: found ''"),
        ("x,3.60,4", "line 2: found '3.60' in the column onset, expected a frame number without a fraction"),
        ("x,3,4.000002", "line 2: found '4.000002' in the column offset"),
        ('x,"1,200",1300', "line 2: found '1,200' in the column onset, expected a frame number"),
        (",1,3", "line 2: found ',1,3', expected the name of a video"),
        ("x,1,9\n\nx,1.0,9", "line 4: found 'x,1.0,9', expected each interval of x once"),
        ("x,1,9\nx,,", "line 3: found 'x,,', expected x either"),
        ("x,,\nx,,", "line 3"),
        ("x,,\nx,1,2", "line 3"),
        ('x,"1,2', "line 2: unexpected end of data"),
    ],
)
def test_refuses_what_is_no_interval_and_names_the_line(tmp_path, rows, complaint):
    path = wrote(tmp_path / "list.csv", f"video,onset,offset\n{rows}\n")
    with pytest.raises(LogError) as refusal:
        read_intervals(path)
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["", "\n\n", "a,b\n1,2", "video,video,onset,offset\nx,y,1,2", "\x00\x01"])
def test_refuses_what_is_no_list(tmp_path, text):
    with pytest.raises(LogError):
        read_intervals(wrote(tmp_path / "list.csv", text))


def test_a_labelled_list_has_a_label_in_each_row(tmp_path):
    path = wrote(tmp_path / "list.csv", "video,onset,offset,label\nx,1,2,p\nx,5,6,\n")
    with pytest.raises(LogError, match=r"line 3.*a label"):
        read_intervals(path)


@given(st.binary(max_size=300))
def test_reads_or_refuses_whatever_there_is(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("wild") / "list.csv"
    path.write_bytes(b"video,onset,offset\n" + content)
    with suppress(LogError):
        found = read_intervals(path)
        assert score_lists(found, found).pooled.tp == len(found.intervals)


def test_videos_that_the_truth_lacks_are_refused(tmp_path):
    truth = wrote(tmp_path / "truth.csv", "video,onset,offset\nv1,1,9\n")
    found = wrote(tmp_path / "found.csv", "video,onset,offset\nV1,1,9\n")
    with pytest.raises(OptionError, match="the found list has V1"):
        fleeting.score_intervals(truth, found)


def test_lists_check_themselves():
    with pytest.raises(OptionError, match="only listed videos"):
        IntervalList(("a",), (Interval("b", 0, 1),))
    with pytest.raises(OptionError, match="twice"):
        IntervalList(("a",), (Interval("a", 0, 1, "p"), Interval("a", 0, 1, "n")), labelled=True)
    with pytest.raises(OptionError, match="without a label"):
        IntervalList(("a",), (Interval("a", 0, 1),), labelled=True)


def test_the_command_prints_a_table_or_json(tmp_path, capsys):
    truth = wrote(tmp_path / "truth.csv", "video,onset,offset,label\nv[1],1,9,p\nv2,,,\n")
    found = wrote(tmp_path / "found.csv", "video,onset,offset,label\nv[1],1,8,p\n")
    with pytest.raises(SystemExit) as end:
        main(["score-intervals", str(truth), str(found)])
    printed = capsys.readouterr()
    assert end.value.code == 0
    assert "v[1]" in printed.out
    assert "STRS 1.0000" in printed.out
    assert "nothing is said of 1 of 2 videos (v2)" in printed.err
    with pytest.raises(SystemExit):
        main(["score-intervals", str(truth), str(found), "--json"])
    scores = json.loads(capsys.readouterr().out)
    assert (scores["videos"], scores["tp"], scores["f1"], scores["strs"]) == (2, 1, 1.0, 1.0)
    assert scores["per_video"]["v2"]["f1"] is None


HEAD = "event,face,kind,onset_frame,apex_frame,offset_frame,onset_s,label,confidence,unsure\n"


def events(folder, *rows):
    """An events.csv as an analysis writes it: rows of face, kind, onset, offset, label."""
    folder.mkdir(parents=True)
    lines = [f"{n},{f},{k},{a},{a},{b},{a / 60},{c},0.5,true\n" for n, (f, k, a, b, c) in enumerate(rows, 1)]
    return wrote(folder / "events.csv", HEAD + "".join(lines))


def test_the_events_of_an_analysis_are_scored_as_they_are(tmp_path):
    found = tmp_path / "results"
    events(found / "s1", (0, "micro", 100, 112, "happiness"), (0, "macro", 300, 360, ""))
    events(found / "P02-cam.mp4", (0, "micro", 10, 20, "surprise"), (1, "micro", 10, 20, "surprise"))
    events(found / "quiet")
    truth = wrote(
        tmp_path / "truth.csv",
        "video,onset,offset,kind,label\ns1.mp4,100,112,micro,happiness\ns1.mp4,305,360,micro,surprise\n"
        "P02/cam.mp4,10,20,micro,surprise\nquiet.mp4,,,,\n",
    )
    scores = fleeting.score_intervals(truth, found)
    assert (scores.pooled.tp, scores.pooled.fp, scores.pooled.fn) == (2, 1, 1)  # the macro is no micro
    assert (scores.kinds["micro"].f1, scores.kinds["macro"].fp) == (0.8, 1)
    assert scores.recognised.accuracy == 1
    assert any("another face's event are counted once" in note for note in scores.notes)
    files = sorted(found.rglob("events.csv"))
    assert fleeting.score_intervals(truth, *files).pooled == scores.pooled


def test_one_table_of_events_is_of_the_one_video_and_a_note_says_so(tmp_path):
    found = events(tmp_path / "anywhere", (0, "micro", 100, 112, ""))
    truth = wrote(tmp_path / "truth.csv", "video,onset,offset\ns1.mp4,100,112\n")
    scores = fleeting.score_intervals(truth, found)
    assert scores.pooled.f1 == 1
    assert any("anywhere is taken for s1.mp4" in note for note in scores.notes)
    assert any("only the found list says which are micro" in note for note in scores.notes)


def test_tables_of_unknown_videos_and_one_that_comes_twice_are_refused(tmp_path):
    one = events(tmp_path / "a" / "s3", (0, "micro", 1, 9, ""))
    two = events(tmp_path / "b" / "s3", (0, "micro", 1, 9, ""))
    truth = wrote(tmp_path / "truth.csv", "video,onset,offset\ns1.mp4,1,9\ns2.mp4,1,9\n")
    with pytest.raises(OptionError, match="the found list has s3"):
        fleeting.score_intervals(truth, one)
    with pytest.raises(OptionError, match="s3 in two of 2 lists"):
        fleeting.score_intervals(truth, one, two)
    (tmp_path / "empty").mkdir()
    with pytest.raises(LogError, match=r"holds no events\.csv"):
        fleeting.score_intervals(truth, tmp_path / "empty")


def test_lists_in_seconds_are_refused(tmp_path):
    truth = wrote(tmp_path / "truth.csv", "video,onset,offset\ns1.mp4,3.60,3.80\n")
    with pytest.raises(LogError, match=r"line 2: found '3\.60' in the column onset.*multiply seconds"):
        fleeting.score_intervals(truth, truth)


def test_thousands_or_decimals_are_refused_between_semicolons(tmp_path):
    path = wrote(tmp_path / "list.csv", "video;onset;offset\nx;1.200;1.230\n")
    with pytest.raises(LogError, match=r"line 2: found '1\.200' in the column onset.*may be 1200 or 1\.2"):
        read_intervals(path)
