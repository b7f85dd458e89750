"""The quick median and quantile are those of NumPy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fleeting.faces.warping import median, quantile

NUMBERS = arrays(np.float64, st.integers(2, 70), elements=st.floats(-1e6, 1e6))


@given(NUMBERS)
def test_the_median_is_numpys(values):
    assert median(values) == np.median(values)


@given(NUMBERS, st.floats(0, 1))
def test_the_quantile_is_numpys(values, share):
    assert quantile(values, share) == np.quantile(values, share)
