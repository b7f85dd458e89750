"""Events as annotations that ELAN reads, shows and offers to correct."""

from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from hypothesis import given
from pympi import Elan

from fleeting.analysis.elan_file import CLASSES, UNSURE, events_eaf, recording_of
from tests.analysis.test_event_files import event, words

NAMES = ("negative", "positive", "surprise")


def tiers(content, tmp_path):
    """What ELAN's reader finds: annotations (start, end, text) by tier, and the media."""
    path = tmp_path / "a.eaf"
    path.write_bytes(content)
    document = Elan.Eaf(str(path))
    found = {name: document.get_annotation_data_for_tier(name) for name in document.get_tier_names()}
    return {name: [row[:3] for row in rows] for name, rows in found.items()}, document.media_descriptors


def test_each_face_and_kind_has_a_tier_and_below_it_apex_class_and_numbers(tmp_path):
    events = [
        event(1, likelihood=0.25, action_units=("AU1+ inner brow raiser", "AU2+ outer brow raiser")),
        event(2, face=1, at=2.0, unsure=True),
        event(3, kind="macro", label="", at=3.0, lasts=1.0, action_units=("AU12+ lip corner puller",)),
    ]
    found, _ = tiers(events_eaf(events, Path("/data/videos/a.mp4"), Path("/data/out/a")), tmp_path)
    assert found == {
        "face 0 macro": [(3000, 4000, "event 3")],
        "face 0 macro apex": [(3500, 3501, "apex")],
        "face 0 macro action units": [(3000, 4000, "AU12+ lip corner puller")],
        "face 0 micro": [(1000, 1200, "event 1")],
        "face 0 micro apex": [(1100, 1101, "apex")],
        "face 0 micro class": [(1000, 1200, "positive")],
        "face 0 micro confidence": [(1000, 1200, "0.70")],
        "face 0 micro likelihood": [(1000, 1200, "0.25")],
        "face 0 micro action units": [(1000, 1200, "AU1+ inner brow raiser; AU2+ outer brow raiser")],
        "face 1 micro": [(2000, 2200, "event 2")],
        "face 1 micro apex": [(2100, 2101, "apex")],
        "face 1 micro class": [(2000, 2200, UNSURE)],
        "face 1 micro confidence": [(2000, 2200, "0.70")],
        "face 1 micro likelihood": [],
        "face 1 micro action units": [],
    }


def test_the_class_is_chosen_from_a_vocabulary(tmp_path):
    root = ElementTree.fromstring(events_eaf([event()], None, tmp_path, classes=NAMES))
    (vocabulary,) = root.iter("CONTROLLED_VOCABULARY")
    assert [value.text for value in vocabulary.iter("CVE_VALUE")] == [*NAMES, UNSURE]
    assert vocabulary.get("CV_ID") == CLASSES
    (kind,) = (k for k in root.iter("LINGUISTIC_TYPE") if k.get("CONTROLLED_VOCABULARY_REF") == CLASSES)
    (tier,) = (t for t in root.iter("TIER") if t.get("LINGUISTIC_TYPE_REF") == kind.get("LINGUISTIC_TYPE_ID"))
    assert (tier.get("TIER_ID"), tier.get("PARENT_REF")) == ("face 0 micro class", "face 0 micro")
    apex = next(t for t in root.iter("TIER") if t.get("TIER_ID") == "face 0 micro apex")
    assert apex.get("PARENT_REF") == "face 0 micro"


def test_the_file_is_of_today(tmp_path):
    before = datetime.now(UTC).date()
    date = ElementTree.fromstring(events_eaf([], None, tmp_path)).get("DATE")
    assert before <= datetime.fromisoformat(date).date() <= datetime.now(UTC).date()


def test_the_video_is_found_by_a_relative_path(tmp_path):
    _, media = tiers(events_eaf([event()], Path("/data/videos/a b.mp4"), Path("/data/out/a")), tmp_path)
    assert media[0]["RELATIVE_MEDIA_URL"] == "../../videos/a b.mp4"
    assert media[0]["MIME_TYPE"] == "video/mp4"
    assert "/data" not in media[0]["MEDIA_URL"]
    assert recording_of(tmp_path / "a.eaf") == tmp_path / "../../videos/a b.mp4"
    assert tiers(events_eaf([], None, Path("/data/out/a")), tmp_path) == ({"default": []}, [])


def test_a_link_is_named_as_it_is_called(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "0001.mp4").touch()
    (tmp_path / "P01.mp4").symlink_to("store/0001.mp4")
    _, media = tiers(events_eaf([event()], tmp_path / "P01.mp4", tmp_path / "out"), tmp_path)
    assert media[0]["RELATIVE_MEDIA_URL"] == "../P01.mp4"


def test_overlapping_events_do_not_share_a_tier(tmp_path):
    events = [event(1, at=1.0), event(2, at=1.1), event(3, at=1.2)]
    found, _ = tiers(events_eaf(events, None, tmp_path), tmp_path)
    assert [row[0] for row in found["face 0 micro"]] == [1000, 1200]
    assert [row[0] for row in found["face 0 micro class"]] == [1000, 1200]
    assert [row[0] for row in found["face 0 micro (2)"]] == [1100]


def test_times_are_those_at_which_a_player_shows_the_frames(tmp_path):
    played = np.arange(2000) / 50 - 0.5  # frames 100 to 120 and 900 to 920, at half the speed
    found, _ = tiers(events_eaf([event(at=1.0), event(at=9.0)], None, tmp_path, played), tmp_path)
    assert [row[:2] for row in found["face 0 micro"]] == [(1500, 1900), (17500, 17900)]
    assert found["face 0 micro apex"][0][:2] == (1520, 1540)


def test_what_lies_before_the_players_start_begins_with_it(tmp_path):
    played = np.arange(2000) / 100 - 1.05
    found, _ = tiers(events_eaf([event(at=1.0)], None, tmp_path, played), tmp_path)
    assert found["face 0 micro"][0][:2] == (0, 150)


@given(words)
def test_any_label_is_taken(tmp_path_factory, label):
    said = event(label=label, probabilities={label: 0.7})
    content = events_eaf([said], None, Path("/data"), classes=(label, "other"))
    found, _ = tiers(content, tmp_path_factory.getbasetemp())
    assert found["face 0 micro class"][0][2].strip() == label.strip()
    assert content == events_eaf([said], None, Path("/data"), classes=(label, "other"))
