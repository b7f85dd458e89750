"""Exports of a review: tables, ELAN, and a dataset that `check` and `run` read."""

import csv
import io
import json
import zipfile

import pytest

import fleeting
from tests.fixtures.films import film
from tests.fixtures.service import seed

pytestmark = pytest.mark.slow


def test_a_table_has_the_columns_of_the_analysis_and_of_the_review(reviewing, short_analysis):
    client, address = reviewing
    client.patch(f"{address}/events/1", json={"rater": "ann", "comment": "=cmd|' /C calc'!A0"})
    answer = client.get(f"{address}/export", params={"format": "csv", "rater": "ann"})
    (row,) = csv.DictReader(io.StringIO(answer.text))
    with (short_analysis[1] / "events.csv").open() as file:
        (found,) = csv.DictReader(file)
    assert {name: row[name] for name in found} == found
    assert (row["state"], row["rater"]) == ("open", "ann")
    assert row["comment"][0] == "'"  # no formula of a spreadsheet program
    assert "short.events.csv" in answer.headers["content-disposition"]


def test_json_leaves_out_what_was_rejected(reviewing):
    client, address = reviewing
    client.patch(f"{address}/events/1", json={"state": "rejected"})
    assert client.get(f"{address}/export", params={"format": "json"}).json() == []
    everything = client.get(f"{address}/export", params={"format": "json", "states": "rejected"}).json()
    assert [(one["event"], one["state"]) for one in everything] == [(1, "rejected")]


def test_elan_names_the_recording_and_a_raters_own_class(reviewing, short_analysis, tmp_path):
    client, address = reviewing
    client.patch(f"{address}/events/1", json={"onset_frame": 70, "label": "contempt"})
    path = tmp_path / "short.eaf"
    path.write_bytes(client.get(f"{address}/export", params={"format": "elan"}).content)
    text = path.read_text()
    assert 'RELATIVE_MEDIA_URL="short.mp4"' in text
    assert ">contempt<" in text
    assert 'TIME_VALUE="2333"' in text  # frame 70 at 30 a second


def test_a_dataset_is_checked_and_trained_on(reviewing, settings, tmp_path):
    client, address = reviewing
    empty = client.get(f"{address}/export", params={"format": "dataset"})
    assert (empty.status_code, "accept some first" in empty.json()["detail"]) == (422, True)
    client.patch(f"{address}/events/1", json={"state": "accepted"})
    frames = {"onset_frame": 10, "apex_frame": 13, "offset_frame": 18, "label": "negative"}
    client.post(f"{address}/events", json=frames)
    id_ = address.rpartition("/")[2]
    answer = client.get("/api/export/dataset", params={"jobs": f"{id_},{id_}", "subjects": "P1,P2"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        assert file.namelist() == ["clips.csv", "README.txt", "short.mp4", "short-2.mp4"]
        file.extractall(tmp_path / "clips")
    assert list((settings.folder / "uploads").iterdir()) == []
    single = client.get(f"{address}/export", params={"format": "dataset", "subject": "P1"})
    with zipfile.ZipFile(io.BytesIO(single.content)) as file:
        file.extractall(tmp_path / "single")
    checked = fleeting.check("clips", tmp_path / "single")
    assert (checked.as_dict()["clips"], checked.as_dict()["labels"]) == (2, {"negative": 1, "surprise": 1})
    assert [one for one in checked.problems if one.blocks] == []


def test_a_dataset_of_two_recordings_is_trained_on(reviewing, settings, short_analysis, tmp_path):
    client, address = reviewing
    source, results = short_analysis
    with fleeting.open_video(source) as video:
        mirrored = [frame.image[:, ::-1].copy() for frame in video]
    (tmp_path / "other").mkdir()
    film(tmp_path / "other" / "other.mp4", mirrored)
    other = seed(settings, (tmp_path / "other" / "other.mp4", results), "b" * 32)
    frames = {"onset_frame": 10, "apex_frame": 13, "offset_frame": 18, "label": "negative"}
    for place in (address, f"/api/jobs/{other}"):
        client.patch(f"{place}/events/1", json={"state": "accepted"})
        client.post(f"{place}/events", json=frames)
    ids = f"{address.rpartition('/')[2]},{other}"
    answer = client.get("/api/export/dataset", params={"jobs": ids, "subjects": "P1,P2"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        file.extractall(tmp_path / "clips")
    run = fleeting.run("clips/linear-flow", {"clips": tmp_path / "clips"}, out=tmp_path / "run")
    assert (run.scores["folds"], run.scores["clean"]["n"]) == (2, 4)


def test_an_export_of_an_unknown_form_is_refused(reviewing):
    client, address = reviewing
    answer = client.get(f"{address}/export", params={"format": "exe"})
    assert (answer.status_code, json.loads(answer.text)["detail"].startswith("format")) == (422, True)
