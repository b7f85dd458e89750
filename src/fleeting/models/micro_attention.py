"""Micro-attention: a residual network in which each unit weights the positions of its own output."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout, Gate, Shortcut


class MicroAttentionUnit(nn.Module):
    """A residual unit with an attention to positions that is computed from all its feature maps.

    (batch, c, h, w) -> (batch, wider, h / stride, w / stride)
    """

    def __init__(self, channels: int, wider: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, wider, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(wider)
        self.conv2 = nn.Conv2d(wider, wider, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(wider)
        self.downsample = nn.Sequential(Shortcut(channels, wider, stride), nn.BatchNorm2d(wider))
        self.look = nn.Conv2d(3 * wider, 1, kernel_size=1)
        self.gate = Gate()

    def forward(self, x: Tensor) -> Tensor:
        first = F.relu(self.bn1(self.conv1(x)))
        second = self.bn2(self.conv2(first))
        shortcut = self.downsample(x)
        attention = self.gate(self.look(torch.cat([first, second, shortcut], dim=1)))  # (batch, 1, h, w)
        return F.relu((second + shortcut) * (1 + attention))


@models.register("micro-attention")
class MicroAttention(nn.Module):
    """Residual network with micro-attention (Wang et al. 2020), made for single apex frames.

    Our reading, because only the abstract is at hand (residual units, attention to small areas, hardly any
    more parameters): a ResNet-10 with one unit a stage. A 1x1 convolution over the maps of a unit's
    convolutions and its shortcut, then a sigmoid, give one attention map; the unit's output is multiplied by
    1 + attention. The paper starts from weights learnt on macro-expressions; here training starts from random
    weights.
    """

    inputs: ClassVar[dict[str, Shape]] = {"image": (3, 224, 224)}
    paper: ClassVar[str] = "Wang et al. 2020, doi:10.1016/j.neucom.2020.06.005"
    small: ClassVar[dict[str, Any]] = {"width": 4, "size": 32}
    looks_at: ClassVar[str] = "units"

    def __init__(
        self,
        classes: int,
        *,
        width: int = 64,
        dropout: float = 0.5,
        channels: int = 3,
        size: int = 224,  # noqa: ARG002 - any size fits
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, kernel_size=7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        )
        self.units = nn.Sequential(
            MicroAttentionUnit(width, width, stride=1),
            MicroAttentionUnit(width, 2 * width, stride=2),
            MicroAttentionUnit(2 * width, 4 * width, stride=2),
            MicroAttentionUnit(4 * width, 8 * width, stride=2),
        )
        self.dropout = Dropout(dropout)
        self.head = nn.Linear(8 * width, classes)

    def forward(self, image: Tensor) -> Tensor:  # (batch, 3, 224, 224)
        x = self.stem(image)  # (batch, 64, 56, 56)
        x = self.units(x)  # (b, 64, 56, 56), (b, 128, 28, 28), (b, 256, 14, 14), (b, 512, 7, 7)
        logits: Tensor = self.head(self.dropout(x.mean(dim=(2, 3))))  # (batch, classes)
        return logits
