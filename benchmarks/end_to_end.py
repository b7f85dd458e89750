"""Times video to events, end to end, at 640x480: frames per second, and the time of each stage.

The video is drawn (unless --video names one) and decoded from H.264 like any other. The ways of working take
turns, and the median round counts. A stage's time is processor time, which other load hardly changes.

    python benchmarks/end_to_end.py [--video FILE] [--seconds 10] [--fps 200] [--rounds 3]
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from threadpoolctl import threadpool_limits

import fleeting
from fleeting.faces import action_units, finding, skin_motion, tracking
from fleeting.faces.optical_flow import flow, gray
from fleeting.optional import cv2
from fleeting.recognition.recogniser import Recogniser
from fleeting.session import buffer
from fleeting.session.session import Session
from fleeting.spotting.rising_spotter import Rising
from fleeting.synthetic.draw import draw
from fleeting.types import Event
from fleeting.video.reader import open_video


def place(owner: Any, name: str) -> tuple[Any, str]:
    """Where a call is looked up. Raises AttributeError, when this file is imported, where it is not there."""
    getattr(owner, name)
    return owner, name


STAGES = {
    "mesh of the face": place(finding, "mesh"),
    "detector, for new faces": place(finding, "detect"),
    "quality of the picture": place(tracking, "measure"),
    "motion of the skin": place(skin_motion.FaceMotion, "push"),
    "spotting": place(Rising, "push"),
    "pictures kept for clips": place(buffer.ClipBuffer, "add"),
    "clips cut out of them": place(buffer.ClipBuffer, "clip"),
    "faces kept for action units": place(action_units.ActionUnits, "add"),
    "action units of events": place(action_units.ActionUnits, "changed"),
}
"""The stages that a frame goes through, and the calls that carry them out."""


def pushed(path: Path) -> list[Event]:
    """Push one frame after the other into a session, in one thread."""
    one = Session(recogniser=Recogniser.load().recognise)
    with open_video(path) as video:
        found = [event for frame in video for event in one.push(frame)]
    return found + one.finish()


def read(path: Path) -> list[Event]:
    """Read the session: it finds faces in the next frames while it follows the skin in this one."""
    one = Session(recogniser=Recogniser.load().recognise)
    with open_video(path) as video:
        found = [event for _, events in one.read(video) for event in events]
    return found + one.finish()


def analysed(path: Path) -> list[Event]:
    """The whole call of `fleeting.analyze`: tables, events, report, and loading the weights."""
    with TemporaryDirectory() as out:
        return list(fleeting.analyze(path, out).done[0].events)


def dense(path: Path) -> list[Event]:
    """The usual way: detect and fit the face in each frame, compute dense flow over it; without spotting."""
    before = None
    with open_video(path) as video:
        for frame in video:
            found = tracking.find_face(frame.image)
            if found is None:
                before = None
                continue
            x, y, width, height = (max(0, int(edge)) for edge in found.box)
            part = cv2().resize(gray(frame.image[y : y + height, x : x + width]), (224, 224))
            if before is not None:
                flow(before, part, "farneback")
            before = part
    return []


@contextmanager
def timed(spent: Counter[str], calls: Counter[str]) -> Iterator[None]:
    """Count the processor time and the calls of each stage inside the block."""
    watched = {name: _watched(name, getattr(*place), spent, calls) for name, place in STAGES.items()}
    patches = [patch.object(*place, watched[name]) for name, place in STAGES.items()]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


def _watched(
    name: str, call: Callable[..., Any], spent: Counter[str], calls: Counter[str]
) -> Callable[..., Any]:
    def watched(*given: Any, **named: Any) -> Any:
        started = time.thread_time()
        result = call(*given, **named)
        spent[name] += time.thread_time() - started
        calls[name] += 1
        return result

    return watched


def stages(path: Path) -> None:
    """Print how the processor time of one thread is spent."""
    spent: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    recogniser = Recogniser.load()
    with timed(spent, calls), open_video(path) as video:
        one = Session(recogniser=_watched("recognition", recogniser.recognise, spent, calls))
        started = time.process_time()
        frames = 0
        for frame in video:
            one.push(frame)
            frames += 1
        one.finish()
        total = time.process_time() - started
    spent["decoding, and the rest"] = total - sum(spent.values())
    print(
        f"\nwhere {1000 * total / frames:.2f} ms of processor time a frame go ({frames} frames, one thread)"
    )
    for name, seconds in spent.most_common():
        each = f"{calls[name]} times {1000 * seconds / calls[name]:.2f} ms" if calls[name] else ""
        print(f"  {name:34s} {1000 * seconds / frames:6.2f} ms  {seconds / total:4.0%}   {each}")


def compare(path: Path, frames: int, rounds: int) -> None:
    """Print frames per second of each way of working, and its ratio to the first."""
    contestants = {
        "face, mesh, dense flow each frame": dense,
        "session, pushed": pushed,
        "session, read ahead": read,
        "analyze, with report": analysed,
    }
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, work in contestants.items():
            started = time.perf_counter()
            work(path)
            taken[name].append(time.perf_counter() - started)
    first = median(taken[next(iter(taken))])
    for name, times in taken.items():
        spent = median(times)
        print(f"  {name:36s} {frames / spent:6.0f} frames/s   {first / spent:5.2f} times")


def main() -> None:
    """Draw the video unless one is named, measure and print."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--video", type=Path)
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--fps", type=float, default=200.0)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    cv2().setNumThreads(1)
    with TemporaryDirectory() as folder:
        path = chosen.video
        if path is None:
            how = {"seconds": chosen.seconds, "fps": chosen.fps, "style": "flat"}
            draw(Path(folder), videos=1, **how, seed=3, flows=0, workers=1)
            path = Path(folder) / "drawn_001.mp4"
        with open_video(path) as video:
            frames = sum(1 for _ in video)
        print(f"{frames} frames, the median of {chosen.rounds} rounds")
        with threadpool_limits(1):  # as `fleeting.analyze` does: small matrices are slower in several threads
            compare(path, frames, chosen.rounds)
            stages(path)


if __name__ == "__main__":
    main()
