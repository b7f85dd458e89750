"""OrigiNet: three levels of two convolutions side by side over one active image of a clip."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout


class Refined(nn.Module):
    """The activation s + s * LeakyReLU(x) with s the sigmoid of x and a slope of 0.1 below 0."""

    def forward(self, x: Tensor) -> Tensor:
        share = torch.sigmoid(x)
        return share + share * F.leaky_relu(x, 0.1)


def convolved(channels: int, out: int, kernel: int) -> nn.Sequential:
    """A convolution of stride two and the activation: (batch, channels, h, w) to (batch, out, h/2, w/2)."""
    return nn.Sequential(nn.Conv2d(channels, out, kernel, stride=2, padding=kernel // 2), Refined())


class Level(nn.Module):
    """A 3x3 and a 5x5 convolution side by side, summed; the sum, and the sum normalised."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.fine, self.coarse = convolved(channels, out, 3), convolved(channels, out, 5)
        self.norm = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        summed = self.fine(x) + self.coarse(x)
        return summed, self.norm(summed)


@models.register("originet")
class OrigiNet(nn.Module):
    """Network on one active image of a clip (Verma et al. 2020).

    After three levels a 3x3 convolution sees the last sum normalised, a 5x5 one as it is; each has a fully
    connected layer. Our reading: both end in the same activation, and dropout comes before the classes.
    """

    inputs: ClassVar[dict[str, Shape]] = {"image": (1, 128, 128)}
    paper: ClassVar[str] = "Verma et al. 2020, IJCNN 2020"
    small: ClassVar[dict[str, Any]] = {"size": 32, "width": 4, "hidden": 16}
    looks_at: ClassVar[str] = "levels.2.norm"

    def __init__(
        self,
        classes: int,
        *,
        width: int = 16,
        hidden: int = 128,
        dropout: float = 0.5,
        channels: int = 1,
        size: int = 128,
    ) -> None:
        super().__init__()
        side = size
        for _ in range(4):
            side = (side + 1) // 2  # 8
        widths = (channels, width, 2 * width, 4 * width)
        self.levels = nn.ModuleList(Level(*pair) for pair in pairwise(widths))
        self.fine, self.coarse = convolved(4 * width, 6 * width, 3), convolved(4 * width, 6 * width, 5)
        self.full_fine = nn.Linear(6 * width * side**2, hidden)
        self.full_coarse = nn.Linear(6 * width * side**2, hidden)
        self.head = nn.Sequential(Refined(), Dropout(dropout), nn.Linear(2 * hidden, classes))

    def forward(self, image: Tensor) -> Tensor:  # (batch, 1, 128, 128)
        normed, summed = image, image
        for level in self.levels:
            summed, normed = level(normed)  # (batch, 16, 64, 64), (batch, 32, 32, 32), (batch, 64, 16, 16)
        fine = self.full_fine(self.fine(normed).flatten(1))  # (batch, 128)
        coarse = self.full_coarse(self.coarse(summed).flatten(1))  # (batch, 128)
        logits: Tensor = self.head(torch.cat([fine, coarse], dim=1))  # (batch, classes)
        return logits
