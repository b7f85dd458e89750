"""The shipped face networks find a face and its mesh, and a damaged model file is refused."""

import importlib.util
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fleeting.errors import PluginError
from fleeting.faces.landmarks import LEFT_EYE_CORNERS, MOUTH_CORNERS, RIGHT_EYE_CORNERS, inner, outer_distance
from fleeting.faces.networks import Square, detect, mesh, square_of_detection, square_of_mesh
from tests.fixtures.portraits import NAMES, photograph, placed

# by hand: outer and inner corner of the person's right eye and of the left one, corners of the mouth
MEASURED = {
    "hopper": [(205.5, 193.5), (241.5, 194), (326.5, 193.6), (286.5, 192.7), (222.5, 280.3), (307.5, 278.5)],
    "astronaut": [(192.5, 101.5), (213, 103.7), (258, 105.5), (236, 105.3), (202.5, 139.5), (245.5, 140)],
}


def mesh_of(image):
    points, _ = mesh(image, square_of_detection(detect(image)[0]))
    return mesh(image, square_of_mesh(points))


@pytest.mark.parametrize("name", NAMES)
def test_one_face_is_found_where_a_person_sees_it(name):
    image = photograph(name)
    (detection,) = detect(image)
    points, score = mesh_of(image)
    assert score > 0.99
    corners = points[[*RIGHT_EYE_CORNERS, *LEFT_EYE_CORNERS, *MOUTH_CORNERS], :2]
    errors = np.linalg.norm(corners - MEASURED[name], axis=1) / outer_distance(points)
    assert errors.max() < 0.1
    assert np.median(errors) < 0.05
    x, y, width, height = detection.box
    inside = (inner(points) > (x, y)) & (inner(points) < (x + width, y + height))
    assert inside.all(axis=1).mean() > 0.95


@pytest.mark.parametrize(("scale", "turn"), [(0.7, 0), (1, 25), (1, -25), (0.8, 15)])
@pytest.mark.parametrize("name", NAMES)
def test_the_mesh_moves_with_the_face(name, scale, turn):
    image = photograph(name)
    before, _ = mesh_of(image)
    after, _ = mesh_of(placed(image, scale=scale, turn=turn))
    middle = np.array(image.shape[1::-1]) / 2
    cos, sin = scale * np.cos(np.radians(turn)), scale * np.sin(np.radians(turn))
    expected = (inner(before) - middle) @ np.array([[cos, sin], [-sin, cos]]) + middle
    errors = np.linalg.norm(inner(after) - expected, axis=1) / outer_distance(after)
    assert errors.mean() < 0.03


def test_a_face_that_is_cut_by_the_edge_keeps_its_shape():
    """The picture's last pixels are drawn on: a black border would pull the mesh into the picture."""
    image = photograph("hopper")
    whole, _ = mesh_of(image)
    crop, errors = square_of_mesh(whole), []
    for shift in range(0, 241, 10):
        points, _ = mesh(image[:, shift:], crop)
        crop = square_of_mesh(points)
        crop = Square(crop.x - 10, crop.y, crop.side, crop.angle)
        gaps = inner(points) - inner(whole) + np.array([shift, 0])
        errors.append(np.linalg.norm(gaps, axis=1).mean() / outer_distance(whole))
    assert max(errors) < 0.06


def test_depth_grows_away_from_the_camera():
    points, _ = mesh_of(photograph("hopper"))
    nose, cheekbones = points[4, 2], points[[127, 356], 2]
    assert nose < cheekbones.min() - 0.3 * outer_distance(points)


def test_a_margin_shifts_nothing():
    image = photograph("hopper")
    plain, wide = detect(image)[0], detect(image, margin=0.3)[0]
    assert np.abs(plain.points - wide.points).max() < 0.1 * plain.box[2]


def test_a_damaged_network_is_refused(tmp_path):
    """By a second copy of the module, because the first may have read its networks already."""
    found = importlib.util.find_spec("fleeting.faces.networks")
    again = importlib.util.module_from_spec(found)
    found.loader.exec_module(again)
    damaged = tmp_path / "assets" / "faces" / "face_landmark.tflite"
    damaged.parent.mkdir(parents=True)
    whole = files("fleeting").joinpath("assets", "faces", damaged.name).read_bytes()
    damaged.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    again.files = lambda _: tmp_path
    with pytest.raises(PluginError, match="install fleeting again"):
        again.mesh(photograph("hopper"), again.Square(100, 100, 100, 0))


@settings(max_examples=25, deadline=None)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 90), st.integers(1, 90), st.just(3))))
def test_any_picture_is_taken(image):
    for detection in detect(image, least=0.1):
        points, score = mesh(image, square_of_detection(detection))
        assert np.isfinite(points).all()
        assert 0 <= score <= 1


@given(
    st.floats(-500, 500),
    st.floats(-500, 500),
    st.floats(2, 900),
    st.floats(-3, 3),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_square_lies_where_it_says(x, y, side, angle, right, down):
    matrix = Square(x, y, side, angle).to_picture(100)
    middle = matrix @ (50, 50, 1)
    np.testing.assert_allclose(middle, (x, y), atol=0.01)
    at = matrix @ (100 * right, 100 * down, 1)
    distance = np.hypot(right - 0.5, down - 0.5) * side
    np.testing.assert_allclose(np.hypot(*(at - middle)), distance, atol=0.01)
