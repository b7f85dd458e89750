"""RCN: a shallow recurrent network on small motion maps, which applies one filter repeatedly."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout, Gate


class Evidence(Gate):
    """An attention map without parameters that shows where the classes find evidence.

    It is a gate without a sigmoid. Maps (batch, classes, side, side), one for each class, are each stretched
    to 0 .. 1 and averaged over the classes to (batch, 1, side, side).
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that nn.Sigmoid gives it
        """Stretch each class's map to 0 .. 1 and average the maps; a flat map becomes 0."""
        raised = input - input.amin(dim=(2, 3), keepdim=True)
        stretched = raised / raised.amax(dim=(2, 3), keepdim=True).clamp(min=1e-6)
        return stretched.mean(dim=1, keepdim=True)


class Recurrence(nn.Module):
    """A recurrent convolutional layer, which applies the same 3x3 filter in every step.

    With ``shortcut`` a step gets the sum of the layer's input and all earlier outputs; without it, the sum of
    the layer's input and the previous output.
    """

    def __init__(self, width: int, steps: int, shortcut: bool, dropout: float) -> None:
        super().__init__()
        self.steps, self.shortcut = steps, shortcut
        self.feed = nn.Sequential(nn.Conv2d(width, width, 1), nn.BatchNorm2d(width), nn.ReLU())
        self.again = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.shrink = nn.Sequential(nn.MaxPool2d(2), Dropout(dropout))

    def forward(self, x: Tensor, attention: Tensor | None) -> Tensor:  # (batch, width, h, w) -> h / 2, w / 2
        y = self.feed(x)
        if attention is not None:
            y = y * F.interpolate(attention, size=y.shape[2:])
        seen = x + y
        for _ in range(self.steps):
            y = self.again(seen)
            seen = (seen if self.shortcut else x) + y
        shrunk: Tensor = self.shrink(y)
        return shrunk


def stream(channels: int, width: int, dilation: int, dropout: float) -> nn.Sequential:
    """A dilated 3x3 filter at every third pixel: (batch, channels, 60, 60) -> (batch, width, 20, 20)."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride=3, padding=dilation, dilation=dilation),
        nn.ReLU(),
        nn.BatchNorm2d(width),
        Dropout(dropout),
    )


@models.register("rcn")
class RCN(nn.Module):
    """Recurrent convolutional network, with its modules that cost no parameters (Xia et al. 2020).

    RCN-W is ``wide``: filters of three dilations side by side. RCN-S is ``shortcut``. RCN-A is ``attention =
    "last"``: the classifier's own weights show where in the first features each class finds its evidence, and
    the last features are multiplied by this map. RCN-F has all three with ``attention = "inside"`` the
    recurrence, RCN-P all three with "last". Widths, steps (2; 3 with shortcuts), dropout and initial values
    are those of the authors' code where the text does not give them. Maps smaller than ``pool`` pixels a side
    are not enlarged: pooling keeps their own side (our reading).
    """

    inputs: ClassVar[dict[str, Shape]] = {"maps": (3, 60, 60)}
    paper: ClassVar[str] = "Xia et al. 2020, IEEE Transactions on Image Processing 29; arXiv:2006.09674"
    small: ClassVar[dict[str, Any]] = {"size": 28, "width": 8, "attention": "last", "shortcut": True}
    looks_at: ClassVar[str] = "layers.0"

    def __init__(
        self,
        classes: int,
        *,
        wide: bool = False,
        shortcut: bool = False,
        attention: Literal["none", "last", "inside"] = "none",
        width: int = 64,
        layers: int = 1,
        steps: int = 2,
        pool: int = 7,
        dropout: float = 0.5,
        channels: int = 3,
        size: int = 60,
    ) -> None:
        super().__init__()
        if attention not in ("none", "last", "inside"):
            raise OptionError(f"rcn: attention is {attention!r}; expected none, last or inside")
        side = (-(-size // 3) if wide else (size - 4) // 2) // 2**layers
        if side < 1 or min(layers, steps, pool) < 1 or width % 4:
            raise OptionError(
                f"rcn: {layers} layers of {steps} steps and {width} filters on a map of {size}; expected 1 or"
                " more, a multiple of 4 filters, and a map that can be halved so often"
            )
        self.attention, self.pool = attention, min(pool, side)
        if wide:
            shares = ((width // 2, 1), (width // 4, 2), (width // 4, 3))
            self.stem = nn.ModuleList(stream(channels, share, far, dropout) for share, far in shares)
        else:
            plain = [nn.Conv2d(channels, width, 5), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
            self.stem = nn.ModuleList([nn.Sequential(*plain, Dropout(dropout))])
        self.layers = nn.ModuleList(Recurrence(width, steps, shortcut, dropout) for _ in range(layers))
        self.evidence = Evidence()
        self.head = nn.Linear(width * self.pool**2, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, maps: Tensor) -> Tensor:  # (batch, 3, 60, 60)
        x = torch.cat([stream(maps) for stream in self.stem], dim=1)  # (batch, 64, 28, 28)
        weights = self._attention(x) if self.attention != "none" else None  # (batch, 1, 7, 7)
        for layer in self.layers:
            x = layer(x, weights if self.attention == "inside" else None)  # (batch, 64, 14, 14)
        x = F.adaptive_avg_pool2d(x, self.pool)  # (batch, 64, 7, 7)
        if weights is not None and self.attention == "last":
            x = x * weights
        logits: Tensor = self.head(x.flatten(1))  # (batch, classes)
        return logits

    def _attention(self, x: Tensor) -> Tensor:
        """The attention map (batch, 1, pool, pool): `Evidence` in the scores of each class at each position.

        The classifier's weights are read as one map for each class and multiplied with the first features.
        """
        pooled = F.adaptive_avg_pool2d(x, self.pool)  # (batch, 64, 7, 7)
        maps = self.head.weight.view(-1, *pooled.shape[1:])  # (classes, 64, 7, 7)
        found: Tensor = self.evidence(torch.einsum("bchw,kchw->bkhw", pooled, maps) / maps.shape[1])
        return found
