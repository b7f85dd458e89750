"""GTS-GN: a graph of landmarks, one stream for how each moves and one for how neighbours move apart."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout
from fleeting.models._places import PLACES, around, sampled

NEAR = 0.2
"""Landmarks this far apart, in shares of the crop's side, share 1/e of their features at the start."""


class GraphLayer(nn.Module):
    """Each landmark's features mixed with the others' along edges that are learnt, then a linear layer."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        places = torch.tensor(PLACES)
        self.edges = nn.Parameter(-torch.cdist(places, places) / NEAR)  # (30, 30); nearer ones count more
        self.linear = nn.Linear(before, after, bias=False)
        self.norm = nn.BatchNorm1d(after)

    def forward(self, x: Tensor) -> Tensor:  # (batch, 30, before) -> (batch, 30, after)
        mixed = self.linear(self.edges.softmax(dim=1) @ x)
        return F.relu(self.norm(mixed.mT).mT)


def stream(features: int, width: int, hidden: int) -> nn.Sequential:
    """Two graph layers over all landmarks, then one vector: (batch, 30, features) -> (batch, hidden)."""
    layers = GraphLayer(features, width), GraphLayer(width, width)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(len(PLACES) * width, hidden), nn.ReLU())


@models.register("gts-gn")
class GTSGN(nn.Module):
    """Geometric two-stream graph network with a learnt structure (compared in the Broadbent paper).

    Only its abstract is at hand: a graph of landmarks, a stream of low and one of high order, an adjacency
    that is learnt, and a loss that adapts to action units. Our reading: a landmark's low order is how it
    moved, the mean flow over ``reach`` of the map's side around its place in a face at rest; its high order
    is that motion less those of the points before and after it, in the order of brows, outer and inner lips.
    Its loss on action units is a recipe's second target (`training.units`), where sheets name them.
    """

    inputs: ClassVar[dict[str, Shape]] = {"maps": (3, 28, 28)}
    paper: ClassVar[str] = "compared in Ashraf et al. 2025 (Broadbent attention), its Table IV"
    small: ClassVar[dict[str, Any]] = {"width": 8, "hidden": 16}
    looks_at: ClassVar[str] = "seen"

    def __init__(
        self,
        classes: int,
        *,
        width: int = 64,
        hidden: int = 128,
        reach: float = 0.1,
        dropout: float = 0.5,
        channels: int = 3,
        size: int = 28,  # noqa: ARG002 - landmarks are sampled from any size
    ) -> None:
        super().__init__()
        if channels < 2 or not 0 < reach <= 1:
            raise OptionError(
                f"gts-gn: maps of {channels} channels, landmarks of {reach} of their side; expected u, v and"
                " perhaps strain, and a share from 0 to 1"
            )
        self.grid: Tensor
        self.register_buffer("grid", around(reach, 3), persistent=False)
        self.seen = nn.BatchNorm2d(2)
        self.low, self.high = stream(2, width, hidden), stream(4, width, hidden)
        self.head = nn.Sequential(Dropout(dropout), nn.Linear(2 * hidden, classes))

    def forward(self, maps: Tensor) -> Tensor:  # (batch, 3, 28, 28)
        moved = sampled(self.seen(maps[:, :2]), self.grid).mean(dim=(3, 4))  # (batch, 30, 2)
        before, after = moved.roll(1, dims=1), moved.roll(-1, dims=1)
        apart = torch.cat([moved - before, moved - after], dim=2)  # (batch, 30, 4)
        features = torch.cat([self.low(moved), self.high(apart)], dim=1)  # (batch, 256)
        logits: Tensor = self.head(features)  # (batch, classes)
        return logits
