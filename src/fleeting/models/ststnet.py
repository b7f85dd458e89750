"""STSTNet: a network of three shallow convolutional streams over one motion map."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout

STREAMS = (3, 5, 8)
"""The number of filters of each of the three streams."""


@models.register("ststnet")
class STSTNet(nn.Module):
    """Shallow triple stream 3D CNN over u, v and strain (Liong et al. 2019).

    All streams apply 3x3 filters to the same map and are pooled in the same way, so one convolution of
    3 + 5 + 8 filters computes the same function in fewer, larger steps. The paper describes 3D convolutions
    over the stacked channels; on a single map they equal 2D convolutions. Batch norm and dropout 0.5 are in
    the authors' code, not in the text (our reading).
    """

    inputs: ClassVar[dict[str, Shape]] = {"maps": (3, 28, 28)}
    paper: ClassVar[str] = "Liong et al. 2019, doi:10.1109/FG.2019.8756567"
    real_time: ClassVar[bool] = True

    def __init__(self, classes: int, *, channels: int = 3) -> None:
        super().__init__()
        filters = sum(STREAMS)
        self.streams = nn.Sequential(
            nn.Conv2d(channels, filters, kernel_size=3, padding=1),  # (batch, 16, 28, 28)
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(filters),
            nn.MaxPool2d(kernel_size=3, stride=3, padding=1),  # (batch, 16, 10, 10)
            Dropout(0.5),
        )
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)  # (batch, 16, 5, 5)
        self.head = nn.Linear(filters * 5 * 5, classes)

    def forward(self, maps: Tensor) -> Tensor:  # (batch, 3, 28, 28)
        features = self.pool(self.streams(maps)).flatten(1)  # (batch, 400)
        logits: Tensor = self.head(features)  # (batch, classes)
        return logits
