"""What every augmentation promises."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleeting.augment import augmentations
from fleeting.augment.crop import SMALLEST
from fleeting.augment.rotate import DEGREES, STEPS
from fleeting.errors import OptionError
from fleeting.types import ArrayKind

GRAY = ArrayKind(("picture",))
PICTURE = ArrayKind(("picture",) * 3)
SEQUENCE = ArrayKind(("picture",) * 48)
CHANGE = ArrayKind(("change",) * 3)
STRAIN = ArrayKind(("strain",))
FLOW = ArrayKind(("u", "v"))
MAP = ArrayKind(("u", "v", "strain"), rest=127.5)
PIXELS = ArrayKind(("u", "v", "strain"))
TILES = replace(MAP, tiles=2)
KINDS = {
    "gray": GRAY,
    "picture": PICTURE,
    "sequence": SEQUENCE,
    "change": CHANGE,
    "strain": STRAIN,
    "flow": FLOW,
    "map": MAP,
}
QUARTERS = [(rows, columns) for rows in (np.s_[:14], np.s_[14:]) for columns in (np.s_[:14], np.s_[14:])]
REFUSED = {
    "brightness-contrast": {"strain", "flow", "map"},
    "equalise": {"change", "strain", "flow", "map"},
    "rotate": {"map"},
    "turn": {"map"},
}


def arrays(kind, count=8, seed=0, size=(28, 28)):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 255, size=(count, len(kind.channels), *size)).astype(np.float32)


def changed(name, given, kinds, seed=1):
    return augmentations[name](given, kinds, np.random.default_rng(seed))


@pytest.mark.parametrize("which", KINDS)
@pytest.mark.parametrize("name", augmentations)
def test_changes_the_batch_in_kind_or_refuses_it(name, which):
    given, kind = arrays(KINDS[which]), KINDS[which]
    before = given.copy()
    if which in REFUSED.get(name, ()):
        with pytest.raises(OptionError, match=name):
            changed(name, [given], [kind])
        return
    (after,) = changed(name, [given], [kind])
    assert after.shape == given.shape
    assert after.dtype == np.float32
    assert np.isfinite(after).all()
    assert not np.array_equal(after, given)
    np.testing.assert_array_equal(given, before)


@pytest.mark.parametrize("name", augmentations)
def test_the_generator_decides_everything(name):
    first, second = (changed(name, [arrays(PICTURE)], [PICTURE], seed=3) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])


@pytest.mark.parametrize("name", augmentations)
def test_takes_the_inputs_of_a_clip_together(name):
    after = changed(name, [arrays(PICTURE), arrays(PICTURE)], [PICTURE] * 2, seed=3)
    assert len(after) == 2
    if name != "noise":  # each picture has its own
        np.testing.assert_array_equal(after[0], after[1])


@pytest.mark.parametrize("name", augmentations)
def test_samples_are_changed_one_by_one(name):
    """No sample looks at another: alike ones may become different, and what is drawn differs."""
    same = np.repeat(arrays(PICTURE, 1), 16, axis=0)
    (after,) = changed(name, [same], [PICTURE])
    assert len({sample.tobytes() for sample in after}) > 1


@pytest.mark.parametrize("name", augmentations)
@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from([*KINDS.values()]),
    count=st.integers(1, 4),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    flat=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_size_and_flat_pictures_stay_finite(name, kind, count, size, flat, seed):
    given = arrays(kind, count, seed, size)
    given = np.full_like(given, 7) if flat else given
    try:
        (after,) = changed(name, [given], [kind], seed)
    except OptionError:
        assert any(kind == KINDS[which] for which in REFUSED[name])
        return
    assert after.shape == given.shape
    assert np.isfinite(after).all()


@pytest.mark.parametrize("name", ["crop", "mirror", "rotate", "shift", "turn"])
@pytest.mark.parametrize("size", [(56, 56), (48, 61)], ids=["square", "oblong"])
@pytest.mark.parametrize("pixel", [1.0, 1.4], ids=["even", "stretched"])
def test_arrows_still_lead_from_one_picture_to_the_next(name, size, pixel):
    """A spot before and after it moved, and the flow between: still so when all were changed alike.

    The spot is small against the picture and far from its edge, so its centre of mass is where it is. Where a
    resize stretched the face, a pixel stands for more of it down than across; arrows are those of the face.
    """
    count, (height, width) = 24, size
    rng = np.random.default_rng(5)
    at = rng.uniform(0.4, 0.6, size=(count, 2)) * (width, height)
    flow = rng.uniform(-5, 5, size=(count, 2))
    pair = np.stack([spots(at, size), spots(at + flow / (1, pixel), size)], axis=1)
    field = np.broadcast_to(flow[:, :, None, None], (count, 2, *size)).astype(np.float32)
    kinds = [replace(kind, pixel=pixel) for kind in (ArrayKind(("picture",) * 2), FLOW)]
    pictures, arrows = changed(name, [pair, field], kinds)
    moved = (centres(pictures[:, 1]) - centres(pictures[:, 0])) * (1, pixel)
    middle = arrows[:, :, height // 2, width // 2]
    np.testing.assert_allclose(moved, middle, atol=0.1)
    assert np.abs(centres(pictures[:, 0]) - centres(pair[:, 0])).max() > 0.5, "nothing was changed"


def spots(at, size):
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]] + 0.5
    x, y = at[:, 0, None, None], at[:, 1, None, None]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8).astype(np.float32)


def centres(pictures):
    rows, columns = np.mgrid[0 : pictures.shape[1], 0 : pictures.shape[2]] + 0.5
    mass = pictures.sum(axis=(1, 2))
    return np.stack([(pictures * places).sum(axis=(1, 2)) / mass for places in (columns, rows)], axis=1)


@pytest.mark.parametrize("name", ["shift", "crop"])
def test_what_is_in_one_tile_stays_in_it(name):
    """Each of the four tiles holds other values; none turns up in another tile."""
    given = np.zeros((40, 3, 28, 28), np.float32)
    for number, (rows, columns) in enumerate(QUARTERS):
        given[:, :, rows, columns] = 1000 * number + arrays(MAP, 40, number, (14, 14))
    (after,) = changed(name, [given], [TILES])
    assert not np.array_equal(after, given)
    for number, (rows, columns) in enumerate(QUARTERS):
        assert (np.floor(after[:, :, rows, columns] / 1000 + 0.4) == number).all()


def test_tiles_are_shifted_alike():
    quarter = arrays(MAP, 20, size=(14, 14))
    (after,) = changed("shift", [np.tile(quarter, (1, 1, 2, 2))], [TILES])
    (alone,) = changed("shift", [quarter], [MAP])
    np.testing.assert_array_equal(after, np.tile(alone, (1, 1, 2, 2)))


@pytest.mark.parametrize("name", ["rotate", "turn"])
def test_tiles_are_not_turned(name):
    with pytest.raises(OptionError, match="tiles"):
        changed(name, [arrays(STRAIN)], [replace(STRAIN, tiles=2)])


@pytest.mark.parametrize("name", ["shift", "crop"])
def test_tiles_that_cannot_be_cut_apart_are_refused(name):
    with pytest.raises(OptionError, match="sides of 27 and 28; use multiples of 2"):
        changed(name, [arrays(MAP, size=(27, 28))], [TILES])


@pytest.mark.parametrize("which", KINDS)
def test_mirrored_twice_is_as_before(which):
    given, kind = arrays(KINDS[which]), KINDS[which]
    (once,) = changed("mirror", [given], [kind])
    (twice,) = changed("mirror", [once], [kind])
    np.testing.assert_allclose(twice, given, atol=1e-4)
    touched = [not np.array_equal(a, b) for a, b in zip(once, given, strict=True)]
    assert 0 < sum(touched) < len(touched)


def test_mirroring_turns_u_about_its_rest_and_leaves_v_and_strain():
    given = arrays(MAP, 16)
    (after,) = changed("mirror", [given], [MAP])
    touched = [not np.array_equal(a, b) for a, b in zip(after, given, strict=True)]
    np.testing.assert_array_equal(after[touched, 0], 255 - given[touched, 0, :, ::-1])
    np.testing.assert_array_equal(after[touched, 1:], given[touched, 1:, :, ::-1])


@pytest.mark.parametrize(("kind", "mirrored"), [(MAP, 255 - 200), (PIXELS, -200)], ids=["map", "pixels"])
def test_about_half_the_samples_are_mirrored_and_their_arrows_with_them(kind, mirrored):
    flow = np.zeros((64, 3, 4, 4), np.float32)
    flow[:, 0] = 200
    flow[:, 2, :, 0] = 1  # strain at the left edge shows which samples were mirrored
    (after,) = changed("mirror", [flow], [kind])
    touched = after[:, 2, 0, 3] == 1
    assert 16 < touched.sum() < 48
    assert (after[touched, 0] == mirrored).all()
    assert (after[~touched, 0] == 200).all()


@pytest.mark.parametrize("name", ["rotate", "turn"])
def test_arrows_turn_by_the_angle_of_the_picture(name):
    """Each picture says where its pixels came from, and so by how much it was turned."""
    right = np.zeros((200, 2, 31, 31), np.float32)
    right[:, 0] = 1
    came, arrows = changed(name, [places((31, 31)), right], [ArrayKind(("picture",) * 2), FLOW])
    back = np.stack([came[:, :, 15, 16] - came[:, :, 15, 15], came[:, :, 16, 15] - came[:, :, 15, 15]], 2)
    unturned = np.einsum("nij,nj->ni", back, arrows[:, :, 15, 15])
    np.testing.assert_allclose(unturned, np.broadcast_to([1, 0], (200, 2)), atol=1e-3)
    assert np.ptp(arrows[:, 1, 15, 15]) > 0.3, "they were turned"


@pytest.mark.parametrize("name", ["rotate", "turn"])
def test_a_whirl_turned_about_its_middle_is_the_same_whirl(name):
    rows, columns = np.mgrid[0:41, 0:41] - 20.0
    whirl = np.stack([-rows, columns]).astype(np.float32)
    (turned,) = changed(name, [np.repeat(whirl[None], 12, axis=0)], [FLOW])
    inside = rows**2 + columns**2 < 18**2
    for sample in turned:
        np.testing.assert_allclose(sample[:, inside], whirl[:, inside], atol=1e-3)


@pytest.mark.parametrize(("name", "degrees"), [("turn", set(STEPS)), ("rotate", None)])
def test_turns_by_the_degrees_it_names(name, degrees):
    """Seen in an arrow to the right everywhere, which no other part of turning changes."""
    right = np.zeros((200, 2, 3, 3), np.float32)
    right[:, 0] = 1
    (turned,) = changed(name, [right], [FLOW])
    found = np.degrees(np.arctan2(-turned[:, 1], turned[:, 0]))[:, 1, 1]
    if degrees:
        assert {round(float(angle), 3) + 0.0 for angle in found} == degrees
    else:
        assert 0.9 * DEGREES < found.max() <= DEGREES
        assert -0.9 * DEGREES > found.min() >= -DEGREES
        assert len(set(found)) > 150


@pytest.mark.parametrize("name", ["rotate", "turn", "shift", "crop"])
def test_what_comes_in_at_the_edge_repeats_it(name):
    """A picture without a difference stays without: no black corners."""
    flat = np.full((16, 3, 28, 20), 90, np.float32)
    (after,) = changed(name, [flat], [PICTURE])
    np.testing.assert_allclose(after, 90, atol=1e-3)


def places(size, count=200):
    """Pictures whose first channel is x and whose second is y: they say where each pixel came from."""
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    return np.broadcast_to([columns, rows], (count, 2, *size))


@pytest.mark.parametrize("axis", [2, 1], ids=["across", "down"])
def test_a_crop_is_a_window_of_at_least_seven_eighths(axis):
    """Its steps are those of the zoom up to the edge: the window lies inside the picture."""
    (after,) = changed("crop", [places((40, 64))], [ArrayKind(("picture",) * 2)])
    seen = after[:, 2 - axis]
    steps = np.diff(seen, axis=axis)
    zoom = steps.mean(axis=(1, 2))
    assert SMALLEST - 0.01 <= zoom.min() < SMALLEST + 0.01
    assert 0.98 < zoom.max() <= 1 + 1e-4
    inner = steps.take(range(1, steps.shape[axis] - 1), axis=axis)
    np.testing.assert_allclose(inner, np.broadcast_to(inner[:, :1, :1], inner.shape), atol=1e-3)
    assert len(set(seen[:, 10, 10].tolist())) > 150, "windows lie in many places"


@pytest.mark.parametrize("name", ["rotate", "turn"])
def test_turns_about_the_middle(name):
    (after,) = changed(name, [places((31, 45))], [ArrayKind(("picture",) * 2)])
    np.testing.assert_allclose(after[:, :, 15, 22], np.broadcast_to([22, 15], (200, 2)), atol=1e-3)


def test_only_arrows_in_pixels_grow_with_a_crop():
    one = np.ones((30, 3, 16, 16), np.float32)
    for kind, grows in ((PIXELS, True), (MAP, False)):
        (after,) = changed("crop", [one], [kind])
        assert (after[:, :2].max() > 1.05) == grows
        np.testing.assert_allclose(after[:, 2], 1, atol=1e-5)


def test_light_changes_a_difference_as_it_would_have_been_made_in_that_light():
    pair, kinds = arrays(ArrayKind(("onset", "apex"))), [ArrayKind(("picture",) * 2), ArrayKind(("change",))]
    pair[:, :, :5] = 60  # where nothing changed
    pictures, difference = changed("brightness-contrast", [pair, pair[:, 1:] - pair[:, :1]], kinds)
    np.testing.assert_allclose(difference, pictures[:, 1:] - pictures[:, :1], atol=1e-3)
    assert (difference[:, :, :5] == 0).all()


def test_contrast_and_brightness_stay_within_a_fifth():
    given = arrays(PICTURE, 400)
    (after,) = changed("brightness-contrast", [given], [PICTURE])
    brightness = after.mean(axis=(1, 2, 3)) / given.mean(axis=(1, 2, 3))
    contrast = after.std(axis=(1, 2, 3)) / given.std(axis=(1, 2, 3)) / brightness
    for found in (brightness, contrast):
        assert 0.8 - 1e-4 <= found.min() < 0.82
        assert 1.18 < found.max() <= 1.2 + 1e-4


@pytest.mark.parametrize("kind", [GRAY, PICTURE, SEQUENCE], ids=["gray", "colour", "sequence"])
@pytest.mark.parametrize("unit", [1, 255])
def test_equalised_brightness_is_spread_evenly(kind, unit):
    given = (arrays(kind, 20) / 255) ** 2 * unit  # mostly dark
    (after,) = changed("equalise", [given], [kind])
    touched = np.array([not np.array_equal(a, b) for a, b in zip(after, given, strict=True)])
    assert 4 <= touched.sum() <= 16
    for before, spread in zip(given[touched], after[touched], strict=True):
        assert spread.min() == pytest.approx(before.min(), abs=1e-6 * unit)
        assert spread.max() == pytest.approx(before.max(), rel=1e-6)
        order = np.argsort(before, axis=None)
        assert (np.diff(spread.ravel()[order]) >= 0).all(), "brighter stays brighter, in every channel"
        even = np.linspace(before.min(), before.max(), 5)
        np.testing.assert_allclose(np.quantile(spread, np.linspace(0, 1, 5)), even, atol=0.06 * unit)


def test_the_names_that_recipes_use_are_there():
    named = {"brightness-contrast", "crop", "equalise", "mirror", "noise", "rotate", "shift", "turn"}
    assert named <= set(augmentations)
