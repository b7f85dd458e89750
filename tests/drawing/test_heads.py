"""Heads in three dimensions: they turn without folding, and their pixels go where the truth says."""

import itertools
from dataclasses import replace

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleeting.drawing import identity
from fleeting.drawing.head import FARTHEST, Turn, nodes, seen_at, surface
from fleeting.drawing.portrait import portrait
from fleeting.drawing.profiles import PEAK, REMAINS
from fleeting.drawing.rendering import exact_flow, frame, frames, truth_of, write_video
from fleeting.drawing.scene import Hand
from fleeting.drawing.script import EDGE, Script, script_of_clip, write_script
from fleeting.drawing.units import pixels
from fleeting.drawing.views import view
from fleeting.errors import UnknownNameError
from fleeting.faces import networks, quality
from fleeting.faces.landmarks import OVAL
from fleeting.optional import cv2

SEEN_ONCE = {"head", "light", "noise", "compression"}
NOW_AND_THEN = {"turn", "talking", "gaze", "blink", "expression", "focus", "exposure"}
IN_STRONG_ALONE = {"chewing", "hand", "cut", "small"}
AT_REST = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def held(script: Script, *poses: tuple[float, ...], **changes) -> Script:
    """The script with the head held so, frame after frame, and without light from the side."""
    assert script.scene is not None
    pose = np.float32(poses or (AT_REST,)).repeat(script.frames if len(poses) < 2 else 1, axis=0)
    dark = np.zeros(3, np.float32)
    return replace(script, scene=replace(script.scene, **{"pose": pose, "shading": dark, **changes}))


def clip(number: int, label: str | None = "surprise", **how) -> Script:
    return script_of_clip(identity(number), label, 5, **{"style": "head", "amplitude": 1.5, **how})


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_a_head_turns_as_far_as_it_may_without_folding(number):
    head = surface(identity(number))
    for yaw, pitch in itertools.product((-FARTHEST, FARTHEST), (-0.6 * FARTHEST, 0.6 * FARTHEST)):
        turn = Turn(*np.radians((yaw, pitch, 8.0)), 1.03, 4.0, -3.0)
        shown = seen_at(head, turn, nodes().astype(np.float64))
        across, down = (np.gradient(shown, 8, axis=axis) for axis in (1, 0))
        assert (across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]).min() > 0.05
        edge = np.ones(shown.shape[:2], bool)
        edge[1:-1, 1:-1] = False
        assert np.abs(shown - nodes())[edge].max() < 0.5  # the background stays


@pytest.mark.parametrize("number", [1, 2])
def test_what_is_seen_where_and_back(number):
    script = held(clip(number), (*np.radians((12.0, 5.0, -4.0)), 1.04, 3.0, 2.0))
    shown = view(script, 0)
    face = np.zeros((480, 640), np.uint8)
    cv2().fillPoly(
        face, [np.rint(shown.seen(portrait(script.identity).mesh[list(OVAL)])).astype(np.int32)], 1
    )
    places = pixels()[face > 0].astype(np.float64)
    assert np.abs(shown.seen(shown.level_of(places)) - places).max() < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_the_networks_see_the_head_turned_as_the_truth_says(number):
    def found(yaw, pitch):
        script = held(clip(number), (*np.radians((yaw, pitch, 0.0)), 1.0, 0.0, 0.0))
        image = frame(script, 0)
        mesh, _ = networks.mesh(image, networks.square_of_detection(networks.detect(image)[0]))
        mesh, score = networks.mesh(image, networks.square_of_mesh(mesh))
        assert score > 0.9
        return np.array(quality.pose(mesh))

    straight, aside, down = found(0, 0), found(15, 0), found(0, 10)
    assert 8 < abs(aside[0] - straight[0]) < 22
    assert abs(aside[1] - straight[1]) < 6
    assert 4 < abs(down[1] - straight[1]) < 16


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_a_later_frame_pulled_back_is_the_first_one_under_a_head_that_turns(number):
    script = clip(number, action_units="1+2")
    (event,) = script.events
    way = np.linspace(0, 1, script.frames)[:, None]
    start, end = (np.array([*np.radians(degrees), near, 0.0, 0.0]) for degrees, near in _ENDS)
    script = held(script, *(start + (end - start) * way).tolist())
    first, apex = (frame(script, n).astype(np.float32) for n in (0, event.apex_frame))
    u, v = exact_flow(script, 0, event.apex_frame)
    face = np.zeros((480, 640), np.uint8)
    oval = portrait(script.identity).mesh[list(OVAL)]
    cv2().fillPoly(face, [np.rint(oval.mean(axis=0) + 0.8 * (oval - oval.mean(axis=0))).astype(np.int32)], 1)
    before, after = (cv2().GaussianBlur(image, (0, 0), 1) for image in (first, apex))
    errors = []
    for scale in (0, 0.9, 1.0, 1.1):
        places = (pixels() + scale * np.dstack([u, v])).astype(np.float32)
        back = cv2().remap(after, places, None, cv2().INTER_LINEAR)
        errors.append(np.square(back - before)[face > 0].mean())
    assert np.sqrt(errors[2]) < 0.15 * np.sqrt(errors[0])
    bend, slope, _ = np.polyfit((0.9, 1.0, 1.1), errors[1:], 2)
    assert -slope / (2 * bend) == pytest.approx(1, abs=0.02)


_ENDS = (((4.0, -2.0, 1.0), 1.0), ((9.0, 2.0, -1.0), 1.02))


@pytest.mark.slow
def test_expression_is_told_from_the_head():
    script = held(clip(1, action_units="1+2"), (*np.radians((8.0, 0.0, 0.0)), 1.0, 0.0, 0.0))
    (event,) = script.events
    alone = np.dstack(exact_flow(script, 0, event.apex_frame, head=False))
    assert np.hypot(*np.moveaxis(alone, 2, 0)).max() == pytest.approx(event.amplitude_px, rel=0.1)
    assert np.abs(alone[:40, :40]).max() < 0.02


@pytest.mark.slow
def test_movements_go_as_measured():
    scripts = [
        write_script(identity(1), seed, 600.0, 50.0, style="head", disturb="none") for seed in range(12)
    ]
    events = [event for script in scripts for event in script.events]
    peaks = [100 * event.amplitude_px / scripts[0].identity.eye_distance for event in events]
    assert np.quantile(peaks, (0.25, 0.5, 0.75)) == pytest.approx(PEAK[2:5], rel=0.15)
    left = [float(event.strength(event.fall)) for event in events]
    assert np.quantile(left, (0.25, 0.5, 0.75)) == pytest.approx(REMAINS[2:5], abs=0.06)
    for event in events:
        times = (np.arange(event.onset_frame - 2, event.offset_frame + 3) - event.apex_frame) / 50
        strength = event.strength(times)
        assert strength.argmax() == event.apex_frame - event.onset_frame + 2
        assert strength[1] < EDGE <= strength[2]
        assert event.onset_frame < event.apex_frame < event.offset_frame
        assert (event.offset_frame - event.onset_frame) / 50 <= 0.5
        assert event.strength(30.0) == 0


@given(st.integers(1, 50).map(identity), st.integers(0, 2**40))
@settings(max_examples=10, deadline=None)
def test_disturbances_change_no_movement_and_are_listed_with_their_frames(person, seed):
    none, moderate, strong = (
        write_script(person, seed, 30.0, 30.0, style="head", disturb=disturb)
        for disturb in ("none", "moderate", "strong")
    )
    assert none.events == moderate.events == strong.events
    assert truth_of(none)["disturbances"] == []
    assert (none.scene.pose == AT_REST).all()
    for script in (moderate, strong):
        truth = truth_of(script)
        assert {len(truth["pose"][name]) for name in ("yaw", "pitch", "roll", "nearness")} == {script.frames}
        assert np.abs(truth["pose"]["yaw"]).max() < FARTHEST
        for one in truth["disturbances"]:
            assert 0 <= one["onset_frame"] <= one["offset_frame"] < script.frames
        for one in truth["disturbances"]:
            if one["kind"] in ("hand", "cut"):
                for event in script.events:
                    apart = one["offset_frame"] < event.onset_frame or one["onset_frame"] > event.offset_frame
                    assert apart


def test_every_kind_of_disturbance_comes_up():
    def kinds(disturb):
        scripts = [write_script(identity(1), n, 120.0, 25.0, style="head", disturb=disturb) for n in range(6)]
        return {one["kind"] for script in scripts for one in truth_of(script)["disturbances"]}

    assert kinds("moderate") - {"flicker"} == SEEN_ONCE | NOW_AND_THEN
    assert kinds("strong") == SEEN_ONCE | NOW_AND_THEN | IN_STRONG_ALONE | {"flicker"}


@pytest.mark.slow
def test_a_hand_hides_the_mouth_and_goes_again():
    script = held(clip(1, None, margin=1.0), hands=(Hand(0.2, 1.0, 0.0, 0.0),))
    x, y = np.rint(portrait(script.identity).lips.middle).astype(int)
    mouth = np.s_[y - 5 : y + 15, x - 20 : x + 20]
    before, hidden, after = (frame(script, n)[mouth].astype(float) for n in (10, 70, 125))
    assert np.abs(before - after).max() <= 1
    assert np.abs(before - hidden).mean() > 20


@pytest.mark.slow
def test_focus_blurs_and_a_small_picture_has_small_flow():
    script = held(clip(2, action_units="1+2"))
    apex = script.events[0].apex_frame
    soft = held(script, focus=np.full(script.frames, 2.0, np.float32))
    sharp, blurred = (cv2().Laplacian(frame(one, 0).astype(np.float32), -1).std() for one in (script, soft))
    assert blurred < 0.5 * sharp
    half = held(script, shrunk=0.5)
    assert frame(half, 0).shape == (240, 320, 3)
    whole, small = (np.dstack(exact_flow(one, 0, apex)) for one in (script, half))
    assert small.shape == (240, 320, 2)
    off = np.abs(small - 0.25 * (whole[::2, ::2] + whole[1::2, 1::2]))
    assert np.quantile(off, 0.999) < 0.05  # but for the edges of covers
    assert truth_of(half)["events"][0]["amplitude_px"] == 0.5 * script.events[0].amplitude_px


@pytest.mark.slow
def test_the_same_seed_draws_the_same_bytes_and_compression_is_the_scenes(tmp_path):
    script = write_script(identity(2), 8, 1.5, 25.0, disturb="strong", events_per_minute=40, style="head")
    portrait.cache_clear()
    surface.cache_clear()
    one = [image.tobytes() for image in frames(script)]
    portrait.cache_clear()
    surface.cache_clear()
    assert one == [image.tobytes() for image in frames(script)]
    facts = write_video(script, tmp_path / "one.mp4")
    write_video(script, tmp_path / "clear.mp4", crf=10)
    assert (tmp_path / "one.mp4").stat().st_size < 0.5 * (tmp_path / "clear.mp4").stat().st_size
    assert {"compression", "noise"} <= {each["kind"] for each in facts["disturbances"]}
    with av.open(str(tmp_path / "one.mp4")) as file:
        assert sum(1 for _ in file.decode(video=0)) == script.frames


def test_an_unknown_style_is_refused():
    with pytest.raises(UnknownNameError, match="head"):
        write_script(identity(1), 0, style="haed")


@pytest.mark.slow
def test_style_flat_draws_what_it_always_drew():
    """Means of six blocks of a frame, and places of events, as they were before there was another style."""
    script = write_script(identity(1), 7, 4.0, 30.0, events_per_minute=15, macro=0.3, disturb="strong")
    assert script.scene is None
    assert [(e.onset_frame, e.apex_frame, e.offset_frame) for e in script.events] == [(55, 57, 61)]
    old = [163, 143, 138], [161, 130, 107], [177, 153, 142], [152, 100, 95], [97, 77, 66], [198, 173, 169]
    blocks = cv2().resize(frame(script, 57), (3, 2), interpolation=cv2().INTER_AREA)
    assert blocks.reshape(-1, 3).astype(float) == pytest.approx(np.array(old), abs=1)
