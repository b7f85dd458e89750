"""Times `fleeting analyze` beside toolkits that run offline: processor time a frame, decoding included.

Each toolkit runs in a process of its own, MediaPipe by an interpreter of its own (its OpenCV is another one).
They do less: MediaPipe's face landmarker finds the mesh, the irises and the blendshapes of a frame, OpenCV's
cascade a box; neither measures a movement, spots or recognises one. MediaPipe's wheel carries no model, so
it is given the files of this package, which are Google's. The wheels of py-feat 2.1.5 and LibreFace 0.2.0
carry none either, and both fetch theirs when they first run: they are not run.

    python -m venv MP; MP/bin/pip install mediapipe
    python benchmarks/toolkits.py [--video FILE] [--mediapipe MP/bin/python] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

GIVES = {
    "fleeting": "events, their classes, tables of frames and faces",
    "mediapipe": "mesh, irises and blendshapes of each frame",
    "opencv": "a box in each frame (Haar cascade)",
}
PARTS = {
    "face_detector.tflite": "face_detection_short_range.tflite",
    "face_landmarks_detector.tflite": "face_landmarks_detector.tflite",
    "face_blendshapes.tflite": "face_blendshapes.tflite",
}
"""Parts of MediaPipe's bundle of models, and the files of this package that they are."""


Work = Callable[[], int]
"""What is timed; gives the number of frames."""


def by_fleeting(video: str, scratch: Path) -> Work:
    """Analyse the video."""
    from fleeting.analysis.analyze import analyze

    def work() -> int:
        (done,) = analyze(video, scratch / "out", formats=("csv", "json")).done
        return int(done.summary["frames_decoded"])

    return work


def by_mediapipe(video: str, scratch: Path) -> Work:
    """Find the face in each frame by MediaPipe's face landmarker."""
    import cv2
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(scratch / "face.task")),
        running_mode=vision.RunningMode.VIDEO,
        output_face_blendshapes=True,
    )

    def work() -> int:
        with vision.FaceLandmarker.create_from_options(options) as landmarker:
            source, frames = cv2.VideoCapture(video), 0
            while (read := source.read())[0]:
                picture = cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB)
                image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture)
                landmarker.detect_for_video(image, 33 * frames)
                frames += 1
        return frames

    return work


def by_opencv(video: str, scratch: Path) -> Work:  # noqa: ARG001
    """Find a box around the face in each frame by OpenCV's cascade."""
    import cv2

    def work() -> int:
        cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
        source, frames = cv2.VideoCapture(video), 0
        while (read := source.read())[0]:
            cascade.detectMultiScale(cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY), minSize=(80, 80))
            frames += 1
        return frames

    return work


WAYS: dict[str, Callable[[str, Path], Work]] = {
    "fleeting": by_fleeting,
    "mediapipe": by_mediapipe,
    "opencv": by_opencv,
}


def bundled(scratch: Path) -> None:
    """Put the package's models into a bundle as MediaPipe reads it."""
    import fleeting

    assets = Path(fleeting.__file__).parent / "assets" / "faces"
    with zipfile.ZipFile(scratch / "face.task", "w", zipfile.ZIP_STORED) as bundle:
        for name, file in PARTS.items():
            bundle.write(assets / file, name)


def timed(name: str, python: str, video: Path) -> tuple[float, float] | None:
    """Milliseconds of processor time and of the clock a frame, or None where the toolkit does not run."""
    with tempfile.TemporaryDirectory() as folder:
        bundled(Path(folder))
        command = [python, __file__, "--only", name, "--video", str(video), "--scratch", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name:10s} does not run: {done.stderr.strip().splitlines()[-1]}")
        return None
    processor, clock = json.loads(done.stdout.splitlines()[-1])
    return processor, clock


def alone(name: str, video: str, scratch: Path) -> None:
    """Print what one toolkit takes for the video, as a line of JSON."""
    work = WAYS[name](video, scratch)
    clock, processor = time.perf_counter(), time.process_time()
    frames = work()
    taken = time.process_time() - processor, time.perf_counter() - clock
    print(json.dumps([1000 * seconds / frames for seconds in taken]))


def compare(video: Path, pythons: dict[str, str], rounds: int) -> None:
    """Take turns, and print the median of each, and how many times `fleeting`'s processor time that is."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in pythons}
    for _ in range(rounds):
        for name in [*found]:
            taken = timed(name, pythons[name], video)
            if taken is None:
                del found[name]
            else:
                found[name].append(taken)
    own = median(processor for processor, _ in found["fleeting"])
    print(f"{'':10s} {'processor':>12s} {'clock':>10s} {'times':>6s}")
    for name, taken in found.items():
        processor, clock = (median(column) for column in zip(*taken, strict=True))
        print(f"{name:10s} {processor:9.1f} ms {clock:7.1f} ms {processor / own:6.2f}  {GIVES[name]}")


def main() -> None:
    """Compare the toolkits that are there; without a video, on a drawn one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--video", type=Path)
    parser.add_argument("--mediapipe", metavar="PYTHON", help="an interpreter that has mediapipe")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        alone(given.only, str(given.video), given.scratch)
        return
    pythons = {"fleeting": sys.executable, "opencv": sys.executable}
    if given.mediapipe:
        pythons["mediapipe"] = given.mediapipe
    with tempfile.TemporaryDirectory() as folder:
        video = given.video
        if video is None:
            from fleeting.synthetic.draw import draw

            draw(Path(folder), videos=1, seconds=10, fps=30, seed=3, flows=0, workers=1)
            (video,) = Path(folder).glob("*.mp4")
        compare(video, pythons, given.rounds)


if __name__ == "__main__":
    main()
