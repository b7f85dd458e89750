"""Curves of action units: a row for every face of every frame, values where the face is seen well enough."""

import numpy as np
import pytest

from fleeting.analysis.unit_tables import COLUMNS, UnitTable, face_values
from fleeting.faces.skin_motion import Motion
from fleeting.faces.tracking import FaceTracker
from fleeting.types import Frame
from tests.fixtures.portraits import blurred, photograph, scene
from tests.fixtures.tables import rows

pytestmark = pytest.mark.slow  # the networks take a while to load


def written(folder, pictures, motions=None):
    tracker = FaceTracker()
    with UnitTable(folder) as table:
        for number, picture in enumerate(pictures):
            frame = Frame(number, number / 25, picture)
            faces = tracker.push(picture, frame.time)
            table.add(frame, faces, motions or {}, [face_values(frame, face) for face in faces])
    return rows(folder / "units.csv")


def test_every_face_of_every_frame_has_a_row(tmp_path):
    both = scene(("hopper", 150, 240), ("astronaut", 450, 240))
    found = written(tmp_path, [both, scene(), both])
    assert list(found[0]) == list(COLUMNS)
    assert COLUMNS[:5] == ("frame", "time_s", "face", "AU1", "AU2")
    assert [(row["frame"], row["face"]) for row in found] == [("0", "0"), ("0", "1"), ("2", "0"), ("2", "1")]
    smiles = {float(row["AU12"]) > 0.8 for row in found if row["frame"] == "0"}
    assert smiles == {True, False}


def test_who_is_not_seen_well_enough_has_a_reason_and_no_values(tmp_path):
    (row,) = written(tmp_path, [blurred(photograph("hopper"), 9)])
    assert row["reason"].startswith("too blurred")
    assert not any(row[name] for name in COLUMNS[3:-1])


def test_where_the_skin_cannot_be_followed_the_row_says_so(tmp_path):
    motion = Motion(0, 0.0, None, 0, np.nan, np.nan, reason="the light changed")
    (row,) = written(tmp_path, [photograph("astronaut")], {0: motion})
    assert row["reason"] == "the light changed"
    assert float(row["AU12"]) > 0.8


def test_without_a_face_there_is_the_header_alone(tmp_path):
    assert written(tmp_path, [scene()]) == []
    assert (tmp_path / "units.csv").read_text() == ",".join(COLUMNS) + "\n"
