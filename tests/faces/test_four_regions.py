"""HTNet's four crops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleeting.errors import OptionError
from fleeting.faces.four_regions import CENTRES, four_regions
from fleeting.faces.landmarks import LEFT_EYE_AT, RIGHT_EYE_AT

QUARTERS = ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))


def numbered(side=28, lead=(3,)):
    """A map whose every pixel is another number."""
    return np.arange(np.prod([*lead, side, side]), dtype=np.float32).reshape(*lead, side, side)


def test_quarters_give_the_map_back():
    np.testing.assert_array_equal(four_regions(numbered(), QUARTERS), numbered())


def test_each_square_lies_around_its_place():
    maps = numbered(lead=())
    parts = four_regions(maps, [(0.5, 0.5), (0.5, 0.25), (0.25, 0.5), (1, 1)])
    np.testing.assert_array_equal(parts[:14, :14], maps[7:21, 7:21])
    np.testing.assert_array_equal(parts[:14, 14:], maps[:14, 7:21])
    np.testing.assert_array_equal(parts[14:, :14], maps[7:21, :14])
    np.testing.assert_array_equal(parts[14:, 14:], maps[14:, 14:])


@pytest.mark.parametrize("side", [28, 56, 112])
def test_the_canonical_squares_hold_what_they_are_called_for(side):
    maps = np.zeros((4, side, side), np.float32)
    for number, (x, y) in enumerate(CENTRES):
        maps[number, int(y * side), int(x * side)] = 1
    half = side // 2
    parts = four_regions(maps)
    for number, (row, column) in enumerate([(0, 0), (0, half), (half, 0), (half, half)]):
        assert parts[number, row : row + half, column : column + half].sum() == 1
    assert CENTRES[:2] == (RIGHT_EYE_AT, LEFT_EYE_AT)


@given(
    st.sampled_from([2, 4, 28, 56]),
    st.lists(st.tuples(st.floats(-2, 3), st.floats(-2, 3)), min_size=4, max_size=4),
)
def test_any_centres_give_squares_of_the_map(side, centres):
    maps = numbered(side, lead=(2, 3))
    parts = four_regions(maps, centres)
    assert parts.shape == maps.shape
    assert set(parts[1, 2].ravel()) <= set(maps[1, 2].ravel())


@pytest.mark.parametrize("shape", [(3, 27, 27), (3, 28, 56), (28,), (), (3, 0, 0)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(OptionError, match="even side"):
        four_regions(np.zeros(shape, np.float32))


def test_other_numbers_of_centres_are_refused():
    with pytest.raises(OptionError, match="4 places"):
        four_regions(numbered(), QUARTERS[:3])


def test_real_maps_are_cut_like_ours(maps):
    from PIL import Image

    path = min((maps / "maps").rglob("*.png"))
    with Image.open(path) as picture:
        array = np.asarray(picture.convert("RGB"), np.float32).transpose(2, 0, 1)
    parts = four_regions(array)
    np.testing.assert_array_equal(parts[:, :14, :14], array[:, 1:15, :14])
    np.testing.assert_array_equal(parts[:, 14:, 14:], array[:, 14:, 14 - 1 : 28 - 1])
