"""MEGANet: attention to the edges of one picture, then residual blocks with self-attention over the face."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.errors import OptionError, UnknownNameError
from fleeting.models import Shape, models
from fleeting.models._blocks import Attention, Dropout, Gate, Shortcut

READINGS = ("sagan", "printed")
"""Two readings of equation 14: with SAGAN's residual sum, or without it as printed."""


class GradientAttention(nn.Module):
    """A picture times a gate computed from its edges (equations 6 to 9): (batch, channels, height, width)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, kernel_size=3, padding=1, bias=False)
        self.gate = Gate()

    def forward(self, x: Tensor) -> Tensor:
        across = F.pad((x[..., :, 1:] - x[..., :, :-1]).abs(), (0, 1))  # |x(i, j+1) - x(i, j)|, last column 0
        down = F.pad((x[..., 1:, :] - x[..., :-1, :]).abs(), (0, 0, 0, 1))  # last row 0
        attention: Tensor = self.gate(self.conv(across + down))  # (batch, 1, height, width)
        return x * attention


class ResidualUnit(nn.Module):
    """Two 3x3 convolutions beside a 1x1 shortcut (10 to 12): (b, c, h, w) -> (b, wider, h / 2, w / 2)."""

    def __init__(self, channels: int, wider: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, wider, kernel_size=3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(wider),
            nn.ReLU(inplace=True),
            nn.Conv2d(wider, wider, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(wider),
        )
        self.shortcut = Shortcut(channels, wider, stride=2, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.shortcut(x) + self.convolutions(x)
        return added


class SelfAttention(nn.Module):
    """SAGAN's self-attention over positions (equation 13): (batch, channels, height, width) to the same."""

    def __init__(self, channels: int, reading: str) -> None:
        super().__init__()
        self.queries = nn.Conv2d(channels, max(1, channels // 8), kernel_size=1)
        self.keys = nn.Conv2d(channels, max(1, channels // 8), kernel_size=1)
        self.values = nn.Conv2d(channels, channels, kernel_size=1)
        self.adds = reading == "sagan"
        self.attention = Attention(around=self.adds)
        self.gamma = nn.Parameter(torch.tensor(0.0 if self.adds else 1.0))

    def forward(self, x: Tensor) -> Tensor:
        maps = (convolve(x).flatten(2)[:, None] for convolve in (self.queries, self.keys, self.values))
        q, k, v = maps  # (batch, 1, channels / 8 or channels, height * width)
        weights = self.attention(q.transpose(2, 3) @ k)  # (batch, 1, queries, keys)
        attended: Tensor = (v @ weights.transpose(2, 3)).reshape(x.shape)
        return x + self.gamma * attended if self.adds else self.gamma * attended


@models.register("meganet")
class MEGANet(nn.Module):
    """Micro-expression gradient attention network (Nguyen et al. 2025), made for MESTI pictures.

    The paper gives no strides, widths or dropout rate. Our reading: the stem halves the sides of its picture
    twice and each block halves them once more, with 64, 128, 256 (and 512) channels, so that self-attention
    compares at most 784 positions; its weights alone would take 39 MB a sample at the 3136 positions after
    the stem. ``reading`` chooses the reading of equation 14: ``sagan`` keeps SAGAN's sum, and gamma starts at
    0; ``printed`` drops the sum, and gamma starts at 1 (our reading), because from 0 nothing ever learns.

    Each part can be left out as in the paper's ablation. Our reading: without ``residual`` a block is max
    pooling and self-attention, without ``self_attention`` it is the residual unit, and without both there are
    no blocks. Raises OptionError on less than one block, UnknownNameError on another reading.
    """

    inputs: ClassVar[dict[str, Shape]] = {"image": (3, 224, 224)}
    paper: ClassVar[str] = "Nguyen et al. 2025, MESTI-MEGANet (preprint)"
    small: ClassVar[dict[str, Any]] = {"width": 8, "size": 64}
    looks_at: ClassVar[str] = "blocks"

    def __init__(
        self,
        classes: int,
        *,
        blocks: int = 3,
        gradient_attention: bool = True,
        self_attention: bool = True,
        residual: bool = True,
        reading: str = "sagan",
        width: int = 64,
        dropout: float = 0.3,
        channels: int = 3,
        size: int = 224,  # noqa: ARG002 - any size fits
    ) -> None:
        super().__init__()
        if blocks < 1:
            raise OptionError(f"model meganet: blocks is {blocks}; expected 1 or more, the paper has 3")
        if reading not in READINGS:
            raise UnknownNameError("reading of meganet", reading, READINGS)
        self.gradient_attention = GradientAttention(channels) if gradient_attention else nn.Identity()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, kernel_size=7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        )
        self.blocks = nn.Sequential()
        features = width
        for number in range(blocks if residual or self_attention else 0):
            before, features = features, width * 2**number if residual else width
            self.blocks.append(
                nn.Sequential(
                    ResidualUnit(before, features) if residual else nn.MaxPool2d(2),
                    SelfAttention(features, reading) if self_attention else nn.Identity(),
                    nn.ReLU(),
                    Dropout(dropout),
                )
            )
        self.head = nn.Linear(features, classes)

    def forward(self, image: Tensor) -> Tensor:  # (batch, 3, 224, 224)
        x = self.stem(self.gradient_attention(image))  # (batch, 64, 56, 56)
        x = self.blocks(x)  # (batch, 64, 28, 28), (batch, 128, 14, 14), (batch, 256, 7, 7)
        logits: Tensor = self.head(x.mean(dim=(2, 3)))  # (batch, classes)
        return logits
