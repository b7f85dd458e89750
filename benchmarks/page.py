"""Times the page of `fleeting serve` in a real browser, on an hour of video whose results are made up.

An hour has 108,000 frames (30 a second) and 360 events. Printed are the time from asking for the viewer until
its timeline and list are drawn, beside the time that the start page of the same server takes, and the times
between two drawn frames while the timeline is zoomed and moved. The video is a small one of the same length,
so that its decoding does not count.

    python benchmarks/page.py [--seconds 3600] [--events 360]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from fleeting.analysis.event_files import events_csv, events_json
from fleeting.analysis.frame_tables import COLUMNS
from fleeting.types import Event
from fleeting.web.frames import keep_table
from fleeting.web.media.boxes import keep_boxes
from fleeting.web.settings import ServiceSettings
from fleeting.web.store import Store
from fleeting.web.store.records import DONE

FPS = 30
CLASSES = ("negative", "positive", "surprise")
JOB = "f" * 32
MOVED = 60
"""Steps of the wheel for which frame times are taken, zooms and moves in turn."""


def write_results(folder: Path, seconds: float, count: int) -> dict[str, Any]:
    """Made-up results of an analysis: tables of every frame, ``count`` events; their summary is returned."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    frames = round(seconds * FPS)
    motion = 0.15 + 0.03 * rng.standard_normal(frames) + 0.1 * np.sin(np.arange(frames) / 900) ** 2
    events = list(_events(rng, seconds, count))
    for event in events:
        motion[event.onset_frame : event.offset_frame] += 0.4
    lines = [",".join(COLUMNS)]
    for frame, moved in enumerate(motion.tolist()):
        seen = f"{frame},{frame / FPS:.6f},1,0,20.0,10.0,24.0,28.0,0.990,0.700"
        blurred = frame % 9000 > 8900
        lines.append(f"{seen},,too blurred: sharpness 0.10" if blurred else f"{seen},{abs(moved):.4f},")
    for name in ("frames.csv", "faces.csv"):
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    candidates = [
        replace(event, label="", confidence=None, probabilities={}, likelihood=0.5) for event in events[::3]
    ]
    (folder / "events.json").write_text(events_json(events, CLASSES), encoding="utf-8")
    (folder / "events.csv").write_text(events_csv(events, CLASSES), encoding="utf-8")
    (folder / "candidates.json").write_text(events_json(candidates, CLASSES), encoding="utf-8")
    settings = {"start": None, "end": None, "fps": None, "spotter": "rising", "people": 4}
    settings |= {"alarms_per_minute": 1.0, "blur": False, "formats": ["csv", "json"]}
    summary = {"frames_decoded": frames, "container_start_s": 0.0, "events": count, "warnings": []}
    summary |= {"settings": settings, "model": None, "input": {"file": "hour.mp4", "sha256": ""}}
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return summary


def _events(rng: np.random.Generator, seconds: float, count: int) -> Iterator[Event]:
    for number, at in enumerate(np.linspace(2, seconds - 2, count).tolist(), start=1):
        onset = round(at * FPS)
        chances = dict(zip(CLASSES, rng.dirichlet([1, 1, 1]).tolist(), strict=True))
        label = max(chances, key=lambda name: chances[name])
        frames = onset, onset + 5, onset + 12
        times = [frame / FPS for frame in frames]
        said = {"label": label, "confidence": chances[label], "probabilities": chances}
        yield Event(number, 0, "micro", *frames, *times, 8.0, likelihood=float(rng.uniform(0.7, 1)), **said)


def write_video(path: Path, seconds: float) -> None:
    """A video of that length, 64 pixels wide, which costs next to nothing to decode."""
    pictures = [np.full((48, 64, 3), 30 + 7 * shade, np.uint8) for shade in range(30)]
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "30", "g": "60"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(round(seconds * FPS)):
            frame = av.VideoFrame.from_ndarray(pictures[number % 30], format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def write_job(folder: Path, seconds: float, events: int) -> None:
    """Put such a recording into a server's folder and store, as a job that is done."""
    settings = ServiceSettings(folder=folder, workers=0)
    (folder / "jobs" / JOB / "source").mkdir(parents=True)
    write_video(folder / "jobs" / JOB / "source" / "hour.mp4", seconds)
    write_results(folder / "jobs" / JOB / "results" / "hour", seconds, events)
    for keep in (keep_table, keep_boxes):  # as the worker does
        keep(folder, JOB, folder / "jobs" / JOB / "results" / "hour")
    store = Store(settings.store_url)
    media = {"width": 64, "height": 48, "fps": FPS, "frames": round(seconds * FPS), "duration_s": seconds}
    media["variable_frame_rate"] = False
    store.add(1, id=JOB, name="hour.mp4", source="source/hour.mp4", settings={}, media=media)
    store.claim("benchmark", 60)
    store.end(JOB, "benchmark", DONE, events=events)
    store.close()


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a server on this folder, which ends with the block."""
    command = [
        sys.executable,
        "-m",
        "fleeting",
        "serve",
        "--port",
        "0",
        "--folder",
        str(folder),
        "--workers",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield (process.stdout.readline() if process.stdout else "").strip().rstrip("/")
        finally:
            process.terminate()


def measure(browser: Any, url: str) -> Mapping[str, Any]:
    """Seconds until start page and viewer are drawn, and milliseconds between frames while it scrolls.

    The viewer is opened twice: at first the server parses the tables, then it has them.
    """
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    opened = [_seconds(page, f"{url}/", "#jobs li")]
    opened += [_seconds(page, f"{url}/jobs/{JOB}", "#events .entry button") for _ in range(2)]
    entries = page.locator("#events .entry").count()
    page.evaluate(
        "window.between = []; let last = performance.now();"
        "const each = (now) => { between.push(now - last); last = now; requestAnimationFrame(each); };"
        "requestAnimationFrame(each);"
    )
    box = page.locator("#plot .u-over").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + 40)
    for step in range(MOVED):
        page.keyboard.down("Shift") if step % 2 else page.keyboard.up("Shift")
        page.mouse.wheel(0, -120 if step < MOVED / 2 or step % 2 else 120)
        page.wait_for_timeout(16)
    page.keyboard.up("Shift")
    between = sorted(page.evaluate("between.slice(1)"))
    page.close()
    tail = between[min(len(between) - 1, int(0.95 * len(between)))]
    frames = {
        "median": statistics.median(between),
        "p95": tail,
        "longest": between[-1],
        "drawn": len(between),
    }
    return {
        "home_s": opened[0],
        "first_s": opened[1],
        "again_s": opened[2],
        "entries": entries,
        "frames_ms": frames,
    }


def _seconds(page: Any, address: str, shown: str) -> float:
    begun = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(shown)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return time.perf_counter() - begun


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--events", type=int, default=360)
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        service = Path(folder) / "service"
        service.mkdir()
        write_job(service, given.seconds, given.events)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        with serving(service) as url:
            found = measure(browser, url)
        browser.close()
    frames = found["frames_ms"]
    print(f"{round(given.seconds * FPS)} frames, {found['entries']} events listed")
    print(
        f"start page {found['home_s']:.2f} s; viewer {found['first_s']:.2f} s, again {found['again_s']:.2f} s"
    )
    print("between frames while zooming and moving: ", end="")
    print(
        ", ".join(f"{name} {frames[name]:.0f} ms" for name in ("median", "p95", "longest")),
        f"({frames['drawn']})",
    )


if __name__ == "__main__":
    main()
