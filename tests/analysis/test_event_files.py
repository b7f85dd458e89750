"""Events as the files that other programs read: CSV, JSON, and ELAN's annotations."""

import csv
import io
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pympi import Elan

from fleeting.analysis.event_files import (
    COLUMNS,
    LAST,
    describe,
    event_row,
    events_csv,
    events_eaf,
    events_json,
    read_events,
)
from fleeting.types import Event

CLASSES = ("negative", "positive", "surprise")


def event(number=1, face=0, kind="micro", at=1.0, lasts=0.2, label="positive", **facts):
    first = round(at * 100)
    said = {
        "label": label,
        "confidence": 0.7,
        "probabilities": {"negative": 0.2, "positive": 0.7, "surprise": 0.1},
    }
    return Event(
        number=number,
        face=face,
        kind=kind,
        onset_frame=first,
        apex_frame=first + 1,
        offset_frame=first + round(lasts * 100),
        onset_s=at,
        apex_s=at + lasts / 2,
        offset_s=at + lasts,
        strength=8.125,
        regions=("left inner brow", "chin"),
        **({**said, **facts} if label else facts),
    )


def tiers(content, tmp_path):
    """What ELAN's reader finds: annotations (start, end, text) by tier, and the media."""
    path = tmp_path / "a.eaf"
    path.write_bytes(content)
    document = Elan.Eaf(str(path))
    names = document.get_tier_names()
    return {name: document.get_annotation_data_for_tier(name) for name in names}, document.media_descriptors


def test_the_table_has_the_promised_columns():
    text = events_csv([event(likelihood=0.25), event(2, label="", kind="macro", lasts=1.0)], CLASSES)
    header, *rows = csv.reader(io.StringIO(text))
    assert header == [*COLUMNS, "p_negative", "p_positive", "p_surprise", *LAST]
    assert header[-1] == "likelihood"
    first, second = (dict(zip(header, row, strict=True)) for row in rows)
    assert (first["likelihood"], second["likelihood"]) == ("0.25", "")
    assert (first["event"], first["kind"], first["onset_frame"], first["onset_s"]) == (
        "1",
        "micro",
        "100",
        "1.0",
    )
    assert (first["label"], first["confidence"], first["unsure"]) == ("positive", "0.7", "false")
    assert (first["p_negative"], first["regions"]) == ("0.2", "left inner brow; chin")
    assert second["label"] == second["confidence"] == second["p_positive"] == ""


def test_the_header_is_there_without_events():
    assert events_csv([], CLASSES).splitlines() == [",".join([*COLUMNS, *map("p_{}".format, CLASSES), *LAST])]
    assert json.loads(events_json([], CLASSES)) == []


times = st.floats(0, 1e5).map(lambda value: round(value, 6))
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@given(
    times,
    st.floats(0.02, 5).map(lambda v: round(v, 6)),
    words,
    st.booleans(),
    st.sampled_from(["micro", "macro"]),
    st.none() | st.floats(0, 1).map(lambda v: round(v, 6)),
)
def test_events_come_back_from_json(tmp_path_factory, at, lasts, label, unsure, kind, likelihood):
    chances = {label: 0.7, "other": 0.3}
    told = event(7, 3, kind, at, lasts, label, unsure=unsure, probabilities=chances, likelihood=likelihood)
    told = Event(
        **{**{name: getattr(told, name) for name in told.__slots__}, "apex_s": round(told.apex_s, 6)}
    )
    path = tmp_path_factory.getbasetemp() / "events.json"
    path.write_text(events_json([told], (label, "other")), encoding="utf-8")
    (back,) = read_events(path)
    assert event_row(back, (label, "other")) == event_row(told, (label, "other"))
    assert (back.label, back.likelihood) == (label, likelihood)
    row = next(csv.DictReader(io.StringIO(events_csv([told], (label, "other")))))
    assert row["label"] == label


def test_files_of_before_there_were_likelihoods_are_read(tmp_path):
    row = event_row(event(), CLASSES)
    del row["likelihood"]
    (tmp_path / "events.json").write_text(json.dumps([row]))
    (back,) = read_events(tmp_path / "events.json")
    assert back == event()


def test_elan_has_a_tier_for_each_face_and_kind(tmp_path):
    events = [event(1), event(2, face=1, at=2.0), event(3, kind="macro", label="", at=3.0, lasts=1.0)]
    found, _ = tiers(events_eaf(events, Path("/data/videos/a.mp4"), Path("/data/out/a")), tmp_path)
    assert {name: [row[:3] for row in rows] for name, rows in found.items()} == {
        "face 0 macro": [(3000, 4000, "movement")],
        "face 0 micro": [(1000, 1200, "positive 0.70")],
        "face 1 micro": [(2000, 2200, "positive 0.70")],
    }


def test_elan_finds_the_video_by_a_relative_path(tmp_path):
    _, media = tiers(events_eaf([event()], Path("/data/videos/a b.mp4"), Path("/data/out/a")), tmp_path)
    assert media[0]["RELATIVE_MEDIA_URL"] == "../../videos/a b.mp4"
    assert media[0]["MIME_TYPE"] == "video/mp4"
    assert "/data" not in media[0]["MEDIA_URL"]
    assert tiers(events_eaf([], None, Path("/data/out/a")), tmp_path) == ({"default": []}, [])


def test_overlapping_events_do_not_share_a_tier(tmp_path):
    events = [event(1, at=1.0), event(2, at=1.1), event(3, at=1.2)]
    found, _ = tiers(events_eaf(events, None, tmp_path), tmp_path)
    assert {name: [row[0] for row in rows] for name, rows in found.items()} == {
        "face 0 micro": [1000, 1200],
        "face 0 micro (2)": [1100],
    }


def test_elan_counts_from_the_recordings_first_frame(tmp_path):
    found, _ = tiers(events_eaf([event(at=1.0), event(at=9.0)], None, tmp_path, first=1.05), tmp_path)
    assert [row[:2] for row in found["face 0 micro"]] == [(0, 150), (7950, 8150)]


@given(words)
def test_elan_takes_any_label(tmp_path_factory, label):
    said = event(label=label, probabilities={label: 0.7})
    content = events_eaf([said], None, Path("/data"))
    found, _ = tiers(content, tmp_path_factory.getbasetemp())
    assert found["face 0 micro"][0][2].strip() == describe(said).strip()
    assert content == events_eaf([said], None, Path("/data"))


def test_what_is_unsure_is_said_to_be():
    assert describe(event(unsure=True)) == "unsure, perhaps positive 0.70"
    assert describe(event(label="", unsure=True)) == "movement of unknown class"
    assert describe(event(likelihood=0.834)) == "positive 0.70, likelihood 0.83"
