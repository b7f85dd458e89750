"""STSTNet: three shallow streams over one motion map."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from fleeting.models import Shape, models


def stream(channels: int, filters: int) -> nn.Sequential:
    """Convolution, ReLU, batch norm, pooling by three, dropout."""
    return nn.Sequential(
        nn.Conv2d(channels, filters, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.BatchNorm2d(filters),
        nn.MaxPool2d(kernel_size=3, stride=3, padding=1),
        nn.Dropout(0.5),
    )


@models.register("ststnet")
class STSTNet(nn.Module):
    """Shallow triple stream 3D CNN over u, v and strain (Liong et al. 2019).

    Three streams of 3, 5 and 8 filters see the same map and are joined before one fully connected layer. The
    paper draws its streams as 3D convolutions over the stacked channels; with one map they are these 2D ones.
    Batch norm and dropout 0.5 are in the authors' code, not in the text (our reading).
    """

    inputs: ClassVar[dict[str, Shape]] = {"maps": (3, 28, 28)}
    paper: ClassVar[str] = "Liong et al. 2019, doi:10.1109/FG.2019.8756567"

    def __init__(self, classes: int, *, channels: int = 3) -> None:
        super().__init__()
        self.streams = nn.ModuleList(stream(channels, filters) for filters in (3, 5, 8))
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)
        self.head = nn.Linear(16 * 5 * 5, classes)

    def forward(self, maps: Tensor) -> Tensor:  # (batch, 3, 28, 28)
        features = torch.cat([stream(maps) for stream in self.streams], dim=1)  # (batch, 16, 10, 10)
        logits: Tensor = self.head(self.pool(features).flatten(1))  # (batch, 400) -> (batch, classes)
        return logits
