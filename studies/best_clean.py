"""Scores every model that was tried for the best clean number on the composite's motion maps.

Eight folds by subject, so that a try takes seconds to minutes; a try that looks good then becomes a recipe
with leave-one-subject-out. Every row is one more look at the same clips, so the best row looks better than
its model is.

    python studies/best_clean.py MAPS [--seeds 3] [--networks]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import SVC
from torch import Tensor, nn

from fleeting import linear_maps
from fleeting.datasets import datasets, labelled
from fleeting.drawing.people import identity
from fleeting.drawing.portrait import portrait
from fleeting.drawing.units import JAW, PULLS, field
from fleeting.models.linear_flow import LinearFlow
from fleeting.models.svm_flow import SvmFlow
from fleeting.optional import cv2
from fleeting.scoring.metrics import unweighted_f1, unweighted_recall

Maps = npt.NDArray[np.float32]
Shares = npt.NDArray[np.float64]
Try = Callable[[Maps, npt.NDArray[np.int64], Maps], Shares]
"""Training maps, their classes and test maps, (n, 3, 28, 28) each, to class probabilities."""
UNITS = (*sorted(PULLS), JAW)
SIDE = 56
"""Pixels across and down of drawn displacements, before they are shrunk to maps of 28."""


def mirrored(maps: Maps) -> Maps:
    """The maps mirrored: left and right are exchanged, and horizontal motion changes its sign."""
    flipped = maps[..., ::-1].copy()
    flipped[:, 0] = 255 - flipped[:, 0]
    return flipped


def without_plane(maps: Maps) -> Maps:
    """The maps with a fitted plane subtracted from the flow: it fits a head that turned or came nearer."""
    rows, columns = np.mgrid[-0.5:0.5:28j, -0.5:0.5:28j]
    plane = np.stack([np.ones(784), columns.ravel(), rows.ravel()], axis=1)
    flat = maps[:, :2].reshape(len(maps), 2, 784)
    rest = flat - flat @ (plane @ np.linalg.pinv(plane)).T
    return np.concatenate([rest.reshape(-1, 2, 28, 28), maps[:, 2:]], axis=1).astype(np.float32)


def weights(labels: npt.NDArray[np.int64], balance: float) -> dict[int, float]:
    """A weight for each class: 1 with balance 0, inversely proportional to its clips with balance 1."""
    counts = np.bincount(labels, minlength=3)
    return dict(enumerate((len(labels) / (3 * counts)) ** balance))


def linear(
    *,
    strength: float = 0.01,
    sigma: float = 1.0,
    side: int = 14,
    balance: float = 1.0,
    before: Callable[[Maps], Maps] = lambda maps: maps,
    twice: bool = False,
) -> Try:
    """linear-flow and variants of it; ``twice`` also trains on mirror images and averages over both."""

    def attempt(train: Maps, labels: npt.NDArray[np.int64], test: Maps) -> Shares:
        views = (lambda maps: maps, mirrored) if twice else (lambda maps: maps,)
        seen = [linear_maps.features([before(view(train))], sigma, side) for view in views]
        learner = LogisticRegression(C=strength, class_weight=weights(labels, balance), max_iter=5000)
        learner.fit(np.concatenate(seen), np.tile(labels, len(views)))
        asked = [linear_maps.features([before(view(test))], sigma, side) for view in views]
        return np.mean([learner.predict_proba(one) for one in asked], axis=0)

    return attempt


def kernel(*, cost: float = 3.0, narrow: float = 1.0, side: int = 7, balance: float = 1.0) -> Try:
    """Variants of svm-flow that separate each pair of classes."""

    def attempt(train: Maps, labels: npt.NDArray[np.int64], test: Maps) -> Shares:
        seen, asked = (linear_maps.features([maps], 1.0, side) for maps in (train, test))
        learner = SVC(
            C=cost,
            gamma=narrow / (seen.var() * seen.shape[1]),
            class_weight=weights(labels, balance),
            decision_function_shape="ovr",
        )
        return np.asarray(softmax(2 * learner.fit(seen, labels).decision_function(asked), axis=1))

    return attempt


def averaged(*tries: Try) -> Try:
    """A try that averages the probabilities of several tries."""
    return lambda *given: np.mean([attempt(*given) for attempt in tries], axis=0)


class Convolutions(nn.Module):
    """Three small convolutions and a hidden layer."""

    def __init__(self, out: int, width: int = 24) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after, side in ((3, width, 5), (width, 2 * width, 3), (2 * width, 2 * width, 3)):
            layers += [nn.Conv2d(before, after, side, padding=side // 2), nn.BatchNorm2d(after), nn.ReLU()]
            layers += [nn.AvgPool2d(2)] if len(layers) < 8 else []
        self.trunk = nn.Sequential(*layers, nn.Flatten(), nn.Linear(2 * width * 49, 128), nn.ReLU())
        self.head = nn.Linear(128, out)

    def forward(self, maps: Tensor) -> Tensor:  # (batch, 3, 28, 28)
        scores: Tensor = self.head(self.trunk(maps))
        return scores


def network(start: Mapping[str, Tensor] | None = None, epochs: int = 20, mix: float = 0.4) -> Try:
    """A small network trained with mirroring, shifts, mixup and smoothed labels, for two seeds.

    Its answer is the mean over the map and its mirror image, and over the seeds.
    """

    def attempt(train: Maps, labels: npt.NDArray[np.int64], test: Maps) -> Shares:
        pairs = [_scaled(np.stack([maps, mirrored(maps)])) for maps in (train, test)]
        return np.mean([_asked(_learnt(pairs[0], labels, seed), pairs[1]) for seed in (0, 1)], axis=0)

    def _learnt(both: Tensor, labels: npt.NDArray[np.int64], seed: int) -> nn.Module:
        torch.manual_seed(seed)
        rng, net = np.random.default_rng(seed), Convolutions(3)
        if start:
            net.trunk.load_state_dict(start)
        count, weight = len(labels), torch.tensor(list(weights(labels, 1).values()), dtype=torch.float32)
        steps = epochs * -(-count // 64)
        optimizer = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=5e-2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps)
        for _ in range(epochs):
            for rows in np.array_split(rng.permutation(count), -(-count // 64)):
                x, y = both[rng.integers(0, 2, len(rows)), rows], torch.from_numpy(labels[rows])
                down, right = (int(n) for n in rng.integers(-2, 3, 2))
                x = F.pad(x, (2, 2, 2, 2), mode="replicate").roll((down, right), (2, 3))[..., 2:-2, 2:-2]
                truth = (0.9 * F.one_hot(y, 3) + 0.1 / 3) * weight[y, None]
                share, other = rng.beta(mix, mix), torch.from_numpy(rng.permutation(len(rows)))
                x, truth = (share * t + (1 - share) * t[other] for t in (x, truth))
                loss = -(truth * F.log_softmax(net(x), dim=1)).sum(dim=1).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
        return net.eval()

    def _asked(net: nn.Module, both: Tensor) -> Shares:
        with torch.inference_mode():
            return np.asarray(torch.stack([net(maps).softmax(dim=1) for maps in both]).mean(dim=0))

    return attempt


def _scaled(maps: npt.NDArray[Any]) -> Tensor:
    values = torch.from_numpy(maps.astype(np.float32))
    spread = values.std(dim=(-1, -2), keepdim=True).clamp(min=1e-6)
    return (values - values.mean(dim=(-1, -2), keepdim=True)) / spread


def displacements(people: int) -> Tensor:
    """The displacements by each action unit on each drawn face: (people, units, 2, SIDE, SIDE).

    They are in the face's own axes, on a square around its mesh.
    """
    found = []
    for number in range(1, people + 1):
        person = identity(number, seed=5)
        rest = portrait(person)
        points = (rest.mesh[:, :2] - (middle := rest.mesh[:, :2].mean(axis=0))) @ rest.axes.T
        low, high = points.min(axis=0), points.max(axis=0)
        grid = np.stack(np.meshgrid(*([(np.arange(SIDE) + 0.5) / SIDE] * 2)), axis=-1)
        where = ((low + grid * (high - low)) @ rest.axes + middle).astype(np.float32)
        for unit in UNITS:
            flow = cv2().remap(field(person, str(unit)).flow, where, None, cv2().INTER_LINEAR) @ rest.axes.T
            found.append(flow.transpose(2, 0, 1))
        field.cache_clear()
    return torch.from_numpy(np.stack(found).astype(np.float32)).reshape(people, len(UNITS), 2, SIDE, SIDE)


def drawn_batch(bank: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Maps of a few action units with the head's motion and flow errors, and each unit's strength, 0 to 1."""

    def uniform(*shape: int, low: float, high: float) -> Tensor:
        return torch.empty(shape).uniform_(low, high, generator=generator)

    people = torch.randint(len(bank), (count,), generator=generator)
    strength = uniform(count, len(UNITS), low=0.4, high=1.0)
    strength *= torch.rand(strength.shape, generator=generator) < 1.5 / len(UNITS)
    flow = torch.einsum("nu,nuchw->nchw", strength, bank[people])
    flow = flow * (1 + uniform(count, 1, 1, 1, low=-0.5, high=0.5) * torch.linspace(-1, 1, SIDE))  # lopsided
    crop = torch.zeros(count, 2, 3)
    crop[:, 0, 0], crop[:, 1, 1] = uniform(2, count, low=0.85, high=1.15)
    crop[:, :, 2] = uniform(count, 2, low=-0.12, high=0.12)
    grid = F.affine_grid(crop, list(flow.shape), align_corners=False)
    flow = F.grid_sample(flow, grid, padding_mode="border", align_corners=False)
    for side, most in (
        (1, 0.5),
        (2, 0.4),
        (4, 0.5),
        (8, 0.4),
        (16, 0.24),
    ):  # head, errors
        wrong = torch.randn(count, 2, side, side, generator=generator)
        wrong = F.interpolate(wrong, size=(SIDE, SIDE), mode="bilinear", align_corners=side > 1)
        flow = flow + uniform(count, 1, 1, 1, low=0, high=most) * wrong
    (uy, ux), (vy, vx) = (torch.gradient(flow[:, axis], dim=(1, 2)) for axis in (0, 1))
    strain = (ux**2 + vy**2 + 0.5 * (uy + vx) ** 2).sqrt()
    return _scaled(F.avg_pool2d(torch.cat([flow, strain[:, None]], dim=1), 2).numpy()), strength


def drawn_start(steps: int = 2500) -> Mapping[str, Tensor]:
    """The trunk's weights after the network has learnt the strengths of action units in drawn flow."""
    torch.manual_seed(0)
    net, bank, generator = Convolutions(len(UNITS)), displacements(40), torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(steps):
        maps, strength = drawn_batch(bank, 64, generator)
        loss = F.mse_loss(net(maps), strength)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    maps, strength = drawn_batch(bank, 512, generator)
    with torch.inference_mode():
        said = net.eval()(maps)
    alike = [float(np.corrcoef(said[:, i], strength[:, i])[0, 1]) for i in range(len(UNITS))]
    print(f"trained on drawn flow: action units correlate by {min(alike):.2f} to {max(alike):.2f}")
    return net.trunk.state_dict()


def symmetric(train: Maps, labels: npt.NDArray[np.int64], test: Maps) -> Shares:
    """The shipped model: linear-flow with weights averaged with their mirror image."""
    model = LinearFlow(3, symmetric=True)
    model.fit([train], labels, seed=0)
    return model.probabilities([test])


def one_against_rest(train: Maps, labels: npt.NDArray[np.int64], test: Maps) -> Shares:
    """The model `svm-flow` itself."""
    model = SvmFlow(3)
    model.fit([train], labels, seed=0)
    return model.probabilities([test])


SIMPLE: dict[str, Try] = {
    "linear-flow": linear(),
    "linear, symmetric": symmetric,
    "linear, strength 0.003": linear(strength=0.003),
    "linear, strength 0.03": linear(strength=0.03),
    "linear, mirrored too": linear(twice=True),
    "linear, without a plane": linear(before=without_plane),
    "linear, u and v": linear(before=lambda maps: maps[:, :2]),
    "linear, v alone": linear(before=lambda maps: maps[:, 1:2]),
    "linear, blur 2": linear(sigma=2.0),
    "linear, 28x28": linear(side=28, strength=0.003),
    "linear, half balanced": linear(balance=0.5),
    "linear, not balanced": linear(balance=0.0),
    "svm-flow": one_against_rest,
    "kernel, cost 1": kernel(cost=1.0),
    "kernel, cost 3": kernel(),
    "kernel, cost 10": kernel(cost=10.0),
    "kernel, 14x14": kernel(side=14),
    "kernel, half as narrow": kernel(narrow=0.5),
    "kernel, twice as narrow": kernel(narrow=2.0),
    "kernel, half balanced": kernel(balance=0.5),
    "kernel and linear averaged": averaged(kernel(), linear()),
}


def main() -> None:
    """Score every try and print a row for each: means over the seeds that cut the folds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("maps", type=Path, help="the folder of the composite's motion maps")
    parser.add_argument("--seeds", type=int, default=3, help="how often the folds are cut anew")
    parser.add_argument("--networks", action="store_true", help="small networks too: minutes each, one cut")
    parser.add_argument("--only", nargs="+", default=list(SIMPLE), help="these of the simple ones")
    given = parser.parse_args()
    torch.set_num_threads(1)
    dataset = datasets["megc2019-flow"]
    samples, classes = labelled(dataset.samples(given.maps), "megc3")
    maps = np.stack([dataset.ready_array(given.maps, sample, "flow-map") for sample in samples])
    labels = np.array([classes.index(sample.label) for sample in samples])
    people = [sample.subject for sample in samples]
    parts = np.array([sample.dataset for sample in samples])

    def told(name: str, attempt: Try, seeds: int) -> None:
        rows = []
        for seed in range(seeds):
            shares = np.zeros((len(labels), len(classes)))
            cut = StratifiedGroupKFold(8, shuffle=True, random_state=seed)
            for train, test in cut.split(maps, labels, people):
                shares[test] = attempt(maps[train], labels[train], maps[test])
            said = shares.argmax(axis=1)
            of_parts = [unweighted_f1(labels[parts == p], said[parts == p], 3) for p in sorted(set(parts))]
            rows.append([unweighted_f1(labels, said, 3), unweighted_recall(labels, said, 3), *of_parts])
        numbers = " ".join(f"{value:.3f}" for value in np.mean(rows, axis=0))
        print(f"{name:30s} {numbers}   ±{np.std(rows, axis=0)[0]:.3f}", flush=True)

    print(f"{'':30s} UF1   UAR   {' '.join(sorted(set(parts)))} (UF1)   ± over cuts")
    for name in given.only:
        told(name, SIMPLE[name], given.seeds)
    if given.networks:
        told("network", network(), 1)
        told("network, begun on drawn flow", network(drawn_start()), 1)


if __name__ == "__main__":
    main()
