"""The table of frames: read once, kept, thinned out without losing a peak."""

import csv
import time

import numpy as np
import pytest

from fleeting.analysis.frame_tables import COLUMNS
from fleeting.web.frames import table_of, thinned

ID = "a" * 32


def written(folder, rows):
    folder.mkdir(parents=True)
    with (folder / "frames.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def rows(many, blank=()):
    for number in range(many):
        facts = {"frame": number, "time_s": f"{number / 30:.6f}", "faces": 1, "reason": ""}
        if number in blank:
            yield {**facts, "faces": 0, "reason": "no face"}
        else:
            yield {
                **facts,
                "x": 1,
                "y": 2,
                "width": 3,
                "height": 4,
                "quality": 0.5,
                "motion": number % 7 / 10,
            }


def test_all_frames_are_given_where_they_fit(tmp_path):
    table = table_of(tmp_path, ID, written(tmp_path / "results", rows(10, blank={3})))
    found = thinned(table, -np.inf, np.inf, 10)
    assert found["frame"] == list(range(10))
    assert found["motion"][:4] == [0.0, 0.1, 0.2, None]
    assert found["reason"][2:5] == ["", "no face", ""]
    assert found["every"] == [1]
    assert thinned(table, 0.1, 0.2, 10)["frame"] == [3, 4, 5, 6]
    assert thinned(table, 5, 6, 10)["frame"] == []


def test_peaks_and_reasons_stay_where_rows_are_put_together(tmp_path):
    many = [*rows(1000, blank={*range(500, 504)})]
    many[777]["motion"] = 9.5
    found = thinned(table_of(tmp_path, ID, written(tmp_path / "results", many)), -np.inf, np.inf, 100)
    assert (found["every"], len(found["frame"])) == ([10], 100)
    assert max(found["motion_max"]) == found["motion_max"][77] == 9.5
    assert found["motion_max"][0] == 0.6
    assert found["motion"][0] == pytest.approx(0.24)  # 0, 1, ... 6, 0, 1, 2: 2.4 in ten frames
    assert found["reason"][50] == "no face"
    assert {*found["reason"]} == {"", "no face"}


def test_bins_without_a_face_are_unknown(tmp_path):
    table = table_of(tmp_path, ID, written(tmp_path / "results", rows(8, blank={*range(8)})))
    found = thinned(table, -np.inf, np.inf, 2)
    assert (found["motion"], found["x"], found["faces"]) == ([None, None], [None, None], [0, 0])


def test_a_table_that_was_written_anew_is_read_anew(tmp_path):
    results = written(tmp_path / "results", rows(3))
    assert len(table_of(tmp_path, ID, results)["frame"]) == 3
    (results / "frames.csv").unlink()
    results.rmdir()
    time.sleep(0.01)
    assert len(table_of(tmp_path, ID, written(results, rows(5)))["frame"]) == 5


@pytest.mark.slow
def test_an_hour_is_answered_quickly(tmp_path):
    table = table_of(tmp_path, ID, written(tmp_path / "results", rows(108_000)))
    started = time.process_time()
    found = thinned(table_of(tmp_path, ID, tmp_path / "results"), -np.inf, np.inf, 2000)
    assert time.process_time() - started < 0.3
    assert len(found["frame"]) == len(table["frame"]) // 54
