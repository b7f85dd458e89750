"""Is the recogniser sure where it is right, and unsure where there is no micro-expression? On real footage.

Two kinds of clips are cut from `../shared/data`, by the code that cuts a user's clips:

- alarms: movements that an earlier spotter reported on real footage and somebody looked at (`alarms.csv`):
  speech, turning heads, blinks, parts of longer expressions. To be sure of their class is an error. Beside
  them stand moments taken at random from the same footage.
- laid over: calm faces warped by the measured motion of real micro-expressions (`real-tracks`), cut at their
  true onset, apex and offset. Here it should be sure and right. The recogniser is trained anew without each
  person, so that it has seen none of them. Movements whose emotion is none of the three classes are a row of
  their own: there, too, unsure is right.

Videos and people are cut into two halves, fixed below: points were chosen on `choosing`, `kept aside` is what
is reported. Nothing is trained on this footage.

    python studies/real_classes.py [--shared ../shared] [--seeds 1]
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from sklearn.metrics import roc_auc_score

from fleeting.datasets import datasets
from fleeting.errors import FaceError
from fleeting.faces.clips import clip_of
from fleeting.faces.landmarks import outer_distance
from fleeting.faces.tracking import FaceTracker
from fleeting.modalities import kind_of
from fleeting.models import build
from fleeting.recognition.extent import LEAST, MOST
from fleeting.recognition.recogniser import Recogniser
from fleeting.recognition.typicality import LEAST as USUAL
from fleeting.recognition.typicality import learn
from fleeting.types import Clip, FloatArray, Frame, Image, Recognition
from fleeting.video.reader import open_video

CALM: tuple[str, ...] = ("bklynhlth_baseline", "bklynhlth_not_expressive", "hbenbel_face", "hbenbel_face2")
CALM += ("KwaiVGI_s18", "KwaiVGI_s29", "KwaiVGI_s32")
"""Footage on which micro-expressions are laid: faces that hardly move."""
CHOOSING_VIDEOS: tuple[str, ...] = ("bklynhlth_not_expressive", "hbenbel_face", "KwaiVGI_s29", "KwaiVGI_d10")
CHOOSING_VIDEOS += ("KwaiVGI_d12", "KwaiVGI_d13", "KwaiVGI_d18", "KwaiVGI_d20", "hysts_video01")
CHOOSING_VIDEOS += ("hysts_video04", "rizkiarm_lbax4n", "rizkiarm_lrwp9a", "rizkiarm_sbia1a")
CHOOSING_VIDEOS += ("intel-iot-devkit_again", "intel-iot-devkit_no", "intel-iot-devkit_sister")
CHOOSING_VIDEOS += ("fodorad_talking_short",)
CHOOSING_PEOPLE = ("sub01", "sub05", "sub07", "sub17", "sub21", "sub25")
"""Whose micro-expressions are for choosing; they are laid over footage for choosing only."""
CLASSES = {"happiness": "positive", "surprise": "surprise", "disgust": "negative", "repression": "negative"}
KINDS = ("laid over", "other emotion", "alarm", "brief", "moment", "calm moment")
LONGEST = 101
"""Frames, 200 a second, of the longest movement that is laid over: half a second."""
MOMENT, APART, LONG = 0.3, 1.5, 600
"""Seconds that a random moment lasts, seconds between two of them (four times as many in a video of more than
LONG frames)."""


@dataclass(frozen=True, eq=False)
class Case:
    """A clip, what it shows, its class ("" for none of these), and whether it is for choosing."""

    kind: str
    truth: str
    subject: str
    choosing: bool
    clip: Clip


def cut(frames: Sequence[Frame], apex: int, meshes: Sequence[FloatArray | None] | None = None) -> Clip | None:
    """The clip of these frames from the first to the last, or None where no face is found in it."""
    times = [frame.time for frame in frames]
    images = [frame.image for frame in frames]
    try:
        return clip_of(images, times, 0, apex, len(frames) - 1, crop="face", meshes=meshes)[0]
    except FaceError:
        return None


def stretches(path: Path, wanted: Sequence[tuple[int, int]]) -> Iterator[tuple[int, list[Frame]]]:
    """The place in ``wanted`` (first and last frame numbers) and the frames of each, once they are read."""
    open_ones: dict[int, list[Frame]] = {n: [] for n in range(len(wanted))}
    with open_video(path) as video:
        for frame in video:
            for n, kept in list(open_ones.items()):
                if wanted[n][0] <= frame.number <= wanted[n][1]:
                    kept.append(frame)
                if frame.number == wanted[n][1]:
                    yield n, open_ones.pop(n)


def untouched(
    path: Path, alarms: Sequence[dict[str, str]], judged: Sequence[dict[str, str]]
) -> Iterator[Case]:
    """The alarms of a video, and random moments of it in which nobody saw a brief expression."""
    with open_video(path) as video:
        times = [frame.time for frame in video]
    rate = (len(times) - 1) / (times[-1] - times[0])
    rng = np.random.default_rng(sum(map(ord, path.stem)))
    wanted = [tuple(int(row[f"{w}_frame"]) for w in ("onset", "apex", "offset")) for row in alarms]
    kinds = ["brief" if row["judged"] == "brief expression" else "alarm" for row in alarms]
    length, step = max(3, round(MOMENT * rate)), round(APART * rate * (4 if len(times) > LONG else 1))
    for first in range(2, len(times) - length - 1, step):
        if not any(
            int(r["onset_frame"]) <= first + length and first <= int(r["offset_frame"]) for r in judged
        ):
            wanted.append((first, first + int(rng.integers(2, length)), first + length))
            kinds.append("calm moment" if path.stem in CALM else "moment")
    for n, frames in stretches(path, [(first, last) for first, _, last in wanted]):
        if clip := cut(frames, wanted[n][1] - wanted[n][0]):
            yield Case(kinds[n], "", "", path.stem in CHOOSING_VIDEOS, clip)


def laid_over(path: Path, rows: Sequence[dict[str, str]], tracks: Path, seed: int) -> Iterator[Case]:
    """Real micro-expressions, one after the other, laid over a calm video in an order drawn by ``seed``."""
    kept = np.load(tracks / "tracks.npz")
    tracker = FaceTracker(most=1)
    with open_video(path) as video:
        seen = [(frame, next(iter(tracker.push(frame.image, frame.time)), None)) for frame in video]
    times = np.array([frame.time for frame, _ in seen])
    choosing = path.stem in CHOOSING_VIDEOS
    mine = [row for row in rows if (row["subject"] in CHOOSING_PEOPLE) == choosing]
    order = np.random.default_rng([seed, sum(map(ord, path.stem))]).permutation(len(mine))
    at = times[0] + 0.2
    for row in (mine[n] for n in order):
        track = kept[row["clip"]].astype(float)
        end = at + (len(track) - 1) / 200
        if end > times[-1]:
            return
        first, last = int(np.searchsorted(times, at)), int(np.searchsorted(times, end, side="right")) - 1
        apex = int(row["apex_index"]) if int(row["apex_index"]) > 0 else len(track) // 2
        peak = int(np.clip(np.abs(times[first : last + 1] - at - apex / 200).argmin(), 1, last - first))
        meshes = [face.mesh for _, face in seen[first : last + 1] if face is not None]
        if len(meshes) == last + 1 - first:
            frames = [
                warped(frame, mesh, displaced(track, frame.time - at), kept["points"])
                for (frame, _), mesh in zip(seen[first : last + 1], meshes, strict=True)
            ]
            if clip := cut(frames, peak, meshes):
                truth = CLASSES.get(row["label"], "")
                yield Case("laid over" if truth else "other emotion", truth, row["subject"], choosing, clip)
        at = times[last] + 0.05


def displaced(track: np.ndarray, seconds: float) -> np.ndarray:
    """Where the points (45, 2) are so many seconds after the onset; ``track`` has 200 frames a second."""
    place = np.clip(seconds * 200, 0, len(track) - 1)
    before = min(int(place), len(track) - 2)
    return np.asarray(track[before] + (track[before + 1] - track[before]) * (place - before))


def warped(frame: Frame, mesh: FloatArray, moved: np.ndarray, points: np.ndarray) -> Frame:
    """The frame with its skin moved: (45, 2) in percent of the eye distance, in the face's upright axes.

    The same as in `../shared/semi_real.py`.
    """
    across, eye = mesh[263, :2] - mesh[33, :2], outer_distance(mesh)
    turn, rise = across / eye
    shift = moved @ np.array([[turn, rise], [-rise, turn]]) * eye / 100
    at = mesh[points, :2]
    height, width = frame.image.shape[:2]
    left, top = np.maximum(np.floor(at.min(axis=0) - 0.5 * eye).astype(int), 0)
    right, low = np.minimum(np.ceil(at.max(axis=0) + 0.5 * eye).astype(int), (width, height))
    step = max(1, int(eye / 24))
    x, y = np.meshgrid(np.arange(left, right, step), np.arange(top, low, step))
    far = (x[..., None] - at[:, 0]) ** 2 + (y[..., None] - at[:, 1]) ** 2
    near = np.exp(-far / (2 * (0.16 * eye) ** 2))
    field = ((near @ shift) / (near.sum(axis=-1, keepdims=True) + 0.15)).astype(np.float32)
    field = cv2.resize(field, (int(right - left), int(low - top)), interpolation=cv2.INTER_CUBIC)
    x, y = np.meshgrid(np.arange(left, right, dtype=np.float32), np.arange(top, low, dtype=np.float32))
    image: Image = frame.image.copy()
    image[top:low, left:right] = cv2.remap(
        *(frame.image, x - field[..., 0], y - field[..., 1], cv2.INTER_CUBIC),
        borderMode=cv2.BORDER_REPLICATE,
    )
    return replace(frame, image=image)


def without(recogniser: Recogniser, root: Path) -> dict[str, Recogniser]:
    """The recogniser by CASME II's names of people: trained as it was, on everybody but this one."""
    facts = recogniser.facts
    dataset = datasets[facts.data.dataset]
    samples = dataset.samples(root)
    maps = np.stack([dataset.ready_array(root, sample, facts.inputs[0].modality) for sample in samples])
    labels = np.array([facts.classes.index(sample.label) for sample in samples])
    people = np.array([sample.subject for sample in samples])
    kinds, trained = [kind_of(facts.inputs[0].modality, maps.shape[1])], {}
    for person in sorted(p for p in set(people) if p.startswith("casme2/")):
        rest = people != person
        model: Any = build(facts.model, len(facts.classes), [maps.shape[1:]], facts.options, seed=0)
        model.fit([maps[rest]], labels[rest], 0)
        usual = learn([maps[rest]], kinds, people[rest].tolist())
        trained[person.partition("/")[2]] = replace(recogniser, predict=model.probabilities, typicality=usual)
    return trained


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def cases_of(data: Path, seeds: int) -> Iterator[Case]:
    """Every clip, video by video."""
    alarms, judged = (rows_of(data / "faces-real" / f"{name}.csv") for name in ("alarms", "judged"))
    short = [row for row in rows_of(data / "real-tracks" / "index.csv") if int(row["frames"]) <= LONGEST]
    for path in sorted((data / "faces-real").iterdir()):
        if path.suffix in (".csv", ".md"):
            continue
        own = [[row for row in rows if row["video"] == path.stem] for rows in (alarms, judged)]
        yield from untouched(path, *own)
        if path.stem in CALM:
            for seed in range(1, seeds + 1):
                yield from laid_over(path, short, data / "real-tracks", seed)


def line(said: Sequence[tuple[Case, Recognition]], threshold: float) -> str:
    """How many are right, and sure before and after the checks of what is none of the classes."""
    right = np.array([one.label == case.truth for case, one in said])
    before = np.array([one.confidence > threshold for _, one in said])
    after = np.array([not one.unsure for _, one in said])
    cells = [f"{len(said):6}", f"{right.mean():7.2f}" if said[0][0].truth else f"{'–':>7}"]
    for sure in (before, after):
        of_sure = f"{right[sure].mean():9.2f}" if sure.any() and said[0][0].truth else f"{'–':>9}"
        cells.append(f"{sure.sum():6} {sure.mean():6.2f} {of_sure}")
    return " ".join(cells)


def separations(said: Sequence[tuple[Case, Recognition]]) -> str:
    """How well each number alone tells laid over movements from alarms, as an area under the curve."""
    real = np.array([case.kind == "laid over" for case, _ in said])
    found = {
        "confidence": [one.confidence for _, one in said],
        "typical": [one.typical or 0.0 for _, one in said],
        "extent (less)": [-(one.extent or 0.0) for _, one in said],
    }
    return ", ".join(f"{name} {roc_auc_score(real, values):.2f}" for name, values in found.items())


def choices(said: Sequence[tuple[Case, Recognition]], threshold: float) -> Iterator[str]:
    """What limits of extent and typicality cost and gain on the half that they were chosen on."""
    extent, typical, confidence = (
        np.array([getattr(one, name) for _, one in said]) for name in ("extent", "typical", "confidence")
    )
    right = np.array([one.label == case.truth for case, one in said])
    real = np.array([case.kind == "laid over" for case, _ in said])
    alarm = np.array([case.kind == "alarm" for case, _ in said])
    yield f"laid over: {np.mean(extent[real] < LEAST):.3f} move less than {LEAST:g} %"
    for most, least in product((1.5, MOST, 2.5, 3.0, np.inf), (0.0, USUAL, 0.1)):
        sure = (confidence > threshold) & (extent >= LEAST) & (extent <= most) & (typical >= least)
        within, share = np.mean(extent[real] <= most), right[real & sure].mean()
        yield (
            f"at most {most:3g} %, typical from {least:4g}: laid over {within:.2f} within,"
            f" {sure[real].mean():.2f} sure, of these {share:.2f} right; alarms {sure[alarm].mean():.2f} sure"
        )


def main() -> None:
    """Cut the clips, have them recognised, print the table."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--shared", type=Path, default=Path("../shared"), help="holds data/faces-real, ...")
    options.add_argument("--seeds", type=int, default=1, help="orders in which movements are laid over")
    chosen = options.parse_args()
    data = chosen.shared / "data"
    needed = [data / name for name in ("faces-real", "real-tracks", "megc2019-flow")]
    if missing := [str(path) for path in needed if not path.is_dir()]:
        print(f"skipped: needs {', '.join(missing)}, which is not part of the repository; see --shared")
        return
    recogniser = Recogniser.load()
    by_person = without(recogniser, needed[2])
    said, seconds = [], []
    for case in cases_of(data, chosen.seeds):
        began = time.process_time()
        said.append((case, by_person.get(case.subject, recogniser).recognise(case.clip)))
        seconds.append(time.process_time() - began)
    threshold = recogniser.facts.calibration.threshold
    print(f"{recogniser.name}; recognising a clip takes {1000 * np.mean(seconds):.0f} ms of processor time")
    print(f"{'':32}{'clips':>6}{'right':>8}   sure by confidence      nor none of these")
    print(f"{'':49}{'n':>4} {'share':>6} {'right':>9} {'n':>6} {'share':>6} {'right':>9}")
    for half, choosing in (("choosing", True), ("kept aside", False)):
        own = [(case, one) for case, one in said if case.choosing == choosing]
        for kind in KINDS:
            if kept := [(case, one) for case, one in own if case.kind == kind]:
                print(f"{half:12}{kind:20}{line(kept, threshold)}")
        both = [(case, one) for case, one in own if case.kind in ("laid over", "alarm")]
        print(f"{half:12}area under the curve, laid over from alarm: {separations(both)}")
        if choosing:
            print(*choices(own, threshold), sep="\n")


if __name__ == "__main__":
    main()
