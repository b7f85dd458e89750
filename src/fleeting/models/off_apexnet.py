"""OFF-ApexNet: one small CNN for each component of optical flow, joined by fully connected layers."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout


def stream() -> nn.Sequential:
    """Two 5x5 convolutions with ReLU, each pooled by two: (batch, 1, 28, 28) -> (batch, 784)."""
    return nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
    )


@models.register("off-apexnet")
class OffApexNet(nn.Module):
    """Optical flow features from apex frame network (Gan et al. 2019).

    u and v each have a stream of their own; the strain of a motion map is not used. The paper's tables do not
    list the dropout between the fully connected layers (our reading: 0.5).
    """

    inputs: ClassVar[dict[str, Shape]] = {"maps": (3, 28, 28)}
    paper: ClassVar[str] = "Gan et al. 2019, Signal Processing: Image Communication 74; arXiv:1805.08699"
    real_time: ClassVar[bool] = True

    def __init__(self, classes: int, *, dropout: float = 0.5) -> None:
        super().__init__()
        self.horizontal, self.vertical = stream(), stream()
        self.head = nn.Sequential(
            nn.Linear(2 * 16 * 7 * 7, 1024),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(1024, 1024),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(1024, classes),
        )

    def forward(self, maps: Tensor) -> Tensor:  # (batch, 3, 28, 28)
        u, v = maps[:, 0:1], maps[:, 1:2]  # (batch, 1, 28, 28) each
        features = torch.cat([self.horizontal(u), self.vertical(v)], dim=1)  # (batch, 1568)
        logits: Tensor = self.head(features)  # (batch, classes)
        return logits
