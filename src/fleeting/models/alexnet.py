"""AlexNet (Krizhevsky 2014): an image network with five convolutions and three dense layers."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout


@models.register("alexnet")
class AlexNet(nn.Module):
    """AlexNet in its second form, of one tower (Krizhevsky 2014), as torchvision has it.

    Names, shapes and arithmetic of the weights are those of torchvision's ``alexnet``. ``width`` is the share
    of the published channels. The smallest side is 63 pixels.
    """

    inputs: ClassVar[dict[str, Shape]] = {"image": (3, 224, 224)}
    paper: ClassVar[str] = "Krizhevsky 2014, arXiv:1404.5997"
    looks_at: ClassVar[str] = "features"
    small: ClassVar[dict[str, Any]] = {"size": 64, "width": 0.0625, "dropout": 0.0}

    def __init__(
        self, classes: int, *, channels: int = 3, size: int = 224, width: float = 1.0, dropout: float = 0.5
    ) -> None:
        super().__init__()
        if size < 63:
            raise OptionError(f"alexnet sees nothing in pictures of side {size}; use model.size=63 or more")
        c1, c2, c3, c4, dense = (round(width * n) for n in (64, 192, 384, 256, 4096))
        self.features = nn.Sequential(
            nn.Conv2d(channels, c1, kernel_size=11, stride=4, padding=2),  # (batch, 64, 55, 55)
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (batch, 64, 27, 27)
            nn.Conv2d(c1, c2, kernel_size=5, padding=2),  # (batch, 192, 27, 27)
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (batch, 192, 13, 13)
            nn.Conv2d(c2, c3, kernel_size=3, padding=1),  # (batch, 384, 13, 13)
            nn.ReLU(inplace=True),
            nn.Conv2d(c3, c4, kernel_size=3, padding=1),  # (batch, 256, 13, 13)
            nn.ReLU(inplace=True),
            nn.Conv2d(c4, c4, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (batch, 256, 6, 6)
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            Dropout(dropout),
            nn.Linear(c4 * 6 * 6, dense),
            nn.ReLU(inplace=True),
            Dropout(dropout),
            nn.Linear(dense, dense),
            nn.ReLU(inplace=True),
            nn.Linear(dense, classes),
        )

    def forward(self, image: Tensor) -> Tensor:  # (batch, 3, 224, 224)
        features = self.avgpool(self.features(image)).flatten(1)  # (batch, 9216)
        logits: Tensor = self.classifier(features)  # (batch, classes)
        return logits
