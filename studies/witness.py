"""Measures what the blendshapes of a face say: of action units, and of blinks, gaze and speech.

    python studies/witness.py curves [--shared ../shared]   # its noise, its cost, and which mesh it needs
    python studies/witness.py alarms [--shared ../shared]   # blinks, gaze, speech, head at judged alarms
    python studies/witness.py false FOUND [--shared ../shared]  # what false alarms are, by the same limits
    python studies/witness.py casme2 ROOT                   # action units against the sheet of CASME II

An area under the curve (AUC) is the chance that a case that has something scores above one that has not.
`alarms` sets a limit for each measure where its sensitivity plus specificity is largest, on alarms that one
person judged. FOUND is a file that `studies/real_spotting.py --json FOUND` wrote; `false` gives each false
alarm on its untouched footage to one of the measures that reach their limits: that of which most judged
alarms of other kinds have less. Chewing is not told from speech: nobody judged an alarm to be chewing.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from real_likelihood import footage
from real_spotting import default_point
from sklearn.metrics import roc_auc_score, roc_curve

import fleeting
from fleeting.datasets import datasets, number_of
from fleeting.errors import FleetingError
from fleeting.faces.action_units import APART, STANDS_OUT, changes
from fleeting.faces.blendshapes import NAMES, UNITS, USED, blendshapes, unit_values
from fleeting.faces.landmarks import LEFT_EYE, LEFT_EYE_CORNERS, POINTS, RIGHT_EYE, RIGHT_EYE_CORNERS
from fleeting.faces.networks import expression, level_face, square_of_mesh
from fleeting.faces.quality import pose
from fleeting.faces.tracking import Face, FaceTracker, find_face, main_face
from fleeting.video.pictures import read_pictures

Array = npt.NDArray[np.float64]
Span = tuple[int, int]
SECONDS = 6.0
"""How much of the beginning of each video `curves` looks at."""
MOVEMENTS = 0.1, 0.15, 0.2, 0.3
"""Seconds from onset to apex of the moments, taken at random, at which nothing is known to happen."""
IRIS = 0.235
"""Radius of an iris over the distance between the corners of its eye, in the mesh that has irises."""
EYES = "eyeBlink", "eyeLookUp", "eyeLookDown", "eyeLookIn", "eyeLookOut"
MOUTH = "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthLowerDown", "mouthUpperUp", "mouthRoll"
OTHERS = *EYES, "jawOpen"
MEASURES = {"blink or gaze": "blink", "speech": "speech", "head turn": "head turn"}
"""The measures, and what the person who judged the alarms called it (a blink or a glance: ``blink``)."""
Looks = dict[int, tuple[Array, Array]]
"""Of each frame that was looked at: 52 blendshapes; yaw, pitch, roll in degrees and the time in seconds."""


def main() -> None:
    """Measure what was asked for, and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("curves", "alarms", "false", "casme2"))
    parser.add_argument("root", type=Path, nargs="?", help="folder of CASME II, or FOUND")
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that holds data/")
    parser.add_argument("--every", type=int, default=1, help="take only every so many videos")
    asked = parser.parse_args()
    if asked.what in ("casme2", "false") and asked.root is None:
        parser.error(f"{asked.what} needs a path; see above")
    if asked.what == "casme2":
        print(casme2(asked.root))
        return
    data = asked.shared / "data"
    if not (data / "faces-real").is_dir():
        sys.exit(f"{data}: no faces-real; give the folder that holds real material by --shared")
    videos = footage(data)[:: asked.every]
    if asked.what == "false":
        print(false(data, videos, json.loads(asked.root.read_text(encoding="utf-8"))))
    else:
        print(curves(videos) if asked.what == "curves" else alarms(data, videos))


def watched(video: Path, spans: Sequence[Span], around: int = 2) -> Looks:
    """The main face's blendshapes and pose in these frames and ``around`` more on either side."""
    wanted = {n for first, last in spans for n in range(first - around, last + around + 1)}
    ahead = {n - k for n in wanted for k in range(16)}  # the tracker follows from a little before
    tracker, face, found = FaceTracker(), None, Looks()
    with fleeting.open_video(video) as frames:
        for frame in frames:
            if frame.number not in ahead:
                continue
            face = main_face(tracker.push(frame.image, frame.time), face)
            if face is not None and frame.number in wanted:
                found[frame.number] = look(frame, face)
    return found


def look(frame: fleeting.Frame, face: Face) -> tuple[Array, Array]:
    """Blendshapes (52,), and yaw, pitch, roll and time (4,)."""
    shapes = blendshapes(level_face(frame.image, face.mesh)).astype(np.float64)
    return shapes, np.array([*pose(face.mesh), frame.time])


def measures(looks: Looks, span: Span, around: int = 2) -> dict[str, float]:
    """How much each measure varies over a span: blendshapes 0 to 1, the head in degrees a second.

    Of several blendshapes the one that varies most counts; where nobody was seen, all are NaN.
    """
    seen = [looks[n] for n in range(span[0] - around, span[1] + around + 1) if n in looks]
    if len(seen) < 2:
        return dict.fromkeys(MEASURES, np.nan)
    shapes, placed = np.stack([one for one, _ in seen]), np.stack([one for _, one in seen])

    def varies(*starts: str) -> float:
        return float(max(np.ptp(both(shapes, start)) for start in starts))

    turned = np.abs(placed[-1, :3] - placed[0, :3]).max() / (placed[-1, 3] - placed[0, 3])
    return {"blink or gaze": varies(*EYES), "speech": varies(*MOUTH), "head turn": float(turned)}


def both(shapes: Array, start: str) -> Array:
    """The mean of the blendshapes whose names begin so: of both sides, where there are two."""
    return np.asarray(shapes[..., [name.startswith(start) for name in NAMES]].mean(axis=-1))


@dataclass(frozen=True)
class Alarm:
    """An alarm that somebody looked at: what it was, and the measures over it."""

    video: str
    judged: str
    said: Mapping[str, float]


def judged_alarms(data: Path, videos: Sequence[Path]) -> list[Alarm]:
    """The alarms of alarms.csv on these videos."""
    with (data / "faces-real" / "alarms.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = []
    for video in videos:
        own = [row for row in rows if row["video"] == video.stem]
        spans = [(int(row["onset_frame"]), int(row["offset_frame"])) for row in own]
        looks = watched(video, spans) if own else {}
        found += [
            Alarm(video.stem, row["judged"], measures(looks, span))
            for row, span in zip(own, spans, strict=True)
        ]
    return [alarm for alarm in found if not np.isnan(list(alarm.said.values())).any()]


@dataclass(frozen=True)
class Rule:
    """The least of each measure that counts, and what alarms of other kinds have of it, in order."""

    limits: Mapping[str, float]
    others: Mapping[str, Array]

    def name(self, said: Mapping[str, float]) -> str:
        """The measure that counts and that most alarms of other kinds have less of; else "none of these"."""
        over = {
            measure: float(np.searchsorted(self.others[measure], value)) / max(len(self.others[measure]), 1)
            for measure, value in said.items()
            if value >= self.limits[measure]
        }
        return max(over, key=over.__getitem__) if over else "none of these"


def rule(told: Sequence[Alarm]) -> Rule:
    """The rule whose limits tell each kind of alarm best from the rest."""
    found, others = {}, {}
    for measure, called in MEASURES.items():
        has, values = np.array([one.judged == called for one in told]), [one.said[measure] for one in told]
        wrong, right, at = roc_curve(has, values)
        found[measure] = float(at[1:][np.argmax((right - wrong)[1:])])
        others[measure] = np.sort(np.array(values)[~has])
    return Rule(found, others)


def alarms(data: Path, videos: Sequence[Path]) -> str:
    """The AUC of each measure for each kind of judged alarm, and what the rule says of each kind."""
    told = judged_alarms(data, videos)
    kinds = [kind for kind, _ in Counter(one.judged for one in told).most_common()]
    lines = ["| judged as | alarms | " + " | ".join(f"AUC of {one}" for one in MEASURES) + " |"]
    lines += ["|---" * (len(MEASURES) + 2) + "|"]
    for kind in kinds:
        has = [one.judged == kind for one in told]
        areas = [roc_auc_score(has, [one.said[measure] for one in told]) for measure in MEASURES]
        lines.append(f"| {kind} | {sum(has)} | " + " | ".join(f"{area:.2f}" for area in areas) + " |")
    by = rule(told)
    names = [*MEASURES, "none of these"]
    lines += [
        "",
        "limits: " + ", ".join(f"{measure} {value:.3g}" for measure, value in by.limits.items()),
        "",
    ]
    lines += ["| judged as | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for kind in kinds:
        counts = Counter(by.name(one.said) for one in told if one.judged == kind)
        lines.append(f"| {kind} | " + " | ".join(str(counts[name]) for name in names) + " |")
    return "\n".join(lines)


def false(data: Path, videos: Sequence[Path], found: Sequence[Mapping[str, Any]]) -> str:
    """What the default spotter's false alarms on untouched footage are, by the rule of judged alarms."""
    by, counts, minutes = rule(judged_alarms(data, videos)), Counter[str](), 0.0
    rows = {row["video"]: row for row in found}
    for video in videos:
        row = rows.get(video.stem, {"minutes": 0.0, "alone": [], "seen": []})
        minutes += row["minutes"]
        listed = [span for likelihood, span in row["alone"] if likelihood >= default_point()]
        spans = [(on, off) for on, _, off in listed if not any(on <= b and a <= off for a, b in row["seen"])]
        looks = watched(video, spans) if spans else {}
        counts.update(by.name(measures(looks, span)) for span in spans)
    total = counts.total()
    lines = [f"{total} false alarms in {minutes:.1f} minutes", ""]
    lines += ["| what it is | alarms | share |", "|---|---|---|"]
    shares = [(name, counts[name], counts[name] / max(total, 1)) for name in (*MEASURES, "none of these")]
    return "\n".join([*lines, *(f"| {name} | {count} | {share:.2f} |" for name, count, share in shares)])


def stretch(video: Path) -> tuple[Array, Array, Array, float]:
    """Curves of the main face: times (n,), blendshapes (n, 52) by the mesh with irises, and by that without.

    The last is the processor's seconds for a look by the mesh with irises.
    """
    tracker, face, spent = FaceTracker(), None, 0.0
    rows: list[tuple[float, Array, Array]] = []
    with fleeting.open_video(video, end=SECONDS) as frames:
        for frame in frames:
            face = main_face(tracker.push(frame.image, frame.time), face)
            if face is None or face.reason or (rows and frame.time < rows[-1][0] + APART):
                continue
            began = time.process_time()
            values, _ = look(frame, face)
            spent += time.process_time() - began
            rows.append((frame.time, values, expression(_with_middle_irises(face)).astype(np.float64)))
    times, ours, plain = (np.array([row[i] for row in rows]) for i in range(3))
    return times, ours, plain, spent / max(len(rows), 1)


def _with_middle_irises(face: Face) -> npt.NDArray[np.float32]:
    """The network's points by the mesh without irises, which are put in the middle of each eye."""
    angle, points = square_of_mesh(face.mesh).angle, face.mesh[:, :2]
    level = points @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    irises = []
    for ring, corners in ((RIGHT_EYE, RIGHT_EYE_CORNERS), (LEFT_EYE, LEFT_EYE_CORNERS)):
        radius = IRIS * np.linalg.norm(level[corners[1]] - level[corners[0]])
        around = radius * np.array([[0, 0], [1, 0], [0, -1], [-1, 0], [0, 1]])
        irises.append(level[list(ring)].mean(axis=0) + around)
    kept = [point for point in USED if point < POINTS]
    return np.concatenate([level[kept], *irises]).astype(np.float32)


def curves(videos: Sequence[Path]) -> str:
    """Per unit: its noise, how often it is named where nothing is known to happen, if the meshes agree."""
    rng, over, noise, alike, spent = np.random.default_rng(0), list[Array](), list[Array](), [], []
    for video in videos:
        times, ours, plain, cost = stretch(video)
        print(f"{video.stem}: {len(times)} looks", file=sys.stderr, flush=True)
        if len(times) < 40:
            continue
        spent.append(cost)
        units, others = (unit_values(one).astype(np.float64) for one in (ours, plain))
        said = [changes(times, units, onset, onset + rng.choice(MOVEMENTS)) for onset in times[::4]]
        over += [one for one in said if one is not None]
        noise += _noise(times, units)
        pairs = [*zip(units.T, others.T, strict=True), *((both(ours, n), both(plain, n)) for n in OTHERS)]
        alike.append([_alike(one, other) for one, other in pairs])
    told, like = np.abs(np.stack(over)) >= STANDS_OUT, np.nanmedian(alike, axis=0)
    cost = float(np.mean(spent))
    lines = [
        f"{len(alike)} videos; {1000 * cost:.0f} ms of processor time a look, {cost * 1800:.0f} s for each"
        f" minute of 30 frames a second; any unit named at {told.any(axis=1).mean():.2f} of"
        f" {len(over)} moments",
        "",
        "| | noise, quietest quarter | noise, median | named at | agreement of the meshes |",
        "|---|---|---|---|---|",
    ]
    low, middle = np.percentile(noise, (25, 50), axis=0)
    for i, unit in enumerate(UNITS):
        figures = f"{low[i]:.4f} | {middle[i]:.4f} | {told[:, i].mean():.3f} | {like[i]:.2f}"
        lines.append(f"| {unit.code} {unit.name} | {figures} |")
    lines += [
        f"| {name} | | | | {value:.2f} |" for name, value in zip(OTHERS, like[len(UNITS) :], strict=True)
    ]
    return "\n".join(lines)


def _noise(times: Array, units: Array) -> list[Array]:
    """Root mean squares (7,) of the changes in 0.2 s, over stretches of 1.5 s."""
    found = []
    for start in np.arange(times[0], times[-1] - 1.5, 0.75):
        inside = np.flatnonzero((times >= start) & (times < start + 1.3))
        later = np.searchsorted(times, times[inside] + 0.2 - APART / 2)
        if len(inside) > 10:
            found.append(np.sqrt(np.square(units[later] - units[inside]).mean(axis=0)))
    return found


def _alike(one: Array, other: Array) -> float:
    """Correlation of two curves; NaN where one does not move."""
    return float(np.corrcoef(one, other)[0, 1]) if np.ptp(one) > 0 and np.ptp(other) > 0 else np.nan


def casme2(root: Path) -> str:
    """The AUC of each unit's change from onset to apex against the units that the sheet names."""
    dataset, moved, has = datasets["casme2"], [], []
    for sample in dataset.samples(root):
        if sample.apex is None or not sample.action_units:
            continue
        paths = dataset.frames(root, sample)
        apex = min(paths, key=lambda path: abs(number_of(path) - sample.apex))
        try:
            first, last = (_units_in(path) for path in (paths[0], apex))
        except FleetingError as error:
            print(f"{sample.id}: {error}", file=sys.stderr)
            continue
        moved.append(last - first)
        units = {int(number) for number in re.findall(r"\d+", sample.action_units)}
        has.append([unit.number in units for unit in UNITS])
    if not moved:
        return f"{root}: no clip with an apex, action units and a face"
    lines = [f"{len(moved)} clips", "", "| unit | clips that have it | AUC |", "|---|---|---|"]
    for i, unit in enumerate(UNITS):
        own = np.array(has)[:, i]
        area = f"{roc_auc_score(own, np.array(moved)[:, i]):.2f}" if 0 < own.sum() < len(own) else "–"
        lines.append(f"| {unit.code} {unit.name} | {own.sum()} | {area} |")
    return "\n".join(lines)


def _units_in(path: Path) -> Array:
    """The units (7,) of the face in a picture. Raises FaceError without one."""
    (picture,) = read_pictures([path])
    rgb = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    face = find_face(rgb)
    if face is None:
        raise fleeting.errors.FaceError(f"{path}: no face was found in it; choose another picture")
    return unit_values(blendshapes(level_face(rgb, face.mesh))).astype(np.float64)


if __name__ == "__main__":
    main()
