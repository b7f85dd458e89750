"""Pictures of a face become an aligned clip of the height that was asked for."""

import cv2
import matplotlib.cbook
import numpy as np
import pytest

from fleeting.errors import FaceError, OptionError, UnknownNameError
from fleeting.faces import landmarks
from fleeting.faces.clips import clip_of
from fleeting.faces.tracking import FaceTracker, find_face
from fleeting.video.pictures import read_picture
from fleeting.video.reader import open_video

TIMES = np.arange(6) / 100


@pytest.fixture(scope="module")
def frames():
    """Six landscape pictures of a face that drifts to the right."""
    hopper = read_picture(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))[:380]
    step = np.float64([[1, 0, 0], [0, 1, 0]])
    step_right = np.float64([[0, 0, 0.8], [0, 0, 0]])
    size = hopper.shape[1::-1]
    return [
        cv2.warpAffine(hopper, step + i * step_right, size, borderMode=cv2.BORDER_REPLICATE) for i in range(6)
    ]


@pytest.fixture(scope="module")
def tight(frames):
    return clip_of(frames, TIMES, 0, 3, 5)[0].frames


def empty(height, width):
    return np.full((6, height, width, 3), 90, np.uint8)


def test_a_face_in_a_picture_is_aligned(frames):
    clip, how = clip_of(frames, TIMES, 1, 3, 5)
    assert how == "aligned"
    assert clip.frames.shape == (6, 170, 139, 3)
    assert (clip.onset, clip.apex, clip.offset) == (1, 3, 5)
    assert clip.times.tolist() == TIMES.tolist()
    eyes = landmarks.eyes(find_face(clip.frames[0]).mesh)
    assert (
        np.abs(eyes - np.array([landmarks.RIGHT_EYE_AT, landmarks.LEFT_EYE_AT]) * (139, 170)).max() < 5
    )  # a tight crop's mesh
    assert np.abs(clip.frames[5].astype(int) - clip.frames[0])[20:-20, 20:-20].mean() < 2  # the drift is gone


def test_the_height_is_as_asked(frames):
    assert clip_of(frames, TIMES, 0, 3, 5, height=112)[0].frames.shape == (6, 112, 92, 3)


def test_gray_frames_give_a_gray_clip(frames):
    gray = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    for form in (gray, [frame[..., None] for frame in gray], np.stack(gray)):
        clip, how = clip_of(form, TIMES, 0, 3, 5)
        assert how == "aligned"
        assert clip.frames.shape == (6, 170, 139, 1)


def test_a_tight_crop_is_left_as_its_owner_made_it(tight):
    for crop in (tight, tight[..., 1]):
        clip, how = clip_of(crop, TIMES, 0, 3, 5)
        assert how == "tight"
        assert (clip.frames == crop.reshape(clip.frames.shape)).all()


def test_a_tight_crop_is_aligned_where_that_is_asked_for(tight):
    clip, how = clip_of(tight, TIMES, 0, 3, 5, crop="face", height=100)
    assert how == "aligned"
    assert clip.frames.shape == (6, 100, 82, 3)


def test_a_portrait_without_a_face_is_left_and_a_landscape_refused():
    clip, how = clip_of(empty(141, 115), TIMES, 0, 3, 5)
    assert how == "as-is"
    assert clip.frames.shape == (6, 141, 115, 3)
    with pytest.raises(FaceError, match="no face was found in any of 5 frames looked at, of 6 of 160x120"):
        clip_of(empty(120, 160), TIMES, 0, 3, 5)
    with pytest.raises(FaceError, match="no face"):
        clip_of(empty(141, 115), TIMES, 0, 3, 5, crop="face")


def test_as_is_looks_at_nothing():
    clip, how = clip_of(empty(120, 160), TIMES, 0, 3, 5, crop="as-is")
    assert how == "as-is"
    assert (clip.frames == 90).all()


def test_a_face_that_is_lost_on_the_way_is_reported(frames):
    seen = [*frames[:2], np.full_like(frames[2], 90), *frames[3:]]
    clip, how = clip_of(seen, TIMES, 0, 3, 5)
    assert how == "unsteady"
    assert np.abs(clip.frames[5].astype(int) - clip.frames[0])[20:-20, 20:-20].mean() < 2


def test_a_face_that_was_followed_is_not_searched_for(frames, tight, monkeypatch):
    tracker = FaceTracker(most=1)
    meshes = [tracker.push(frame)[0].mesh for frame in frames]
    monkeypatch.setattr("fleeting.faces.clips.find_face", None)  # looking for a face would fail now
    monkeypatch.setattr("fleeting.faces.clips.FaceTracker", None)
    clip, how = clip_of(frames, TIMES, 0, 3, 5, meshes=meshes)
    assert how == "aligned"
    assert (clip.frames == tight).all()
    assert clip_of(frames, TIMES, 0, 3, 5, meshes=[*meshes[:2], None, *meshes[3:]])[1] == "unsteady"
    with pytest.raises(OptionError, match="6 frames with 5 meshes, expected one each"):
        clip_of(frames, TIMES, 0, 3, 5, meshes=meshes[:5])
    with pytest.raises(FaceError, match="no face"):
        clip_of(frames, TIMES, 0, 3, 5, meshes=[None] * 6)


def test_a_tight_crop_is_known_by_its_mesh(tight):
    meshes = [find_face(frame).mesh for frame in tight]
    assert clip_of(tight, TIMES, 0, 3, 5, meshes=meshes)[1] == "tight"


def test_one_frame_is_a_clip(frames):
    clip, how = clip_of(frames[:1], [0.0], 0, 0, 0)
    assert how == "aligned"
    assert len(clip.frames) == 1


def test_other_frames_are_refused(frames):
    with pytest.raises(OptionError, match=r"2 kinds of frames .*expected one"):
        clip_of([frames[0], frames[1][:-1]], TIMES[:2], 0, 1, 1)
    with pytest.raises(OptionError, match="0 kinds of frames"):
        clip_of([], [], 0, 0, 0)
    for other in (frames[0].astype(np.float32), np.zeros((20, 20, 4), np.uint8), np.zeros((0, 20), np.uint8)):
        with pytest.raises(OptionError, match="expected RGB or gray uint8"):
            clip_of([other], [0.0], 0, 0, 0)
    with pytest.raises(UnknownNameError, match="did you mean 'face'"):
        clip_of(frames, TIMES, 0, 3, 5, crop="faces")


@pytest.mark.slow
def test_a_real_video_is_aligned(shared):
    with open_video(shared / "videos" / "fexmetrica_test.mov") as video:
        frames = list(video)[:40]
    clip, how = clip_of([frame.image for frame in frames], [frame.time for frame in frames], 0, 20, 39)
    assert how == "aligned"
    eyes = np.array([landmarks.eyes(find_face(frame).mesh) for frame in clip.frames[::8]])
    assert np.abs(eyes - np.array([landmarks.RIGHT_EYE_AT, landmarks.LEFT_EYE_AT]) * (139, 170)).max() < 3
