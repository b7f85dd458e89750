"""What every augmentation promises."""

import numpy as np
import pytest

from fleeting.augment import augmentations
from fleeting.errors import OptionError
from fleeting.types import ArrayKind

PICTURE = ArrayKind(("picture",) * 3)
FLOW = ArrayKind(("u", "v"))
MAP = ArrayKind(("u", "v", "strain"), rest=127.5)


def arrays(kind, count=8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 255, size=(count, len(kind.channels), 28, 28)).astype(np.float32)


@pytest.mark.parametrize("kind", [PICTURE, FLOW, MAP], ids=["picture", "flow", "map"])
@pytest.mark.parametrize("name", augmentations)
def test_changes_the_batch_in_kind(name, kind):
    given = arrays(kind)
    before = given.copy()
    try:
        (changed,) = augmentations[name]([given], [kind], np.random.default_rng(1))
    except OptionError:
        return  # it would falsify this kind of input
    assert changed.shape == given.shape
    assert changed.dtype == np.float32
    assert np.isfinite(changed).all()
    assert not np.array_equal(changed, given)
    np.testing.assert_array_equal(given, before)


@pytest.mark.parametrize("name", augmentations)
def test_the_generator_decides_everything(name):
    first, second = (
        augmentations[name]([arrays(PICTURE)], [PICTURE], np.random.default_rng(3)) for _ in range(2)
    )
    np.testing.assert_array_equal(first[0], second[0])


@pytest.mark.parametrize("name", augmentations)
def test_takes_the_inputs_of_a_clip_together(name):
    changed = augmentations[name]([arrays(PICTURE), arrays(PICTURE)], [PICTURE] * 2, np.random.default_rng(3))
    assert len(changed) == 2
    if name != "noise":
        np.testing.assert_array_equal(changed[0], changed[1])


@pytest.mark.parametrize("name", augmentations)
def test_some_input_is_accepted(name):
    assert augmentations[name]([arrays(PICTURE)], [PICTURE], np.random.default_rng(0))
