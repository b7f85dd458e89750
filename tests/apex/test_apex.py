"""Where apex finders find the apex, on clips whose apex is known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleeting.apex import ApexRule, apex_finders, apex_rule
from fleeting.apex.dc_rois import REGIONS, divide_and_conquer
from fleeting.errors import OptionError, UnknownNameError
from fleeting.types import Clip
from tests.apex.real_motion import moved_faces
from tests.fixtures.bumps import HEIGHT, MOUTH_CORNER, RIGHT_BROW, WIDTH, bumped_clip

REPORTED = ("sub07", "sub13", "sub15")
"""People of the real tracks on whom the finder was not chosen (`studies/real_apex.py`)."""
flow, dc_rois = apex_finders["flow"], apex_finders["dc-rois"]


def test_every_rule_of_the_recipes_exists():
    assert {"annotated", "middle", "dc-rois", "flow"} <= set(apex_finders)


@pytest.mark.parametrize(
    ("rule", "annotated", "finder"),
    [
        ("annotated", True, "middle"),
        ("annotated-or-dc-rois", True, "dc-rois"),
        ("annotated-or-flow", True, "flow"),
        ("dc-rois", False, "dc-rois"),
        ("middle", False, "middle"),
    ],
)
def test_a_rule_says_whether_the_annotation_counts_and_what_finds_the_rest(rule, annotated, finder):
    assert apex_rule(rule) == ApexRule(annotated, finder)


@pytest.mark.parametrize("rule", ["annotated-or-dc-roi", "dc-roi"])
def test_a_rule_whose_finder_does_not_exist_is_met_with_the_nearest(rule):
    with pytest.raises(UnknownNameError, match="did you mean 'dc-rois'"):
        apex_rule(rule)


def test_the_annotation_is_no_substitute_for_itself():
    with pytest.raises(UnknownNameError):
        apex_rule("annotated-or-annotated")


def test_annotated_is_what_the_clip_says():
    clip = bumped_clip(margin=2)
    assert apex_finders["annotated"](clip) == clip.apex


@pytest.mark.parametrize(("count", "expected"), [(1, 0), (2, 1), (3, 1), (4, 2), (21, 10)])
def test_middle_is_half_way(count, expected):
    clip = bumped_clip(margin=1)
    assert apex_finders["middle"](replace(clip, onset=1, apex=1, offset=count)) == 1 + expected


@pytest.mark.slow
@pytest.mark.parametrize("photograph", ["astronaut", "grace hopper"])
@pytest.mark.parametrize("at", [RIGHT_BROW, MOUTH_CORNER], ids=["brow", "mouth"])
@pytest.mark.parametrize("apex", [5, 14])
def test_flow_finds_the_apex_through_noise(photograph, at, apex):
    clip = bumped_clip(apex=apex, at=at, photograph=photograph)
    assert abs(flow(clip) - apex) <= 2


def test_flow_is_not_drawn_to_where_the_head_drifts():
    clip = bumped_clip(apex=6, drift=2.0)
    assert abs(flow(clip) - 6) <= 2


def test_flow_takes_no_blink_for_the_apex():
    clip = bumped_clip(apex=5, at=MOUTH_CORNER)
    frames = clip.frames.copy()
    rows, columns = slice(round(0.25 * HEIGHT), round(0.31 * HEIGHT)), slice(round(0.10 * WIDTH), -1)
    lid = frames[:, round(0.24 * HEIGHT), columns].mean(axis=1).astype(np.uint8)
    frames[14:17, rows, columns] = lid[14:17, None, None]
    assert abs(flow(replace(clip, frames=frames)) - 5) <= 2


@pytest.mark.parametrize("end", [10, 14])
def test_flow_of_a_movement_that_stays_is_where_its_rise_ends(end):
    clip = bumped_clip(frames=25, apex=end, at=MOUTH_CORNER)
    frames = clip.frames.copy()
    frames[end + 1 :] = frames[end]
    assert abs(flow(replace(clip, frames=frames)) - end) <= 2


def test_flow_of_a_still_clip_is_the_middle():
    clip = bumped_clip(frames=9, apex=3)
    still = replace(clip, frames=np.repeat(clip.frames[:1], 9, axis=0))
    assert flow(still) == apex_finders["middle"](still)


def test_flow_refuses_frames_too_small_to_see_a_movement_in():
    clip = Clip(np.zeros((5, 15, 20, 1), np.uint8), np.arange(5) / 100, 0, 2, 4)
    with pytest.raises(OptionError, match=r"20x15.*16x16"):
        flow(clip)


@pytest.mark.slow
def test_flow_is_nearer_to_annotated_apexes_of_real_motion_than_the_middle(shared):
    if not (shared / "real-tracks").is_dir():
        pytest.skip("needs ../shared: real-tracks is not there")
    clips = list(moved_faces(shared / "real-tracks", REPORTED))
    off = {
        name: np.array([abs(apex_finders[name](clip) - clip.apex) for clip in clips])
        for name in ("flow", "middle")
    }
    assert len(clips) > 15
    assert np.median(off["flow"]) < np.median(off["middle"])
    assert off["flow"].mean() < off["middle"].mean()


def test_flow_of_two_frames_is_the_later_one():
    clip = bumped_clip(frames=2, apex=1)
    assert flow(clip) == 1


@pytest.mark.slow
def test_flow_finds_the_same_moment_at_twice_the_frame_rate():
    clip = bumped_clip(apex=9)
    twice = np.repeat(np.arange(len(clip.frames)), 2)
    slow = replace(clip, frames=clip.frames[twice], times=np.arange(len(twice)) / 200, offset=len(twice) - 1)
    assert abs(flow(slow) // 2 - flow(clip)) <= 1


def test_dc_rois_finds_a_change_of_texture_without_noise():
    clip = bumped_clip(apex=7, pixels=3, noise=0)
    assert abs(dc_rois(clip) - 7) <= 2


@pytest.mark.parametrize(
    ("change", "peak"),
    [
        ([0, 1, 2, 1, 0], 2),
        ([0, 5, 0, 0, 0, 3, 0, 3, 0], 5),  # the later half holds 6, and of its halves the earlier is first
        ([0, 1, 2, 3], 3),
        ([0, 0, 0], 0),
        ([0], 0),
    ],
)
def test_divide_and_conquer_keeps_the_half_with_more(change, peak):
    assert divide_and_conquer(np.array(change, dtype=float)) == peak


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_divide_and_conquer_ends_on_a_local_maximum(change):
    found = divide_and_conquer(np.array(change))
    around = change[max(found - 1, 0) : found + 2]
    assert change[found] == max(around)


def test_a_rectangle_lies_where_its_shares_say_and_is_never_empty():
    picture = np.arange(170 * 139).reshape(170, 139)
    mouth, rectangle = REGIONS[-1], type(REGIONS[-1])
    part = mouth.of(picture)
    assert part[0, 0] == round(mouth.top * 170) * 139 + round(mouth.left * 139)
    assert rectangle(0.5, 0.5, 0.5, 0.5).of(picture).shape == (1, 1)
    assert rectangle(-1, -1, 2, 2).of(picture).shape == picture.shape
