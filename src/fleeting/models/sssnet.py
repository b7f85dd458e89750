"""SSSNet: two convolutions, pooled and dropped by channels, and one fully connected layer."""

from __future__ import annotations

from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import ChannelDropout, Dropout


@models.register("sssnet")
class SSSNet(nn.Module):
    """Shallow network on u, v and strain of 64x64 (Varanka et al. 2021).

    Maps of another side are enlarged, or shrunk, to ``side`` pixels inside the network: the published maps of
    the composite have 28 pixels, and enlarging these adds nothing to them (our reading).
    """

    inputs: ClassVar[dict[str, Shape]] = {"maps": (3, 64, 64)}
    paper: ClassVar[str] = "Varanka et al. 2021; public code: tvaranka/meb"
    small: ClassVar[dict[str, Any]] = {"size": 28, "side": 28, "width": 8, "hidden": 32}
    looks_at: ClassVar[str] = "features.5"
    real_time: ClassVar[bool] = True

    def __init__(
        self,
        classes: int,
        *,
        side: int = 64,
        width: int = 32,
        hidden: int = 256,
        dropout: float = 0.5,
        channels: int = 3,
        size: int = 64,  # noqa: ARG002 - any size is brought to `side`
    ) -> None:
        super().__init__()
        if side < 16:
            raise OptionError(
                f"sssnet: maps of {side} pixels, expected 16 or more; two filters pool them by 6"
            )
        last = ((side - 4) // 3 - 2) // 2  # 9
        self.side = side
        self.features = nn.Sequential(
            nn.Conv2d(channels, width, kernel_size=5),  # (batch, 32, 60, 60)
            nn.ReLU(),
            nn.MaxPool2d(3),  # (batch, 32, 20, 20)
            nn.BatchNorm2d(width),
            ChannelDropout(dropout),
            nn.Conv2d(width, 2 * width, kernel_size=3),  # (batch, 64, 18, 18)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (batch, 64, 9, 9)
            nn.BatchNorm2d(2 * width),
            ChannelDropout(dropout),
        )
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(2 * width * last**2, hidden),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(hidden, classes),
        )

    def forward(self, maps: Tensor) -> Tensor:  # (batch, 3, 64, 64)
        if maps.shape[-1] != self.side:
            maps = F.interpolate(maps, size=(self.side, self.side), mode="bilinear", align_corners=False)
        logits: Tensor = self.head(self.features(maps))  # (batch, classes)
        return logits
