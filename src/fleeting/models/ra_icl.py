"""Ra-ICL: a ResNet-18 on the flow of one moment, and queries that its places are assigned to."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Attention, Shortcut

TAU = 0.99
"""The share of its old weights that the slow copy of the network keeps at each step."""
WEIGHT = 0.5
"""Of each of the three losses beside that of the classes."""
MIRRORED_U = 0
"""The channel whose sign a mirror turns."""


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            self.shortcut = nn.Sequential(Shortcut(before, after, stride), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.convolutions(x) + self.shortcut(x))


class Decoder(nn.Module):
    """A layer of a transformer's decoder: queries hear each other, then look at the places of a map."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.among, self.at = nn.ModuleList(nn.Linear(width, width) for _ in range(3)), Attention()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.scale = width**-0.5

    def forward(self, queries: Tensor, places: Tensor) -> Tensor:  # (batch, 8, width), (batch, places, width)
        query, key, value = (layer(queries) for layer in self.among)
        queries = self.norms[0](queries + self.at(query @ key.mT * self.scale) @ value)
        seen = self.at(self.query(queries) @ self.key(places).mT * self.scale) @ self.value(places)
        queries = self.norms[1](queries + seen)
        decoded: Tensor = self.norms[2](queries + self.mlp(queries))
        return decoded


@models.register("ra-icl")
class RaICL(nn.Module):
    """Network that learns from many moments of a clip (Ra-ICL, CVPR 2026).

    From a description: flow and strain between the onset and each of the 16 middle frames, a ResNet-18, a
    pair that is trained alike (BYOL) whose second input is mirrored, an L2 between their class-activation
    maps, eight learnt queries in a transformer's decoder with a cross-entropy of the assignment of places to
    them; the middle frame is tested. Our reading: the moments are `data.moments`; the pair is one flow and
    its mirror image; a query says how much it speaks for each class, a place is assigned to the queries by
    its likeness to them, and the classes that it thereby gets are what the cross-entropy is of; the answer
    is that of all features together and of all places; one decoder layer; maps of activation are compared
    with their largest value 1. The slow copy and the layers that compare the pair are thrown away.
    """

    inputs: ClassVar[dict[str, Shape]] = {"flow": (3, 112, 112)}
    paper: ClassVar[str] = "Ra-ICL, CVPR 2026"
    small: ClassVar[dict[str, Any]] = {"size": 64, "width": 4}
    looks_at: ClassVar[str] = "stages"

    def __init__(
        self,
        classes: int,
        *,
        width: int = 64,
        queries: int = 8,
        channels: int = 3,
        size: int = 112,
    ) -> None:
        super().__init__()
        if channels < 2 or size < 64:
            raise OptionError(
                f"ra-icl: {channels} channels of {size} pixels; expected u, v and perhaps strain, of 64 or"
                " more: of less, the queries have one place to look at"
            )
        stem = nn.Conv2d(channels, width, 7, 2, padding=3, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        blocks: list[nn.Module] = []
        for number in range(4):
            before, after = width << max(0, number - 1), width << number
            blocks += [Block(before, after, 2 if number else 1), Block(after, after, 1)]
        self.stages = nn.Sequential(*stem, nn.MaxPool2d(3, 2, padding=1), *blocks)
        self.queries = nn.Parameter(torch.randn(queries, after) * after**-0.5)
        self.decoder = Decoder(after)
        self.speaks = nn.Linear(after, classes)
        self.head = nn.Linear(after, classes)

    def parts(self, flow: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features of places (batch, 512, 4, 4), logits of places (batch, classes, 4, 4), and of the clip."""
        features = self.stages(flow)
        places = features.flatten(2).mT  # (batch, 16, 512)
        queries = self.decoder(self.queries.expand(len(flow), -1, -1), places)  # (batch, 8, 512)
        assigned = (places @ queries.mT * places.shape[2] ** -0.5).softmax(dim=2)  # (batch, 16, 8)
        of_places = (assigned @ self.speaks(queries)).mT
        of_places = of_places.reshape(*of_places.shape[:2], *features.shape[2:])
        logits = self.head(features.mean(dim=(2, 3))) + of_places.mean(dim=(2, 3))
        return features, of_places, logits

    def forward(self, flow: Tensor) -> Tensor:  # (batch, 3, 112, 112)
        return self.parts(flow)[2]  # (batch, classes)

    def objective(self) -> nn.Module:
        """The loss of the classes, of the pair, of their activation maps and of the places."""
        return Pair(self)


def mirrored(flow: Tensor) -> Tensor:
    """Flow as a mirror shows it: left is right, and u points the other way."""
    signs = torch.ones(flow.shape[1], device=flow.device)
    signs[MIRRORED_U] = -1
    return flow.flip(3) * signs[:, None, None]


class Pair(nn.Module):
    """What `RaICL` is trained by: a flow and its mirror image, each of which foretells the other (BYOL)."""

    def __init__(self, model: RaICL) -> None:
        super().__init__()
        width = model.head.in_features
        self.model = model
        self.project, self.predict = perceptron(width), perceptron(width)
        self.slow = copy.deepcopy(nn.ModuleList([model.stages, self.project])).requires_grad_(False)

    def forward(
        self, inputs: list[Tensor], labels: Tensor, loss_of: Callable[[Tensor, Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The logits of the flow as it is, and the sum of all losses."""
        follow(self.slow, nn.ModuleList([self.model.stages, self.project]))
        (flow,) = inputs
        both = torch.cat([flow, mirrored(flow)])
        features, places, logits = self.model.parts(both)
        with torch.no_grad():
            stages, project = self.slow
            aims = project(stages(both).mean(dim=(2, 3))).roll(len(flow), dims=0)  # each other's
        foretold = self.predict(self.project(features.mean(dim=(2, 3))))
        alike = 2 - 2 * F.cosine_similarity(foretold, aims, dim=1).mean()
        maps = self._activation(features, labels.repeat(2))
        apart = (maps[: len(flow)] - maps[len(flow) :].flip(2)).square().mean()
        of_places = F.cross_entropy(places, labels.repeat(2)[:, None, None].expand(-1, *places.shape[2:]))
        own = loss_of(logits.float(), labels.repeat(2))
        return logits[: len(flow)].float(), own + WEIGHT * (alike + apart + of_places)

    def _activation(self, features: Tensor, labels: Tensor) -> Tensor:
        """Where features spoke for the true class: (batch, h, w), largest 1."""
        maps = torch.einsum("bchw,bc->bhw", features, self.model.head.weight[labels]).relu()
        return maps / maps.amax(dim=(1, 2), keepdim=True).clamp(min=1e-6)


def perceptron(width: int) -> nn.Sequential:
    """A hidden layer and a linear one: (batch, width) to the same."""
    return nn.Sequential(
        nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, width)
    )


@torch.no_grad()
def follow(slow: nn.Module, fast: nn.Module) -> None:
    """Move the weights of a slow copy a step towards those of the network."""
    for old, new in zip(slow.parameters(), fast.parameters(), strict=True):
        old.lerp_(new, 1 - TAU)
