"""Trains the `learned` spotter on real motion, or on drawn motion alone, and writes its file.

    python studies/learned_spotter.py --shared ../shared [--passes 24] [--workers 2] [--out FILE]
    python studies/learned_spotter.py --drawn --out FILE

Networks see the course of the whole face around each fast rise, and learn what tells a micro-expression
from what faces do anyway. Movements are added to the motion of the footage, many times, while the footage is
mirrored, faster or slower, larger or smaller; so neither a warp's seam nor a picture can be learnt. With
``--drawn``, footage and movements are drawn, and no real motion is used for anything. What the trees and the
networks say is mixed, and operating points are found, on videos that neither saw (five folds). The last two
lines are a control: of movements whose regions are exchanged, or whose frames are in disorder, little may be
found, or something else than the movement was learnt.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from real_likelihood import (
    CHOOSING,
    RATES,
    Footage,
    Judge,
    Samples,
    centres,
    follow,
    footage,
    headless,
    mirrored,
    mixture,
    movements,
    odds_apart,
    operating_points,
    samples,
    save,
    told,
    told_apart,
    trees_of,
    without_trees,
)
from scipy.special import expit
from torch import Tensor, nn

from fleeting.drawing import identity
from fleeting.drawing.events import LABELS
from fleeting.drawing.portrait import portrait
from fleeting.drawing.profiles import lasting_event
from fleeting.drawing.rendering import frames
from fleeting.drawing.script import write_script
from fleeting.drawing.units import field
from fleeting.faces.skin_motion import PAIRS, REGIONS, FaceMotion, Motion
from fleeting.faces.tracking import FaceTracker
from fleeting.spotting.rising.features import FEATURES
from fleeting.spotting.rising.learnt import Learnt
from fleeting.spotting.rising.network import KERNELS, MOST
from fleeting.types import Frame

Array = npt.NDArray[np.float64]
MEMBERS, EPOCHS, BATCH, FILTERS, HIDDEN = 2, 6, 64, 12, 16
"""Networks that are averaged, passes over the rises, rises of a step, filters, and hidden units."""
RATE, DECAY, DROPPED, NOISE = 1e-3, 0.1, 0.3, 0.2
"""Learning rate, weight decay, share of hidden units that are dropped, deviation of a window's scale."""
WORTH = -2.5
"""Log odds of the trees from which on a rise is worth a network's while."""
SPEED, SIZE = (0.85, 1.2), (0.75, 1.3)
"""Factors by which footage is made slower, and larger."""
CONTROLS = 3
"""Times that shuffled movements are added to each video."""
REFERENCE = 1
"""Index of the duration whose usual motion whitens the coordinates."""
DRAWN, CALM, SECONDS, FPS, MOVEMENTS, SEED = 14, 3, 24.0, 30.0, 80, 7_000
"""Drawn videos, as much as there is of real ones, and calm faces, of so many seconds at so many frames a
second; drawn movements."""


def main() -> None:
    """Train, report and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that holds data/")
    parser.add_argument("--drawn", action="store_true", help="use no real motion")
    parser.add_argument("--passes", type=int, default=24, help="times that movements are added to each video")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("src/fleeting/assets/spotter/learned.safetensors"))
    asked = parser.parse_args()
    if not asked.drawn and not (asked.shared / "data" / "real-tracks").is_dir():
        sys.exit(f"{asked.shared}: no data/real-tracks; give the folder that holds real material by --shared")
    torch.set_num_threads(1)
    with ProcessPoolExecutor(asked.workers) as pool:
        if asked.drawn:
            followed = list(pool.map(drawn_footage, range(1, DRAWN + 1)))
            tracks = drawn_movements()
        else:
            videos = [one for one in footage(asked.shared / "data") if one.stem.startswith(CHOOSING)]
            followed = [one for one in pool.map(follow, videos) if one.faces]
            tracks = movements(asked.shared / "data" / "real-tracks", centres())
        known = without_trees(followed, tracks)
        whitening = whitened(known)
        everybody = [*followed, *map(calm, range(CALM))]
        jobs = [(varied(one, number), number) for one in everybody for number in range(asked.passes + 1)]
        few = [(one, number) for one, number in jobs[: -CALM * (asked.passes + 1)] if 0 < number <= CONTROLS]

        def added(jobs: Sequence[tuple[Footage, int]], tracks: Sequence[tuple[Array, str]]) -> list[Samples]:
            every = pool.map(
                samples, *zip(*jobs, strict=True), repeat(known), repeat(tracks), repeat(whitening)
            )
            return [one for one in every if len(one.truth)]

        found = added(jobs, tracks)
        controls = {name: added(few, other) for name, other in shuffled(tracks).items()}
    write(asked.out, known, whitening, sum(one.minutes for one in followed), found, controls)


def calm(number: int) -> Footage:
    """A face that does nothing, seen by a camera with noise: of these, footage holds half a minute."""
    rng = np.random.default_rng([SEED, number])
    times = np.arange(round(SECONDS * FPS)) / FPS
    places = rng.uniform(0.02, 0.1) * rng.standard_normal((len(times), len(REGIONS), 2))
    motions = [
        Motion(frame, float(time), places[frame].astype(np.float32), 0, 0.0, 0.0, likeness=1.0, mouth=0.0)
        for frame, time in enumerate(times)
    ]
    return Footage(f"calm{number}", {0: motions}, times, ())


def shuffled(tracks: Sequence[tuple[Array, str]]) -> dict[str, list[tuple[Array, str]]]:
    """The movements with their regions exchanged, and with their frames in disorder."""
    rng = np.random.default_rng(0)
    return {
        "regions exchanged": [(one[:, rng.permutation(one.shape[1])], who) for one, who in tracks],
        "frames in disorder": [(one[rng.permutation(len(one))], who) for one, who in tracks],
    }


def drawn_footage(number: int) -> Footage:
    """The motion of a drawn person who talks, turns and looks about, without any micro-expression."""
    script = write_script(
        identity(number, SEED), SEED, SECONDS, FPS, events_per_minute=0, disturb="strong", style="head"
    )
    tracker, skin = FaceTracker(), FaceMotion()
    motions, times = list[Motion](), []
    for k, image in enumerate(frames(script)):
        frame = Frame(k, k / FPS, image)
        faces = tracker.push(image, frame.time)
        motions.append(skin.push(frame, faces[0] if faces and not faces[0].reason else None))
        times.append(frame.time)
    told(f"drawn {number}")
    return Footage(f"drawn{number}", {0: motions}, np.array(times), ())


def drawn_movements() -> list[tuple[Array, str]]:
    """Courses (time, regions, 2), 200 frames a second, of drawn micro-expressions, without the head."""
    points = [*(point for pair in PAIRS.values() for point in pair), 9, 17, 199]
    rng, where, found = np.random.default_rng(SEED), centres(), []
    for number in range(1, MOVEMENTS + 1):
        person = identity(number, SEED)
        event = lasting_event(rng, LABELS[number % len(LABELS)], "micro", person.eye_distance, 200.0, None)
        rest = portrait(person)
        x, y = np.rint(rest.mesh[points]).astype(int).T
        flow = field(person, event.action_units).flow[y, x] @ rest.axes.T
        percent = 100 * flow * event.amplitude_px / person.eye_distance
        strength = event.strength(np.arange(event.onset_frame, event.offset_frame + 1) / 200)
        places = strength[:, None, None] * percent
        found.append((np.array([headless(one, where) for one in places]), f"drawn{number}"))
    return found


def whitened(known: Learnt) -> tuple[Array, ...]:
    """For each part of the face, the matrix that brings what is usual to unit size."""
    return tuple(
        np.linalg.inv(np.linalg.cholesky(usual[REFERENCE] + 1e-4 * np.eye(usual.shape[1]))).T
        for usual in known.usual
    )


def varied(one: Footage, number: int) -> Footage:
    """The footage as another face might have moved: mirrored, slower, larger; as it is for ``number`` 0."""
    if number == 0:
        return one
    rng = np.random.default_rng([number, 1, *map(ord, one.name)])
    slower, larger, turned = rng.uniform(*SPEED), rng.uniform(*SIZE), rng.random() < 0.5

    def other(motion: Motion) -> Motion:
        if motion.places is None:
            return replace(motion, time=motion.time * slower)
        places = larger * (mirrored(motion.places) if turned else motion.places)
        return replace(motion, time=motion.time * slower, places=places.astype(np.float32))

    faces = {face: [other(motion) for motion in motions] for face, motions in one.faces.items()}
    seen = tuple((start * slower, end * slower) for start, end in one.seen)
    return replace(one, faces=faces, times=one.times * slower, seen=seen)


class Course(nn.Module):
    """The network of `fleeting.spotting.rising.network`, to train: windows and features to corrections."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(channels if k == 0 else FILTERS, FILTERS, kernel) for k, kernel in enumerate(KERNELS)
        )
        self.hidden = nn.Linear(2 * FILTERS + len(FEATURES), HIDDEN)
        self.dropped = nn.Dropout(DROPPED)
        self.out = nn.Linear(HIDDEN, 1)

    def forward(self, seen: Tensor, features: Tensor) -> Tensor:
        """Corrections (n,) of log odds for windows (n, channels, samples) and features (n, features)."""
        for k, convolution in enumerate(self.convolutions):
            seen = torch.relu(convolution(seen))
            seen = torch.max_pool1d(seen, 2) if k < len(KERNELS) - 1 else seen
        joined = torch.cat([seen.mean(2), seen.amax(2), features], 1)
        said = self.out(self.dropped(torch.relu(self.hidden(joined))))[:, 0]
        return MOST * torch.tanh(said / MOST)

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """Its weights, named as in the file."""
        named = {f"conv{k}": one for k, one in enumerate(self.convolutions)} | {"hidden": self.hidden}
        found = {
            f"{name}.{kind}": getattr(one, kind) for name, one in named.items() for kind in ("weight", "bias")
        }
        found |= {"out.weight": self.out.weight[0], "out.bias": self.out.bias[0]}
        return {name: value.detach().numpy().astype(np.float32) for name, value in found.items()}


@dataclass(frozen=True, eq=False)
class Corrections:
    """Networks that correct the trees' log odds, and the mean and spread of the features they expect."""

    networks: tuple[Course, ...]
    mean: Array
    spread: Array

    def of(self, sample: Samples) -> Array:
        """The mean correction of each rise: (n,)."""
        seen, facts = torch.from_numpy(sample.seen), self.facts(sample.features)
        with torch.no_grad():
            return np.mean([one(seen, facts).double().numpy() for one in self.networks], axis=0)

    def facts(self, features: Array) -> Tensor:
        """Features as the networks expect them."""
        return torch.from_numpy(((features - self.mean) / self.spread).astype(np.float32))


def trained(found: Sequence[Samples], members: int) -> Corrections:
    """Networks that learn what the trees miss at rises that are worth it.

    What the trees say of a rise is what trees say that did not see its video, or there would be nothing to
    correct.
    """
    odds = np.concatenate([said[:, 0] for said in odds_apart(found, by_trees)])
    truth = np.concatenate([sample.truth for sample in found])
    asked = (truth >= 0) & (odds > WORTH)
    features = np.concatenate([sample.features for sample in found])[asked]
    fitted = Corrections((), features.mean(axis=0), features.std(axis=0) + 1e-6)
    seen = torch.from_numpy(np.concatenate([sample.seen for sample in found])[asked])
    facts = fitted.facts(features)
    said, truths = (torch.from_numpy(values[asked].astype(np.float32)) for values in (odds, truth))
    networks = tuple(network_of(seen, facts, said, truths, seed) for seed in range(members))
    return replace(fitted, networks=networks)


def network_of(seen: Tensor, facts: Tensor, said: Tensor, truth: Tensor, seed: int) -> Course:
    """One network, trained to correct log odds ``said`` (n,) towards the truth (n,)."""
    torch.manual_seed(seed)
    network = Course(seen.shape[1])
    nn.init.zeros_(network.out.weight)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    whole = len(truth) // BATCH * BATCH
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * whole // BATCH)
    loss = nn.BCEWithLogitsLoss()
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(truth))[:whole].split(BATCH):
            scale = 1 + NOISE * torch.randn(len(rows), 1, 1)
            optimizer.zero_grad()
            loss(said[rows] + network(seen[rows] * scale, facts[rows]), truth[rows]).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def by_trees(found: Sequence[Samples]) -> Judge:
    """Trees as the only judge."""
    trees = trees_of(found)
    return lambda sample: trees.log_odds(sample.features)[:, None]


def by_both(found: Sequence[Samples]) -> Judge:
    """Trees, and networks that correct them."""
    trees, corrections = trees_of(found), trained(found, MEMBERS)
    return lambda sample: np.column_stack([trees.log_odds(sample.features), corrections.of(sample)])


def write(
    out: Path,
    known: Learnt,
    whitening: Sequence[Array],
    minutes: float,
    found: Sequence[Samples],
    controls: Mapping[str, Sequence[Samples]],
) -> None:
    """Train, mix, find operating points, and write everything."""
    own = [one for one in found if not one.video.startswith("calm")]
    asked = [*own, *(one for control in controls.values() for one in control)]
    odds = odds_apart(found, by_both, asked)
    apart = told_apart(own, odds[: len(own)])
    shares, shift = mixture(apart)
    told(f"trees {shares[0]:.2f}, networks {shares[1]:.2f}, shift {shift:.2f}")
    points = operating_points(apart, shares, shift, minutes)

    def share_found(said: Array, truth: npt.NDArray[np.int64]) -> float:
        likely = expit(said[truth == 1] @ shares + shift)
        return float((likely >= points[RATES.index(1.0)]).mean())

    print(
        f"\nof the rises added, found at one false alarm a minute: {share_found(apart.told, apart.truth):.2f}"
    )
    first = len(own)
    for name, control in controls.items():
        said, first = np.concatenate(odds[first : first + len(control)]), first + len(control)
        truth = np.concatenate([one.truth for one in control])
        print(f"with {name}: {share_found(said, truth):.2f}")
    corrections = trained(found, MEMBERS)
    weights = [network.arrays() for network in corrections.networks]
    arrays = {f"network.{name}": np.stack([one[name] for one in weights]) for name in weights[0]}
    arrays |= {f"network.whitening.{part}": matrix for part, matrix in enumerate(whitening)}
    arrays |= {"network.mean": corrections.mean, "network.spread": corrections.spread}
    arrays["network.mixed"] = np.array([*shares, shift])
    save(out, known, trees_of(found), points, arrays)


if __name__ == "__main__":
    main()
