"""MACNN: four residual blocks, two dilated convolutions and three wide fully connected layers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout


class Block(nn.Module):
    """Two 3x3 convolutions with ReLU beside a 1x1 one, halved: (batch, c, h, w) to (batch, out, h/2, w/2)."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.convolved = nn.Sequential(
            nn.Conv2d(channels, out, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(out, out, kernel_size=3, padding=1),
            nn.ReLU(),
        )
        self.shortcut = nn.Conv2d(channels, out, kernel_size=1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        halved: Tensor = self.pool(self.convolved(x) + self.shortcut(x))
        return halved


@models.register("macnn")
class MACNN(nn.Module):
    """Residual network with atrous convolutions (Lai et al. 2023), made for single frames.

    The layers are those of a public re-implementation. Our reading: the picture is the apex frame, and
    weights start as in He et al. 2015, because no layer normalises what it gets. ``width`` are the filters of
    the first block, ``hidden`` the width of the fully connected layers.
    """

    inputs: ClassVar[dict[str, Shape]] = {"image": (3, 112, 112)}
    paper: ClassVar[str] = "Lai et al. 2023, Journal of Ambient Intelligence and Humanized Computing 14(11)"
    small: ClassVar[dict[str, Any]] = {"size": 32, "width": 8, "hidden": 64, "dropout": 0.1}
    looks_at: ClassVar[str] = "wide"

    def __init__(
        self,
        classes: int,
        *,
        width: int = 32,
        hidden: int = 4096,
        dropout: float = 0.5,
        channels: int = 3,
        size: int = 112,
    ) -> None:
        super().__init__()
        side = size // 16  # 7
        if side < 1:
            raise OptionError(f"macnn: a picture of {size} pixels, expected 16 or more; four blocks halve it")
        widths = [channels, *(width * 2**level for level in range(4))]  # 3, 32, 64, 128, 256
        self.blocks = nn.Sequential(*(Block(*pair) for pair in pairwise(widths)))
        self.wide = nn.Sequential(
            nn.Conv2d(8 * width, 8 * width, kernel_size=3, padding=4, dilation=4),
            nn.ReLU(),
            nn.Conv2d(8 * width, 8 * width, kernel_size=3, padding=2, dilation=2),
            nn.ReLU(),
        )
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(8 * width * side**2, hidden),  # 12544 -> 4096
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            Dropout(dropout),
        )
        self.last = nn.Linear(hidden, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        nn.init.xavier_normal_(self.last.weight)

    def forward(self, image: Tensor) -> Tensor:  # (batch, 3, 112, 112)
        maps = self.wide(self.blocks(image))  # (batch, 256, 7, 7)
        logits: Tensor = self.last(self.head(maps))  # (batch, classes)
        return logits
