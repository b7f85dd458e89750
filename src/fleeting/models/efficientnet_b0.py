"""EfficientNet-B0: an image network of inverted bottlenecks with squeeze and excitation."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout, Gate, StochasticDepth

STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
"""Expansion, kernel, stride, channels and number of blocks of each stage (Table 1)."""


@models.register("efficientnet-b0")
class EfficientNetB0(nn.Module):
    """EfficientNet-B0 (Tan and Le 2019), as torchvision has it.

    Names, shapes and arithmetic of the weights are those of torchvision's ``efficientnet_b0``. ``width`` is
    the share of the published channels. In training, a block with a shortcut, number i of n from 0, is
    skipped for a sample with probability ``drop_blocks`` * i / n. The smallest side is 32 pixels.
    """

    inputs: ClassVar[dict[str, Shape]] = {"image": (3, 224, 224)}
    paper: ClassVar[str] = "Tan and Le 2019, arXiv:1905.11946"
    looks_at: ClassVar[str] = "features"
    small: ClassVar[dict[str, Any]] = {"size": 64, "width": 0.125, "drop_blocks": 0.0}

    def __init__(
        self,
        classes: int,
        *,
        channels: int = 3,
        size: int = 224,
        width: float = 1.0,
        dropout: float = 0.2,
        drop_blocks: float = 0.2,
    ) -> None:
        super().__init__()
        if size < 32:
            raise OptionError(
                f"efficientnet-b0 sees nothing in pictures of side {size}; use model.size=32 or more"
            )
        before, last = round(width * 32), round(width * 1280)
        stages: list[nn.Module] = [ConvNorm(channels, before, 3, stride=2)]  # (batch, 32, 112, 112)
        done, blocks = 0, sum(stage[-1] for stage in STAGES)
        for expansion, kernel, stride, published, depth in STAGES:
            stage = []
            for number in range(depth):
                now = round(width * published)
                skip = drop_blocks * done / blocks
                stage.append(MBConv(before, now, expansion, kernel, stride if number == 0 else 1, skip))
                before, done = now, done + 1
            stages.append(nn.Sequential(*stage))
        stages.append(ConvNorm(before, last, 1))  # (batch, 1280, 7, 7)
        self.features = nn.Sequential(*stages)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(Dropout(dropout), nn.Linear(last, classes))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, image: Tensor) -> Tensor:  # (batch, 3, 224, 224)
        features = self.avgpool(self.features(image)).flatten(1)  # (batch, 1280)
        logits: Tensor = self.classifier(features)  # (batch, classes)
        return logits


class ConvNorm(nn.Sequential):
    """A convolution that keeps the side (or divides it by its stride), batch norm, and SiLU if ``active``."""

    def __init__(
        self, channels: int, out: int, kernel: int, *, stride: int = 1, groups: int = 1, active: bool = True
    ) -> None:
        super().__init__(
            nn.Conv2d(channels, out, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
            nn.BatchNorm2d(out),
            *([nn.SiLU(inplace=True)] if active else []),
        )


class SqueezeExcitation(nn.Module):
    """Each channel times a gate from 0 to 1 computed from the means of all channels; the shape stays."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, kernel_size=1)
        self.fc2 = nn.Conv2d(squeezed, channels, kernel_size=1)
        self.gate = Gate()

    def forward(self, x: Tensor) -> Tensor:  # (batch, channels, h, w)
        mean = x.mean(dim=(2, 3), keepdim=True)  # (batch, channels, 1, 1)
        gate: Tensor = self.gate(self.fc2(nn.functional.silu(self.fc1(mean))))
        return x * gate


class MBConv(nn.Module):
    """An inverted bottleneck: expand, filter each channel, excite, project; a shortcut if the shape stays."""

    def __init__(
        self, channels: int, out: int, expansion: int, kernel: int, stride: int, skip: float
    ) -> None:
        super().__init__()
        wide = channels * expansion
        self.block = nn.Sequential(
            *([ConvNorm(channels, wide, 1)] if expansion > 1 else []),
            ConvNorm(wide, wide, kernel, stride=stride, groups=wide),
            SqueezeExcitation(wide, max(1, channels // 4)),
            ConvNorm(wide, out, 1, active=False),
        )
        self.shortcut = stride == 1 and channels == out
        self.skip = StochasticDepth(skip)

    def forward(self, x: Tensor) -> Tensor:  # (batch, channels, h, w) -> (batch, out, h / stride, w / stride)
        out: Tensor = self.block(x)
        return x + self.skip(out) if self.shortcut else out
