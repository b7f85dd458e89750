"""Skin followed in drawn and photographed faces: how exact, and what it is not misled by."""

from dataclasses import replace

import numpy as np
import pytest

from fleeting.drawing import identity
from fleeting.drawing.rendering import exact_flow, frame
from fleeting.drawing.script import Blink, write_script
from fleeting.faces.disturbances import LIGHT
from fleeting.faces.skin_motion import MIDDLE, OUTSIDE, PAIRS, REGIONS, UNLIKE, FaceMotion
from fleeting.faces.tracking import FaceTracker, find_face, main_face
from fleeting.types import Frame
from fleeting.video.reader import open_video
from tests.fixtures.portraits import photograph, placed

FPS = 30.0


def followed(pictures, fps=FPS, face=None):
    skin = FaceMotion()
    return [skin.push(Frame(i, i / fps, p), face or find_face(p)) for i, p in enumerate(pictures)]


def test_regions_are_right_and_left_in_turn():
    assert len(set(REGIONS)) == len(REGIONS) == 2 * len(PAIRS) + len(MIDDLE)
    assert all(a.replace("right", "left") == b for a, b in zip(REGIONS[0:42:2], REGIONS[1:42:2], strict=True))


@pytest.mark.slow
def test_regions_move_as_the_skin_does():
    drawn = write_script(identity(1, 5), 11, 6.0, FPS, events_per_minute=10, amplitude=1.2, disturb="none")
    (event,) = drawn.events
    first, numbers = event.onset_frame - 5, range(event.onset_frame - 5, event.offset_frame + 6)
    pictures = [frame(drawn, number) for number in numbers]
    face = find_face(pictures[0])
    moved = np.array([motion.places for motion in followed(pictures, face=face)])
    u, v = exact_flow(drawn, first, event.apex_frame)
    peak = moved[event.apex_frame - first]
    centres = [*(point for pair in PAIRS.values() for point in pair), *MIDDLE.values()]
    middles = np.rint(face.mesh[centres, :2]).astype(int)
    squares = [(slice(y - 15, y + 16), slice(x - 15, x + 16)) for x, y in middles]
    truth = np.array([[u[square].mean(), v[square].mean()] for square in squares])
    truth *= 100 / drawn.identity.eye_distance
    assert np.abs(truth).max() > 0.4
    assert 0.8 < (peak * truth).sum() / (truth**2).sum() < 1.3
    assert np.corrcoef(peak.ravel(), truth.ravel())[0, 1] > 0.8  # an edge shows how it moves across itself
    assert np.median(np.abs(peak - truth)) < 0.05
    assert np.linalg.norm(moved[-1], axis=1).max() < 0.15


@pytest.mark.parametrize("name", ["hopper", "astronaut"])
def test_a_head_that_moves_as_a_whole_moves_no_skin(name):
    image = photograph(name)
    turns = np.sin(np.linspace(0, np.pi, 20))
    pictures = [placed(image, across=9 * t, down=-5 * t, turn=4 * t, scale=1 + 0.02 * t) for t in turns]
    moved = np.array([motion.places for motion in followed(pictures)])
    assert np.median(np.linalg.norm(moved, axis=2)) < 0.1
    assert np.percentile(np.linalg.norm(moved, axis=2), 95) < 0.6


def test_no_step_where_the_reference_is_renewed():
    image = photograph("astronaut")
    rng = np.random.default_rng(0)
    noisy = [np.clip(image + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8) for _ in range(4)]
    pictures = [noisy[i % 4] for i in range(90)]
    moved = np.array([motion.places for motion in followed(pictures, fps=15, face=find_face(image))])
    early, late = moved[4:24].mean(axis=0), moved[-20:].mean(axis=0)
    assert np.linalg.norm(late - early, axis=1).max() < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_a_blink_shuts_the_eyes_however_small_they_are(number):
    drawn = write_script(identity(number, 5), 3, 2.0, FPS, events_per_minute=0, disturb="none")
    drawn = replace(drawn, blinks=(Blink(1.0, 0.1, 0.15),))
    pictures = [frame(drawn, n) for n in range(drawn.frames)]
    shut = np.array([motion.shut for motion in followed(pictures, face=find_face(pictures[0]))])
    during = (np.arange(len(shut)) / FPS > 1.0) & (np.arange(len(shut)) / FPS < 1.25)
    assert shut[during].max() > 0.5
    assert shut[~during].max() < 0.1


def test_frames_without_a_face_are_gaps_and_the_stretch_goes_on():
    image = photograph("astronaut")
    face, skin = find_face(image), FaceMotion()
    seen = [skin.push(Frame(i, i / FPS, image), None if i in (0, 4, 5) else face) for i in range(8)]
    assert [i for i, motion in enumerate(seen) if motion.places is None] == [0, 4, 5]
    assert all(np.isnan(seen[i].amount) and np.isnan(seen[i].shut) for i in (0, 4, 5))
    assert {motion.stretch for motion in seen} == {0}
    assert [motion.frame for motion in seen] == list(range(8))


def test_another_face_in_the_first_frames_begins_a_stretch_after_half_a_second():
    skin = FaceMotion()
    one, other = (placed(photograph(name), size=(512, 600)) for name in ("astronaut", "hopper"))
    faces = {id(picture): find_face(picture) for picture in (one, other)}
    pictures = [one] * 3 + [other] * 20
    seen = [skin.push(Frame(i, i / FPS, picture), faces[id(picture)]) for i, picture in enumerate(pictures)]
    missed = [i for i, motion in enumerate(seen) if motion.places is None]
    assert missed == list(range(3, 18))
    assert all(seen[i].reason in (UNLIKE, LIGHT) and seen[i].stretch == 0 for i in missed)
    assert all(seen[i].head is None for i in missed)
    assert [motion.stretch for motion in seen[18:]] == [1] * 5
    assert not any(motion.reason for motion in seen if motion.places is not None)


def test_a_short_cover_is_a_gap_and_the_stretch_goes_on():
    image = photograph("astronaut")
    face, skin = find_face(image), FaceMotion()
    cloth = np.random.default_rng(0).integers(0, 255, image.shape, np.uint8)
    shares = [0] * 8 + [0.2, 0.4, 0.7, 1, 1, 1, 0.7, 0.4, 0.2] + [0] * 6
    pictures = [image.copy() for _ in shares]
    for picture, share in zip(pictures, shares, strict=True):
        picture[:, : round(share * image.shape[1])] = cloth[:, : round(share * image.shape[1])]
    seen = [skin.push(Frame(i, i / FPS, picture), face) for i, picture in enumerate(pictures)]
    missed = [i for i, motion in enumerate(seen) if motion.places is None]
    assert set(range(10, 15)) <= set(missed) <= set(range(8, 20))
    assert not any(motion.cut for motion in seen)
    assert {motion.stretch for motion in seen} == {0}
    assert np.linalg.norm(seen[-1].places, axis=1).max() < 0.1


def test_a_long_time_without_a_face_ends_the_stretch():
    image = photograph("astronaut")
    face, skin = find_face(image), FaceMotion()
    seen = [skin.push(Frame(i, i / FPS, image), None if 3 <= i < 20 else face) for i in range(24)]
    assert [motion.stretch for motion in seen] == [0] * 20 + [1] * 4


def test_how_the_head_turns_and_grows_is_told():
    image = photograph("astronaut")
    course = np.linspace(0, 1, 16)
    pictures = [placed(image, turn=6 * t, scale=1 + 0.1 * t) for t in course]
    seen = followed(pictures)
    yaw, pitch, roll, scale = seen[-1].head - seen[1].head  # the first frame has nothing to compare with
    assert abs(roll) == pytest.approx(100 * np.radians(6 * 14 / 15), rel=0.1)
    assert scale == pytest.approx(100 * np.log(1.1 / (1 + 0.1 / 15)), rel=0.1)
    assert max(abs(yaw), abs(pitch)) < 1.5
    assert all(motion.likeness > 0.8 for motion in seen)


def test_what_the_mesh_says_is_passed_on():
    image = photograph("astronaut")
    face = find_face(image)
    motion = FaceMotion().push(Frame(0, 0.0, image), face)
    assert motion.size == pytest.approx(face.measures.size)
    assert (motion.pitch, motion.sharpness) == (face.measures.pitch, face.measures.sharpness)
    assert 0 < motion.mouth < 0.5


def test_a_face_outside_the_picture_gives_no_places():
    image = photograph("astronaut")
    face = find_face(image)
    motion = FaceMotion().push(Frame(0, 0.0, image), replace(face, mesh=face.mesh + np.float32(4000)))
    assert motion.places is None
    assert motion.reason == OUTSIDE


@pytest.mark.slow
def test_a_real_face_is_followed_without_restarts(shared):
    path = shared / "faces-real" / "KwaiVGI_d19.mp4"
    if not path.is_file():
        pytest.skip(f"needs ../shared: {path.name} is not there")
    tracker, skin, face, seen = FaceTracker(), FaceMotion(), None, []
    with open_video(path) as video:
        for frame in video:
            face = main_face(tracker.push(frame.image, frame.time), face)
            seen.append((face, skin.push(frame, face)))
    usable = [motion for face, motion in seen if face and not face.reason]
    assert usable[-1].stretch <= 2
    assert np.mean([motion.places is not None for motion in usable]) > 0.9


def test_a_face_that_is_not_usable_counts_as_none():
    image = photograph("astronaut")
    face = find_face(image)
    dark = replace(face, measures=replace(face.measures, brightness=1.0))
    assert dark.reason
    assert FaceMotion().push(Frame(0, 0.0, image), dark).places is None


def test_gray_and_flat_pictures_do_no_harm():
    image = photograph("astronaut")
    face, skin = find_face(image), FaceMotion()
    flat = np.full_like(image, 128)
    for i, picture in enumerate([image, flat, flat, flat, image, image, image]):
        motion = skin.push(Frame(i, i / FPS, picture), face)
        assert motion.places is None or np.isfinite(motion.places).all()
    assert motion.places is not None
