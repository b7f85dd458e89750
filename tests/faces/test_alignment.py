"""Alignment of a face over time: the head stands still and the small movement stays."""

import io

import av
import cv2
import matplotlib.cbook
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from fleeting.errors import FaceError, OptionError
from fleeting.faces import alignment, landmarks
from fleeting.faces.alignment import align, crop_matrix, crop_size, is_tight
from fleeting.faces.tracking import FaceTracker, find_face
from fleeting.video.pictures import read_picture

FRAMES, ONSET, APEX = 24, 5, 12
SIDE = 300
BRIDGE = list(landmarks.NOSE_BRIDGE)


class Scene:
    """A photographed head on a known path, the corner of whose mouth moves by a known amount."""

    def __init__(self, photograph, shift=1.0, turn=2.0, most=1.0, noise=3.0, frames=FRAMES, seed=0):
        face = find_face(photograph)
        rng = np.random.default_rng(seed)
        rest = face.mesh[:, :2].astype(np.float64)
        self.size = landmarks.outer_distance(rest)
        corner = rest[landmarks.MOUTH_CORNERS[0]]
        unit = np.array([-0.7, -0.7]) * most
        strength = np.interp(np.arange(frames), [ONSET, APEX, 2 * APEX - ONSET], [0, 1, 0])
        wander = gaussian_filter1d(rng.standard_normal((4, frames)), frames / 6, axis=1)
        wander = wander / np.abs(wander).max(axis=1, keepdims=True)
        places = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1).astype(np.float64)
        self.frames, self.bridge, self.corner = [], [], []
        for i in range(frames):
            angle, right, down, light = wander[:, i] * [np.deg2rad(turn), shift, shift, 0.05]
            turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            moved = SIDE / 2 + np.array([right, down]) - turned @ rest.mean(axis=0)
            source = (places - moved) @ turned
            away = np.linalg.norm(source - corner, axis=-1, keepdims=True) / (0.4 * self.size)
            bump = (0.5 + 0.5 * np.cos(np.pi * np.minimum(away, 1))) * unit
            where = (source - strength[i] * bump).astype(np.float32)
            seen = cv2.remap(photograph.astype(np.float32), *cv2.split(where), cv2.INTER_CUBIC)
            seen = seen * (1 + light) + rng.normal(0, noise, seen.shape)
            self.frames.append(np.clip(np.rint(seen), 0, 255).astype(np.uint8))
            self.bridge.append(rest[BRIDGE] @ turned.T + moved)
            # the corner goes where the bump, looked up there, brings it from; its top is flat enough for this
            self.corner.append(turned @ (corner + strength[i] * unit) + moved)
        self.meshes = meshes_of(self.frames)


def meshes_of(frames):
    tracker = FaceTracker(most=1)
    return [faces[0].mesh if (faces := tracker.push(frame)) else None for frame in frames]


def moved(matrices, points):
    return np.stack([p @ m[:, :2].T + m[:, 2] for m, p in zip(matrices, points, strict=True)])


def dance(scene, matrices, which=slice(None)):
    """How far the bridge of the nose is off its mean place, rms, in pixels of the crop."""
    places = moved(matrices[which], scene.bridge[which])
    return np.sqrt(((places - places.mean(axis=0)) ** 2).sum(axis=-1).mean())


@pytest.fixture(scope="module")
def hopper():
    return read_picture(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))


@pytest.fixture(scope="module")
def scene(hopper):
    return Scene(hopper)


def test_the_head_stands_still_and_the_movement_stays(scene):
    aligned = align(scene.frames, scene.meshes)
    assert aligned.frames.shape == (FRAMES, 170, 139, 3)
    assert aligned.frames.dtype == np.uint8
    assert aligned.lost == aligned.by_mesh == ()
    by_mesh = np.stack([crop_matrix(mesh) for mesh in scene.meshes])
    assert dance(scene, aligned.matrices) < 0.05
    assert dance(scene, aligned.matrices) < dance(scene, by_mesh) / 4
    corner = moved(aligned.matrices, scene.corner)
    right, down = corner[APEX] - corner[ONSET]
    scale = np.hypot(*aligned.matrices[0][:, 0])
    assert right == pytest.approx(-0.7 * scale, abs=0.1)
    assert down == pytest.approx(-0.7 * scale, abs=0.1)


def test_frames_are_the_pictures_through_the_matrices(scene):
    aligned = align(scene.frames, scene.meshes)
    for i in (0, APEX):
        size, border = crop_size(), cv2.BORDER_REPLICATE
        once = cv2.warpAffine(
            scene.frames[i], aligned.matrices[i], size, flags=cv2.INTER_CUBIC, borderMode=border
        )
        assert (aligned.frames[i] == once).all()
    eyes = np.median(moved(aligned.matrices, [landmarks.eyes(mesh) for mesh in scene.meshes]), axis=0)
    assert eyes == pytest.approx(np.array([landmarks.RIGHT_EYE_AT, landmarks.LEFT_EYE_AT]) * size, abs=0.2)


def test_alignment_is_the_same_again(scene):
    one, two = (align(scene.frames[:6], scene.meshes[:6]) for _ in range(2))
    assert (one.matrices == two.matrices).all()
    assert (one.frames == two.frames).all()


def test_large_head_movements_are_followed(hopper):
    scene = Scene(hopper, shift=15, turn=10, seed=3)
    aligned = align(scene.frames, scene.meshes)
    assert aligned.by_mesh == ()
    assert dance(scene, aligned.matrices) < 0.08


def test_a_coded_video_stands_still_too(hopper):
    frames = Scene(hopper, seed=5)
    file = io.BytesIO()
    with av.open(file, "w", "mp4") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = SIDE, SIDE, "yuv420p", 0
        for frame in frames.frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file) as container:
        coded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    aligned = align(coded, meshes_of(coded))
    assert dance(frames, aligned.matrices) < 0.1


def test_frames_without_a_mesh_are_bridged_and_reported(scene):
    meshes = list(scene.meshes)
    gaps = (0, 1, 7, 12, 13, FRAMES - 1)
    for i in gaps:
        meshes[i] = None
    aligned = align(scene.frames, meshes)
    assert aligned.lost == gaps
    assert aligned.by_mesh == ()
    assert dance(scene, aligned.matrices, slice(2, None)) < 0.05


def test_a_frame_unlike_the_others_is_reported_and_disturbs_none(scene):
    frames = list(scene.frames)
    frames[9] = np.random.default_rng(0).integers(0, 256, frames[9].shape, np.uint8)
    frames[9] = cv2.GaussianBlur(frames[9], (0, 0), 6)
    frames[15] = np.zeros_like(frames[15])
    aligned = align(frames, scene.meshes)
    assert aligned.by_mesh == (9, 15)
    assert np.isfinite(aligned.matrices).all()
    kept = [i for i in range(FRAMES) if i not in (9, 15)]
    places = moved(aligned.matrices[kept], [scene.bridge[i] for i in kept])
    assert np.sqrt(((places - places.mean(axis=0)) ** 2).sum(axis=-1).mean()) < 0.05


def test_new_references_do_not_let_the_face_drift(scene, monkeypatch):
    monkeypatch.setattr(alignment, "REFERENCE_LASTS", 3)
    assert dance(scene, align(scene.frames, scene.meshes).matrices) < 0.06


@pytest.mark.slow
def test_a_thousand_frames(scene):
    order = [*range(FRAMES), *range(FRAMES - 2, 0, -1)] * 22
    frames, meshes = ([kept[i] for i in order] for kept in (scene.frames, scene.meshes))
    matrices = align(frames, meshes).matrices
    assert len(matrices) > 1000
    places = moved(matrices, [scene.bridge[i] for i in order])
    assert np.sqrt(((places - places.mean(axis=0)) ** 2).sum(axis=-1).mean()) < 0.06


def test_large_pictures_are_shrunk_by_area_first(scene):
    large = [
        cv2.resize(frame, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST) for frame in scene.frames[:4]
    ]
    # a point of the small picture is the middle of 4x4 pixels of the large one
    meshes = [(mesh + 0.5) * 4 - 0.5 for mesh in scene.meshes[:4]]
    small = align(scene.frames[:4], scene.meshes[:4])
    found = align(large, meshes)
    assert np.abs(found.frames.astype(int) - small.frames).mean() < 1.5
    scale = np.hypot(*found.matrices[0][:, 0]) / np.hypot(*small.matrices[0][:, 0])
    assert scale == pytest.approx(1 / 4, rel=1e-3)


def test_alignment_without_a_face_is_refused(scene):
    with pytest.raises(FaceError, match="no face was found in any of 2 pictures"):
        align(scene.frames[:2], [None, None])
    with pytest.raises(FaceError, match="0 pictures"):
        align([], [])
    with pytest.raises(OptionError, match="3 pictures with 2 meshes"):
        align(scene.frames[:3], scene.meshes[:2])


@settings(deadline=None, max_examples=50)
@given(
    st.floats(-np.pi, np.pi),
    st.floats(0.05, 20),
    st.tuples(st.floats(-2e3, 2e3), st.floats(-2e3, 2e3)),
    st.integers(60, 600),
)
def test_the_crop_puts_any_eyes_where_they_belong(scene, angle, scale, shift, height):
    turned = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    mesh = scene.meshes[0][:, :2] @ turned.T + shift
    eyes = moved([crop_matrix(mesh, height)], [landmarks.eyes(mesh)])[0]
    wanted = np.array([landmarks.RIGHT_EYE_AT, landmarks.LEFT_EYE_AT]) * crop_size(height)
    assert eyes == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize("height", [141, 169, 340])
def test_the_canonical_crop_is_tight(scene, height):
    crop = align(scene.frames[:1], scene.meshes[:1], height=height).frames[0]
    mesh = find_face(crop).mesh
    width = crop.shape[1]
    assert is_tight(mesh, width, height)
    assert not is_tight(scene.meshes[0], SIDE, SIDE)  # the whole head
    assert not is_tight(mesh, round(1.3 * width), height)  # wider to the right
    assert not is_tight(mesh + np.array([0.2 * width, 0, 0]), width, height)  # off the middle
    assert not is_tight(mesh * 0.6, width, height)  # too small
