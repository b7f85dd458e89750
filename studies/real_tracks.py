"""Measures how much of a real movement laid over real faces arrives in the tracks of the skin, and the noise.

    python studies/real_tracks.py --shared ../shared [--seed 1] [--only NAME] [--workers 2]

Every few seconds the face of a real video is warped by the measured motion of a real micro-expression, as in
`studies/real_spotting.py`. The skin is followed with and without it, at the video's frame rate and at half of
it. The difference of both, from the frame before the onset to the apex, is compared with what was laid over
(gain: 1 if all of it arrives); what the untouched face does between the same frames is the noise. Both are
taken over the five regions that moved furthest, or over those of one part of the face.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from real_likelihood import SOFT, SPREAD, centres, footage, headless
from real_spotting import Laid, plan, warped

import fleeting
from fleeting.faces.landmarks import outer_distance
from fleeting.faces.skin_motion import FaceMotion, Motion
from fleeting.faces.tracking import FaceTracker
from fleeting.spotting.rising.parts import PARTS

Array = npt.NDArray[np.float64]
FURTHEST = 5
PART_NAMES = "brows", "around the eyes", "lower face"
WARP_REACH = 4.8
"""Seconds for which a movement that was laid over is still felt."""


@dataclass(frozen=True)
class Arrived:
    """One movement in one part of the face (or all of it).

    ``laid`` and ``moved`` are displacements (regions, 2) laid over and measured, ``own`` what the untouched
    face did, all in percent of the eye distance; None where the skin was not followed throughout.
    """

    part: str
    halved: bool
    eyes: float
    yaw: float
    laid: Array
    moved: Array | None
    own: Array | None


@dataclass(frozen=True)
class Followed:
    """The main face of one frame: where its skin was found, its mesh, the head's yaw in degrees."""

    motion: Motion
    mesh: Array
    yaw: float


def main() -> None:
    """Measure every video, then print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that holds data/")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[], help="names of videos, without their ending")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    data = asked.shared / "data"
    if not (data / "real-tracks").is_dir():
        sys.exit(f"{data}: no real-tracks; give the folder that holds real material by --shared")
    videos = [one for one in footage(data) if not asked.only or one.stem in asked.only]
    found: list[Arrived] = []
    with ProcessPoolExecutor(asked.workers) as pool:
        for video, own in zip(videos, pool.map(partial(measured, data, asked.seed), videos), strict=True):
            print(f"{video.stem}: {len(own)}", file=sys.stderr, flush=True)
            found += own
    print(table(found))


def measured(data: Path, seed: int, video: Path) -> list[Arrived]:
    """What arrives of the movements laid over one video's main face."""
    tracks = dict(np.load(data / "real-tracks" / "tracks.npz"))
    with (data / "real-tracks" / "index.csv").open(encoding="utf-8") as file:
        clips = [one for one in csv.DictReader(file) if int(one["frames"]) <= 101]
    alone, clock = followed(video, 1)
    if not alone:
        return []
    numbers, times = list(clock), np.array(list(clock.values()))
    meshes = {number: one.mesh for number, one in alone.items()}
    rng = np.random.default_rng([seed, sum(map(ord, video.stem))])
    laid = plan(times, numbers, meshes, rng, clips, tracks)
    found = []
    for every in (1, 2) if laid else ():
        without = alone if every == 1 else followed(video, every)[0]
        with_, _ = followed(video, every, laid, meshes, tracks["points"])
        for one in laid:
            found += _arrived(one, without, with_, clock, every == 2)
    return found


def followed(
    video: Path,
    every: int,
    laid: Sequence[Laid] = (),
    meshes: Mapping[int, Array] | None = None,
    points: Array | None = None,
) -> tuple[dict[int, Followed], dict[int, float]]:
    """The largest face of each ``every``-th frame by the frame's number, and the frames' times."""
    tracker, skins = FaceTracker(), dict[int, FaceMotion]()
    found, clock = dict[int, Followed](), dict[int, float]()
    with fleeting.open_video(video) as frames:
        for frame in frames:
            if frame.number % every:
                continue
            clock[frame.number] = frame.time
            near = [one.at(frame.time) for one in laid if 0 <= frame.time - one.start < WARP_REACH]
            if near and meshes and points is not None and frame.number in meshes:
                frame = warped(frame, meshes[frame.number], np.sum(near, axis=0), points)
            faces = tracker.push(frame.image, frame.time)
            if not faces:
                continue
            face = max(faces, key=lambda one: np.ptp(one.mesh[:, 0]))
            skin = skins.setdefault(face.id, FaceMotion())
            motion = skin.push(frame, None if face.reason else face)
            found[frame.number] = Followed(motion, face.mesh.astype(float), float(face.measures.yaw))
    return found, clock


def _arrived(
    one: Laid,
    without: Mapping[int, Followed],
    with_: Mapping[int, Followed],
    clock: Mapping[int, float],
    halved: bool,
) -> list[Arrived]:
    numbers = sorted(without)
    before = max((n for n in numbers if n < one.frames[0]), default=None)
    apex = min((n for n in numbers if n >= one.frames[1]), default=None)
    if before is None or apex is None:
        return []
    laid = headless_field(one.at(clock[apex]))
    moved, own = _between(with_, before, apex), _between(without, before, apex)
    eyes, yaw = outer_distance(without[apex].mesh), abs(without[apex].yaw)
    found = []
    for name, regions in (("all", np.arange(len(laid))), *zip(PART_NAMES, PARTS, strict=True)):
        furthest = regions[np.argsort(-np.linalg.norm(laid[regions], axis=1))[:FURTHEST]]
        if moved is None or own is None:
            found.append(Arrived(name, halved, eyes, yaw, laid[furthest], None, None))
        else:
            change = moved[furthest] - own[furthest]
            found.append(Arrived(name, halved, eyes, yaw, laid[furthest], change, own[furthest]))
    return found


def headless_field(moved: Array) -> Array:
    """How far the regions move (regions, 2) where (45, 2) is laid over a face, without the head's share."""
    where = centres()
    kernel = np.exp(-((where[:, None] - where) ** 2).sum(axis=2) / (2 * SPREAD**2))
    return headless(kernel / (kernel.sum(axis=1, keepdims=True) + SOFT) @ moved, where)


def _between(found: Mapping[int, Followed], before: int, after: int) -> Array | None:
    """How far the regions moved between two frames of one stretch; None where the skin was not followed."""
    one, other = found.get(before), found.get(after)
    if one is None or other is None or one.motion.stretch != other.motion.stretch:
        return None
    if one.motion.places is None or other.motion.places is None:
        return None
    return np.asarray(other.motion.places - one.motion.places, dtype=np.float64)


def table(found: Sequence[Arrived]) -> str:
    """Gain and noise by part of the face, frame rate, eye distance and pose."""
    full = [one for one in found if not one.halved]
    whole = [one for one in full if one.part == "all"]
    rows = {"all": whole}
    rows |= {f"- {name}": [one for one in full if one.part == name] for name in PART_NAMES}
    rows["half the frame rate"] = [one for one in found if one.halved and one.part == "all"]
    for low, high in ((0, 50), (50, 80), (80, 1e9)):
        name = f"eyes {low} to {high} pixels apart" if high < 1e9 else f"eyes {low} pixels apart or more"
        rows[name] = [one for one in whole if low <= one.eyes < high]
    rows["yaw below 10 degrees"] = [one for one in whole if one.yaw < 10]
    rows["yaw 10 degrees or more"] = [one for one in whole if one.yaw >= 10]
    lines = [
        "| | movements | not followed | gain | laid over, % | own motion, % |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join(lines + [_row(name, own) for name, own in rows.items() if own])


def _row(name: str, own: Sequence[Arrived]) -> str:
    kept = [one for one in own if one.moved is not None and one.own is not None]
    if not kept:
        return f"| {name} | {len(own)} | {len(own)} | | | |"
    gain = sum(float((one.moved * one.laid).sum()) for one in kept if one.moved is not None)
    gain /= sum(float((one.laid**2).sum()) for one in kept)
    sizes = _median(one.laid for one in kept), _median(one.own for one in kept if one.own is not None)
    cells = [f"{gain:.2f}", *(f"{size:.2f}" for size in sizes)]
    return f"| {name} | {len(own)} | {len(own) - len(kept)} | {' | '.join(cells)} |"


def _median(moved: Iterable[Array]) -> float:
    return float(np.median([np.linalg.norm(one, axis=1).mean() for one in moved]))


if __name__ == "__main__":
    main()
