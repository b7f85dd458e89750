"""What every apex finder promises of any clip."""

import inspect
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleeting.apex import apex_finders
from fleeting.registry import options
from fleeting.types import Clip
from tests.fixtures.bumps import bumped_clip


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", apex_finders)
def test_finds_a_frame_from_onset_to_offset_and_leaves_the_clip_alone(name, channels):
    clip = bumped_clip(margin=2, channels=channels)
    before = clip.frames.copy()
    found = apex_finders[name](clip)
    assert type(found) is int
    assert clip.onset <= found <= clip.offset
    assert found == apex_finders[name](clip)
    np.testing.assert_array_equal(clip.frames, before)


@pytest.mark.slow
@pytest.mark.parametrize("name", apex_finders)
def test_looks_at_the_frames_from_onset_to_offset_alone(name):
    clip = bumped_clip(margin=4)
    within = slice(clip.onset, clip.offset + 1)
    alone = Clip(clip.frames[within], clip.times[within], 0, clip.apex - 4, clip.offset - 4)
    assert apex_finders[name](clip) == apex_finders[name](alone) + 4


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in apex_finders if name != "annotated"])
def test_does_not_look_at_what_the_clip_says(name):
    clip = bumped_clip()
    found = {apex_finders[name](replace(clip, apex=apex)) for apex in (clip.onset, clip.apex, clip.offset)}
    assert len(found) == 1


@pytest.mark.parametrize("name", apex_finders)
@settings(max_examples=20, deadline=None)
@given(
    count=st.integers(1, 6),
    sizes=st.tuples(st.integers(16, 60), st.integers(16, 60)),
    channels=st.sampled_from([1, 3]),
    kind=st.sampled_from(["noise", "flat", "flicker"]),
    seed=st.integers(0, 2**32 - 1),
    same_time=st.booleans(),
)
def test_any_clip_has_an_apex(name, count, sizes, channels, kind, seed, same_time):
    rng = np.random.default_rng(seed)
    shape = (count, *sizes, channels)
    frames = {
        "noise": rng.integers(0, 256, size=shape),
        "flat": np.full(shape, 128),
        "flicker": np.broadcast_to(rng.integers(0, 256, size=(count, 1, 1, 1)), shape),
    }[kind].astype(np.uint8)
    onset, apex, offset = sorted(rng.integers(0, count, size=3))
    times = np.zeros(count) if same_time else np.cumsum(rng.random(count))
    found = apex_finders[name](Clip(frames, times, int(onset), int(apex), int(offset)))
    assert onset <= found <= offset


@pytest.mark.parametrize("name", apex_finders)
def test_says_what_it_does_and_takes_options_only(name):
    finder = apex_finders[name]
    assert inspect.getdoc(finder)
    assert set(options(finder, {}, name)) == set(list(inspect.signature(finder).parameters)[1:])


def test_apex_finders_run_without_torch():
    code = "import sys, fleeting.apex as a; a.apex_finders.names(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
