"""The files of MEGC's spotting challenges: what is written is read back, and scored as the movements are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fleeting
from fleeting.errors import FleetingError, LogError, OptionError
from fleeting.scoring.interval_lists import Interval, IntervalList, read_intervals
from fleeting.scoring.intervals import score_lists
from fleeting.scoring.megc_files import YEARS, log_text, recognised_csv, spotted_csv, submission
from fleeting.scoring.spotting_log import read_spotting_log
from tests.fixtures.command import typed
from tests.fixtures.fuzzing import examples

VIDEOS = ("006_1", "006_3", "s15_0101", "spNO.1,a")
CLASSES = ("negative", "positive", "surprise")
intervals = st.builds(
    lambda video, onset, length, label: Interval(video, onset, onset + length, label),
    st.sampled_from(VIDEOS),
    st.integers(0, 200),
    st.integers(0, 60),
    st.sampled_from(CLASSES),
)
some_intervals = st.lists(intervals, max_size=15, unique_by=lambda i: (i.video, i.onset, i.offset))
of_kinds = st.fixed_dictionaries({"micro": some_intervals, "macro": some_intervals})
PLAIN = tuple(video for video in VIDEOS if "," not in video)


def places(found):
    return sorted((i.video, i.onset, i.offset) for i in found)


def read_back(tmp_path_factory, text, name="cas_pred.csv"):
    path = tmp_path_factory.mktemp("entry") / name
    path.write_text(text, encoding="utf-8")
    return path


@examples(40)
@given(found=of_kinds)
def test_a_spotting_entry_is_read_back(tmp_path_factory, found):
    listed = read_intervals(read_back(tmp_path_factory, spotted_csv(found)))
    assert listed.kinds
    assert not listed.labelled
    for kind in ("micro", "macro"):
        assert places(i for i in listed.intervals if i.kind == kind) == places(found[kind])


@examples(40)
@given(found=some_intervals)
def test_a_recognised_entry_is_read_back(tmp_path_factory, found):
    listed = read_intervals(read_back(tmp_path_factory, recognised_csv(found, CLASSES)))
    assert listed.labelled
    assert sorted((i.video, i.onset, i.offset, i.label) for i in listed.intervals) == sorted(
        (i.video, i.onset, i.offset, i.label) for i in found
    )


@examples(40)
@given(truth=some_intervals, found=some_intervals)
def test_a_log_is_read_back_and_marks_the_hits_that_the_rule_gives(tmp_path_factory, truth, found):
    truth, found = ([i for i in side if i.video in PLAIN] for side in (truth, found))
    text = log_text(1, PLAIN, {"micro": truth}, {"micro": found})
    if not truth and not found:
        assert text == "1\n"
        return
    path = read_back(tmp_path_factory, text, "log.txt")
    log = read_spotting_log(path)
    assert (places(log.truth.intervals), places(log.found.intervals)) == (places(truth), places(found))
    plain = [IntervalList(PLAIN, tuple(Interval(*p) for p in places(side))) for side in (truth, found)]
    assert log.marked == score_lists(*plain).pooled.tp
    scores = fleeting.score_intervals(path)
    assert scores.pooled == score_lists(*plain).pooled
    assert not any("marks" in note for note in scores.notes)


def test_the_forms_letter_by_letter():
    truth = {"micro": [Interval("006_1", 10, 20, "negative")], "macro": [Interval("006_1", 50, 90)]}
    found = {"micro": [Interval("006_1", 11, 21, "positive")], "macro": [Interval("006_3", 5, 9)]}
    made = {
        name: text
        for year in YEARS
        for name, text in submission(year, "samm-lv", ["006_1", "006_3"], truth, found, CLASSES).items()
    }
    log = "1\n006_1 10 20 11 21 TP\n006_1 50 90 - - FN\n006_3 - - 5 9 FP\n"
    assert made["megc2020/log.txt"] == made["megc2021/log.txt"] == log
    spotted = "vid,pred_onset,pred_offset,type\n006_1,11,21,me\n006_3,5,9,mae\n"
    assert {made[f"megc{year}/samm_pred.csv"] for year in (2022, 2023, 2024, 2025)} == {spotted}
    recognised = "subject,video,onset,offset,emotion\n6,006_1,11,21,positive\n"
    assert {made[f"megc{year}/recognised/samm_pred.csv"] for year in (2023, 2024, 2025)} == {recognised}
    assert "megc2022/recognised/samm_pred.csv" not in made


def test_films_of_one_name_are_their_peoples(tmp_path):
    (path := tmp_path / "cas_pred.csv").write_text(
        "subject,video,onset,offset,emotion\n5,anger1,4,9,negative\n8,anger1,4,9,positive\n8,happy4,1,2,surprise\n"
    )
    assert read_intervals(path).videos == ("5/anger1", "8/anger1", "happy4")


@pytest.mark.parametrize("year", [2019, 2026, 0])
def test_a_year_without_known_files_is_refused(year):
    with pytest.raises(OptionError, match="expected 2020 to 2025"):
        submission(year, "samm-lv", [], {"micro": []}, {"micro": []}, ())


def test_a_blank_in_a_videos_name_has_no_place_in_a_log():
    with pytest.raises(OptionError, match="rename it"):
        log_text(1, ["a b"], {"micro": [Interval("a b", 1, 2)]}, {"micro": []})


@pytest.mark.parametrize(
    "row", ["006_1 10 20 11 TP", "006_1 10 - 11 21 FP", "006_1 20 10 - - FN", "006_1 1 2 3 4 XX"]
)
def test_a_line_of_a_log_that_is_none_is_named(tmp_path, row):
    (path := tmp_path / "log.txt").write_text(f"1\n006_1 10 20 11 21 TP\n{row}\n")
    with pytest.raises(LogError, match="line 3"):
        read_spotting_log(path)


def test_the_command_scores_a_log_and_says_where_its_marks_differ(capsys, tmp_path):
    (path := tmp_path / "log.txt").write_text("2\n15_0101 10 20 80 90 TP\n15_0102 - - 5 9 FP\n")
    status, out, err = typed(capsys, "score-intervals", path, "--json")
    scores = json.loads(out)
    assert (status, scores["tp"], scores["fp"], scores["fn"]) == (0, 0, 2, 1)
    assert "marks 1 intervals as hits, by the rule there are 0" in err


def test_a_list_alone_that_is_no_log_is_refused(capsys, tmp_path):
    (path := tmp_path / "truth.csv").write_text("video,onset,offset\na,1,2\n")
    status, out, err = typed(capsys, "score-intervals", path)
    assert (status, out, err.count("\n")) == (2, "", 1)


LINES = st.sampled_from(
    ["1", "a 1 2 3 4 TP", "a - - 3 4 FP", "a 1 2 - - FN", "a 1 - 3 4 TP", "b 9 2 3 4 TP", ""]
)


@examples(40)
@given(lines=st.lists(LINES | st.text(max_size=8), max_size=5))
def test_any_log_is_read_or_refused(tmp_path_factory, lines):
    path = read_back(tmp_path_factory, "\n".join(lines).encode("utf-8", "replace").decode(), "log.txt")
    refused = ""
    try:
        fleeting.score_intervals(path)
    except FleetingError as error:
        refused = str(error)
    assert "\n" not in refused
