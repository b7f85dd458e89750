"""What every modality promises of any clip."""

import inspect
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleeting.modalities import kind_of, modalities
from fleeting.registry import options
from fleeting.types import Clip
from tests.fixtures.bumps import bumped_clip
from tests.fixtures.moving_clips import moving_clip

MIRRORED = {
    "flow": (0.95, 0.03),
    "flow-offset": (0.95, 0.03),
    "flow-sequence": (0.95, 0.03),
    "strain": (0.88, 0.04),
    "flow-strain": (0.88, 0.04),
    "flow-map": (0.96, 0.07),
    "region-map": (0.96, 0.07),
}
"""How alike a mirrored clip's array and the mirrored array are on `bumped_clip`: correlation of the channels
of each meaning, at least, and their mean difference as a share of their range, at most. TV-L1 is not quite
mirror-symmetric, least so where little moves; all else is, to the last bit."""


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", modalities)
def test_gives_finite_pictures_and_leaves_the_clip_alone(name, channels):
    clip = bumped_clip(frames=5, apex=1, channels=channels)
    before = clip.frames.copy()
    array = modalities[name](clip)
    assert array.ndim == 3
    assert array.dtype == np.float32
    assert np.isfinite(array).all()
    assert array.std() > 0, "a moving clip shows something"
    np.testing.assert_array_equal(clip.frames, before)


@pytest.mark.parametrize("name", modalities)
def test_is_the_same_each_time(name):
    first, second = (modalities[name](moving_clip()) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", modalities)
def test_says_what_its_channels_are(name):
    array = modalities[name](moving_clip())
    assert len(kind_of(name, len(array)).channels) == len(array)
    assert inspect.getdoc(modalities[name])


@pytest.mark.parametrize("name", modalities)
def test_its_parameters_are_options_with_defaults(name):
    parameters = list(inspect.signature(modalities[name]).parameters)
    assert set(options(modalities[name], {}, name)) == set(parameters[1:])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", modalities)
def test_a_still_clip_shows_no_movement(name, channels):
    clip = moving_clip(channels, still=True)
    array = modalities[name](clip)
    kind = kind_of(name, len(array))
    picture = clip.frames[0].transpose(2, 0, 1)
    for number, (channel, meaning) in enumerate(zip(array, kind.channels, strict=True)):
        if meaning in ("u", "v"):
            np.testing.assert_allclose(channel, kind.rest, atol=1e-3)
        elif meaning in ("strain", "change"):
            np.testing.assert_allclose(channel, 0, atol=1e-3)
        else:  # the still picture itself, or flat
            assert channel.std() == 0 or np.array_equal(channel, picture[number % channels])


@pytest.mark.slow
@pytest.mark.parametrize("name", modalities)
def test_a_mirrored_clip_is_the_mirror_image(name):
    clip = bumped_clip(frames=5, apex=2, pixels=3)
    mirrored = modalities[name](replace(clip, frames=clip.frames[:, :, ::-1].copy()))
    expected = modalities[name](clip)[..., ::-1].copy()
    kind = kind_of(name, len(expected))
    for channel, meaning in enumerate(kind.channels):
        if meaning == "u":
            expected[channel] = 2 * kind.rest - expected[channel]
    if name not in MIRRORED:
        np.testing.assert_array_equal(mirrored, expected)
        return
    alike, apart = MIRRORED[name]
    for meaning in dict.fromkeys(kind.channels):  # fields of a face that is back at rest are noise alone
        those = [other == meaning for other in kind.channels]
        ours, theirs = mirrored[those], expected[those]
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] >= alike
        assert np.abs(ours - theirs).mean() <= apart * np.ptp(theirs)


@pytest.mark.slow
@pytest.mark.parametrize("name", modalities)
def test_frames_before_the_onset_and_behind_the_offset_do_not_matter(name):
    clip = bumped_clip(frames=5, apex=2, margin=3)
    within = slice(clip.onset, clip.offset + 1)
    alone = Clip(clip.frames[within], clip.times[within], 0, clip.apex - clip.onset, clip.offset - clip.onset)
    np.testing.assert_array_equal(modalities[name](clip), modalities[name](alone))


@st.composite
def wild_clips(draw):
    """Short clips of noise, flat colour or both, with anything in order as onset, apex and offset."""
    count, channels = draw(st.integers(1, 5)), draw(st.sampled_from([1, 3]))
    height, width = draw(st.integers(28, 40)), draw(st.integers(28, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frames = np.full((count, height, width, channels), draw(st.integers(0, 255)), dtype=np.uint8)
    noisy = draw(st.lists(st.integers(0, count - 1), unique=True))
    frames[noisy] = rng.integers(0, 256, size=(len(noisy), height, width, channels))
    onset, apex, offset = sorted(draw(st.tuples(*[st.integers(0, count - 1)] * 3)))
    steps = draw(st.lists(st.floats(0, 1), min_size=count, max_size=count))
    return Clip(frames, np.cumsum(steps), onset, apex, offset)


@pytest.mark.slow
@pytest.mark.parametrize("name", modalities)
@settings(max_examples=15, deadline=None)
@given(clip=wild_clips())
def test_any_clip_gives_finite_pictures(name, clip):
    array = modalities[name](clip)
    assert array.dtype == np.float32
    assert np.isfinite(array).all()


def test_modalities_run_without_torch():
    code = "import sys, fleeting.modalities as m; m.modalities.names(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
