"""What every spotter promises of any motion."""

import inspect
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleeting.drawing import identity
from fleeting.drawing.rendering import frames
from fleeting.drawing.script import write_script
from fleeting.faces.skin_motion import REGIONS, FaceMotion
from fleeting.faces.tracking import FaceTracker
from fleeting.spotting import DEFAULT, LONGEST_MICRO, spotters
from fleeting.types import Frame
from tests.fixtures.skin import all_of, bump, even, motions

TIMES = even(9.0)
RISE = bump(TIMES, 4.0, 4.3)


def raised(course):
    """Both brows go up, and the forehead with them."""
    return (("brow", course, 0.0, -1.0), ("forehead", course, 0.0, -0.6))


@pytest.fixture(scope="module")
def drawn():
    """The motion in a drawn video with two movements that are easy to see, and their truth."""
    script = write_script(identity(1, 7), 7, 7.0, 50.0, events_per_minute=17, amplitude=1.5, disturb="none")
    tracker, skin, found = FaceTracker(), FaceMotion(), []
    faces = ()
    for number, image in enumerate(frames(script)):
        faces = tracker.push(image) if number % 10 == 0 else faces
        found.append(skin.push(Frame(number, number / script.fps, image), faces[0]))
    return found, script.events


@pytest.mark.slow
@pytest.mark.parametrize("name", spotters)
def test_finds_half_of_easy_drawn_movements_and_nothing_else(name, drawn):
    pushed, events = drawn
    assert len(events) >= 1
    found = all_of(spotters[name](), pushed)
    hits = [event for event in events if any(same(spotted, event) for spotted in found)]
    assert len(found) == len(hits) >= len(events) / 2


def same(spotted, event):
    """Whether a movement found is the true one: half of their union is shared, and the apex is near."""
    both = min(spotted.offset, event.offset_frame) - max(spotted.onset, event.onset_frame) + 1
    either = max(spotted.offset, event.offset_frame) - min(spotted.onset, event.onset_frame) + 1
    near = abs(spotted.apex - event.apex_frame) <= 3
    return both >= either / 2 and near and spotted.kind == event.kind


@pytest.mark.parametrize("name", spotters)
def test_says_nothing_of_a_face_that_is_still(name):
    assert all_of(spotters[name](), motions(TIMES, noise=0.0)) == []
    assert all_of(spotters[name](), motions(TIMES, noise=0.03)) == []


@pytest.mark.parametrize("name", spotters)
def test_frames_and_times_are_those_pushed(name):
    (found,) = all_of(spotters[name](), motions(TIMES, *raised(RISE)))
    assert 0 <= found.onset < found.apex < found.offset < len(TIMES)
    times = [TIMES[frame] for frame in (found.onset, found.apex, found.offset)]
    assert times == [found.onset_s, found.apex_s, found.offset_s]
    assert (found.kind == "micro") == (found.offset_s - found.onset_s <= LONGEST_MICRO)
    assert set(found.regions) <= set(REGIONS)
    assert {"right middle brow", "left middle brow"} <= set(found.regions)


@pytest.mark.parametrize("name", spotters)
def test_a_movement_is_given_back_within_the_latency(name):
    spotter = spotters[name]()
    pushed = motions(TIMES, *raised(bump(TIMES, 6.0, 6.3)), ("inner brow", bump(TIMES, 1.5, 2.6), 0, -3.0))
    found = [(motion.time, spotted) for motion in pushed for spotted in spotter.push(motion)]
    late = [time - spotted.offset_s for time, spotted in found]
    assert {spotted.kind for _, spotted in found} == {"micro", "macro"}
    assert max(late) <= spotter.latency


@pytest.mark.slow
@pytest.mark.parametrize("name", spotters)
@settings(max_examples=8, deadline=None)
@given(until=st.integers(1, 899))
def test_what_was_given_back_does_not_depend_on_what_comes(name, until):
    pushed = motions(TIMES, *raised(RISE), ("mouth", bump(TIMES, 2.0, 2.2), 0, -1.0))
    whole, part = spotters[name](), spotters[name]()
    early = [found for motion in pushed[:until] for found in whole.push(motion)]
    assert [found for motion in pushed[:until] for found in part.push(motion)] == early
    rest = [found for motion in pushed[until:] for found in whole.push(motion)] + whole.finish()
    held = part.finish()
    certain = TIMES[until - 1] - part.latency
    assert [f for f in early + rest if f.offset_s < certain] == [
        f for f in early + held if f.offset_s < certain
    ]


@pytest.mark.parametrize("name", spotters)
@pytest.mark.parametrize("gone", [(500, 503), (500, 640)])
def test_gaps_are_survived(name, gone):
    later = bump(TIMES, 7.3, 7.55)
    gaps = frozenset(range(*gone))
    pushed = motions(TIMES, *raised(RISE + later), gaps=gaps)
    found = all_of(spotters[name](), pushed)
    assert [one.apex_s for one in found] == pytest.approx([4.15, 7.425], abs=0.06)
    assert not any(one.onset < gone[1] and one.offset >= gone[0] for one in found)


@pytest.mark.parametrize("name", spotters)
def test_nothing_is_found_across_stretches(name):
    stretches = np.where(TIMES < 4.5, 0, 1)
    jump = (TIMES >= 4.5).astype(float)
    assert all_of(spotters[name](), motions(TIMES, ("brow", jump, 0.0, 5.0), stretches=stretches)) == []


@pytest.mark.parametrize("name", spotters)
def test_a_face_that_is_never_seen_has_no_movements(name):
    assert all_of(spotters[name](), motions(TIMES, gaps=range(len(TIMES)))) == []
    assert spotters[name]().finish() == []


@pytest.mark.parametrize("name", spotters)
@settings(max_examples=15, deadline=None)
@given(
    steps=st.lists(st.floats(0.001, 1.0), min_size=1, max_size=150),
    kind=st.sampled_from(["noise", "jumps", "walk", "huge"]),
    seed=st.integers(0, 2**32 - 1),
    start=st.floats(-1e4, 1e4),
)
def test_any_motion_gives_movements_in_order(name, steps, kind, seed, start):
    rng = np.random.default_rng(seed)
    times = start + np.cumsum(steps)
    course = {
        "noise": rng.standard_normal(len(times)),
        "jumps": 5.0 * (rng.random(len(times)) < 0.1),
        "walk": np.cumsum(rng.standard_normal(len(times))),
        "huge": 1e4 * rng.standard_normal(len(times)),
    }[kind]
    gaps = set(np.flatnonzero(rng.random(len(times)) < 0.1).tolist())
    stretches = np.cumsum(rng.random(len(times)) < 0.02)
    pushed = motions(
        times, ("brow", course, 0.3, 1.0), shut=rng.random(len(times)), gaps=gaps, stretches=stretches
    )
    for found in all_of(spotters[name](), pushed):
        assert times[0] <= found.onset_s <= found.apex_s <= found.offset_s <= times[-1]
        assert found.strength > 0
        assert found.regions


@pytest.mark.parametrize("name", spotters)
def test_says_what_it_does_and_how_late_it_is(name):
    assert inspect.getdoc(spotters[name])
    assert 0 < spotters[name]().latency < 10


@pytest.mark.parametrize("name", spotters)
def test_fewer_alarms_ask_for_likelier_movements(name):
    points = [spotters[name]().point(rate) for rate in (0.01, 0.1, 1.0, 10.0, 1000.0)]
    assert all(0 <= point <= 1 for point in points)
    assert points == sorted(points, reverse=True)


@pytest.mark.parametrize("name", spotters)
def test_a_likelihood_is_a_probability(name):
    for found in all_of(spotters[name](), motions(TIMES, *raised(RISE))):
        assert found.likelihood is None or 0 <= found.likelihood <= 1


def test_the_default_is_there():
    assert DEFAULT in spotters


def test_spotters_run_without_torch():
    code = "import sys, fleeting.spotting as s; s.spotters.names(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
