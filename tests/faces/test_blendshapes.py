"""Blendshapes and action units of photographed faces, of real smiles and blinks, and over noise."""

import numpy as np
import pytest

from fleeting.faces.action_units import BEFORE, STANDS_OUT, ActionUnits, changes, told
from fleeting.faces.blendshapes import NAMES, UNITS, USED, blendshapes, unit_values
from fleeting.faces.landmarks import LEFT_BROW, RIGHT_BROW, outer_distance
from fleeting.faces.networks import expression, level_face, mesh_with_irises
from fleeting.faces.tracking import FaceTracker, find_face
from fleeting.types import Frame
from fleeting.video.reader import open_video
from tests.fixtures.portraits import NAMES as PEOPLE
from tests.fixtures.portraits import photograph, placed

CODES = [unit.code for unit in UNITS]


def shapes_of(image):
    values = blendshapes(level_face(image, find_face(image).mesh))
    return dict(zip(NAMES, values.tolist(), strict=True))


def test_names_points_and_units_fit_the_network():
    assert len(NAMES) == len(set(NAMES)) == 52
    assert len(USED) == len(set(USED)) == 146
    assert list(USED) == sorted(USED)
    assert USED[-10:] == tuple(range(468, 478))
    assert all(shape in NAMES for unit in UNITS for shape in unit.shapes)
    assert CODES == ["AU1", "AU2", "AU4", "AU7", "AU12", "AU15", "AU17"]


@pytest.mark.slow
def test_a_broad_smile_is_seen_and_a_closed_mouth_is_not_one():
    collins, hopper = (shapes_of(photograph(name)) for name in ("astronaut", "hopper"))
    for side in ("Left", "Right"):
        assert collins[f"mouthSmile{side}"] > 0.8
        assert hopper[f"mouthSmile{side}"] < 0.2
        assert max(collins[f"eyeBlink{side}"], hopper[f"eyeBlink{side}"]) < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("name", PEOPLE)
def test_where_the_face_lies_and_how_it_tilts_changes_little(name):
    image = photograph(name)
    usual = np.array(list(shapes_of(image).values()))
    moved = np.array(list(shapes_of(placed(image, across=20, down=-10, turn=15)).values()))
    assert np.abs(moved - usual).max() < 0.15


UP, LOW = (466, 388, 387, 386, 385, 384, 398), (249, 390, 373, 374, 380, 381, 382)
"""The lids of the left eye, above and below."""


def shut(points, _):
    points[list(UP)] = points[list(LOW)]


def brows_up(points, size):
    points[[*LEFT_BROW, *RIGHT_BROW], 1] -= 0.1 * size


def left_brow_up(points, size):
    points[[*LEFT_BROW], 1] -= 0.1 * size


def look_left(points, size):
    points[468:, 0] += 0.04 * size


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize(
    ("move", "rise", "stay"),
    [
        (shut, ("eyeBlinkLeft",), ("eyeBlinkRight", "browInnerUp", "mouthSmileLeft")),
        (brows_up, ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"), ("jawOpen",)),
        (left_brow_up, ("browOuterUpLeft",), ("browOuterUpRight",)),
        (
            look_left,
            ("eyeLookOutLeft", "eyeLookInRight"),
            ("eyeLookInLeft", "eyeLookOutRight", "eyeBlinkLeft"),
        ),
    ],
)
def test_lids_brows_and_irises_that_move_are_named_and_left_is_the_persons_own(name, move, rise, stay):
    image = photograph(name)
    points = mesh_with_irises(level_face(image, find_face(image).mesh))
    usual = dict(zip(NAMES, expression(points[list(USED)]), strict=True))
    move(points, outer_distance(points))
    now = dict(zip(NAMES, expression(points[list(USED)]), strict=True))
    assert min(now[shape] - usual[shape] for shape in rise) > 0.4
    assert max(now[shape] - usual[shape] for shape in stay) < 0.1


def test_a_unit_is_the_mean_of_its_blendshapes():
    shapes = np.arange(104, dtype=np.float32).reshape(2, 52)
    values = unit_values(shapes)
    assert values.shape == (2, 7)
    left, right = NAMES.index("mouthSmileLeft"), NAMES.index("mouthSmileRight")
    assert values[1, CODES.index("AU12")] == (shapes[1, left] + shapes[1, right]) / 2


def curves(fps=60, seconds=3.0, noise=0.01):
    """Times, and noisy values of the units."""
    times = np.arange(round(seconds * fps)) / fps
    return times, 0.3 + np.random.default_rng(0).normal(0, noise, (len(times), len(UNITS)))


def test_what_changes_from_onset_to_apex_is_named_with_its_direction_the_surest_first():
    times, values = curves(noise=0.06)
    values[times >= 2.2, CODES.index("AU12")] += 0.5
    values[times >= 2.2, CODES.index("AU4")] -= 0.3
    found = told(changes(times, values, 2.1, 2.2))
    assert found == ("AU12+ lip corner puller", "AU4- brow lowerer")
    assert told(changes(times, values, 1.7, 1.8)) == ()


def test_a_change_that_the_curve_makes_anyway_is_not_named():
    times, values = curves()
    values[:, CODES.index("AU1")] += 0.3 * (np.sin(2 * np.pi * 2 * times) > 0)
    values[times >= 2.2, CODES.index("AU1")] += 0.3
    assert told(changes(times, values, 2.1, 2.2)) == ()


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_the_bar_is_a_multiple_of_the_noise(factor):
    times, values = curves()
    one = CODES.index("AU2")
    (usual,) = {changes(times, values, 2.1, 2.2)[one]}
    values[times >= 2.2, one] += 0.2
    over = changes(times, values, 2.1, 2.2)[one]
    noise = 0.2 / (over - usual)
    values[times >= 2.2, one] += factor * STANDS_OUT * noise - 0.2 - usual * noise
    assert bool(told(changes(times, values, 2.1, 2.2))) == (factor > 1)


def test_nothing_is_said_where_too_little_was_seen_before():
    times, values = curves()
    values[times >= 0.3] += 0.5
    assert changes(times, values, 0.2, 0.3) is None
    assert told(None) == ()
    assert changes(times[times < 2.2], values[times < 2.2], 2.1, 2.3) is None
    assert changes(times, values, 0.2 + BEFORE, 0.3 + BEFORE) is not None


def test_a_still_face_has_the_noise_of_a_quiet_one_not_none():
    times, values = curves(noise=0.0)
    values[times >= 2.2] += 0.5 * STANDS_OUT * min(unit.least for unit in UNITS)
    assert told(changes(times, values, 2.1, 2.2)) == ()


@pytest.mark.slow
def test_pictures_are_kept_for_as_long_as_movements_may_ask_for_them():
    image = photograph("hopper")
    face, kept = find_face(image), ActionUnits(0.5)
    for number in range(400):
        kept.add(Frame(number, number / 50, image), face)
    assert kept.changed(7.0, 7.2) == ()  # a still picture
    assert kept.changed(0.5, 0.7) == ()  # long gone


@pytest.mark.slow
def test_the_units_of_a_real_smile(shared):
    """A neutral face that begins to smile."""
    path = shared / "videos" / "pyfeat_single_face.mp4"
    if not path.exists():
        pytest.skip("needs ../shared: videos is not there")
    tracker, smile = FaceTracker(), []
    with open_video(path) as video:
        for frame in video:
            (face, *_) = tracker.push(frame.image, frame.time)
            if frame.number % 6 == 0:
                shapes = blendshapes(level_face(frame.image, face.mesh))
                smile.append(unit_values(shapes)[CODES.index("AU12")])
    assert smile[0] < 0.1
    assert max(smile) > 0.7
