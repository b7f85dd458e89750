"""Times following a face against its alternatives, at 640x480, as ratios measured in one run.

The input is drawn: a photograph that sways, nods and comes nearer in front of a gray wall, so that its place
in every frame is known. The ways of finding the face take turns, and the median round counts.

    python benchmarks/faces.py [--frames 120] [--rounds 5]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import matplotlib.cbook
import numpy as np
import numpy.typing as npt

from fleeting.faces.networks import detect, mesh, square_of_detection, square_of_mesh
from fleeting.faces.quality import measure
from fleeting.faces.tracking import FaceTracker, find_face
from fleeting.optional import cv2
from fleeting.video.pictures import read_picture

Image = npt.NDArray[np.uint8]
Found = list[npt.NDArray[np.floating] | None]


def moving(count: int) -> tuple[list[Image], Found]:
    """``count`` frames, and the middle of the face in each, x and y in pixels."""
    photograph = read_picture(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    middle = find_face(photograph).mesh[:, :2].mean(axis=0)
    frames, truth = [], []
    for phase in np.linspace(0, 4 * np.pi, count):
        scale = 0.7 + 0.1 * np.sin(phase / 2)
        at = np.array([320 + 90 * np.sin(phase), 220 + 25 * np.sin(2 * phase)])
        matrix = np.column_stack([scale * np.eye(2), at - scale * middle])
        frames.append(cv2().warpAffine(photograph, matrix, (640, 480), borderValue=(100, 100, 100)))
        truth.append(at)
    return frames, truth


def tracking(frames: list[Image]) -> Found:
    """Mesh and quality by `FaceTracker`, which follows the face."""
    tracker = FaceTracker()
    return [faces[0].mesh[:, :2].mean(axis=0) if faces else None for faces in map(tracker.push, frames)]


def anew(frames: list[Image]) -> Found:
    """Detector, mesh and quality on every frame, without knowledge of earlier frames."""
    found: Found = []
    for frame in frames:
        detections = detect(frame)
        points = mesh(frame, square_of_detection(detections[0]))[0] if detections else None
        if points is not None:
            measure(frame, points)
        found.append(None if points is None else points[:, :2].mean(axis=0))
    return found


def detecting(frames: list[Image]) -> Found:
    """The middle of the largest box of the detector alone."""
    return [_largest([detection.box for detection in detect(frame)]) for frame in frames]


def cascade(frames: list[Image]) -> Found:
    """The middle of the largest box of OpenCV's Haar cascade."""
    path = Path(cv2().data.haarcascades) / "haarcascade_frontalface_default.xml"
    classifier = cv2().CascadeClassifier(str(path))
    found: Found = []
    for frame in frames:
        boxes = classifier.detectMultiScale(cv2().cvtColor(frame, cv2().COLOR_RGB2GRAY), 1.1, 3)
        found.append(_largest(boxes))
    return found


def _largest(boxes: Sequence[tuple[float, float, float, float]]) -> npt.NDArray[np.floating] | None:
    """The middle of the largest box (x, y, width, height), None without boxes."""
    if not len(boxes):
        return None
    x, y, width, height = max(boxes, key=lambda box: box[2])
    return np.array([x + width / 2, y + height / 2])


def steps(frames: list[Image]) -> dict[str, Callable[[], object]]:
    """The steps that are computed for a frame, as calls by name."""
    face = find_face(frames[0])
    return {
        "detector": lambda: detect(frames[0]),
        "mesh": lambda: mesh(frames[0], square_of_mesh(face.mesh)),
        "quality": lambda: measure(frames[0], face.mesh),
        "search of the whole picture": lambda: find_face(frames[0]),
    }


def seconds(work: Callable[[], object]) -> float:
    """The seconds that ``work`` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(title: str, contestants: dict[str, Callable[[], Found]], truth: Found, rounds: int) -> None:
    """Print frames per second of each contestant, its ratio to the first, and how well it found the face."""
    found = {name: work() for name, work in contestants.items()}  # warm
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, work in contestants.items():
            taken[name].append(seconds(work))
    first = median(taken[next(iter(taken))])
    print(title)
    for name, times in taken.items():
        gaps = [np.linalg.norm(f - t) for f, t in zip(found[name], truth, strict=True) if f is not None]
        where = f"{len(gaps)} of {len(truth)} found, {median(gaps):.1f} px off" if gaps else "nothing found"
        spent = median(times)
        print(f"  {name:36s} {len(truth) / spent:7.0f} fps   {first / spent:5.2f} times   {where}")


def main() -> None:
    """Measure every contest and step, and print them."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--frames", type=int, default=120)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    frames, truth = moving(chosen.frames)

    def threads(count: int, work: Callable[[list[Image]], Found]) -> Callable[[], Found]:
        def run() -> Found:
            cv2().setNumThreads(count)
            return work(frames)

        return run

    print(f"{chosen.frames} frames of 640x480, the median of {chosen.rounds} rounds")
    followed = threads(1, tracking)
    contests = {
        "mesh and quality, one thread": {"detector on each frame": threads(1, anew), "tracking": followed},
        "a box, one thread": {"Haar cascade": threads(1, cascade), "detector": threads(1, detecting)},
        "tracking": {"one thread": followed, "two threads": threads(2, tracking)},
    }
    for title, contestants in contests.items():
        compare(title, contestants, truth, chosen.rounds)
    cv2().setNumThreads(1)
    print("one frame, one thread")
    for name, work in steps(frames).items():
        work()
        print(f"  {name:36s} {1000 * median(seconds(work) for _ in range(30)):7.2f} ms")


if __name__ == "__main__":
    main()
