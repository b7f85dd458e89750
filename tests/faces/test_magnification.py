"""Motion that is magnified: known shifts come out that many times larger, and the rest stays where it was."""

import numpy as np
import pytest

from fleeting.errors import OptionError
from fleeting.faces.magnification import magnified
from fleeting.faces.optical_flow import flow, gray
from tests.fixtures.bumps import HEIGHT, MOUTH_CORNER, RIGHT_BROW, WIDTH, bumped_clip


def moved(frames, place):
    """How far a place moved up to the last frame, in pixels: the largest within a few pixels of it."""
    right, down = flow(gray(frames[0]), gray(frames[-1]), "farneback")  # not the method that magnifies
    column, row = round(place[0] * WIDTH), round(place[1] * HEIGHT)
    around = np.s_[row - 6 : row + 7, column - 6 : column + 7]
    return float(np.hypot(right[around], down[around]).max())


@pytest.mark.parametrize(("pixels", "gain"), [(0.4, 8), (0.75, 4), (0.3, 16)])
def test_what_moves_moves_so_many_times_farther_and_what_rests_stays(pixels, gain):
    clip = bumped_clip(pixels=pixels, noise=1.0)
    frames = clip.frames[[0, 0, clip.apex]]
    bent = magnified(frames, 0, gain)
    assert (bent.shape, bent.dtype) == (frames.shape, np.uint8)
    assert moved(bent, RIGHT_BROW) == pytest.approx(gain * pixels, rel=0.3)
    assert moved(bent, MOUTH_CORNER) < 0.25 * gain * pixels
    assert np.abs(bent[0].astype(int) - frames[0]).mean() < 1


def test_a_gain_of_one_leaves_the_frames_as_they_are():
    frames = bumped_clip(pixels=1.0).frames[[0, 9]]
    assert np.array_equal(magnified(frames, 0, 1), frames)


def test_the_heads_own_motion_is_not_magnified():
    clip = bumped_clip(pixels=0.0, drift=1.5, noise=1.0)
    frames = clip.frames[[0, -1]]
    assert moved(magnified(frames, 0, 8), MOUTH_CORNER) == pytest.approx(moved(frames, MOUTH_CORNER), abs=1.0)


def test_a_gain_below_one_is_refused():
    with pytest.raises(OptionError, match=r"gain is 0\.5, expected 1 or more"):
        magnified(np.zeros((2, 32, 32, 3), np.uint8), 0, 0.5)
