"""AffectiveNet: edges of four scales of an affective image, and features taken at two depths."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout

KERNELS = (3, 5, 7, 11)


def convolved(channels: int, out: int, kernel: int = 3) -> nn.Sequential:
    """A convolution of stride two, batch norm and ReLU: (batch, channels, h, w) to (batch, out, h/2, w/2)."""
    convolution = nn.Conv2d(channels, out, kernel, stride=2, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out), nn.ReLU())


@models.register("affectivenet")
class AffectiveNet(nn.Module):
    """Network on the affective image of a clip (Verma et al. 2021).

    Only the abstract is at hand: a multi-scale block keeps coarse and fine edges, a second block learns from
    two intermediate layers. Our reading: the scales are convolutions of 3, 5, 7 and 11 pixels side by side;
    two convolutions follow, and each of their outputs has a convolution, a mean over 4x4 areas and a fully
    connected layer of its own, whose outputs are classified together.
    """

    inputs: ClassVar[dict[str, Shape]] = {"image": (3, 112, 112)}
    paper: ClassVar[str] = "Verma et al. 2021, AffectiveNet"
    small: ClassVar[dict[str, Any]] = {"size": 32, "width": 4, "hidden": 16}
    looks_at: ClassVar[str] = "deeper"

    def __init__(
        self,
        classes: int,
        *,
        width: int = 16,
        hidden: int = 128,
        dropout: float = 0.5,
        channels: int = 3,
        size: int = 112,  # noqa: ARG002 - any size is averaged to 4x4 areas
    ) -> None:
        super().__init__()
        self.scales = nn.ModuleList(convolved(channels, width, kernel) for kernel in KERNELS)
        self.first = convolved(4 * width, 4 * width)
        self.deeper = convolved(4 * width, 8 * width)
        self.after_first, self.after_deeper = convolved(4 * width, 8 * width), convolved(8 * width, 8 * width)
        self.full_first, self.full_deeper = (nn.Linear(8 * width * 16, hidden) for _ in range(2))
        self.head = nn.Sequential(nn.ReLU(), Dropout(dropout), nn.Linear(2 * hidden, classes))

    def forward(self, image: Tensor) -> Tensor:  # (batch, 3, 112, 112)
        edges = torch.cat([scale(image) for scale in self.scales], dim=1)  # (batch, 64, 56, 56)
        first = self.first(edges)  # (batch, 64, 28, 28)
        deeper = self.deeper(first)  # (batch, 128, 14, 14)
        one = F.adaptive_avg_pool2d(self.after_first(first), 4).flatten(1)  # (batch, 2048)
        other = F.adaptive_avg_pool2d(self.after_deeper(deeper), 4).flatten(1)  # (batch, 2048)
        features = torch.cat([self.full_first(one), self.full_deeper(other)], dim=1)  # (batch, 256)
        logits: Tensor = self.head(features)  # (batch, classes)
        return logits
