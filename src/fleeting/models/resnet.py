"""ResNet18 and ResNet50: image networks whose blocks add their output to their input."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Shortcut


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    widening = 1

    def __init__(self, channels: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = _shortcut(channels, planes, stride)

    def forward(
        self, x: Tensor
    ) -> Tensor:  # (batch, channels, h, w) -> (batch, planes, h / stride, w / stride)
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return torch.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions beside a shortcut; the stride is in the 3x3 one (version 1.5)."""

    widening = 4

    def __init__(self, channels: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, planes, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.downsample = _shortcut(channels, 4 * planes, stride)

    def forward(
        self, x: Tensor
    ) -> Tensor:  # (batch, channels, h, w) -> (batch, 4 planes, h / stride, w / stride)
        out = torch.relu(self.bn1(self.conv1(x)))
        out = torch.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return torch.relu(out + (x if self.downsample is None else self.downsample(x)))


def _shortcut(channels: int, out: int, stride: int) -> nn.Sequential | None:
    """The layers that convert a block's input to the shape of its output; None where the shapes agree."""
    if stride == 1 and channels == out:
        return None
    return nn.Sequential(Shortcut(channels, out, stride), nn.BatchNorm2d(out))


class _ResNet(nn.Module):
    """A stem, four stages of blocks, and a mean over all positions before the classifier."""

    inputs: ClassVar[dict[str, Shape]] = {"image": (3, 224, 224)}
    paper: ClassVar[str] = "He et al. 2016, doi:10.1109/CVPR.2016.90"
    looks_at: ClassVar[str] = "layer4"
    small: ClassVar[dict[str, Any]] = {"size": 32, "width": 0.125}
    block: ClassVar[type[BasicBlock | Bottleneck]]
    depths: ClassVar[tuple[int, int, int, int]]

    def __init__(self, classes: int, *, channels: int = 3, size: int = 224, width: float = 1.0) -> None:
        super().__init__()
        if size < 32:
            raise OptionError(f"a resnet sees nothing in pictures of side {size}; use model.size=32 or more")
        planes = round(width * 64)
        self.conv1 = nn.Conv2d(channels, planes, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._stage(planes, planes, self.depths[0], stride=1)
        widening = self.block.widening
        self.layer2 = self._stage(planes * widening, 2 * planes, self.depths[1], stride=2)
        self.layer3 = self._stage(2 * planes * widening, 4 * planes, self.depths[2], stride=2)
        self.layer4 = self._stage(4 * planes * widening, 8 * planes, self.depths[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * planes * widening, classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def _stage(self, channels: int, planes: int, depth: int, stride: int) -> nn.Sequential:
        first = self.block(channels, planes, stride)
        later = (self.block(planes * self.block.widening, planes, 1) for _ in range(depth - 1))
        return nn.Sequential(first, *later)

    def forward(self, image: Tensor) -> Tensor:  # (batch, 3, 224, 224)
        x = torch.relu(self.bn1(self.conv1(image)))  # (batch, 64, 112, 112)
        x = self.layer1(self.maxpool(x))  # (batch, 64 or 256, 56, 56)
        x = self.layer3(self.layer2(x))  # (batch, 256 or 1024, 14, 14)
        x = self.layer4(x)  # (batch, 512 or 2048, 7, 7)
        logits: Tensor = self.fc(self.avgpool(x).flatten(1))  # (batch, classes)
        return logits


@models.register("resnet18")
class ResNet18(_ResNet):
    """ResNet with eighteen layers (He et al. 2016), as torchvision has it.

    Names, shapes and arithmetic of the weights are those of torchvision's ``resnet18``. ``width`` is the
    share of the published channels. The smallest side is 32 pixels.
    """

    block = BasicBlock
    depths = (2, 2, 2, 2)


@models.register("resnet50")
class ResNet50(_ResNet):
    """ResNet with fifty layers, version 1.5 (He et al. 2016), as torchvision has it.

    Names, shapes and arithmetic of the weights are those of torchvision's ``resnet50``. ``width`` is the
    share of the published channels. The smallest side is 32 pixels.
    """

    block = Bottleneck
    depths = (3, 4, 6, 3)
