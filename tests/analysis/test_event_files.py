"""Events as the files that other programs read: CSV and JSON."""

import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from fleeting.analysis.event_files import (
    COLUMNS,
    LAST,
    describe,
    event_row,
    events_csv,
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


def test_the_table_has_the_promised_columns():
    units = ("AU1+ inner brow raiser", "AU4- brow lowerer")
    brief = event(likelihood=0.25, action_units=units)
    text = events_csv([brief, event(2, label="", kind="macro", lasts=1.0)], CLASSES)
    header, *rows = csv.reader(io.StringIO(text))
    assert header == [*COLUMNS, "p_negative", "p_positive", "p_surprise", *LAST]
    assert header[-2:] == ["likelihood", "action_units"]
    first, second = (dict(zip(header, row, strict=True)) for row in rows)
    assert (first["likelihood"], second["likelihood"]) == ("0.25", "")
    assert (first["action_units"], second["action_units"]) == (
        "AU1+ inner brow raiser; AU4- brow lowerer",
        "",
    )
    assert (first["event"], first["kind"], first["onset_frame"], first["onset_s"]) == (
        "1",
        "micro",
        "100",
        "1.0",
    )
    assert (first["label"], first["confidence"], first["unsure"]) == ("positive", "0.7", "false")
    assert (first["p_negative"], first["regions"]) == ("0.2", "left inner brow; chin")
    assert second["label"] == second["confidence"] == second["unsure"] == second["p_positive"] == ""
    (_, told) = json.loads(events_json([event(), event(2, label="", kind="macro", lasts=1.0)], CLASSES))
    assert told["unsure"] is None


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
    st.lists(words, max_size=3).map(tuple),
)
def test_events_come_back_from_json(tmp_path_factory, at, lasts, label, unsure, kind, likelihood, units):
    chances = {label: 0.7, "other": 0.3}
    said = {"unsure": unsure, "probabilities": chances, "likelihood": likelihood, "action_units": units}
    said["doubt"] = "the face is small" if unsure else ""
    told = event(7, 3, kind, at, lasts, label, **said)
    told = Event(
        **{**{name: getattr(told, name) for name in told.__slots__}, "apex_s": round(told.apex_s, 6)}
    )
    path = tmp_path_factory.getbasetemp() / "events.json"
    path.write_text(events_json([told], (label, "other")), encoding="utf-8")
    (back,) = read_events(path)
    assert event_row(back, (label, "other")) == event_row(told, (label, "other"))
    assert (back.label, back.likelihood, back.action_units) == (label, likelihood, units)
    assert back.doubt == said["doubt"]
    assert back.unsure is (unsure and kind == "micro")
    row = next(csv.DictReader(io.StringIO(events_csv([told], (label, "other")))))
    assert row["label"] == label


def test_files_of_before_there_were_likelihoods_and_action_units_are_read(tmp_path):
    row = event_row(event(), CLASSES)
    del row["likelihood"], row["action_units"]
    (tmp_path / "events.json").write_text(json.dumps([row]))
    (back,) = read_events(tmp_path / "events.json")
    assert back == event()


def test_what_is_unsure_is_said_to_be():
    assert describe(event(unsure=True)) == "unsure, perhaps positive 0.70"
    assert describe(event(label="", unsure=True)) == "movement of unknown class"
    assert describe(event(likelihood=0.834)) == "positive 0.70, likelihood 0.83"
    units = ("AU12+ lip corner puller", "AU4- brow lowerer")
    assert describe(event(action_units=units)) == "positive 0.70, AU12+ AU4-"
