"""The arithmetic of the shipped linear recognisers."""

import numpy as np
import pytest

from fleeting.linear_maps import features, mirrored


@pytest.mark.parametrize("side", [7, 14, 28])
def test_mirrored_features_are_those_of_the_mirror_image(side):
    maps = np.random.default_rng(0).uniform(0, 255, (4, 3, 28, 28)).astype(np.float32)
    image = maps[..., ::-1].copy()
    image[:, 0] = 255 - image[:, 0]  # what went right goes left
    own = features([image], 1.0, side)
    np.testing.assert_allclose(mirrored(features([maps], 1.0, side), (0,), side), own, atol=1e-4)
