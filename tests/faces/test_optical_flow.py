"""Optical flow against fields that are known exactly, and what is derived from it."""

import cv2
import matplotlib.cbook
import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

from fleeting.errors import OptionError, UnknownNameError
from fleeting.faces import landmarks
from fleeting.faces.alignment import crop_matrix, crop_size
from fleeting.faces.optical_flow import (
    FLOWS,
    flow,
    motion_map,
    optical_strain,
    rigid_fit,
    shrink,
    stable_region,
    without_rigid,
)
from fleeting.faces.tracking import find_face
from fleeting.faces.warping import similarity
from fleeting.video.pictures import read_picture

WIDTH, HEIGHT = crop_size()
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
X, Y = COLUMNS - WIDTH / 2, ROWS - HEIGHT / 2
STILL = np.zeros((HEIGHT, WIDTH), np.float32)
INSIDE = np.s_[8:-8, 8:-8]


@pytest.fixture(scope="module", params=["astronaut", "hopper"])
def photograph(request):
    """A photograph and the matrix from it to its crop."""
    if request.param == "astronaut":
        image = skimage.data.astronaut()
    else:
        image = read_picture(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    return image, crop_matrix(find_face(image).mesh)


def drawn(photograph, x, y, noise=1.0):
    """The crop in gray, looked at from places x, y of it."""
    image, matrix = photograph
    inverse = cv2.invertAffineTransform(matrix)
    where = [(row[0] * x + row[1] * y + row[2]).astype(np.float32) for row in inverse]
    soft = cv2.GaussianBlur(image, (0, 0), max(0.01, 0.5 * np.hypot(*inverse[:, 0]))).astype(np.float32)
    seen = cv2.remap(soft, *where, cv2.INTER_CUBIC) + np.random.default_rng(0).normal(0, noise, (*x.shape, 3))
    return cv2.cvtColor(np.clip(np.rint(seen), 0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)


def pair(photograph, u, v):
    """The crop before and after the movement u, v."""
    x, y = COLUMNS, ROWS
    for _ in range(20):  # x + u(x) is the pixel
        right, down = (cv2.remap(d, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for d in (u, v))
        x, y = COLUMNS - right, ROWS - down
    return drawn(photograph, COLUMNS, ROWS), drawn(photograph, x, y)


def bump(at, right, down, radius=0.2):
    away = np.hypot(COLUMNS - at[0] * WIDTH, ROWS - at[1] * HEIGHT) / (radius * WIDTH)
    height = 0.5 + 0.5 * np.cos(np.pi * np.minimum(away, 1))
    return right * height, down * height


def smile(most):
    left = bump(landmarks.RIGHT_MOUTH_AT, -0.7 * most, -0.7 * most)
    right = bump(landmarks.LEFT_MOUTH_AT, 0.7 * most, -0.7 * most)
    return left[0] + right[0], left[1] + right[1]


def head(shift=(0.9, -0.6), turn=0.01, grow=0.004):
    return shift[0] + grow * X - turn * Y, shift[1] + turn * X + grow * Y


FIELDS = {
    "shift": lambda most: (STILL + 0.8 * most, STILL - 0.6 * most),
    "turn": lambda most: (-Y * most / 85, X * most / 85),
    "stretch": lambda most: (X * most / 70, STILL),
    "smile": smile,
}


@pytest.mark.parametrize("kind", FIELDS)
@pytest.mark.parametrize(
    ("backend", "most", "bound"),
    [("dis", 0.3, 0.08), ("dis", 2.0, 0.12), ("farneback", 0.3, 0.08), ("farneback", 2.0, 0.25)],
)
def test_flow_finds_small_movements_to_a_tenth_of_a_pixel(photograph, kind, backend, most, bound):
    u, v = FIELDS[kind](most)
    found_u, found_v = flow(*pair(photograph, u, v), backend)
    assert found_u.shape == found_v.shape == u.shape
    assert np.hypot(found_u - u, found_v - v)[INSIDE].mean() < bound


@pytest.mark.parametrize("kind", ["shift", "smile"])
def test_tvl1_finds_small_movements_to_a_tenth_of_a_pixel(photograph, kind):
    u, v = FIELDS[kind](1.0)
    found_u, found_v = flow(*pair(photograph, u, v), "tvl1")
    assert np.hypot(found_u - u, found_v - v)[INSIDE].mean() < 0.1


@pytest.mark.parametrize("backend", FLOWS)
def test_flow_is_the_same_again_and_for_any_number_of_threads(photograph, backend):
    before, after = (picture[40:100, 30:110] for picture in pair(photograph, *smile(1.0)))
    threads = cv2.getNumThreads()
    try:
        found = []
        for number in (1, 3, 1):
            cv2.setNumThreads(number)
            found.append(np.stack(flow(before, after, backend)))
    finally:
        cv2.setNumThreads(threads)
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()


@pytest.mark.parametrize("backend", FLOWS)
def test_a_still_picture_does_not_flow(photograph, backend):
    picture = drawn(photograph, COLUMNS, ROWS)[40:100, 30:110]
    assert np.abs(flow(picture, picture, backend)).max() < (0.1 if backend == "farneback" else 1e-3)


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(["dis", "farneback"]),
    st.tuples(st.integers(16, 70), st.integers(16, 70)),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0, 1, 255]),
)
def test_flow_is_finite_between_any_two_pictures(backend, shape, seed, top):
    before, after = np.random.default_rng(seed).integers(0, top, (2, *shape), np.uint8, endpoint=True)
    assert np.isfinite(flow(before, after, backend)).all()


def test_flow_refuses_what_it_cannot_compare():
    gray = np.zeros((40, 30), np.uint8)
    with pytest.raises(UnknownNameError, match="did you mean 'dis'"):
        flow(gray, gray, "diss")
    for other in (gray[:-1], gray.astype(np.float32), np.zeros((40, 30, 3), np.uint8)):
        with pytest.raises(OptionError, match=r"uint8 \(40, 30\) and .*expected two gray uint8"):
            flow(gray, other)
    with pytest.raises(OptionError, match="at least 16x16"):
        flow(gray[:15], gray[:15])


def test_strain_of_a_moving_head_is_zero():
    shift = optical_strain(STILL + 1.7, STILL - 0.4)
    turn = optical_strain(*head(grow=0))
    assert shift.max() == 0
    assert turn.max() < 1e-6  # rounding


def test_strain_is_how_far_the_skin_stretches():
    assert optical_strain(0.02 * X, STILL) == pytest.approx(0.02, rel=1e-3)
    assert optical_strain(0.03 * X, 0.04 * Y) == pytest.approx(0.05, rel=1e-3)
    assert optical_strain(0.02 * Y, STILL) == pytest.approx(0.02 / np.sqrt(2), rel=1e-3)  # shear


def test_the_printed_strain_has_no_root_and_takes_turning_for_strain():
    assert optical_strain(0.03 * X, 0.04 * Y, "printed") == pytest.approx(0.0025, rel=1e-3)
    assert optical_strain(-0.01 * Y, 0.01 * X, "printed") == pytest.approx(0.0001, rel=1e-3)
    with pytest.raises(UnknownNameError, match="printed, usual"):
        optical_strain(STILL, STILL, "other")


@pytest.mark.parametrize("backend", ["dis", "farneback"])
def test_strain_of_measured_flow_is_small_on_a_moving_head_and_right_on_stretched_skin(photograph, backend):
    for kind in ("shift", "turn"):
        assert np.median(optical_strain(*flow(*pair(photograph, *FIELDS[kind](1.0)), backend))[INSIDE]) < 0.02
    strain = optical_strain(*flow(*pair(photograph, 0.04 * X, STILL), backend))
    assert np.median(strain[INSIDE]) == pytest.approx(0.04, abs=0.01)


@settings(deadline=None)
@given(
    st.floats(-np.pi, np.pi),
    st.floats(0.1, 10),
    st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)),
    st.integers(0, 2**32 - 1),
)
def test_similarity_is_found_among_points_that_go_elsewhere(angle, scale, shift, seed):
    rng = np.random.default_rng(seed)
    start = rng.normal(0, 50, (40, 2))
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    true = np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]])
    end = start @ true[:, :2].T + true[:, 2]
    end[:8] += rng.normal(0, 20 * scale, (8, 2))
    assert similarity(start, end) == pytest.approx(true, rel=1e-3, abs=0.05 * scale)


def test_similarity_uses_weighted_points_alone():
    start = np.array([[0, 0], [10, 0], [0, 10], [5, 5.0]])
    end = np.array([[1, 2], [11, 2], [90, 90], [-90, 7.0]])
    assert similarity(start, end, [1, 1, 0, 0]) == pytest.approx(np.array([[1, 0, 1], [0, 1, 2]]))
    for weights in ([1, 0, 0, 0], [0, 0, 0, 0]):
        with pytest.raises(OptionError, match="expected two that differ"):
            similarity(start, end, weights)
    with pytest.raises(OptionError, match="expected two that differ"):
        similarity(start[[0, 0, 0]], end[[0, 0, 0]])


def test_the_head_is_taken_out_and_the_smile_stays():
    u, v = (a + b for a, b in zip(head(), smile(1.5), strict=True))
    left_u, left_v = without_rigid(u, v, stable_region(u.shape))
    smile_u, smile_v = smile(1.5)
    assert np.hypot(left_u - smile_u, left_v - smile_v).max() < 0.02
    assert rigid_fit(*head(), stable_region(u.shape))[:, :2] == pytest.approx(
        np.array([[1.004, -0.01], [0.01, 1.004]]), abs=1e-4
    )


def test_the_head_is_taken_out_of_measured_flow(photograph):
    u, v = (a + b for a, b in zip(head(), smile(1.0), strict=True))
    left_u, left_v = without_rigid(*flow(*pair(photograph, u, v)), stable_region(u.shape))
    smile_u, smile_v = smile(1.0)
    assert np.hypot(left_u - smile_u, left_v - smile_v)[INSIDE].mean() < 0.1
    corner = round(landmarks.RIGHT_MOUTH_AT[1] * HEIGHT), round(landmarks.RIGHT_MOUTH_AT[0] * WIDTH)
    assert left_u[corner] == pytest.approx(-0.7, abs=0.2)
    assert left_v[corner] == pytest.approx(-0.7, abs=0.2)


def test_the_stable_region_is_the_nose_and_not_eyes_brows_or_mouth(photograph):
    image, matrix = photograph
    mesh = find_face(image).mesh
    in_crop = np.rint(mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2]).astype(int)
    in_picture = np.rint(mesh[:, :2]).astype(int)
    for region, points in (
        (stable_region((HEIGHT, WIDTH)), in_crop),
        (stable_region(image.shape[:2], mesh), in_picture),
    ):
        assert region.min() == 0
        assert region.max() == 1
        at = {
            name: region[points[list(part), 1], points[list(part), 0].clip(0, region.shape[1] - 1)]
            for name, part in (
                ("nose", landmarks.NOSE_BRIDGE[1:4]),
                ("eyes", landmarks.RIGHT_EYE + landmarks.LEFT_EYE),
                ("brows", landmarks.RIGHT_BROW + landmarks.LEFT_BROW),
                ("mouth", landmarks.MOUTH),
            )
        }
        assert (at["nose"] == 1).all()
        assert not any(at[name].any() for name in ("eyes", "brows", "mouth"))
    assert not stable_region(image.shape[:2], mesh)[: int(mesh[:, 1].min()) - 20].any()  # above the face


def test_a_map_is_scaled_channel_by_channel_and_rests_in_the_middle():
    made = motion_map(*smile(1.0))
    assert made.shape == (3, 28, 28)
    assert made.min(axis=(1, 2)) == pytest.approx([0, 0, 0], abs=1e-3)
    assert made.max(axis=(1, 2)) == pytest.approx([255, 255, 255], abs=1e-3)
    assert motion_map(STILL, STILL).mean(axis=(1, 2)).tolist() == [127.5, 127.5, 0]


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_shrinking_keeps_the_mean(height, width, data):
    size = data.draw(st.tuples(st.integers(1, height), st.integers(1, width)))
    picture = np.random.default_rng(height * width).normal(100, 30, (height, width)).astype(np.float32)
    small = shrink(picture, size)
    assert small.shape == size
    assert small.mean() == pytest.approx(picture.mean(), rel=1e-4)
