"""Scores the spotter on drawn videos whose movements are all known: over frame rate, size and disturbance.

With ``--alarms``, shows instead how often a spotter is wrong where there is nothing to find: in drawn videos
of both styles, and in real footage.

Videos are drawn and compressed by H.264, one person each. All seeds here are held out: the spotter's
constants were chosen on seeds 0 to 999. A true movement is found if an interval shares half of their union
with it, each interval used once (MEGC's rule, pooled). Drawn faces come from two photographs, so this shows
nothing about other people.

    python studies/spotting.py [--style head] [--quick] [--folder DIR] [--only NAME ...] [--picture FILE]
                               [--spotter NAME]
    python studies/spotting.py --alarms [--shared ../shared] [--quick] [--folder DIR]

With ``--folder``, drawn videos and measured motion are kept there, and used again until the code that
measures motion changes. ``--picture`` writes F1 over frame rate, amplitude and disturbance as one picture.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from real_spotting import judged

from fleeting.drawing.script import Style
from fleeting.faces import skin_motion
from fleeting.faces.skin_motion import REGIONS, FaceMotion, Motion
from fleeting.faces.tracking import FaceTracker, main_face
from fleeting.scoring.intervals import Interval, match
from fleeting.spotting import DEFAULT, Spotted, spotters
from fleeting.synthetic.draw import draw
from fleeting.video.reader import open_video

MESHES = 30.0
"""The mesh is fitted about so often a second; motion is measured in all frames."""


@dataclass(frozen=True)
class Setting:
    """One row of a table: the number and length of the videos, and how they are drawn."""

    name: str
    videos: int
    fps: float
    seed: int
    seconds: float = 60.0
    events: float = 4.0
    amplitude: float | None = None
    disturb: str = "moderate"


RATES = [
    Setting("30 fps", 20, 30, 100030),
    Setting("60 fps", 6, 60, 100060),
    Setting("100 fps", 20, 100, 100100),
    Setting("200 fps", 4, 200, 100200),
]
SIZES = [
    Setting(f"amplitude {size}", 2, 60, 100300 + round(100 * size), events=8.0, amplitude=size)
    for size in (0.3, 0.5, 0.8, 1.2)
]
DISTURBANCES = [
    Setting("none", 4, 60, 100500, disturb="none"),
    RATES[1],
    Setting("strong", 4, 60, 100520, disturb="strong"),
]
TABLES = {
    "Frame rate, moderate disturbance": RATES,
    "Peak in percent of the eye distance, moderate disturbance, 60 fps": SIZES,
    "Disturbance, 60 fps": [DISTURBANCES[0], DISTURBANCES[2]],
    "Nothing to find, strong disturbance": [
        Setting("no events, 60 fps", 10, 60, 100600, events=0.0, disturb="strong"),
        Setting("no events, 30 fps", 4, 30, 100700, events=0.0, disturb="strong"),
    ],
}
EMPTY = [Setting("moderate", 4, 30, 100800, 20.0, 0.0)]
"""Videos without an event, at the frame rate of most real footage."""
FILMS = {".mp4", ".mkv", ".mpg", ".mov"}


@dataclass
class Score:
    """Hits, false alarms and misses in a setting's videos; ``late`` are the hits' apex errors in ms."""

    setting: Setting
    tp: int = 0
    fp: int = 0
    fn: int = 0
    late: list[float] = field(default_factory=list)

    @property
    def f1(self) -> float:
        """The number of matches over the mean of the numbers of found and of true intervals."""
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn)

    @property
    def row(self) -> str:
        """One line of a table."""
        minutes = self.setting.videos * self.setting.seconds / 60
        cells = [
            self.setting.name,
            f"{self.setting.videos} x {self.setting.seconds:g} s",
            *(f"{count}" for count in (self.tp + self.fn, self.tp, self.fp, self.fn)),
            f"{self.f1:.2f}" if self.tp + self.fn else "",
            f"{self.fp / minutes:.2f}",
            f"{np.median(self.late):.0f} / {np.percentile(self.late, 90):.0f}" if self.late else "",
        ]
        return "| " + " | ".join(cells) + " |"


def motion_of(path: Path, kept: Path) -> list[Motion]:
    """The motion of the face in a video; it is kept in the file ``kept`` until code of its room changes."""
    changed = max(code.stat().st_mtime for code in Path(skin_motion.__file__).parent.glob("*.py"))
    if not kept.exists() or kept.stat().st_mtime < changed:
        _measure(path, kept)
    series = np.load(kept)
    rows = zip(*(series[name] for name in ("n", "t", "y", "s", "a", "e", "l", "m")), strict=True)
    return [
        Motion(
            int(n),
            float(t),
            None if np.isnan(a) else y,
            int(s),
            float(a),
            float(e),
            likeness=float(likeness),
            mouth=float(mouth),
        )
        for n, t, y, s, a, e, likeness, mouth in rows
    ]


def _measure(path: Path, kept: Path) -> None:
    tracker, skin, face = FaceTracker(), FaceMotion(), None
    found, every, last = [], 1, None
    with open_video(path) as video:
        for frame in video:
            if last is not None and frame.number == 1:
                every = max(1, round(1 / (frame.time - last) / MESHES))
            last = frame.time
            if frame.number % every == 0:
                face = main_face(tracker.push(frame.image, frame.time), face)
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
        l=[m.likeness for m in found],
        m=[m.mouth for m in found],
    )


def spotted(motions: list[Motion], spotter: str) -> list[Spotted]:
    """What the spotter finds in these motions and is listed by default."""
    one = spotters[spotter]()
    found = [movement for motion in motions for movement in one.push(motion)] + one.finish()
    return [m for m in found if m.likelihood is None or m.likelihood >= one.point(1.0)]


def drawn(setting: Setting, folder: Path, style: Style) -> list[dict[str, Any]]:
    """The truth of the setting's videos, which are drawn if they are missing."""
    truth = draw(
        folder,
        videos=setting.videos,
        seconds=setting.seconds,
        fps=setting.fps,
        events_per_minute=setting.events,
        amplitude=setting.amplitude,
        disturb=setting.disturb,
        style=style,
        seed=setting.seed,
        flows=0,
        workers=1,
    )
    return list(truth["videos"])


def score(setting: Setting, folder: Path, spotter: str, style: Style) -> Score:
    """The spotter's score on the setting's videos."""
    scored = Score(setting)
    for video in drawn(setting, folder, style):
        path = folder / video["file"]
        found = spotted(motion_of(path, path.with_suffix(".npz")), spotter)
        true = {Interval("", e["onset_frame"], e["offset_frame"]): e["apex_frame"] for e in video["events"]}
        said = {Interval("", hit.onset, hit.offset): hit.apex for hit in found}
        pairs = match(true, said)
        scored.tp += len(pairs)
        scored.fp += len(said) - len(pairs)
        scored.fn += len(true) - len(pairs)
        scored.late += [1000 * abs(said[hit] - true[event]) / setting.fps for event, hit in pairs]
    return scored


def alarms(folder: Path, shared: Path, quick: bool) -> None:
    """Print the false alarms a minute of each spotter where nothing is to be found, drawn and real.

    "Skin off" is how far the skin is from its mean of a second (`Motion.amount`), in percent of the eye
    distance, in the median over a video and over videos.
    """
    print("| videos | minutes | skin off, % | spotter | false alarms | a minute |\n|---|---|---|---|---|---|")
    for style in ("flat", "head"):
        for setting in EMPTY:
            videos = 1 if quick else setting.videos
            chosen = replace(setting, videos=videos, seconds=20.0 if quick else setting.seconds)
            place = folder / f"{style}-{setting.name.replace(' ', '-')}"
            films = [(place / one["file"], place) for one in drawn(chosen, place, style)]
            _alarms_of(f"drawn, {style}, {setting.name}", films)
    real = [path for path in sorted((shared / "data" / "faces-real").glob("*")) if path.suffix in FILMS]
    kept = folder / "real"
    kept.mkdir(parents=True, exist_ok=True)
    if real:
        _alarms_of("real, faces-real", [(path, kept) for path in real[: 2 if quick else None]])
    else:
        print(f"real footage: not run, {shared} holds no data/faces-real")


def _alarms_of(name: str, films: list[tuple[Path, Path]]) -> None:
    """Print the rows of some videos; motion is kept in the folder that stands beside each."""
    motions = {path: motion_of(path, kept / f"{path.stem}.npz") for path, kept in films}
    minutes = sum(motion[-1].time - motion[0].time for motion in motions.values()) / 60
    off = np.median([np.nanmedian([one.amount for one in motion]) for motion in motions.values()])
    for spotter in spotters:
        found = 0
        for path, motion in motions.items():
            seen = judged(path)
            micro = [one for one in spotted(motion, spotter) if one.kind == "micro"]
            found += sum(
                all(one.offset < onset or offset < one.onset for onset, offset in seen) for one in micro
            )
        print(
            f"| {name} | {minutes:.1f} | {off:.2f} | {spotter} | {found} | {found / minutes:.2f} |",
            flush=True,
        )


def picture(scores: dict[str, Score], path: Path) -> None:
    """Plot F1 over frame rate, amplitude and disturbance, with the number of true movements at each point."""
    figure = Figure(figsize=(9, 3), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    curves = [
        ("frames a second", RATES, [f"{setting.fps:g}" for setting in RATES]),
        ("peak, % of the eye distance (60 fps)", SIZES, [f"{setting.amplitude:g}" for setting in SIZES]),
        ("disturbance (60 fps)", DISTURBANCES, [setting.disturb for setting in DISTURBANCES]),
    ]
    for axes, (label, settings, ticks) in zip(panels, curves, strict=True):
        chosen = [scores[setting.name] for setting in settings]
        values = [one.f1 for one in chosen]
        axes.plot(values, "o-", color="#1f5a96")
        for place, (one, value) in enumerate(zip(chosen, values, strict=True)):
            above = value < 0.8
            axes.annotate(
                f"{value:.2f}\n({one.tp + one.fn})",
                (place, value),
                (0, 8 if above else -8),
                textcoords="offset points",
                ha="center",
                va="bottom" if above else "top",
                fontsize=8,
            )
        axes.set_xticks(range(len(ticks)), ticks)
        axes.margins(x=0.15)
        axes.set_xlabel(label)
        axes.grid(axis="y", alpha=0.3)
    panels[0].set_ylim(0, 1.05)
    panels[0].set_ylabel("F1 at IoU 0.5 (movements)")
    figure.savefig(path, dpi=100)


def main() -> None:
    """Draw the videos, measure their motion, spot, print the tables."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--quick", action="store_true", help="one video of 20 s a row")
    options.add_argument("--folder", type=Path)
    options.add_argument("--only", nargs="*", help="names of rows")
    options.add_argument("--picture", type=Path, help="needs all rows")
    options.add_argument("--spotter", default=DEFAULT)
    options.add_argument("--style", choices=("flat", "head"), default="head")
    options.add_argument("--alarms", action="store_true", help="false alarms, drawn and real, side by side")
    options.add_argument("--shared", type=Path, default=Path("../shared"), help="holds data/faces-real")
    chosen = options.parse_args()
    if chosen.only and chosen.picture:
        options.error("--picture shows all rows; leave out --only")
    with TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        if chosen.alarms:
            alarms(folder, chosen.shared, chosen.quick)
            return
        scores = tables(folder / chosen.style, chosen.only, chosen.quick, chosen.spotter, chosen.style)
    if chosen.picture:
        picture(scores, chosen.picture)


def tables(
    folder: Path, only: Sequence[str] | None, quick: bool, spotter: str, style: Style
) -> dict[str, Score]:
    """Print the tables, whole or the rows that are named, and return the scores by row."""
    scores = {}
    for title, settings in TABLES.items():
        rows = [setting for setting in settings if setting.name in (only or [setting.name])]
        if not rows:
            continue
        print(f"\n{title}\n")
        print("| videos | length | movements | TP | FP | FN | F1 | false/min | apex off, ms |")
        print("|---|---|---|---|---|---|---|---|---|")
        for setting in rows:
            if quick:
                setting = replace(setting, videos=1, seconds=20.0)
            place = folder / setting.name.replace(",", "").replace(" ", "-")
            scores[setting.name] = score(setting, place, spotter, style)
            print(scores[setting.name].row, flush=True)
    return scores


if __name__ == "__main__":
    main()
