"""What every modality promises of any clip."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

from fleeting.modalities import kind_of, modalities
from tests.conftest import moving_clip


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", modalities)
def test_gives_finite_pictures_and_leaves_the_clip_alone(name, channels):
    clip = moving_clip(channels)
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
def test_a_still_clip_shows_no_movement(name):
    array = modalities[name](moving_clip(still=True))
    kind = kind_of(name, len(array))
    for channel, meaning in zip(array, kind.channels, strict=True):
        if meaning in ("u", "v"):
            np.testing.assert_allclose(channel, kind.rest, atol=1e-3)
        elif meaning == "strain":
            np.testing.assert_allclose(channel, 0, atol=1e-3)


def test_modalities_run_without_torch():
    code = "import sys, fleeting.modalities as m; m.modalities.names(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
