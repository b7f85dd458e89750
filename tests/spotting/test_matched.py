"""The default spotter: what it finds at every frame rate, and that blinks and speech are no movement."""

import pickle

import numpy as np
import pytest

from fleeting.errors import OptionError
from fleeting.faces.skin_motion import FaceMotion
from fleeting.faces.tracking import FaceTracker, main_face
from fleeting.spotting import Spotted, spotters
from fleeting.spotting.matching.noise import Noise
from fleeting.spotting.matching.raised_cosine import fitted, raised_cosine
from fleeting.spotting.matching.templates import BLOCK
from fleeting.spotting.matching.timeline import RATE, Timeline
from fleeting.video.reader import open_video
from tests.fixtures.skin import all_of, bump, even, motions

TIMES = even(10.0)


def found_in(pushed):
    return all_of(spotters["matched"](), pushed)


def iou(spotted, onset, offset):
    both = min(spotted.offset_s, offset) - max(spotted.onset_s, onset)
    return both / (max(spotted.offset_s, offset) - min(spotted.onset_s, onset))


def test_a_movement_in_the_wrong_order_is_refused():
    with pytest.raises(OptionError, match="in this order"):
        Spotted("micro", 5, 4, 6, 0.5, 0.4, 0.6, 9.0, ())


@pytest.mark.slow
@pytest.mark.parametrize("fps", [25, 30, 60, 100, 200])
@pytest.mark.parametrize("seconds", [0.12, 0.3, 0.45])
def test_one_setting_does_for_every_frame_rate(fps, seconds):
    times = even(8.0, fps)
    pushed = motions(times, ("brow", bump(times, 4.0, 4.0 + seconds, 4.0 + 0.4 * seconds), 0.0, -1.0))
    (found,) = found_in(pushed)
    assert found.kind == "micro"
    assert abs(found.apex_s - (4.0 + 0.4 * seconds)) <= 1.5 / fps
    assert iou(found, 4.0, 4.0 + seconds) >= 0.5


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.01, 0.1, 0.3])
def test_thresholds_follow_the_noise_of_the_video(noise):
    size = max(0.3, 5 * noise)
    course = bump(TIMES, 5.0, 5.3)
    assert len(found_in(motions(TIMES, ("mouth corner", course, -size, -size), noise=noise))) == 1
    assert found_in(motions(TIMES, ("mouth corner", course, -0.1 * noise, 0.0), noise=noise)) == []


def test_times_are_presentation_times():
    rng = np.random.default_rng(3)
    times = 100 + np.cumsum(rng.uniform(0.01, 0.05, 300))
    onset = float(times[150])
    (found,) = found_in(motions(times, ("mouth corner", bump(times, onset, onset + 0.4), -1.0, -1.0)))
    assert iou(found, onset, onset + 0.4) >= 0.7
    assert times[found.apex] == found.apex_s


@pytest.mark.parametrize("seconds", [0.8, 1.5, 4.0])
def test_longer_movements_are_macro(seconds):
    times = even(14.0, 50)
    course = np.minimum(1, 1.5 * bump(times, 5.0, 5.0 + seconds))
    (found,) = found_in(motions(times, ("mouth corner", course, -4.0, -4.0), ("cheek", course, -2.0, -2.0)))
    assert found.kind == "macro"
    assert iou(found, 5.0, 5.0 + seconds) >= 0.7


def test_a_smile_that_is_still_there_at_the_end_is_found():
    course = np.clip((TIMES - 7.0) / 0.3, 0, 1)
    (found,) = found_in(motions(TIMES, ("mouth corner", course, -6.0, -6.0), ("cheek", course, -3.0, -3.0)))
    assert found.kind == "macro"
    assert abs(found.onset_s - 7.0) < 0.1
    assert found.offset_s > 9.8


def test_a_posture_that_is_kept_is_no_movement():
    times = even(25.0, 50)
    assert found_in(motions(times, ("brow", np.clip(times - 5.0, 0, 1), 0.0, -4.0))) == []


def test_a_blink_and_its_echo_are_no_movement():
    shut = sum(bump(TIMES, start, start + 0.25) for start in (1.0, 3.1, 5.9, 8.0))
    echo = motions(
        TIMES,
        ("lid", shut, 0.0, 6.0),
        ("under eye", shut, 0.0, 0.6),
        ("eye corner", shut, 0.0, 2.0),
        ("inner brow", shut, 0.2, 0.3),
        shut=0.9 * shut,
    )
    assert found_in(echo) == []


def test_a_blink_that_pulls_at_the_brows_for_once_is_no_movement():
    blinks = [bump(TIMES, start, start + 0.2) for start in (0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 7.0)]
    brows = ("inner brow", blinks[-1], -2.0, 0.6), ("middle brow", blinks[-1], -1.0, 0.6)
    assert found_in(motions(TIMES, ("lid", sum(blinks), 0.0, 6.0), *brows, shut=0.9 * sum(blinks))) == []
    assert len(found_in(motions(TIMES, *brows))) == 1


def test_a_micro_movement_of_the_mouth_survives_a_blink():
    shut = bump(TIMES, 5.0, 5.25)
    pushed = motions(
        TIMES,
        ("lid", shut, 0.0, 6.0),
        ("eye corner", shut, 0.0, 2.0),
        ("mouth corner", bump(TIMES, 4.9, 5.3), -0.6, -0.6),
        shut=0.9 * shut,
    )
    (found,) = found_in(pushed)
    assert iou(found, 4.9, 5.3) >= 0.7
    assert {"right mouth corner", "left mouth corner"} <= set(found.regions)


def test_talking_is_no_movement():
    talking = np.where((TIMES > 3) & (TIMES < 6), np.sin(2 * np.pi * 2.0 * (TIMES - 3)) ** 2, 0.0)
    pushed = motions(
        TIMES,
        *((name, talking, 0.0, size) for name, size in (("chin", 5.0), ("lower lip", 5.0), ("jaw", 2.0))),
        *((name, talking, 0.0, size) for name, size in (("below the corner", 3.0), ("mouth corner", 1.5))),
    )
    assert found_in(pushed) == []


def test_irregular_talking_with_the_jaw_down_is_no_movement():
    times, rng = even(10.0, 50), np.random.default_rng(2)
    starts = 3 + np.cumsum(rng.uniform(0.15, 0.4, 15))
    syllables = sum(
        rng.uniform(0.3, 1) * bump(times, start, start + rng.uniform(0.12, 0.3)) for start in starts
    )
    talking = syllables + 0.5 * np.clip(2 * (times - 3), 0, 1) * np.clip(2 * (starts[-1] - times), 0, 1)
    pushed = motions(
        times,
        *((name, talking, 0.0, size) for name, size in (("chin", 5.0), ("lower lip", 5.0), ("jaw", 2.0))),
        *((name, talking, 0.0, size) for name, size in (("below the corner", 3.0), ("mouth corner", 1.5))),
    )
    assert found_in(pushed) == []


def test_few_of_the_jumps_of_restless_skin_are_believed():
    times, rng = even(30.0, 50), np.random.default_rng(1)
    jumps = 0.1 * rng.standard_normal(len(times)) * np.abs(rng.standard_normal(len(times))) ** 1.5
    assert len(found_in(motions(times, ("brow", jumps, 0.0, -1.0)))) < 5


def test_how_far_a_part_usually_stands_out_is_the_median_of_its_blocks():
    noise, rng = Noise(), np.random.default_rng(0)
    shape = (BLOCK, *noise.usual.shape)
    for _ in range(1000):
        noise.learn_scores(rng.lognormal(2, 0.5, shape[1:]) * rng.uniform(0, 1, shape) ** 0.01)
    np.testing.assert_allclose(noise.usual, np.exp(2), rtol=0.15)
    before = noise.usual
    for _ in range(20):  # two seconds of speech
        noise.learn_scores(np.full(shape, 100.0))
    assert (noise.usual < 1.15 * before).all()


def test_slow_drift_is_no_movement():
    drift = np.sin(2 * np.pi * 0.2 * TIMES)
    assert found_in(motions(TIMES, ("cheek", drift, 0.3, 0.2), ("brow", drift, 0.1, 0.3))) == []


def test_movements_of_brows_and_mouth_overlap_and_are_two():
    pushed = motions(
        TIMES,
        ("brow", bump(TIMES, 5.0, 5.3), 0.0, -1.0),
        ("mouth corner", bump(TIMES, 5.2, 5.6), -1.0, -1.0),
    )
    first, second = found_in(pushed)
    assert iou(first, 5.0, 5.3) >= 0.7
    assert iou(second, 5.2, 5.6) >= 0.7
    assert all("brow" in name for name in first.regions)
    assert all("mouth" in name for name in second.regions)


def test_what_brows_and_mouth_do_together_is_one():
    course = bump(TIMES, 5.0, 5.3)
    (found,) = found_in(motions(TIMES, ("brow", course, 0.0, -1.0), ("mouth corner", course, -1.0, -1.0)))
    assert {"right inner brow", "right mouth corner"} <= set(found.regions)


def test_a_movement_of_one_side_names_that_side():
    course = bump(TIMES, 5.0, 5.3)
    (found,) = found_in(motions(TIMES, ("right mouth corner", course, -1.0, -1.0)))
    assert found.regions[0] == "right mouth corner"


def test_a_frame_that_is_not_later_is_refused():
    spotter = spotters["matched"]()
    first, second, *_ = motions(TIMES)
    spotter.push(second)
    with pytest.raises(OptionError, match="expected a later one"):
        spotter.push(first)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_video():
    sizes, spotter = [], spotters["matched"]()
    pushed = motions(even(60.0, 30), ("brow", bump(even(60.0, 30) % 2.0, 1.0, 1.3), 0.0, -1.0))
    for number, motion in enumerate(pushed):
        spotter.push(motion)
        if number in (len(pushed) // 2, len(pushed) - 1):
            sizes.append(len(pickle.dumps(spotter)))
    assert sizes[1] < 1.1 * sizes[0]


@pytest.mark.parametrize("fps", [25, 33.3, 100, 171])
def test_steps_are_means_of_the_line_through_the_frames(fps):
    times = even(2.0, fps)
    timeline = Timeline(times[0], 0, np.array([0.0]), lead=0, keep=10_000)
    for frame, time in enumerate(times[1:], start=1):
        timeline.add(time, frame, np.array([3 * time]))
    middles = [timeline.time(step) for step in range(timeline.end)]
    np.testing.assert_allclose(timeline.steps[:, 0], 3 * np.array(middles), atol=1e-9)
    assert timeline.end == int(times[-1] * RATE + 1e-6)


def test_a_course_is_fitted_in_drift():
    times = even(1.0)
    course = 2.0 * raised_cosine(times, 0.43, 0.12, 0.2) + 0.5 + 0.7 * times
    fit = fitted(times, course, 0.47, 0.3)
    np.testing.assert_allclose([fit.onset, fit.apex, fit.offset], [0.31, 0.43, 0.63], atol=0.02)
    assert fit.height == pytest.approx(2.0, rel=0.1)
    assert fit.explained > 0.98


def spotted_in(path):
    tracker, skin, spotter, face, found = FaceTracker(), FaceMotion(), spotters["matched"](), None, []
    with open_video(path) as video:
        for frame in video:
            face = main_face(tracker.push(frame.image), face)
            found += spotter.push(skin.push(frame, face))
    return found + spotter.finish()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "onset", "offset"), [("pyfeat_single_face.mp4", 0.6, 2.3), ("fexmetrica_test.mov", 2.2, 3.8)]
)
def test_real_smiles_are_found(shared, name, onset, offset):
    found = spotted_in(shared / "videos" / name)
    assert any(one.kind == "macro" and iou(one, onset, offset) > 0.7 for one in found)


@pytest.mark.slow
def test_nothing_is_found_without_a_face(shared):
    assert spotted_in(shared / "videos" / "pyfeat_no_face.mp4") == []
    assert all(one.offset < 72 for one in spotted_in(shared / "videos" / "pyfeat_face_noface.mov"))
