"""VGG19: an image network with sixteen 3x3 convolutions and three dense layers."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout

STAGES = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
"""Channels and number of convolutions of each stage; each stage ends with max pooling by two."""


@models.register("vgg19")
class VGG19(nn.Module):
    """VGG with nineteen layers and no batch norm (Simonyan and Zisserman 2015), as torchvision has it.

    Names, shapes and arithmetic of the weights are those of torchvision's ``vgg19``. ``width`` is the share
    of the published channels. The smallest side is 32 pixels.
    """

    inputs: ClassVar[dict[str, Shape]] = {"image": (3, 224, 224)}
    paper: ClassVar[str] = "Simonyan and Zisserman 2015, arXiv:1409.1556"
    looks_at: ClassVar[str] = "features"
    small: ClassVar[dict[str, Any]] = {"size": 32, "width": 0.0625, "dropout": 0.0}

    def __init__(
        self, classes: int, *, channels: int = 3, size: int = 224, width: float = 1.0, dropout: float = 0.5
    ) -> None:
        super().__init__()
        if size < 32:
            raise OptionError(f"vgg19 sees nothing in pictures of side {size}; use model.size=32 or more")
        layers: list[nn.Module] = []
        before, dense = channels, round(width * 4096)
        for published, convolutions in STAGES:
            for _ in range(convolutions):
                now = round(width * published)
                layers += [nn.Conv2d(before, now, kernel_size=3, padding=1), nn.ReLU(inplace=True)]
                before = now
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
        self.features = nn.Sequential(*layers)  # (batch, 512, 7, 7)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(before * 7 * 7, dense),
            nn.ReLU(inplace=True),
            Dropout(dropout),
            nn.Linear(dense, dense),
            nn.ReLU(inplace=True),
            Dropout(dropout),
            nn.Linear(dense, classes),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
            elif isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.zeros_(layer.bias)

    def forward(self, image: Tensor) -> Tensor:  # (batch, 3, 224, 224)
        features = self.avgpool(self.features(image)).flatten(1)  # (batch, 25088)
        logits: Tensor = self.classifier(features)  # (batch, classes)
        return logits
