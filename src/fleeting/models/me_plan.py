"""ME-PLAN: a residual network over space and time whose attention weighs places of the face."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Gate


class Convolution(nn.Module):
    """A convolution of 3x3x3 with batch norm; a stride is one of space and time alike.

    Its weight is kept as one of pictures, a row of three fields, because a module with weights of five
    dimensions cannot be laid out pixel by pixel in memory.
    """

    def __init__(self, before: int, after: int, stride: int, kernel: int = 3) -> None:
        super().__init__()
        self.stride, self.kernel = stride, kernel
        self.weight = nn.Parameter(torch.empty(after, before * kernel, kernel, kernel))
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")
        self.norm = nn.BatchNorm3d(after)

    def forward(
        self, x: Tensor
    ) -> Tensor:  # (batch, before, time, h, w) -> (batch, after, time / stride, ...)
        after, _, height, width = self.weight.shape
        filters = self.weight.reshape(after, -1, self.kernel, height, width)
        seen: Tensor = self.norm(F.conv3d(x, filters, stride=self.stride, padding=self.kernel // 2))
        return seen


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first, self.second = Convolution(before, after, stride), Convolution(after, after, 1)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            self.shortcut = Convolution(before, after, stride, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


class LocalAttention(nn.Module):
    """How much each place of the face counts, from its features over all moments: a gate of 0 to 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = max(1, channels // 4)
        self.weigh = nn.Sequential(nn.Conv2d(channels, narrow, 1), nn.ReLU(), nn.Conv2d(narrow, 1, 1))
        self.gate = Gate()

    def forward(self, x: Tensor) -> Tensor:  # (batch, channels, time, h, w)
        weights: Tensor = self.gate(self.weigh(x.mean(dim=2)))  # (batch, 1, h, w)
        return x * weights[:, :, None]


@models.register("me-plan")
class MEPLAN(nn.Module):
    """Deep prototypical learning with local attention (Zhao et al. 2022, ME-PLAN).

    Only the abstract is at hand: a 3-D residual network is trained in episodes, a module weighs places of
    the face, what was learnt from macro-expressions is carried over, and apexes are found on the assumption
    that a movement rises and falls once. Our reading: the frames are those of a difference sequence; the
    network is a ResNet-18 of half the width over space and time, with one attention after its third stage;
    episodes are `training.episodes`, after which the last layer names the nearest prototype; weights of
    macro-expressions are whatever file `model.pretrained` names, and none ships; the apex is not needed.
    """

    inputs: ClassVar[dict[str, Shape]] = {"frames": (16, 112, 112)}
    paper: ClassVar[str] = "Zhao et al. 2022, Neural Networks 153, ME-PLAN"
    small: ClassVar[dict[str, Any]] = {"size": 32, "width": 4, "blocks": 1}
    looks_at: ClassVar[str] = "attention.weigh"

    def __init__(
        self,
        classes: int,
        *,
        width: int = 32,
        blocks: int = 2,
        channels: int = 16,
        colours: int = 1,
        size: int = 112,
    ) -> None:
        super().__init__()
        if channels % colours or size < 16:
            raise OptionError(
                f"me-plan: {channels} channels of {colours} colours, {size} pixels; expected equally many"
                " colours in every frame, and 16 pixels or more"
            )
        self.colours = colours
        self.stem = Convolution(colours, width, 1)
        self.pool = nn.MaxPool3d((1, 4, 4))
        self.stages = nn.ModuleList()
        before = width
        for number in range(4):
            after = width << number
            first = Residual(before, after, 2 if number else 1)
            self.stages.append(nn.Sequential(first, *(Residual(after, after, 1) for _ in range(blocks - 1))))
            before = after
        self.attention = LocalAttention(4 * width)
        self.norm = nn.LayerNorm(before)
        self.head = nn.Linear(before, classes)

    def forward(self, frames: Tensor) -> Tensor:  # (batch, 16, 112, 112)
        batch, _, height, width = frames.shape
        clip = frames.reshape(batch, -1, self.colours, height, width).transpose(1, 2)  # (batch, 1, 16, h, w)
        x = self.pool(F.relu(self.stem(clip)))  # (batch, 32, 16, 28, 28)
        for number, stage in enumerate(self.stages):
            x = stage(x)  # (batch, 32, 16, 28, 28), (64, 8, 14, 14), (128, 4, 7, 7), (256, 2, 4, 4)
            if number == 2:
                x = self.attention(x)
        logits: Tensor = self.head(self.norm(x.mean(dim=(2, 3, 4))))  # (batch, classes)
        return logits
