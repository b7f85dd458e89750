"""FGRL-AUF: patches of motion at brows and mouth, weighed by a graph of nine action units."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout, Layer
from fleeting.models._places import BROWS, MOUTH, PLACES, around, sampled

BROW_UNITS, MOUTH_UNITS = 3, 6
SIDE = 7


def encoder(layers: int, heads: int, inner: int, hidden: int, dropout: float) -> nn.Sequential:
    """So many layers over the patches of a part of the face: (batch, patches, 49) to the same."""
    return nn.Sequential(*(Layer(SIDE**2, heads, inner, hidden, dropout) for _ in range(layers)))


def embedding(patches: int, width: int) -> nn.Sequential:
    """All patches of a part as one vector: (batch, patches, 49) -> (batch, width)."""
    full = nn.Linear(patches * SIDE**2, 2 * width), nn.ReLU(), Dropout(0.5)
    return nn.Sequential(nn.Flatten(), *full, nn.Linear(2 * width, width), nn.ReLU(), Dropout(0.5))


class Units(nn.Module):
    """Vectors of nine action units, mixed twice along a graph whose edges are learnt: (9, 4 width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        count = BROW_UNITS + MOUTH_UNITS
        self.vectors = nn.Parameter(torch.randn(count, width) * width**-0.5)
        self.edges = nn.Parameter(2 * torch.eye(count))
        self.first, self.second = nn.Linear(width, 2 * width), nn.Linear(2 * width, 4 * width)

    def forward(self) -> Tensor:
        together = self.edges.softmax(dim=1)  # (9, 9)
        mixed = F.leaky_relu(self.first(together @ self.vectors), 0.2)  # (9, 80)
        return F.leaky_relu(self.second(together @ mixed), 0.2)  # (9, 160)


@models.register("fgrl-auf")
class FGRLAUF(nn.Module):
    """Facial graph representation learning with fused action units (Lei et al. 2021), on patches of flow.

    The original takes patches of a magnification network's shape map. As in a public code that derives from
    it, they are patches of the flow here, 7x7 samples around five points of each brow and twenty of the lips.
    Our reading: ``reach`` is a patch's side as a share of the map's; the points are those of a face at rest
    in the canonical crop, as the published maps come without landmarks; u and v of a patch become one map in
    the first convolution. The graph's edges are the co-occurrence of action units in the training fold there;
    here they are learnt, because ready-made maps come without action units.
    """

    inputs: ClassVar[dict[str, Shape]] = {"maps": (3, 28, 28)}
    paper: ClassVar[str] = "Lei et al. 2021, CVPR Workshops 2021"
    small: ClassVar[dict[str, Any]] = {"layers": 1, "heads": 2, "width": 8}
    looks_at: ClassVar[str] = "patches"

    def __init__(
        self,
        classes: int,
        *,
        layers: int = 6,
        heads: int = 8,
        width: int = 40,
        reach: float = 0.2,
        dropout: float = 0.1,
        channels: int = 3,
        size: int = 28,  # noqa: ARG002 - patches are sampled from any size
    ) -> None:
        super().__init__()
        if channels < 2 or not 0 < reach <= 1:
            raise OptionError(
                f"fgrl-auf: maps of {channels} channels, patches of {reach} of their side; expected u, v and"
                " perhaps strain, and a share from 0 to 1"
            )
        self.grid: Tensor
        self.register_buffer("grid", around(reach, SIDE), persistent=False)
        self.patches = nn.Sequential(
            nn.Conv2d(2 * len(PLACES), len(PLACES), 3, padding=1, groups=len(PLACES), bias=False),
            nn.BatchNorm2d(len(PLACES)),
            nn.ReLU(),
        )
        how = (layers, heads, 16 * heads, 128, dropout)
        self.brows, self.mouth = encoder(*how), encoder(*how)
        self.brow_vector, self.mouth_vector = (
            embedding(len(BROWS), 4 * width),
            embedding(len(MOUTH), 4 * width),
        )
        self.units = Units(width)
        self.head = nn.Sequential(nn.LayerNorm(BROW_UNITS + MOUTH_UNITS), nn.Linear(9, classes))

    def forward(self, maps: Tensor) -> Tensor:  # (batch, 3, 28, 28)
        flow = sampled(maps[:, :2], self.grid).flatten(1, 2)  # (batch, 60, 7, 7)
        patches = self.patches(flow).flatten(2)  # (batch, 30, 49)
        brow = self.brow_vector(self.brows(patches[:, : len(BROWS)]))  # (batch, 160)
        mouth = self.mouth_vector(self.mouth(patches[:, len(BROWS) :]))  # (batch, 160)
        units = self.units()  # (9, 160)
        agreed = torch.cat([brow @ units[:BROW_UNITS].mT, mouth @ units[BROW_UNITS:].mT], dim=1)  # (batch, 9)
        logits: Tensor = self.head(agreed)  # (batch, classes)
        return logits
