"""Curves of action units: in the rows of the frames, with their peaks, of one face."""

import csv

import pytest

from fleeting.analysis.frame_tables import COLUMNS as FRAME_COLUMNS
from fleeting.analysis.unit_tables import COLUMNS
from fleeting.web.curves import curves, keep_curves, names
from fleeting.web.service import MissingError

ID = "b" * 32
WHOLE = float("-inf"), float("inf")


@pytest.fixture
def results(tmp_path):
    """Ninety frames at 30 a second; face 1 is in all but ten, face 0 in twenty."""
    folder = tmp_path / "results"
    folder.mkdir()
    with (folder / "frames.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, FRAME_COLUMNS, restval="")
        writer.writeheader()
        for frame in range(90):
            writer.writerow({"frame": frame, "time_s": f"{frame / 30:.6f}", "faces": 1, "reason": ""})
    with (folder / "units.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        for frame in range(90):
            at = {"frame": frame, "time_s": f"{frame / 30:.6f}"}
            if frame < 20:
                writer.writerow({**at, "face": 0, "AU12": "0.900000", "reason": ""})
            if frame < 10:
                continue
            value = {} if frame == 40 else {"AU12": f"{0.3 if frame == 50 else 0.01:.6f}", "AU4": "0.000100"}
            writer.writerow({**at, "face": 1, **value, "reason": "" if value else "too blurred"})
    return folder


def test_a_curve_has_the_rows_of_the_frames_and_keeps_its_peak(tmp_path, results):
    of = tmp_path, ID, results
    found = curves(of, ["AU12", "AU4"], None, (*WHOLE, 9))
    assert (found["face"], found["every"]) == (1, 10)
    assert found["curves"]["AU12"] == [None, 0.01, 0.01, 0.01, 0.01, 0.3, 0.01, 0.01, 0.01]
    assert found["curves"]["AU4"][1] == 0.0001
    assert (found["largest"]["AU12"], found["largest"]["AU1"]) == (0.3, None)
    close = curves(of, ["AU12"], None, (40 / 30 - 0.001, 42 / 30 + 0.001, 100))
    assert close["curves"]["AU12"] == [None, 0.01, 0.01]
    assert curves(of, ["AU12"], 0, (*WHOLE, 9))["largest"]["AU12"] == 0.9


def test_curves_that_are_not_there_are_named(tmp_path, results):
    assert names(results)["AU12"] == "lip corner puller"
    with pytest.raises(MissingError, match="no curve AU99; there are AU1, AU2"):
        curves((tmp_path, ID, results), ["AU99"], None, (*WHOLE, 9))
    (results / "units.csv").unlink()
    assert names(results) == {}
    with pytest.raises(MissingError, match="add the recording again, with units"):
        curves((tmp_path, ID, results), [], None, (*WHOLE, 9))
    keep_curves(tmp_path, ID, results)  # a job without units has nothing to keep
    assert not list(tmp_path.rglob("*.npz"))
