"""What the modalities show, checked against exact forms, known movements and counts."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from sklearn.svm import LinearSVC

from fleeting.errors import OptionError, UnknownNameError
from fleeting.faces.four_regions import four_regions
from fleeting.faces.optical_flow import FLOWS, gray, motion_map, optical_strain
from fleeting.modalities import modalities
from fleeting.modalities.rank_pooling import harmonic_ranks, linear_ranks
from fleeting.types import Clip
from tests.fixtures.bumps import HEIGHT, MOUTH_CORNER, RIGHT_BROW, WIDTH, bumped_clip

SIGNED = ("dynamic-image", "mesti")
UNSIGNED = ("active-image", "affective-image")
INTERFACE = (
    *("apex", "onset-apex", "difference", "signed-difference", "flow", "flow-offset", "strain", "flow-map"),
    *("region-map", "dynamic-image", "active-image", "affective-image", "mesti", "sequence"),
)


def clip_of(frames, apex=None):
    """A gray clip of float pictures (time, height, width)."""
    shown = np.clip(np.rint(frames), 0, 255).astype(np.uint8)[..., None]
    last = len(shown) - 1
    return Clip(shown, np.arange(len(shown)) / 100, 0, last if apex is None else apex, last)


def random_walk(seed, frames=10, shape=(8, 12)):
    """Pictures that wander, each pixel by itself."""
    steps = np.random.default_rng(seed).normal(size=(frames, *shape))
    return 128 + 10 * np.cumsum(steps, axis=0)


def ranked(rows, pairs, softness=0.01):
    """The direction of an exact RankSVM: the first of each pair of ``rows`` ranks above the second."""
    differences = np.array([rows[high] - rows[low] for high, low in pairs])
    both = np.concatenate([differences, -differences])
    labels = np.repeat([1, -1], len(pairs))
    machine = LinearSVC(C=softness, fit_intercept=False, loss="hinge", max_iter=100_000, random_state=0)
    return machine.fit(both, labels).coef_[0]


def alike(one, other):
    return np.corrcoef(np.ravel(one), np.ravel(other))[0, 1]


def rising(first, last):
    return [(late, early) for early, late in combinations(range(first, last), 2)]


def test_every_promised_name_exists():
    assert set(INTERFACE) <= set(modalities)


@pytest.mark.parametrize(
    ("name", "options", "apex", "weights"),
    [
        ("dynamic-image", {}, 3, [-3, -1, 1, 3]),
        ("dynamic-image", {"weights": "harmonic"}, 2, [-4 / 3, 2 / 3, 2 / 3]),
        ("mesti", {}, 2, [-2, 0, 2, 1, -1]),
        ("mesti", {}, 1, [-1, 1, 2, 0, -2]),
        ("mesti", {}, 0, [0, 1, -1]),
        ("mesti", {"pairs": "all"}, 2, [-1, 3, 6, 3, -1, -4, -6]),
        ("mesti", {"pairs": "all"}, 0, [2, 0, -2]),
    ],
)
def test_frames_weigh_what_was_counted_by_hand(name, options, apex, weights):
    frames = 200 * np.eye(len(weights))[:, None]  # in each frame another pixel is lit
    shown = modalities[name](clip_of(frames, apex), **options)[0, 0]
    lowest, highest = min(weights), max(weights)
    np.testing.assert_allclose(shown, 255 * (np.array(weights) - lowest) / (highest - lowest), atol=1e-3)


def test_mesti_is_close_to_ranking_frames_up_to_the_apex_and_down_again():
    found = []
    for seed in range(10):
        frames = random_walk(seed)
        clip = clip_of(frames, apex=int(np.random.default_rng(seed).integers(2, 8)))
        rows = clip.frames.reshape(10, -1) / clip.frames.std()
        falling = [(early, late) for late, early in rising(clip.apex + 1, 10)]
        found.append(alike(ranked(rows, rising(0, clip.apex + 1) + falling), modalities["mesti"](clip)))
    assert np.mean(found) > 0.9
    assert min(found) > 0.8


@pytest.mark.parametrize("weights", ["linear", "harmonic"])
def test_dynamic_image_is_close_to_ranking_all_frames(weights):
    found = []
    for seed in range(10):
        clip = clip_of(random_walk(seed))
        rows = clip.frames.reshape(10, -1) / clip.frames.std()
        if weights == "harmonic":
            rows = np.cumsum(rows, axis=0) / np.arange(1, 11)[:, None]
        found.append(alike(ranked(rows, rising(0, 10)), modalities["dynamic-image"](clip, weights=weights)))
    assert np.mean(found) > 0.9


@pytest.mark.parametrize("length", [2, 5, 12])
def test_mesti_with_the_apex_at_the_end_is_the_dynamic_image(length):
    clip = clip_of(random_walk(0, length))
    np.testing.assert_array_equal(modalities["mesti"](clip), modalities["dynamic-image"](clip))


@given(st.integers(0, 200))
def test_ranks_sum_to_zero(count):
    assert linear_ranks(count).sum() == 0
    assert abs(harmonic_ranks(count).sum()) < 1e-6


def test_harmonic_ranks_are_linear_ranks_of_running_means():
    frames = random_walk(3, 7).reshape(7, -1)
    means = np.cumsum(frames, axis=0) / np.arange(1, 8)[:, None]
    np.testing.assert_allclose(harmonic_ranks(7) @ frames, linear_ranks(7) @ means)


def test_a_movement_there_and_back_leaves_the_dynamic_image_but_not_mesti():
    there = random_walk(0, 6)
    clip = clip_of(np.concatenate([there, there[::-1]]), apex=5)
    assert modalities["dynamic-image"](clip).std() == 0
    assert modalities["mesti"](clip).std() > 0


def test_unknown_weights_are_refused_with_the_known_ones():
    with pytest.raises(UnknownNameError, match="'harmonic'"):
        modalities["dynamic-image"](clip_of(random_walk(0)), weights="harmonics")


@pytest.mark.parametrize(("name", "flat"), [*((n, 127.5) for n in SIGNED), *((n, 0) for n in UNSIGNED)])
def test_condensed_images_fill_the_range_and_rest_where_they_say(name, flat):
    array = modalities[name](bumped_clip(frames=7, apex=2))
    assert (array.min(), array.max()) == (0, pytest.approx(255))
    still = clip_of(np.full((4, 20, 20), 90), apex=2)
    assert (modalities[name](still) == flat).all()
    assert (modalities[name](replace(still, offset=2, onset=2)) == flat).all()


@pytest.mark.parametrize("name", [*SIGNED, *UNSIGNED])
def test_a_channel_without_change_is_even(name):
    clip = bumped_clip(frames=5, apex=1)
    frames = clip.frames.copy()
    frames[..., 1] = 77
    array = modalities[name](replace(clip, frames=frames))
    assert np.ptp(array[1]) == 0
    assert np.ptp(array[0]) > 0


@pytest.mark.parametrize("name", [*SIGNED, *UNSIGNED])
def test_condensed_images_show_the_place_that_moved(name):
    clip = bumped_clip(frames=11, apex=3, pixels=2, noise=0)
    array = modalities[name](clip)[0]
    shown = gaussian_filter(np.abs(array - np.median(array)), 8)
    row, column = np.unravel_index(shown.argmax(), shown.shape)
    assert np.hypot(row / HEIGHT - RIGHT_BROW[1], column / WIDTH - RIGHT_BROW[0]) < 0.15


def test_affective_image_counts_what_flickers():
    frames = np.full((9, 4, 4), 100.0)
    frames[1:, 0, 0] = 140  # moves once and stays
    frames[1::2, 3, 3] = 140  # comes and goes
    affective = modalities["affective-image"](clip_of(frames))[0]
    assert (affective[0, 0], affective[3, 3]) == (pytest.approx(255 / 8), 255)


@pytest.mark.parametrize("length", [1, 2, 3, 8])
def test_active_image_is_the_sum_of_all_differences_but_those_of_neighbours(length):
    frames = clip_of(random_walk(1, length)).frames.astype(float)
    total = np.zeros(frames.shape[1:])
    for j in range(length):
        for k in range(j - 1):
            total += frames[j] - frames[k]
    total = np.maximum(total, 0).transpose(2, 0, 1)
    expected = total * 255 / total.max() if total.any() else total
    assert expected.min() == 0
    np.testing.assert_allclose(
        modalities["active-image"](clip_of(random_walk(1, length))), expected, atol=1e-3
    )


def test_active_image_shows_what_became_brighter_and_not_what_became_darker():
    frames = np.full((6, 4, 4), 100.0)
    frames[3:, 0, 0], frames[3:, 3, 3] = 140, 60
    active = modalities["active-image"](clip_of(frames))[0]
    assert (active[0, 0], active[3, 3], active[1, 1]) == (255, 0, 0)


@pytest.mark.parametrize("apex", [0, 2, 7, 9])
def test_mesti_of_all_pairs_is_the_first_step_of_ranking_frames_by_nearness_to_the_apex(apex):
    """From nought, a step of RankSVM adds up the differences of all pairs."""
    clip = clip_of(random_walk(apex), apex)
    frames, away = clip.frames.astype(float), np.abs(np.arange(10) - apex)
    step = sum(frames[i] - frames[j] for i in range(10) for j in range(10) if away[i] < away[j])
    expected = 255 * (step - step.min()) / np.ptp(step)
    np.testing.assert_allclose(modalities["mesti"](clip, pairs="all"), expected.transpose(2, 0, 1), atol=1e-3)


def test_unknown_pairs_of_mesti_are_refused():
    with pytest.raises(UnknownNameError, match="'all'"):
        modalities["mesti"](clip_of(random_walk(0)), pairs="al")


def test_flow_is_the_movement_in_pixels():
    clip = bumped_clip(frames=9, apex=3, pixels=0, drift=1.6)
    there, on = (modalities[name](clip) for name in ("flow", "flow-offset"))
    assert there.shape == (2, HEIGHT, WIDTH)
    np.testing.assert_allclose(np.median(there, axis=(1, 2)), (0.6, 0), atol=0.1)
    np.testing.assert_allclose(np.median(on, axis=(1, 2)), (1.0, 0), atol=0.1)


@pytest.mark.slow
def test_flow_offset_takes_back_what_flow_shows():
    clip = bumped_clip(frames=9, apex=4, at=MOUTH_CORNER)
    row, column = round(MOUTH_CORNER[1] * HEIGHT), round(MOUTH_CORNER[0] * WIDTH)
    around = np.s_[:, row - 4 : row + 5, column - 4 : column + 5]
    there, back = (modalities[name](clip)[around].mean(axis=(1, 2)) for name in ("flow", "flow-offset"))
    assert (there < -0.1).all(), "left and up"
    np.testing.assert_allclose(back, -there, atol=0.1)


def test_flow_takes_its_backend_and_refuses_others():
    clip = bumped_clip(frames=3, apex=1)
    assert not np.array_equal(modalities["flow"](clip, backend="dis"), modalities["flow"](clip))
    with pytest.raises(UnknownNameError, match="'tvl1'"):
        modalities["flow"](clip, backend="tv-l1")


@pytest.mark.parametrize("form", ["usual", "printed"])
def test_strain_is_that_of_the_flow(form):
    clip = bumped_clip(frames=3, apex=1)
    u, v = modalities["flow"](clip, backend="dis")
    strain = modalities["strain"](clip, backend="dis", form=form)
    np.testing.assert_array_equal(strain, optical_strain(u, v, form)[None])


@pytest.mark.slow
@pytest.mark.parametrize(("height", "flown_at"), [(141, 141), (170, 170), (171, 141), (340, 141)])
def test_flow_map_leaves_the_crops_of_the_published_maps_as_they_are(monkeypatch, height, flown_at):
    sizes, real = [], FLOWS["tvl1"]

    def watched(before, after):
        sizes.append(before.shape)
        return real(before, after)

    monkeypatch.setitem(FLOWS, "tvl1", watched)
    frames = np.random.default_rng(0).integers(0, 256, size=(2, height, 100, 1), dtype=np.uint8)
    clip = Clip(frames, np.arange(2.0), 0, 1, 1)
    assert modalities["flow-map"](clip).shape == (3, 28, 28)
    modalities["flow"](clip)[:] = 0  # the flow of one clip is computed once, and nobody's to change
    assert np.any(modalities["flow"](clip))
    assert sizes == [(flown_at, round(100 * flown_at / height))]


@pytest.mark.slow
def test_flow_map_is_the_flow_shrunk_and_stretched():
    clip = bumped_clip(frames=3, apex=1)
    np.testing.assert_array_equal(modalities["flow-map"](clip), motion_map(*modalities["flow"](clip)))
    assert modalities["flow-map"](clip, side=56).shape == (3, 56, 56)


@pytest.mark.slow
@pytest.mark.parametrize("side", [28, 56])
def test_region_map_is_the_flow_map_cut_into_four(side):
    clip = bumped_clip(frames=3, apex=1)
    whole = modalities["flow-map"](clip, side=side)
    np.testing.assert_array_equal(modalities["region-map"](clip, side=side), four_regions(whole))


def test_a_map_has_a_side():
    with pytest.raises(OptionError, match="side of a map is 0"):
        modalities["flow-map"](bumped_clip(frames=3, apex=1), side=0)


def test_gray_weighs_the_colours_as_the_eye_does():
    picture = 255 * np.eye(3, dtype=np.uint8)[None]
    assert gray(picture).tolist() == [[76, 150, 29]]
    np.testing.assert_array_equal(gray(picture[..., :1]), picture[..., 0])


def test_sequence_of_as_many_frames_is_the_clip():
    clip = bumped_clip(frames=6, apex=2)
    shown = modalities["sequence"](clip, frames=6)
    np.testing.assert_allclose(shown, clip.frames.transpose(0, 3, 1, 2).reshape(18, HEIGHT, WIDTH), atol=1e-3)


def test_sequence_mixes_neighbours_by_time():
    frames = np.stack([np.full((3, 3), value) for value in (0.0, 100.0, 200.0)])
    clip = replace(clip_of(frames), times=np.array([0.0, 0.1, 0.4]))
    shown = modalities["sequence"](clip, frames=5)[:, 0, 0]
    np.testing.assert_allclose(shown, [0, 100, 400 / 3, 500 / 3, 200], rtol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 16, 40])
def test_sequence_has_the_length_asked_for(frames):
    assert len(modalities["sequence"](bumped_clip(frames=5, apex=2), frames=frames)) == 3 * frames


def test_sequence_ends_where_it_is_told_to():
    clip = bumped_clip(frames=6, apex=2, margin=1)
    early = replace(clip, offset=clip.onset + 3)
    expected = modalities["sequence"](early, frames=4)
    np.testing.assert_array_equal(modalities["sequence"](clip, frames=4, within=3), expected)
    np.testing.assert_array_equal(modalities["sequence"](early, frames=4, within=50), expected)
    assert not np.array_equal(modalities["sequence"](clip, frames=4), expected)


def test_sequence_of_no_frames_is_refused():
    with pytest.raises(OptionError, match="frames is 0"):
        modalities["sequence"](bumped_clip(frames=3, apex=1), frames=0)


@pytest.mark.parametrize(("name", "rest"), [("active-image", 0), ("dynamic-image", 127.5), ("mesti", 127.5)])
def test_what_has_no_contrast_is_at_rest_throughout(name, rest):
    clip = Clip(np.full((6, 40, 32, 1), 37, np.uint8), np.arange(6) / 100, 0, 2, 5)
    assert (modalities[name](clip) == rest).all()
