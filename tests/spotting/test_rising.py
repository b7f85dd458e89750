"""What the default spotter takes for evidence, on made-up motion and on real footage."""

import numpy as np
import pytest

import fleeting
from fleeting.spotting import spotters
from tests.fixtures.skin import bump, even, motions


def raised(course):
    return (("brow", course, 0.0, -1.0), ("forehead", course, 0.0, -0.6))


def likely(pushed):
    """Every micro-movement that is given back, however unlikely."""
    spotter = spotters["rising"]()
    found = [one for motion in pushed for one in spotter.push(motion)] + spotter.finish()
    return [one for one in found if one.kind == "micro"]


def test_a_rise_that_stays_is_a_micro_movement():
    times = even(9.0)
    stays = np.clip((times - 4.0) / 0.15, 0, 1)
    best = max(likely(motions(times, *raised(stays))), key=lambda one: one.likelihood)
    assert best.likelihood >= spotters["rising"]().point(2.0)
    assert best.onset_s == pytest.approx(4.0, abs=0.08)
    assert best.apex_s == pytest.approx(4.15, abs=0.08)
    assert best.offset_s <= best.onset_s + 0.5


def test_one_rise_is_likelier_in_calm_than_among_others():
    times = even(12.0)
    once = bump(times, 6.0, 6.3)
    often = sum(bump(times, at, at + 0.3) for at in np.arange(1.0, 11.0, 0.5))

    def at_six(course):
        found = [one for one in likely(motions(times, *raised(course))) if abs(one.apex_s - 6.15) < 0.1]
        return max((one.likelihood for one in found), default=0.0)

    assert at_six(once) > at_six(often) + 0.2


def test_repetitions_in_a_loop_are_equally_likely():
    loop, rounds = 3.0, 6
    times = even(loop)
    one = np.stack([m.places for m in motions(times, *raised(bump(times, 1.3, 1.6)), noise=0.08, seed=4)])
    whole = motions(even(loop * rounds), noise=0.0)
    pushed = [
        fleeting.faces.skin_motion.Motion(m.frame, m.time, one[m.frame % len(one)], 0, 0.0, 0.0)
        for m in whole
    ]
    found = [m for m in likely(pushed) if 2.0 < m.apex_s < loop * rounds - 2.0 and m.likelihood > 0.3]
    assert len(found) >= rounds - 2
    likelihoods = [m.likelihood for m in found if abs(m.apex_s % loop - 1.45) < 0.1]
    assert len(likelihoods) >= rounds - 2
    assert np.ptp(likelihoods) <= 0.1


@pytest.mark.parametrize("start", [-0.1, 0.0])
def test_nothing_before_the_first_frame_counts_as_rest(start):
    times = even(5.0)
    assert not [
        one for one in likely(motions(times, *raised(bump(times, start, start + 0.2)))) if one.apex_s < 0.1
    ]


def test_a_movement_has_frames_before_and_after_its_apex():
    times = even(20.0, fps=25.0)
    rng = np.random.default_rng(0)
    course = np.cumsum(rng.standard_normal(len(times))) * 0.3
    found = likely(motions(times, *raised(course)))
    assert found
    assert all(one.onset < one.apex < one.offset for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hbenbel_face.mp4", "bklynhlth_baseline.mp4"])
def test_still_and_calm_real_faces_have_no_micro_movement(shared, name):
    session = fleeting.Session()
    with fleeting.open_video(shared / "faces-real" / name) as video:
        found = [event for frame in video for event in session.push(frame)] + session.finish()
    assert [event for event in found if event.kind == "micro"] == []
