"""Drawn faces: what the script says is what the pixels do."""

import json
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleeting.drawing import identity
from fleeting.drawing.portrait import portrait
from fleeting.drawing.posture import level_of, open_lids, part_lips, posture, shut_lids, skin_at
from fleeting.drawing.rendering import exact_flow, frame, frames, truth_of, write_video
from fleeting.drawing.script import (
    COMBINATIONS,
    EDGE,
    GAP,
    LARGEST,
    Blink,
    Script,
    script_of_clip,
    write_script,
)
from fleeting.drawing.units import field, pixels
from fleeting.errors import OptionError, UnknownNameError
from fleeting.faces import networks
from fleeting.faces.landmarks import outer_distance
from fleeting.optional import cv2

PEOPLE = st.integers(1, 400).map(identity)
SEEDS = st.integers(0, 2**40)
RATES = st.floats(25, 200)
SCALES = (0.9, 1.0, 1.1)
CLASSES = [(label, units) for label, many in COMBINATIONS.items() for units in many]


def largest(u, v):
    return float(np.hypot(u, v).max())


def pulled_back(later, u, v):
    """Frame i as frame j and the true displacement have it; linear, since OpenCV's cubic shifts too far."""
    places = pixels() + np.dstack([u, v])
    return cv2().remap(later, places.astype(np.float32), None, cv2().INTER_LINEAR)


def still(number=1, **changes) -> Script:
    """A clip without an event or a disturbance, changed by hand."""
    return replace(script_of_clip(identity(number), None, 0), **changes)


@given(PEOPLE, SEEDS, RATES)
@settings(max_examples=30, deadline=None)
def test_events_are_as_specified(person, seed, fps):
    script = write_script(person, seed, 120.0, fps, events_per_minute=5.0, macro=0.2)
    assert len(script.events) == 10
    end = 0
    for event in script.events:
        shares = {"micro": (0.003, 0.015), "macro": (0.02, 0.06)}[event.kind]
        assert shares[0] <= event.amplitude_px / person.eye_distance <= shares[1]
        seconds = event.rise + event.fall
        shortest = 0.04 if fps >= 100 else 0.08
        assert (shortest, 0.5)[event.kind == "macro"] <= seconds <= (0.45, 2.0)[event.kind == "macro"]
        numbers = np.arange(script.frames)
        moved = event.strength((numbers - event.apex_frame) / fps)
        inside = numbers[moved >= EDGE]
        assert (inside[0], inside[-1]) == (event.onset_frame, event.offset_frame)
        assert len(inside) == event.offset_frame - event.onset_frame + 1
        assert event.onset_frame < event.apex_frame < event.offset_frame
        assert np.argmax(moved) == event.apex_frame
        assert moved.max() == 1
        assert (inside[-1] - inside[0]) / fps <= seconds + 1e-9
        assert event.onset_frame - end >= GAP * fps - 1
        assert event.action_units in COMBINATIONS[event.label]
        end = event.offset_frame
    assert script.frames - end >= GAP * fps - 1


@given(PEOPLE, SEEDS, RATES, st.sampled_from(["moderate", "strong"]))
@settings(max_examples=25, deadline=None)
def test_disturbances_are_as_specified(person, seed, fps, disturb):
    times = {"moderate": 1, "strong": 2}[disturb]
    script = write_script(person, seed, 60.0, fps, disturb=disturb)
    shift, turn = script.head[:, :2], np.degrees(script.head[:, 2])
    rms = np.sqrt(((shift - shift.mean(axis=0)) ** 2).sum(axis=1).mean())
    assert 0.95 * 0.5 * times <= rms <= 1.05 * 2 * times
    assert 0.3 * times < np.abs(turn).max() <= 3 * times
    assert np.abs(np.diff(turn)).max() * fps < 20 * times  # degrees a second: a head, not a jolt
    edges = np.abs(script.light[:, 0] - 1) + np.abs(script.light[:, 1])
    assert 0.005 * times < edges.max() <= 0.05 * times + 1e-6
    assert 2 * times <= script.noise_sigma <= 4 * times
    for blink, following in zip(script.blinks, script.blinks[1:], strict=False):
        assert 0.1 <= blink.close + blink.open <= 0.3
        assert following.start > blink.start + blink.close + blink.open
    assert (script.talking.max() > 0.03 * person.eye_distance) == (disturb == "strong")


def test_blinks_come_fifteen_times_a_minute_and_labels_in_turn():
    scripts = [write_script(identity(1), seed, 600.0, 25.0) for seed in range(25)]
    assert np.mean([len(script.blinks) for script in scripts]) == pytest.approx(150, abs=5)
    for script in scripts:
        labels = [event.label for event in script.events]
        assert len(labels) == 40
        assert {labels.count(label) for label in COMBINATIONS} == {13, 14}


def test_amplitudes_are_log_uniform():
    scripts = [write_script(identity(1), seed, 600.0, 25.0) for seed in range(25)]
    shares = [e.amplitude_px / s.identity.eye_distance for s in scripts for e in s.events]
    quartiles = np.quantile(np.log(shares), [0.25, 0.5, 0.75])
    expected = np.log(0.003) + np.log(5) * np.array([0.25, 0.5, 0.75])
    assert quartiles == pytest.approx(expected, abs=0.06)


def test_speech_opens_the_mouth_three_to_six_times_a_second():
    script = write_script(identity(1), 3, 120.0, 100.0, disturb="strong")
    jaw = script.talking / script.talking.max()
    peaks = np.flatnonzero((jaw[1:-1] > jaw[:-2]) & (jaw[1:-1] >= jaw[2:]) & (jaw[1:-1] > 0.1))
    gaps = np.diff(peaks) / script.fps
    syllables = gaps[gaps < 0.6]
    assert len(syllables) > 60
    assert 3 < 1 / np.mean(syllables) < 6


@given(PEOPLE, SEEDS, RATES)
@settings(max_examples=30, deadline=None)
def test_no_disturbance_is_none_at_all_and_changes_no_movement(person, seed, fps):
    script = write_script(person, seed, 30.0, fps, disturb="none")
    assert not script.blinks
    assert not script.head.any()
    assert not script.talking.any()
    assert (script.light == [1, 0]).all()
    assert script.noise_sigma == 0
    assert script.events == write_script(person, seed, 30.0, fps, disturb="strong").events


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"seed": -1}, "0 or more"),
        ({"fps": 10.0}, "25 to 200"),
        ({"fps": float("nan")}, "25 to 200"),
        ({"amplitude": 0.0}, "percent"),
        ({"amplitude": float("nan")}, "percent"),
        ({"macro": 1.5}, "0 to 1"),
        ({"seconds": 0.0}, "seconds"),
        ({"seconds": float("inf")}, "seconds"),
        ({"events_per_minute": -1.0}, "0 or more"),
        ({"events_per_minute": 300.0}, "fewer events"),
    ],
)
def test_what_cannot_be_written_is_refused(wrong, said):
    with pytest.raises(OptionError, match=said):
        write_script(identity(1), **{"seed": 0, **wrong})


def test_what_cannot_be_named_is_refused():
    with pytest.raises(UnknownNameError, match="moderate"):
        write_script(identity(1), 0, disturb="moderat")
    with pytest.raises(OptionError, match="positive"):
        script_of_clip(identity(1), "happy", 0)
    with pytest.raises(OptionError, match=r"6\+12"):
        script_of_clip(identity(1), "positive", 0, action_units="4")
    with pytest.raises(OptionError, match="from 1"):
        identity(0)
    with pytest.raises(OptionError, match="ask for 0 to"):
        frame(still(), 10**6)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(("label", "units"), CLASSES)
def test_the_face_moves_as_far_as_the_script_says(number, label, units):
    script = script_of_clip(identity(number), label, 5, action_units=units, amplitude=1.2)
    (event,) = script.events
    u, v = exact_flow(script, 0, event.apex_frame)
    assert largest(u, v) == pytest.approx(event.amplitude_px, rel=0.02)
    rest = portrait(script.identity)
    assert largest(u * (rest.cover > 0.5), v * (rest.cover > 0.5)) == 0
    assert largest(*exact_flow(script, 0, 0)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(("label", "units"), CLASSES)
def test_where_skin_goes_is_where_it_is_seen(number, label, units):
    script = script_of_clip(identity(number), label, 5, action_units=units, amplitude=LARGEST / 2)
    (event,) = script.events
    shutting = Blink(event.apex_frame / script.fps - 0.05, 0.1, 0.1)
    pose = posture(replace(script, blinks=(shutting,)), event.apex_frame)
    assert 0 < pose.closure < 1
    level = pixels()[100:400, 150:490].reshape(-1, 2).astype(np.float64)
    skin = skin_at(pose, level)
    pulled = pose.flow((0, 0, 640, 480))[100:400, 150:490].reshape(-1, 2)
    _, gap = part_lips(pose.rest, level, level - pulled)
    shown = gap == 0 if pose.parts else np.ones(len(level), bool)
    off = np.abs(level_of(pose, skin) - level).max(axis=1)[shown]
    assert off.max() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize(("label", "units"), [CLASSES[0], ("negative", "17"), ("surprise", "1+2")])
def test_a_later_frame_pulled_back_is_the_first_one(number, label, units):
    script = script_of_clip(identity(number), label, 5, action_units=units, amplitude=1.5)
    (event,) = script.events
    first, apex = (frame(script, n).astype(np.float32) for n in (0, event.apex_frame))
    u, v = exact_flow(script, 0, event.apex_frame)
    shown = cv2().GaussianBlur(portrait(script.identity).cover, (0, 0), 3) < 0.01
    moved = (np.hypot(u, v) > 0.3 * event.amplitude_px) & shown
    before, after = (cv2().GaussianBlur(image, (0, 0), 1) for image in (first, apex))
    errors = [np.square(pulled_back(after, k * u, k * v) - before)[moved].mean() for k in (0, *SCALES)]
    assert np.sqrt(errors[2]) < 0.15 * np.sqrt(errors[0])
    bend, slope, _ = np.polyfit(SCALES, errors[1:], 2)
    assert -slope / (2 * bend) == pytest.approx(1, abs=0.02)  # the pixels moved as far as the truth says
    nowhere = cv2().dilate((np.hypot(u, v) > 0).astype(np.uint8), np.ones((7, 7))) == 0
    assert np.abs(apex - first)[nowhere].max() <= 1  # where a value lay between two steps of 255
    assert np.abs(apex - first)[nowhere].mean() < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("units", ["1+2+26", "6+12"])
def test_under_a_turned_head_what_hardly_moves_hardly_changes(number, units):
    (label,) = (label for label, many in COMBINATIONS.items() if units in many)
    script = script_of_clip(identity(number), label, 5, action_units=units, amplitude=0.01)
    head = np.zeros((script.frames, 3), np.float32) + np.float32([3.3, -2.1, 0.1])
    script = replace(script, head=head)
    apex, rest = (frame(s, script.events[0].apex_frame) for s in (script, replace(script, events=())))
    assert np.abs(apex.astype(int) - rest).max() <= 6


@pytest.mark.parametrize("number", [1, 2])
def test_image_alignment_measures_what_the_script_says(number):
    """A method that shares nothing with the drawing sees the head move as far as the truth says."""
    head = np.zeros((30, 3), np.float32)
    head[1] = 1.7, -0.6, 0
    script = still(number, head=head, frames=30)
    grays = [cv2().cvtColor(frame(script, n), cv2().COLOR_RGB2GRAY)[150:330, 240:400] for n in (0, 1)]
    _, found = cv2().findTransformECC(*grays, np.eye(2, 3, dtype=np.float32), cv2().MOTION_TRANSLATION)
    assert found[:, 2] == pytest.approx((1.7, -0.6), abs=0.03)
    u, v = exact_flow(script, 0, 1)
    assert (u.min(), u.max(), v.min(), v.max()) == pytest.approx((1.7, 1.7, -0.6, -0.6), abs=1e-5)


def test_expression_is_told_from_the_head():
    script = write_script(identity(2), 1, 20.0, 100.0, events_per_minute=6, amplitude=1.0)
    event = next(e for e in script.events if "26" not in e.action_units)
    script = replace(script, blinks=())
    whole = np.dstack(exact_flow(script, event.onset_frame - 5, event.apex_frame))
    face = np.dstack(exact_flow(script, event.onset_frame - 5, event.apex_frame, head=False))
    assert largest(*np.moveaxis(face, 2, 0)) == pytest.approx(event.amplitude_px, rel=0.02)
    alone = replace(script, events=())
    head = np.dstack(exact_flow(alone, event.onset_frame - 5, event.apex_frame))
    assert np.abs(whole - face - head).max() < 0.1 * event.amplitude_px  # but for the turn of the head
    corner = np.s_[:40, :40]
    assert np.abs(whole[corner] - head[corner]).max() == 0
    assert np.abs(head[corner]).max() > 0


@given(st.integers(1, 2).map(identity), st.floats(0.02, 1))
@settings(max_examples=10, deadline=None)
def test_lids_that_shut_cover_the_eyes_and_come_back(person, closure):
    rest = portrait(person)
    box = pixels()[100:320, 180:460]
    skin, cover = open_lids(rest, box, closure)
    on_lid = cover > 0.99
    assert on_lid.any() or closure < 0.3
    again = shut_lids(rest, skin[on_lid], closure)
    assert np.abs(again - box[on_lid]).max(initial=0) < 0.01
    if closure == 1:
        for upper, lower in rest.eyes:
            along, below = upper.below(box)
            eye = (along > 0.1) & (along < 0.9) & (below > 1) & (lower.below(box)[1] < -1)
            assert cover[eye].min() > 0.99


@pytest.mark.parametrize("number", [1, 2])
def test_a_blink_hides_the_iris_behind_skin(number):
    script = still(number, blinks=(Blink(0.05, 0.05, 0.1),))
    upper, _ = portrait(script.identity).eyes[0]
    x, y = np.rint(upper.points()[32]).astype(int)  # the middle of the lid's edge
    iris = np.s_[y + 1 : y + 4, x - 2 : x + 3]
    wide, shut, after = (frame(script, n)[iris].astype(float) for n in (0, 10, 20))
    assert (wide == after).all()
    assert shut.mean() > wide.mean() + 40
    assert largest(*exact_flow(script, 0, 10)) > 3


@pytest.mark.slow
@pytest.mark.parametrize("number", range(1, 7))
def test_eyes_are_as_far_apart_as_the_identity_says(number):
    person = identity(number)
    assert 100 <= person.eye_distance <= 140
    assert outer_distance(portrait(person).mesh) == pytest.approx(person.eye_distance, rel=1e-3)
    image = frame(write_script(person, 0, 1.0, 25.0, events_per_minute=0), 0)
    found = networks.detect(image)
    mesh, score = networks.mesh(image, networks.square_of_detection(found[0]))
    mesh, score = networks.mesh(image, networks.square_of_mesh(mesh))
    assert score > 0.9
    assert outer_distance(mesh) == pytest.approx(person.eye_distance, rel=0.04)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("units", [units for _, units in CLASSES] + ["26"])
def test_skin_never_folds(number, units):
    person = identity(number)
    person = replace(person, eye_distance=100.0)
    flow = field(person, units).flow * LARGEST / 100 * person.eye_distance
    across, down = np.gradient(flow[..., 0], axis=1), np.gradient(flow[..., 1], axis=0)
    along, below = portrait(person).lips.below(pixels())
    jump = (np.abs(below) < 2) & (along > 0) & (along < 1) if "26" in units else np.zeros_like(below, bool)
    assert across[~jump].max() < 1
    assert down[~jump].max() < 1


@pytest.mark.slow
def test_noise_has_the_sigma_it_says_and_is_fresh_in_every_frame():
    script = write_script(identity(1), 4, 4.0, 25.0, events_per_minute=0)
    script = replace(
        script, head=0 * script.head, blinks=(), light=np.float32([[1, 0]]).repeat(script.frames, axis=0)
    )
    clean = frame(replace(script, noise_sigma=0.0), 0).astype(float)
    patch = (clean > 25).all(axis=2) & (clean < 230).all(axis=2)
    noises = [(frame(script, n) - clean)[patch].ravel() for n in range(6)]
    assert [noise.std() for noise in noises] == pytest.approx([script.noise_sigma] * 6, rel=0.03)
    assert np.abs(np.corrcoef(noises)[~np.eye(6, dtype=bool)]).max() < 0.02
    assert np.abs(np.mean(noises, axis=1)).max() < 0.05


@pytest.mark.slow
def test_light_changes_as_the_script_says():
    light = np.float32([[1, 0], [1.04, 0], [0.97, 0.02]])
    script = still(2, light=light, frames=3)
    first, brighter, tilted = (np.maximum(frame(script, n), 1).astype(float) for n in range(3))
    middling = (first > 40) & (first < 220)
    assert (brighter / first)[middling].mean() == pytest.approx(1.04, abs=0.002)
    assert (tilted / first)[:, :40][middling[:, :40]].mean() == pytest.approx(0.95, abs=0.003)
    assert (tilted / first)[:, -40:][middling[:, -40:]].mean() == pytest.approx(0.99, abs=0.003)


@pytest.mark.slow
def test_the_same_seed_draws_the_same_bytes():
    scripts = [
        write_script(identity(2), 8, 3.0, 50.0, disturb="strong", events_per_minute=40) for _ in range(2)
    ]
    portrait.cache_clear()
    one = [image.tobytes() for image in frames(scripts[0])]
    portrait.cache_clear()
    assert one == [image.tobytes() for image in frames(scripts[1])]
    assert len(set(one)) == len(one)
    other = write_script(identity(2), 9, 3.0, 50.0, disturb="strong", events_per_minute=40)
    assert frame(other, 0).tobytes() != one[0]


@pytest.mark.slow
def test_people_differ():
    pictures = [frame(still(number), 0).astype(int) for number in range(1, 4)]
    for one in range(3):
        for other in range(one):
            assert np.abs(pictures[one] - pictures[other]).mean() > 5


@pytest.mark.slow
@pytest.mark.parametrize("fps", [25.0, 100.0, 29.97])
def test_a_video_holds_what_the_script_says(tmp_path, fps):
    script = write_script(identity(1), 2, 1.6, fps, events_per_minute=40)
    facts = write_video(script, tmp_path / "one.mp4")
    write_video(script, tmp_path / "two.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.mp4", "two.mp4"]
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()
    assert json.loads(json.dumps(facts)) == {"file": "one.mp4", "subject": 1, **truth_of(script)}
    assert facts["frames"] == script.frames
    (event,) = facts["events"]
    assert event["onset_frame"] < event["apex_frame"] < event["offset_frame"]
    with av.open(str(tmp_path / "one.mp4")) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        decoded = [(f.time, f.to_ndarray(format="rgb24")) for f in file.decode(stream)]
    rate = Fraction(fps).limit_denominator(10_000)
    assert [time for time, _ in decoded] == pytest.approx(
        [float(n / rate) for n in range(script.frames)], abs=1e-4
    )
    assert np.abs(decoded[20][1].astype(float) - frame(script, 20)).mean() < 6


def test_a_video_that_cannot_be_finished_leaves_nothing(tmp_path):
    script = write_script(identity(1), 2, 1.0, 25.0, events_per_minute=0)
    with pytest.raises(OptionError, match="lossless"):
        write_video(script, tmp_path / "one.mp4", crf=60)
    broken = replace(script, talking=script.talking[:10])
    with pytest.raises(IndexError):
        write_video(broken, tmp_path / "one.mp4")
    assert not list(tmp_path.iterdir())
