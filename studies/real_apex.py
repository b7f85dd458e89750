"""Measures how far each apex finder is from the annotated apex, on real faces moved by real motion.

No frames of real micro-expressions with an annotated apex can be had without a licence. Their motion can: 45
points of skin, 200 times a second, of 149 micro-expressions of CASME II (`real-tracks`). Here it is laid over
real footage, from the annotated onset to the annotated offset, and the finders look at the aligned clip:

held     one real frame, moved, with new sensor noise and JPEG compression in each frame: 200 fps
slowed   successive real frames, moved, as if taken at 200 fps: their own noise and compression, but all that
         the person does is about seven times faster than it was: harder than real footage at 200 fps
footage  real frames at their own 25 to 30 fps, the motion sampled at their times

People, of the tracks and of the footage, are divided into those whose clips the rule was chosen on and those
whose clips are reported.

    python studies/real_apex.py [--data ../shared/data] [--half reporting|choosing] [--seed 0]
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from fleeting import open_video
from fleeting.apex import ApexFinder, apex_finders
from fleeting.errors import FaceError
from fleeting.faces import optical_flow
from fleeting.faces.clips import clip_of
from fleeting.faces.landmarks import LEFT_EYE, RIGHT_EYE, outer_distance
from fleeting.faces.tracking import FaceTracker
from fleeting.types import Clip, FloatArray, Image

CHOOSING = ("sub03", "sub09", "sub11", "sub17", "sub21", "sub25")
"""People of the tracks on whom the rule was chosen: about half of the clips. The others are reported."""
FOOTAGE = {
    "choosing": (
        "faces-real/bklynhlth_baseline.mp4",
        "faces-real/hbenbel_face.mp4",
        "faces-real/KwaiVGI_s18.mp4",
        "faces-more/retalking_3.mp4",
        "faces-real/bklynhlth_not_expressive.mp4",
        "faces-real/rizkiarm_lbax4n.mpg",
    ),
    "reporting": (
        "faces-real/hbenbel_face2.mp4",
        "faces-real/KwaiVGI_s29.mp4",
        "faces-more/retalking_5.mp4",
        "faces-real/KwaiVGI_s32.mp4",
        "faces-more/LatentSync_demo3.mp4",
        "faces-real/rizkiarm_lrwp9a.mpg",
    ),
}
TRACK_FPS = 200
EYE_DISTANCE = 110
"""Pixels between the outer eye corners, to which larger faces are shrunk: about CASME II's."""
NOISE, QUALITY = 2.0, 90
"""Standard deviation of the noise added to held frames, in gray levels, and their JPEG quality."""
LONGEST = 160
"""Frames read of each video from its middle on; the longest track has 141."""
REACH, NOT_EXACT = 0.13, 0.05
"""How far a point moves the skin around it, in eye distances, and how little the field may miss the points
(the ridge of the interpolation). A mean of the points around, without interpolation, halves the movement."""
OLD_PARTS = (
    (0.0422, 0.0727, 0.4022, 0.2127),
    (0.5978, 0.0727, 0.9578, 0.2127),
    (0.32, 0.4, 0.68, 0.6),
    (0.185, 0.65, 0.825, 0.93),
)
"""Brows, nose and mouth, where `flow` looked before: left, top, right and bottom in shares of the crop."""
CONDITIONS = ("held", "slowed", "footage")


@dataclass(frozen=True)
class Track:
    """One micro-expression: where 45 points are, (time, 45, 2) in percent of the eye distance; its apex."""

    clip: str
    points: tuple[int, ...]
    places: FloatArray
    apex: int

    def at(self, seconds: float) -> FloatArray:
        """Places, (45, 2), so many seconds after the onset; those of the offset after it."""
        x = min(seconds * TRACK_FPS, len(self.places) - 1)
        one, other = self.places[int(x)], self.places[min(int(x) + 1, len(self.places) - 1)]
        return np.asarray(one + (other - one) * (x % 1))


@dataclass(frozen=True)
class Footage:
    """Successive frames of one face, with its mesh in each, and their rate."""

    images: list[Image]
    meshes: list[FloatArray]
    fps: float


def tracks(folder: Path, half: str) -> Iterator[Track]:
    """The tracks of one half of the people whose apex is annotated; ``folder`` is `real-tracks`."""
    stored = np.load(folder / "tracks.npz")
    points = tuple(int(point) for point in stored["points"])
    with (folder / "index.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            apex = int(row["apex_index"])
            if (row["subject"] in CHOOSING) == (half == "choosing") and apex >= 0:
                yield Track(row["clip"], points, stored[row["clip"]].astype(np.float32), apex)


def footage(path: Path) -> Footage:
    """The face followed from the first frames on, cut out of them, with EYE_DISTANCE between its eyes."""
    with open_video(path) as video:
        frames = list(islice(video, LONGEST))
    tracker, images, meshes = FaceTracker(most=1), [], []
    for frame in frames:
        faces = tracker.push(frame.image)
        if not faces and images:
            break
        if faces:
            mesh = faces[0].mesh[:, :2]
            if not images:
                factor = min(1.0, EYE_DISTANCE / outer_distance(mesh))
                low = np.maximum(mesh.min(axis=0) - outer_distance(mesh), 0).astype(int)
                high = (mesh.max(axis=0) + outer_distance(mesh)).astype(int)
            face = frame.image[low[1] : high[1], low[0] : high[0]]
            images.append(cv2.resize(face, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA))
            meshes.append(((mesh - low) * factor).astype(np.float32))
    return Footage(images, meshes, (len(frames) - 1) / (frames[-1].time - frames[0].time))


def warped(image: Image, mesh: FloatArray, track: Track, seconds: float) -> Image:
    """The picture with its skin moved as the track's is, turned and scaled as the face is."""
    eye = outer_distance(mesh)
    cos, sin = (mesh[LEFT_EYE[0]] - mesh[RIGHT_EYE[0]]) / eye
    moved = track.at(seconds) @ np.array([[cos, sin], [-sin, cos]]) * eye / 100
    points = mesh[list(track.points)]
    height, width = image.shape[:2]
    step = max(1, int(eye / 24))
    x, y = np.meshgrid(np.arange(0, width, step), np.arange(0, height, step))
    strength = np.linalg.solve(_near(points, points, eye) + NOT_EXACT * np.eye(len(points)), moved)
    shift = _near(np.stack([x, y], axis=-1), points, eye) @ strength
    shift = cv2.resize(shift.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    across_map, down_map = columns - shift[..., 0], rows - shift[..., 1]
    kind, border = cv2.INTER_CUBIC, cv2.BORDER_REPLICATE
    return np.asarray(cv2.remap(image, across_map, down_map, kind, borderMode=border))


def _near(places: FloatArray, points: FloatArray, eye: float) -> FloatArray:
    square = ((places[..., None, :] - points) ** 2).sum(axis=-1)
    return np.asarray(np.exp(-square / (2 * (REACH * eye) ** 2)))


def clip(condition: str, shown: Footage, track: Track, rng: np.random.Generator) -> Clip | None:
    """The aligned clip of the track laid over the footage; None where that is too short or shows no face.

    The clip's apex is the frame nearest to the annotated one.
    """
    fps = shown.fps if condition == "footage" else TRACK_FPS
    count = int((len(track.places) - 1) / TRACK_FPS * fps + 1e-6) + 1
    need = 1 if condition == "held" else count
    if len(shown.images) < need:
        return None
    first = int(rng.integers(len(shown.images) - need + 1))
    images = []
    for i in range(count):
        number = first if condition == "held" else first + i
        image = warped(shown.images[number], shown.meshes[number], track, i / fps)
        images.append(_taken(image, rng) if condition == "held" else image)
    apex = min(round(track.apex / TRACK_FPS * fps), count - 1)
    try:
        return clip_of(images, np.arange(count) / fps, 0, apex, count - 1, crop="face")[0]
    except FaceError:
        return None


def _taken(image: Image, rng: np.random.Generator) -> Image:
    """The picture as a camera would take it once more."""
    noisy = image + rng.normal(0, NOISE, image.shape)
    stored = cv2.imencode(".jpg", np.clip(np.rint(noisy), 0, 255).astype(np.uint8), [1, QUALITY])[1]
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR))


def clips(data: Path, half: str, condition: str, seed: int) -> Iterator[tuple[Track, Clip]]:
    """Each track of the half with its clip, over the half's footage in turn, but for those without one."""
    people = [footage(data / name) for name in FOOTAGE[half]]
    for number, track in enumerate(tracks(data / "real-tracks", half)):
        for turn in range(len(people)):
            rng = np.random.default_rng([seed, number, turn])
            shown = people[(number + turn) % len(people)]
            if (made := clip(condition, shown, track, rng)) is not None:
                yield track, made
                break


def there_and_back(clip: Clip) -> int:
    """What `flow` was before: the peak of the raised cosine over the clip that explains most motion."""
    frames = [optical_flow.gray(frame) for frame in clip.frames[clip.onset : clip.offset + 1]]
    last = len(frames) - 1
    if last < 2:
        return clip.offset
    head = np.zeros(frames[0].shape, np.float32)
    head[::4, ::4] = optical_flow.stable_region(frames[0].shape)[::4, ::4]
    ends = [np.array([_cells(frames[end], frame, head) for frame in frames]) for end in (0, -1)]
    moved, shown, explained = np.hstack(ends), np.arange(last + 1), []
    share = np.linspace(0, 1, last + 1)[:, None]
    moved -= (1 - share) * moved[:2].mean(axis=0) + share * moved[-2:].mean(axis=0)
    for peak in range(1, last):
        phase = np.where(shown < peak, shown / peak, (last - shown) / (last - peak))
        course = 0.5 - 0.5 * np.cos(np.pi * phase)
        explained.append(np.sum((course @ moved) ** 2) / np.sum(course**2))
    return clip.onset + 1 + int(np.argmax(explained))


def _cells(one: Image, other: Image, head: FloatArray) -> FloatArray:
    """DIS flow of brows, nose and mouth less the head's motion, in cells of 4x4 pixels."""
    height, width = one.shape
    cells = []
    for channel in optical_flow.without_rigid(*optical_flow.flow(one, other, "dis"), head):
        for left, top, right, bottom in OLD_PARTS:
            rows = slice(round(top * height), round(bottom * height))
            part = channel[rows, round(left * width) : round(right * width)]
            cells.append(optical_flow.shrink(part, (part.shape[0] // 4, part.shape[1] // 4)).ravel())
    return np.concatenate(cells)


def errors(finder: ApexFinder, made: Sequence[tuple[Track, Clip]]) -> tuple[FloatArray, float]:
    """How far the finder's apex lies after the annotated one in seconds, clip by clip; seconds a clip."""
    started = time.perf_counter()
    found = [finder(shown) for _, shown in made]
    seconds = (time.perf_counter() - started) / len(made)
    pairs = zip(found, made, strict=True)
    off = [shown.times[i] - track.apex / TRACK_FPS for i, (track, shown) in pairs]
    return np.array(off), seconds


def main() -> None:
    """Make the clips, run each finder on them, print a table for each condition."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--data", type=Path, default=Path("../shared/data"))
    options.add_argument("--half", choices=list(FOOTAGE), default="reporting")
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    for condition in CONDITIONS:
        made = list(clips(chosen.data, chosen.half, condition, chosen.seed))
        print(f"\n{condition}: {len(made)} clips of the {chosen.half} half")
        print_table(made)


def print_table(made: Sequence[tuple[Track, Clip]]) -> None:
    """Print a row for each finder, in milliseconds and frames of the clip."""
    frame = np.median([np.diff(shown.times).mean() for _, shown in made]) * 1000
    length = np.median([len(shown.frames) for _, shown in made])
    print(f"{length:g} frames of {frame:.1f} ms in the median")
    print(f"{'':14s}{'off by, ms':>24s}{'off by, frames':>18s}{'late by':>9s}{'ms a clip':>11s}")
    print(f"{'finder':14s}{'median    mean    90 %':>24s}{'median    mean':>18s}{'median':>9s}{'mean':>11s}")
    finders = {name: apex_finders[name] for name in apex_finders} | {"flow before": there_and_back}
    for name, finder in finders.items():
        off, seconds = errors(finder, made)
        far = np.abs(off) * 1000
        figures = np.median(far), far.mean(), np.percentile(far, 90)
        frames = np.median(far) / frame, far.mean() / frame
        columns = "".join(f"{figure:8.1f}" for figure in figures)
        columns += "".join(f"{figure:9.1f}" for figure in frames)
        print(f"{name:14s}{columns}{np.median(off) * 1000:9.1f}{1000 * seconds:11.1f}", flush=True)


if __name__ == "__main__":
    main()
