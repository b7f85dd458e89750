"""TV-L1 in torch finds what OpenCV's finds, for each pair alone and in company."""

import cv2
import numpy as np
import pytest
import skimage.data

from fleeting.errors import OptionError
from fleeting.faces.optical_flow import flow
from fleeting.faces.tvl1 import tvl1

SIDE = 72
DISTANCE = 0.01, 0.05, 0.1
"""The median, the 95th and the 99th percentile of how far both may lie apart, in pixels."""


@pytest.fixture(scope="module")
def pairs():
    """A face that shifts, stretches, moves at one corner, and keeps still: two arrays (4, rows, columns)."""
    face = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)[80 : 80 + SIDE, 190 : 190 + SIDE + 8]
    rows, columns = np.mgrid[0 : face.shape[0], 0 : face.shape[1]].astype(np.float32)
    bump = 1.5 * np.exp(-((rows - 50) ** 2 + (columns - 25) ** 2) / 60)
    moved = [
        cv2.remap(face, columns - across, rows - down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        for across, down in ((1.3, 0.4), (0.03 * (columns - 40), 0), (bump, -bump), (0, 0))
    ]
    return np.stack([face] * 4), np.stack(moved)


@pytest.mark.slow
def test_it_agrees_with_opencv(pairs):
    ours = tvl1(*pairs, device="cpu")
    theirs = np.stack([np.stack(flow(one, other, "tvl1")) for one, other in zip(*pairs, strict=True)])
    assert ours.shape == theirs.shape == (4, 2, SIDE, SIDE + 8)
    apart = np.hypot(*(ours - theirs).transpose(1, 0, 2, 3))
    assert (np.percentile(apart, [50, 95, 99]) < DISTANCE).all()
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.999
    assert np.abs(ours[3]).max() == 0


@pytest.mark.slow
def test_a_pair_gives_the_same_in_company(pairs):
    one, other = (pictures[1:3] for pictures in pairs)
    alone = tvl1(one[1:], other[1:], device="cpu")
    np.testing.assert_allclose(tvl1(one, other, device="cpu")[1:], alone, atol=1e-4)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (np.zeros((2, 20, 20), np.uint8), np.zeros((2, 20, 21), np.uint8), "expected two arrays"),
        (np.zeros((20, 20), np.uint8), np.zeros((20, 20), np.uint8), "expected two arrays"),
        (np.zeros((1, 20, 20), np.float32), np.zeros((1, 20, 20), np.float32), "expected two arrays"),
        (np.zeros((1, 20, 15), np.uint8), np.zeros((1, 20, 15), np.uint8), "at least 16x16"),
    ],
)
def test_other_pictures_are_refused(before, after, said):
    with pytest.raises(OptionError, match=said):
        tvl1(before, after)
