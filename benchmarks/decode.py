"""Times decoding 640x480 H.264 to RGB: this project against OpenCV, as a ratio measured in one run.

Both sides read the same file, which is written first: moving noise-textured pictures with camera noise on
top. OpenCV gives BGR; turning that into RGB is not counted as its time. The sides take turns, so that other
load on the machine slows both.

    python benchmarks/decode.py [--frames 300] [--repeats 7]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np

from fleeting.video.reader import open_video

WIDTH, HEIGHT = 640, 480


def write(path: Path, frames: int) -> None:
    """Write a video that is neither trivial nor impossible to compress."""
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT + 120, WIDTH + 160, 3)), (0, 0), 2)
    texture = 128 + 40 * texture / texture.std()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 0
        for number in range(frames):
            top, left = round(60 + 50 * np.sin(number / 20)), round(80 + 70 * np.cos(number / 13))
            picture = texture[top : top + HEIGHT, left : left + WIDTH]
            noisy = picture + rng.normal(0, 3, picture.shape)
            frame = av.VideoFrame.from_ndarray(np.clip(noisy, 0, 255).astype(np.uint8))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def ours(path: Path) -> int:
    """The number of frames that this project decodes."""
    with open_video(path) as video:
        return sum(1 for _ in video)


def opencv(path: Path) -> int:
    """The number of frames that OpenCV decodes."""
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    capture.release()
    return count


def rate(read: Callable[[Path], int], path: Path, frames: int) -> float:
    """Frames per second of one pass over the file. Exits if not all frames are decoded."""
    started = time.perf_counter()
    if (count := read(path)) != frames:
        raise SystemExit(f"{read.__name__} decodes {count} frames of {frames}")
    return frames / (time.perf_counter() - started)


def main() -> None:
    """Measure both sides in turns and print the ratio."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--frames", type=int, default=300)
    options.add_argument("--repeats", type=int, default=7)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "moving.mp4"
        write(path, chosen.frames)
        size = path.stat().st_size / 1e6
        rates = [
            (rate(ours, path, chosen.frames), rate(opencv, path, chosen.frames))
            for _ in range(chosen.repeats)
        ]
    print(
        f"{chosen.frames} frames of {WIDTH}x{HEIGHT} H.264, {size:.1f} MB, median of {chosen.repeats} turns"
    )
    for name, column in zip(("fleeting", "OpenCV"), zip(*rates, strict=True), strict=True):
        print(f"{name:10s} {statistics.median(column):7.0f} frames per second")
    print(f"ratio      {statistics.median(mine / other for mine, other in rates):7.2f}")


if __name__ == "__main__":
    main()
