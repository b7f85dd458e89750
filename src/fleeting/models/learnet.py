"""LEARNet: four lanes of convolutions over a dynamic image, in which each second lane hears its neighbour."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout, Shortcut

LANES = 4


class Lane(nn.Module):
    """Three convolutions, each of stride two; a ``hearing`` lane adds another's maps to its first two."""

    def __init__(self, width: int, *, hearing: bool) -> None:
        super().__init__()
        self.first = Shortcut(width, width, 2, bias=True)
        self.second = nn.Conv2d(width, 2 * width, kernel_size=3, stride=2, padding=1)
        self.third = nn.Conv2d(2 * width, 4 * width, kernel_size=5, stride=2, padding=2)
        self.norms = nn.ModuleList([nn.BatchNorm2d(width), nn.BatchNorm2d(2 * width)] if hearing else [])

    def forward(self, x: Tensor, heard: list[Tensor]) -> list[Tensor]:  # (batch, 16, 56, 56)
        seen = []
        for layer, place in ((self.first, 0), (self.second, 1), (self.third, 2)):
            x = F.relu(layer(x))  # (batch, 16, 28, 28), (batch, 32, 14, 14), (batch, 64, 7, 7)
            if self.norms and place < len(self.norms):
                x = self.norms[place](x + heard[place])
            seen.append(x)
        return seen


@models.register("learnet")
class LEARNet(nn.Module):
    """Lateral accretive hybrid network on a dynamic image (Verma et al. 2020).

    Lanes two and four add, after each of their first two convolutions, the maps of lanes one and three, and
    normalise the sum. Our reading: a 1x1 convolution of stride two sees every second pixel; inputs of another
    side than 112 keep all strides.
    """

    inputs: ClassVar[dict[str, Shape]] = {"image": (3, 112, 112)}
    paper: ClassVar[str] = (
        "Verma et al. 2020, IEEE Transactions on Image Processing 29, doi:10.1109/TIP.2019.2912358"
    )
    small: ClassVar[dict[str, Any]] = {"size": 32, "width": 4, "hidden": 32}
    looks_at: ClassVar[str] = "joined"

    def __init__(
        self,
        classes: int,
        *,
        width: int = 16,
        hidden: int = 256,
        dropout: float = 0.5,
        channels: int = 3,
        size: int = 112,
    ) -> None:
        super().__init__()
        side = size
        for _ in range(5):  # the stem, three layers of a lane and the last convolution
            side = (side + 1) // 2
        wide = LANES * 4 * width  # 256
        self.stem = nn.Conv2d(channels, width, kernel_size=3, stride=2, padding=1)
        self.lanes = nn.ModuleList(Lane(width, hearing=bool(number % 2)) for number in range(LANES))
        self.joined = nn.Sequential(
            nn.BatchNorm2d(wide), nn.Conv2d(wide, wide, kernel_size=3, stride=2, padding=1), nn.ReLU()
        )
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(wide * side**2, hidden),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(hidden, classes),
        )

    def forward(self, image: Tensor) -> Tensor:  # (batch, 3, 112, 112)
        x = F.relu(self.stem(image))  # (batch, 16, 56, 56)
        heard: list[Tensor] = []
        last = []
        for lane in self.lanes:
            heard = lane(x, heard)  # lanes one and three ignore what they are given
            last.append(heard[-1])  # (batch, 64, 7, 7)
        maps = self.joined(torch.cat(last, dim=1))  # (batch, 256, 4, 4)
        logits: Tensor = self.head(maps)  # (batch, classes)
        return logits
