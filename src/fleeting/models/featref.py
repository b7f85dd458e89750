"""FeatRef: features shared by all expressions, refined by one attention for each, and fused."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout, Gate
from fleeting.models._inception import FILTERS, Inception


def stream() -> nn.Sequential:
    """Two Inception levels over one component of flow: (batch, 1, 28, 28) -> (batch, 48, 7, 7)."""
    return nn.Sequential(
        Inception(1, FILTERS), nn.MaxPool2d(2), Inception(4 * FILTERS, 2 * FILTERS), nn.MaxPool2d(2)
    )


class Proposal(nn.Module):
    """The features as one expression sees them: gated, then embedded, and its own yes or no."""

    def __init__(self, features: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, features), nn.Unflatten(1, (-1, 1, 1))
        )
        self.gate = Gate()
        self.embed = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), Dropout(dropout))
        self.yes = nn.Linear(hidden, 1)

    def forward(self, shared: Tensor) -> tuple[Tensor, Tensor]:  # (batch, features)
        gated = shared * self.gate(self.look(shared)).flatten(1)
        own = self.embed(gated)  # (batch, hidden)
        return own, self.yes(own)  # (batch, 1)


@models.register("featref")
class FeatRef(nn.Module):
    """Feature refinement by expression-specific attention on u and v (Zhou et al. 2022).

    Only the abstract is at hand: Inception on the two components of the flow from onset to apex, an attention
    branch for each expression with a binary loss of its own, and a classifier on all branches together. Our
    reading: two Inception levels as in Dual-ATME; a branch gates the shared features by two layers; instead
    of a loss of its own, each branch adds its yes to the score of its class, so that the recipe's loss trains
    both. Of a motion map the strain is not used.
    """

    inputs: ClassVar[dict[str, Shape]] = {"maps": (3, 28, 28)}
    paper: ClassVar[str] = "Zhou et al. 2022, Pattern Recognition 122, doi:10.1016/j.patcog.2021.108275"
    small: ClassVar[dict[str, Any]] = {"hidden": 16}
    looks_at: ClassVar[str] = "horizontal"
    real_time: ClassVar[bool] = True

    def __init__(
        self, classes: int, *, hidden: int = 128, dropout: float = 0.5, channels: int = 3, size: int = 28
    ) -> None:
        super().__init__()
        if channels < 2 or size < 4:
            raise OptionError(
                f"featref: maps of {channels} channels and {size} pixels; expected u, v and perhaps strain,"
                " and 4 pixels or more"
            )
        self.horizontal, self.vertical = stream(), stream()
        features = 2 * 8 * FILTERS * (size // 4) ** 2
        self.shared = nn.Sequential(
            nn.Flatten(), nn.Linear(features, hidden), nn.BatchNorm1d(hidden), nn.ReLU()
        )
        self.proposals = nn.ModuleList(Proposal(hidden, hidden, dropout) for _ in range(classes))
        self.fused = nn.Linear(classes * hidden, classes)

    def forward(self, maps: Tensor) -> Tensor:  # (batch, 3, 28, 28)
        streams = [self.horizontal(maps[:, 0:1]), self.vertical(maps[:, 1:2])]  # (batch, 48, 7, 7) each
        shared = self.shared(torch.cat(streams, dim=1))  # (batch, 128)
        own, yes = zip(*(proposal(shared) for proposal in self.proposals), strict=True)
        logits: Tensor = self.fused(torch.cat(own, dim=1)) + torch.cat(yes, dim=1)  # (batch, classes)
        return logits
