"""Compares ways to align a face: how still the head stands, and how much of a small movement is left.

Two photographs (astronaut, Grace Hopper) move by a known head path while a corner of the mouth or a brow
moves by a known amount, under slow changes of light, noise, and in half of the clips H.264 at CRF 23. Nothing
is estimated here: the aligner's matrix is applied to the true places of the skin, which are known.

- dance: how far the bridge of the nose is from its mean place, rms in pixels of the 139x170 crop
- far: the same for the place that moves, with its skin at rest
- left: the share of the movement from onset to apex that is left; 1 is all of it, mean and range over clips

    python studies/align.py [--picture FILE]
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import av
import cv2
import matplotlib.cbook
import numpy as np
import numpy.typing as npt
import skimage.data
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter1d

from fleeting.faces.alignment import align, crop_matrix, crop_size
from fleeting.faces.landmarks import MOUTH_CORNERS, NOSE_BRIDGE, eyes, outer_distance
from fleeting.faces.optical_flow import flow, rigid_fit, stable_region
from fleeting.faces.tracking import FaceTracker, find_face
from fleeting.faces.warping import chained, moved
from fleeting.video.pictures import read_picture

Image = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]
FRAMES, SIDE = 60, 360
ONSET, APEX, OFFSET = 15, 30, 45
RIGHT_BROW = 105


@dataclass(frozen=True)
class Setting:
    """The movements in a clip, in pixels (of 120 between the outer eye corners) and degrees."""

    shift: float
    turn: float
    point: int
    direction: complex
    most: float
    coded: bool
    seed: int


@dataclass(frozen=True, eq=False)
class Scene:
    """A clip with its truth: ``head`` maps the photograph to each frame, ``skin`` is the moving point.

    ``bridge``, ``rest`` and ``skin`` are points of the photograph.
    """

    frames: list[Image]
    meshes: list[npt.NDArray[np.float32]]
    head: Matrix
    bridge: Matrix
    rest: Matrix
    skin: Matrix


def settings() -> list[Setting]:
    """The clips: three strengths, two places, with and without a codec."""
    strengths = ((0.5, 0.5, 0.5), (1.0, 1.5, 1.0), (2.0, 3.0, 1.5))
    places = ((MOUTH_CORNERS[0], -0.7 - 0.7j), (RIGHT_BROW, -1j))
    chosen = product(strengths, places, (False, True))
    return [Setting(s, t, p, d, m, c, seed) for seed, ((s, t, m), (p, d), c) in enumerate(chosen)]


def wander(rng: np.random.Generator) -> Matrix:
    """A slow random path around 0 with an rms of 1."""
    path = gaussian_filter1d(rng.standard_normal(2 * FRAMES), FRAMES / 6)[FRAMES // 2 : -FRAMES // 2]
    return (path - path.mean()) / path.std()


def scene(photograph: Image, size: float, setting: Setting) -> Scene:
    """Draw a clip with ``size`` pixels between the outer corners of the eyes."""
    rng = np.random.default_rng(setting.seed)
    face = find_face(photograph)
    assert face is not None
    mesh = face.mesh[:, :2].astype(np.float64)
    scale = size / outer_distance(mesh)
    reach = 0.44 * float(np.linalg.norm(np.subtract(*eyes(mesh))))
    unit = setting.most * size / 120 / scale * np.array([setting.direction.real, setting.direction.imag])

    def bump(places: Matrix) -> Matrix:
        away = np.linalg.norm(places - mesh[setting.point], axis=-1, keepdims=True) / reach
        return (0.5 + 0.5 * np.cos(np.pi * np.minimum(away, 1))) * unit

    clock = np.clip((np.arange(FRAMES) - ONSET) / (OFFSET - ONSET), 0, 1)
    strength = 0.5 - 0.5 * np.cos(2 * np.pi * clock)
    turn = wander(rng)
    angles = np.deg2rad(setting.turn) * turn / np.abs(turn).max()
    zoom, right, down = 1 + 0.003 * wander(rng), setting.shift * wander(rng), setting.shift * wander(rng)
    light = 1 + 0.05 * np.clip(wander(rng) / 2, -1, 1)
    pixels = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1).astype(np.float64)
    soft = cv2.GaussianBlur(photograph.astype(np.float32), (0, 0), max(0.01, 0.5 / scale - 0.5))
    frames, head, skin = [], [], []
    for i in range(FRAMES):
        c, s = scale * zoom[i] * np.cos(angles[i]), scale * zoom[i] * np.sin(angles[i])
        turned = np.array([[c, -s], [s, c]])
        shift = SIDE / 2 + np.array([right[i], down[i]]) - turned @ mesh.mean(axis=0)
        head.append(np.column_stack([turned, shift]))
        places = (pixels - shift) @ np.linalg.inv(turned).T
        places = (places - strength[i] * bump(places)).astype(np.float32)
        seen = cv2.remap(soft, *cv2.split(places), cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
        seen = light[i] * seen + rng.normal(0, 2 + setting.seed % 3, seen.shape)
        frames.append(np.clip(np.rint(seen), 0, 255).astype(np.uint8))
        point = mesh[setting.point]
        for _ in range(50):  # solves point = rest + strength * bump(point) by iteration
            point = mesh[setting.point] + strength[i] * bump(point)
        skin.append(point)
    if setting.coded:
        frames = coded(frames)
    tracker = FaceTracker(most=1)
    meshes = [tracker.push(frame)[0].mesh for frame in frames]
    return Scene(frames, meshes, np.array(head), mesh[list(NOSE_BRIDGE)], mesh[setting.point], np.array(skin))


def coded(frames: list[Image]) -> list[Image]:
    """The frames after compression by H.264 at CRF 23."""
    file = io.BytesIO()
    with av.open(file, "w", "mp4") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "23", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def by_mesh(scene: Scene) -> Matrix:
    """Each frame aligned by its own mesh."""
    return np.stack([crop_matrix(mesh) for mesh in scene.meshes])


def one_place(scene: Scene) -> Matrix:
    """Every frame aligned by the median of all meshes' matrices."""
    return np.repeat(np.median(by_mesh(scene), axis=0, keepdims=True), FRAMES, axis=0)


def smoothed(scene: Scene) -> Matrix:
    """The matrices of the meshes, smoothed over time."""
    return gaussian_filter1d(by_mesh(scene), 2.0, axis=0, mode="nearest")


def registered(scene: Scene, correct: Callable[[Image, Image, npt.NDArray[np.float32]], Matrix]) -> Matrix:
    """Each frame aligned by its mesh, then by ``correct``: the motion from the first crop to the frame's."""
    matrices = by_mesh(scene)

    def gray(i: int) -> Image:
        crop = cv2.warpAffine(scene.frames[i], matrices[i], crop_size(), borderMode=cv2.BORDER_REPLICATE)
        return cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)

    first = gray(0)
    mesh = moved(matrices[0], scene.meshes[0][:, :2]).astype(np.float32)
    region = stable_region(first.shape, mesh)
    back = [np.eye(2, 3)] + [
        cv2.invertAffineTransform(correct(first, gray(i), region)) for i in range(1, FRAMES)
    ]
    return np.stack([chained(*pair) for pair in zip(back, matrices, strict=True)])


def by_flow(first: Image, now: Image, region: npt.NDArray[np.float32]) -> Matrix:
    """The head's rigid motion, fitted to DIS flow."""
    return rigid_fit(*flow(first, now), region)


def by_ecc(first: Image, now: Image, region: npt.NDArray[np.float32]) -> Matrix:
    """The rigid motion with the best correlation (ECC, Evangelidis and Psarakis 2008)."""
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 1e-6)
    start, inside = np.eye(2, 3, dtype=np.float32), (region > 0).astype(np.uint8)
    found = cv2.findTransformECC(first, now, start, cv2.MOTION_EUCLIDEAN, stop, inside, 5)
    return found[1].astype(np.float64)


WAYS: dict[str, Callable[[Scene], Matrix]] = {
    "one place a clip": one_place,
    "each mesh": by_mesh,
    "meshes smoothed": smoothed,
    "mesh, then ECC": lambda scene: registered(scene, by_ecc),
    "mesh, then DIS flow": lambda scene: registered(scene, by_flow),
    "align": lambda scene: align(scene.frames, scene.meshes).matrices,
}


def dance(places: Matrix) -> float:
    """The root mean square distance of places (time, ..., 2) from their mean over time."""
    return float(np.sqrt(((places - places.mean(axis=0)) ** 2).sum(axis=-1).mean()))


def measured(scene: Scene, matrices: Matrix) -> tuple[float, float, float]:
    """Dance of the nose's bridge, dance of the resting skin, the share of the movement that is left."""
    whole = [chained(*pair) for pair in zip(matrices, scene.head, strict=True)]
    bridge = np.stack([moved(matrix, scene.bridge) for matrix in whole])
    rest = np.stack([moved(matrix, scene.rest) for matrix in whole])
    seen = moved(whole[APEX], scene.skin[APEX]) - moved(whole[ONSET], scene.skin[ONSET])
    true = whole[ONSET][:, :2] @ (scene.skin[APEX] - scene.skin[ONSET])
    return dance(bridge), dance(rest), float(seen @ true / (true @ true))


def draw(scene: Scene, file: str) -> None:
    """Plot how far down the crop the nose's bridge and the moving skin are, for three ways of aligning."""
    figure = Figure((9, 6), layout="constrained")
    for axes, name in zip(
        figure.subplots(3, 1, sharex=True, sharey=True),
        ("each mesh", "meshes smoothed", "align"),
        strict=True,
    ):
        whole = [chained(*pair) for pair in zip(WAYS[name](scene), scene.head, strict=True)]
        bridge = np.array([moved(matrix, scene.bridge[0]) for matrix in whole])[:, 1]
        skin = np.array([moved(matrix, point) for matrix, point in zip(whole, scene.skin, strict=True)])[:, 1]
        axes.plot(bridge - bridge[0], label="bridge of the nose")
        axes.plot(skin - skin[0], label="moving skin")
        axes.set_title(name)
        axes.set_ylabel("px down")
    axes.legend()
    axes.set_xlabel("frame")
    figure.savefig(file)


def main() -> None:
    """Print the table, and draw the picture if --picture names a file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--picture", help="PNG of one clip's paths")
    picture = parser.parse_args().picture
    cv2.setNumThreads(1)
    hopper = read_picture(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    photographs = ((skimage.data.astronaut(), 90.0), (hopper, 120.0))
    scenes = [scene(*photograph, setting) for photograph in photographs for setting in settings()]
    print(f"{len(scenes)} clips         dance  worst    far  worst   left    from     to   ms a frame")
    for name, way in WAYS.items():
        began = time.perf_counter()
        rows = np.array([measured(scene, way(scene)) for scene in scenes])
        spent = 1000 * (time.perf_counter() - began) / len(scenes) / FRAMES
        (bridge, far, left), (_, _, least), (worst, worst_far, most) = rows.mean(0), rows.min(0), rows.max(0)
        numbers = f"{bridge:7.3f}{worst:7.3f}{far:7.3f}{worst_far:7.3f}{left:7.2f}{least:8.2f}{most:7.2f}"
        print(f"{name:20}{numbers}{spent:10.1f}")
    if picture:
        draw(scenes[4], picture)


if __name__ == "__main__":
    main()
