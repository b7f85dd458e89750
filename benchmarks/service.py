"""Times the service while it works: how long 50 clients wait for answers as a video is being analysed.

The alternative is the same clients and the same requests with no job running: the ratio says what a job costs
those who read. The server and its worker are processes of their own; a job with the 108,000 frames and 360
events of an hour lies in its store, made of drawn numbers, and is what the clients read.

    python benchmarks/service.py [--clients 50] [--seconds 20] [--pause 1]
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from fleeting.analysis.event_files import event_row
from fleeting.analysis.frame_tables import COLUMNS
from fleeting.drawing import identity
from fleeting.drawing.rendering import write_video
from fleeting.drawing.script import script_of_clip
from fleeting.types import Event
from fleeting.web.client import Client
from fleeting.web.settings import ServiceSettings
from fleeting.web.store import Store

FPS, HOUR, EVENTS = 30, 108_000, 360
ID = "a" * 32
ASKED = ("/api/jobs", "/api/jobs/{id}", "/api/jobs/{id}/events", "/api/jobs/{id}/frames", "/api/health")


@dataclass
class Waited:
    """Seconds that each answer took, by what was asked, and the requests that failed."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {path: [] for path in ASKED})
    failed: int = 0


def an_hour(folder: Path) -> None:
    """A job of an hour that is done, of made-up numbers, in a server's folder and store."""
    results = folder / "jobs" / ID / "results" / "hour"
    results.mkdir(parents=True)
    motion = np.random.default_rng(0).gamma(2, 0.1, HOUR)
    with (results / "frames.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number, moved in enumerate(motion):
            box = (260, 150, 170, 190, 0.9, 0.6)
            writer.writerow([number, f"{number / FPS:.6f}", 1, 0, *box, f"{moved:.4f}", ""])
    every = [number * HOUR // EVENTS for number in range(EVENTS)]
    facts = {"face": 0, "kind": "micro", "strength": 1.0, "label": "surprise", "confidence": 0.9}
    events = [
        Event(
            n,
            onset_frame=at,
            apex_frame=at + 4,
            offset_frame=at + 9,
            onset_s=at / FPS,
            apex_s=(at + 4) / FPS,
            offset_s=(at + 9) / FPS,
            probabilities={"surprise": 0.9},
            likelihood=0.8,
            **facts,
        )
        for n, at in enumerate(every, start=1)
    ]
    rows = [event_row(event, ["surprise"]) for event in events]
    (results / "events.json").write_text(json.dumps(rows))
    (results / "candidates.json").write_text("[]")
    (results / "summary.json").write_text("{}")
    store = Store(ServiceSettings(folder=folder).store_url)
    store.add(10, id=ID, name="hour.mp4", source="source/hour.mp4", settings={}, media=None)
    store.claim("benchmark", 60)
    store.end(ID, "benchmark", "done", events=EVENTS, done=HOUR, total=HOUR)
    store.close()


def read(url: str, clients: int, seconds: float, pause: float) -> Waited:
    """What clients that ask again and again, each with a pause between, have to wait."""
    waited, lock = Waited(), threading.Lock()
    until = time.monotonic() + seconds

    def ask(number: int) -> None:
        client, turn = Client(url), number
        time.sleep(pause * number / clients)
        while time.monotonic() < until:
            path = ASKED[turn % len(ASKED)]
            started = time.perf_counter()
            try:
                client.get(path.format(id=ID))
            except Exception:  # counted: a benchmark goes on
                with lock:
                    waited.failed += 1
            else:
                with lock:
                    waited.seconds[path].append(time.perf_counter() - started)
            turn += 1
            time.sleep(pause)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return waited


def p95(seconds: Sequence[float]) -> float:
    """The time under which 95 % of answers came."""
    return float(np.percentile(seconds, 95)) if seconds else float("nan")


def told(name: str, waited: Waited) -> float:
    """Print what was waited, and return the p95 of all answers."""
    everything = [one for seconds in waited.seconds.values() for one in seconds]
    for path, seconds in waited.seconds.items():
        print(
            f"{name}  {path:<24} {len(seconds):5d} answers  median {1000 * np.median(seconds):6.1f} ms"
            f"  p95 {1000 * p95(seconds):6.1f} ms"
        )
    print(
        f"{name}  all  {len(everything)} answers, {waited.failed} failed, p95 {1000 * p95(everything):.1f} ms"
    )
    return p95(everything)


def main() -> None:
    """Run the benchmark and print its times."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    options.add_argument("--clients", type=int, default=50)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--pause", type=float, default=1.0, help="seconds between two requests of a client")
    asked = options.parse_args()
    with TemporaryDirectory() as place:
        folder = Path(place) / "service"
        folder.mkdir()
        an_hour(folder)
        video = Path(place) / "drawn.mp4"
        write_video(script_of_clip(identity(1, 0), "surprise", 3, FPS, margin=4.0), video)
        command = [sys.executable, "-m", "fleeting", "serve", "--port", "0", "--folder", str(folder)]
        log = (Path(place) / "log").open("w")
        server = subprocess.Popen(
            [*command, "--most-requests", "1000000"], stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            url = server.stdout.readline().strip() if server.stdout else ""
            client = Client(url)
            for path in ASKED:
                client.get(path.format(id=ID))  # what is kept after the first request
            rest = told("at rest   ", read(url, asked.clients, asked.seconds / 2, asked.pause))
            jobs = [client.upload(video).id for _ in range(4)]
            while client.job(jobs[0]).progress == 0:
                time.sleep(0.1)
            busy = told("with a job", read(url, asked.clients, asked.seconds, asked.pause))
            left = [client.job(id_).state for id_ in jobs]
            print(f"with a job: {busy / rest:.1f} times the p95 at rest; jobs meanwhile: {', '.join(left)}")
        finally:
            server.terminate()
            server.wait(30)
            log.close()


if __name__ == "__main__":
    main()
