"""What the spotter finds in drawn videos whose every movement is known, over frame rates and more.

Videos are drawn through H.264, one person each. All seeds here are held out: constants of the spotter were
chosen on seeds 0 to 99. A movement is found if it shares half of its union with a true one, one for each
(MEGC's rule, pooled). Drawn faces come from two photographs: what holds for other people is not shown here.

    python benchmarks/spotting.py [--quick] [--folder DIR] [--only NAME ...] [--spotter matched]

With ``--folder`` drawn videos and measured motion are kept there, and used again.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from fleeting.drawn_data import draw
from fleeting.facemotion import REGIONS, FaceMotion, Motion
from fleeting.faces import FaceTracker
from fleeting.intervals import Interval, match
from fleeting.spotting import DEFAULT, Spotted, spotters
from fleeting.video import open_video
from fleeting.watching import main_face

EVERY = 4
"""The mesh is looked for in every so many frames: motion is measured between all of them."""


@dataclass(frozen=True)
class Setting:
    """A row of a table: how many videos, of how many seconds, are drawn how."""

    name: str
    videos: int
    fps: float
    seed: int
    seconds: float = 60.0
    events: float = 4.0
    amplitude: float | None = None
    disturb: str = "moderate"


TABLES = {
    "Frame rate": [
        Setting("30 fps", 20, 30, 100030),
        Setting("60 fps", 6, 60, 100060),
        Setting("100 fps", 20, 100, 100100),
        Setting("200 fps", 4, 200, 100200),
    ],
    "Amplitude, percent of the eye distance, 60 fps": [
        Setting(f"amplitude {size}", 3, 60, 100300 + round(100 * size), events=8.0, amplitude=size)
        for size in (0.3, 0.5, 0.8, 1.2)
    ],
    "Disturbance, 60 fps": [
        Setting("none", 4, 60, 100500, disturb="none"),
        Setting("strong", 4, 60, 100520, disturb="strong"),
    ],
    "Nothing to find, strong disturbance, 60 fps": [
        Setting("no events", 10, 60, 100600, events=0.0, disturb="strong"),
    ],
}


def motion_of(path: Path) -> list[Motion]:
    """The motion of the face in a video, kept beside it."""
    kept = path.with_suffix(".npz")
    if not kept.exists():
        _measure(path, kept)
    series = np.load(kept)
    rows = zip(*(series[name] for name in ("n", "t", "y", "s", "a", "e")), strict=True)
    return [
        Motion(int(n), float(t), None if np.isnan(a) else y, int(s), float(a), float(e))
        for n, t, y, s, a, e in rows
    ]


def _measure(path: Path, kept: Path) -> None:
    tracker, skin, face = FaceTracker(), FaceMotion(), None
    found = []
    with open_video(path) as video:
        for frame in video:
            if frame.number % EVERY == 0:
                face = main_face(tracker.push(frame.image), face)
            found.append(skin.push(frame, face))
    none = np.full((len(REGIONS), 2), np.nan)
    np.savez(
        kept,
        n=[m.frame for m in found],
        t=[m.time for m in found],
        y=[none if m.places is None else m.places for m in found],
        s=[m.stretch for m in found],
        a=[m.amount for m in found],
        e=[m.shut for m in found],
    )


def spotted(motions: list[Motion], spotter: str) -> list[Spotted]:
    """Everything that the spotter finds."""
    one = spotters[spotter]()
    return [found for motion in motions for found in one.push(motion)] + one.finish()


def videos_of(setting: Setting, folder: Path) -> list[dict[str, Any]]:
    """The truth of the setting's videos, drawn where they are not there yet."""
    made = folder / "truth.json"
    if not (
        made.exists() and all((folder / f"drawn_{n + 1:03d}.mp4").exists() for n in range(setting.videos))
    ):
        draw(
            folder,
            videos=setting.videos,
            seconds=setting.seconds,
            fps=setting.fps,
            events_per_minute=setting.events,
            amplitude=setting.amplitude,
            disturb=setting.disturb,
            seed=setting.seed,
            flows=0,
            workers=1,
        )
    videos: list[dict[str, Any]] = json.loads(made.read_text())["videos"]
    return videos


def row(setting: Setting, folder: Path, spotter: str) -> str:
    """One line of a table."""
    tp = fp = fn = frames = 0
    seconds = 0.0
    late: list[float] = []
    videos = videos_of(setting, folder)
    for video in videos:
        motions = motion_of(folder / video["file"])
        start = time.perf_counter()
        found = spotted(motions, spotter)
        seconds += time.perf_counter() - start
        frames += len(motions)
        true = {Interval("", e["onset_frame"], e["offset_frame"]): e["apex_frame"] for e in video["events"]}
        said = {Interval("", hit.onset, hit.offset): hit.apex for hit in found}
        pairs = match(true, said)
        tp, fp, fn = tp + len(pairs), fp + len(said) - len(pairs), fn + len(true) - len(pairs)
        late += [1000 * abs(said[hit] - true[event]) / setting.fps for event, hit in pairs]
    cells = [
        setting.name,
        f"{len(videos)} x {setting.seconds:g} s",
        *(f"{count}" for count in (tp + fn, tp, fp, fn)),
        f"{2 * tp / (2 * tp + fp + fn):.2f}" if tp + fn else "",
        f"{fp / (len(videos) * setting.seconds / 60):.2f}",
        f"{np.median(late):.0f} / {np.percentile(late, 90):.0f}" if late else "",
        f"{1000 * seconds / frames:.2f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Draw, measure, spot, print."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--quick", action="store_true", help="one video of 20 s a row")
    options.add_argument("--folder", type=Path)
    options.add_argument("--only", nargs="*", help="names of rows")
    options.add_argument("--spotter", default=DEFAULT)
    chosen = options.parse_args()
    with TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        for title, settings in TABLES.items():
            print(f"\n{title}\n")
            print(
                "| videos | length | movements | TP | FP | FN | F1 | false/min | apex off, ms | ms a frame |"
            )
            print("|---|---|---|---|---|---|---|---|---|---|")
            for setting in settings:
                if chosen.only and setting.name not in chosen.only:
                    continue
                if chosen.quick:
                    setting = replace(setting, videos=1, seconds=20.0)
                place = folder / setting.name.replace(" ", "-")
                print(row(setting, place, chosen.spotter), flush=True)


if __name__ == "__main__":
    main()
