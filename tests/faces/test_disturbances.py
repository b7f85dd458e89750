"""The picture changes and not the face: what each frame says of it, and what is no such change."""

import numpy as np
import pytest

from fleeting.faces.disturbances import BLURRED, CUT, FLICKER, LIGHT, PART, RECODED
from fleeting.faces.skin_motion import COVERED, FaceMotion
from fleeting.faces.tracking import find_face
from fleeting.types import Frame
from tests.fixtures.portraits import blurred, lit, photograph, placed

FPS = 30.0


def swaying(name, count, start=0, size=(512, 600)):
    """A head that sways slowly, with a camera's noise."""
    rng = np.random.default_rng(start)
    turns = [np.sin((start + i) / 40) for i in range(count)]
    pictures = [placed(photograph(name), across=6 * t, turn=2 * t, size=size) for t in turns]
    return [np.clip(p + rng.normal(0, 2, p.shape), 0, 255).astype(np.uint8) for p in pictures]


def followed(pictures, fps=FPS, keys=()):
    skin, faces = FaceMotion(), {}
    return [
        skin.push(
            Frame(i, i / fps, picture, key=i in keys), faces.setdefault(id(picture), find_face(picture))
        )
        for i, picture in enumerate(pictures)
    ]


def begins(reason, sentence):
    return reason.startswith(sentence.partition("{")[0])


def with_reason(seen, sentence):
    return [motion.frame for motion in seen if begins(motion.reason, sentence)]


def test_a_face_that_sways_is_judged_in_every_frame():
    assert not any(motion.reason for motion in followed(swaying("astronaut", 40)))


def test_another_person_after_a_cut_begins_a_stretch_and_is_another():
    seen = followed(swaying("astronaut", 14) + swaying("hopper", 12))
    (cut,) = [motion for motion in seen if motion.cut]
    assert cut.since == 14
    assert cut.frame <= 17
    assert cut.other
    assert begins(cut.reason, CUT)
    assert cut.places is None
    assert [motion.stretch for motion in seen[cut.frame + 1 :]] == [1] * (25 - cut.frame)


def test_a_jump_cut_begins_a_stretch_and_the_person_stays():
    seen = followed(swaying("astronaut", 14) + swaying("astronaut", 12, start=60))
    (cut,) = [motion for motion in seen if motion.cut]
    assert (cut.since, cut.other) == (14, False)
    assert seen[-1].stretch == 1


def test_a_fast_turn_is_no_cut():
    course = np.concatenate([np.zeros(12), np.linspace(0, 1, 6), np.ones(12)])
    pictures = [placed(photograph("astronaut"), across=60 * t, turn=8 * t) for t in course]
    assert not any(motion.cut for motion in followed(pictures))


@pytest.mark.parametrize("step", [1.25, 0.8])
def test_a_step_of_the_exposure_is_told_and_is_no_cut(step):
    still = swaying("astronaut", 30)
    seen = followed([lit(picture, step) if i >= 14 else picture for i, picture in enumerate(still)])
    told = with_reason(seen, LIGHT)
    assert told[0] == 14
    assert told[-1] < 26
    assert not any(motion.cut for motion in seen)


def test_a_flash_is_told():
    still = swaying("astronaut", 30)
    times = [1 + 0.4 * np.exp(-(i - 14) / 2) if i >= 14 else 1 for i in range(30)]
    seen = followed([lit(picture, time) for picture, time in zip(still, times, strict=True)])
    assert seen[14].places is None
    assert with_reason(seen, LIGHT)[:2] == [15, 16]
    assert not any(motion.cut for motion in seen)


def test_mains_flicker_with_a_rolling_shutter_is_told():
    still = swaying("astronaut", 30)
    rows = np.arange(len(still[0]))[:, None, None] / len(still[0])
    bands = [1 + 0.15 * np.cos(2 * np.pi * 100 * (i + 0.9 * rows) / 60) for i in range(30)]
    pictures = [np.clip(p * band, 0, 255).astype(np.uint8) for p, band in zip(still, bands, strict=True)]
    seen = followed(pictures, fps=60)
    assert with_reason(seen, FLICKER) == list(range(4, 30))


def test_focus_that_hunts_is_told():
    pictures = [
        blurred(picture, 1.2 if 14 <= i < 18 else 0) for i, picture in enumerate(swaying("astronaut", 24))
    ]
    assert with_reason(followed(pictures), BLURRED) == [14, 15, 16, 17]


def test_a_caption_that_comes_and_goes_is_told_and_is_no_cut():
    pictures = swaying("astronaut", 40)
    x, y, width, height = (round(value) for value in find_face(pictures[0]).box)
    for picture in pictures[14:28]:
        picture[y + round(0.7 * height) : y + round(1.05 * height), x - width // 4 : x + 5 * width // 4] = 0
    seen = followed(pictures)
    told = [motion for motion in seen if begins(motion.reason, PART)]
    assert {motion.since for motion in told} == {14, 28}
    assert not any(motion.cut for motion in seen)


def test_a_hand_that_slides_over_the_cheek_is_told_and_is_no_cut():
    pictures = swaying("astronaut", 40)
    x, y, width, height = (round(value) for value in find_face(pictures[0]).box)
    for i, picture in enumerate(pictures):
        reach = round(width * np.clip((i - 14) / 12, 0, 0.6))
        picture[y + height // 3 : y + height, x - 20 : x - 20 + reach] = (200, 150, 125)
    seen = followed(pictures)
    assert len(with_reason(seen, COVERED)) >= 3
    assert not any(motion.cut for motion in seen)


def test_a_picture_that_is_coded_anew_is_no_cut():
    coarse = [blurred(picture, 1.2) for picture in swaying("astronaut", 30)]
    shift = np.random.default_rng(1).normal(0, 7, coarse[0].shape)
    pictures = [
        np.clip(p + shift * (i >= 14), 0, 255).astype(np.uint8) if i >= 14 else p
        for i, p in enumerate(coarse)
    ]
    seen = followed(pictures, keys=(0, 14))
    assert not any(motion.cut for motion in seen)
    assert {motion.since for motion in seen if begins(motion.reason, RECODED)} <= {14}
