"""Key points of a face that nobody annotated, as in the First Order Motion Model."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POINTS, LEVELS = 10, 3
"""How many key points there are, and how often their network halves its picture."""
SHARPNESS = 0.1
"""Temperature of a key point's heat, as in the First Order Motion Model."""


def grid(picture: Tensor) -> Tensor:
    """The middles of a picture's pixels, x and y from -1 to 1 as grid_sample counts: (height, width, 2)."""
    steps = (torch.arange(side, device=picture.device) for side in picture.shape[-2:])
    y, x = ((2 * step + 1) / len(step) - 1 for step in steps)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)


def bell(middles: Tensor, variance: Tensor | float, places: Tensor) -> Tensor:
    """A Gaussian around each middle (..., 2) at these places (h, w, 2), largest 1: (..., h, w)."""
    return (-(places - middles[..., None, None, :]).square().sum(dim=-1) / (2 * variance)).exp()


def convolved(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution, batch norm and ReLU."""
    convolution = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())


class Hourglass(nn.Module):
    """A picture (n, channels, h, w) halved and doubled again, with paths across: width more channels."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        widths = [channels, *(width * 2**level for level in range(LEVELS))]
        self.down = nn.ModuleList(convolved(before, after) for before, after in pairwise(widths))
        doubled = [widths[-1], *(2 * n for n in widths[-2:0:-1])]
        self.up = nn.ModuleList(
            convolved(before, after) for before, after in zip(doubled, [*widths[-2:0:-1], width], strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        passed = [x]
        for layer in self.down:
            passed.append(F.avg_pool2d(layer(passed[-1]), 2))
        x = passed.pop()
        for layer in self.up:
            x = torch.cat([layer(F.interpolate(x, scale_factor=2.0)), passed.pop()], dim=1)
        return x


class Motion(nn.Module):
    """Key points of gray frames (n, 1, h, w): where they are, (n, 10, 2), and how bent, (n, 10, 2, 2).

    Both are relative to an abstract reference frame, as in the First Order Motion Model (Siarohin et al.
    2019), on pictures of half the side.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.look = Hourglass(1, width)
        self.heat = nn.Conv2d(width + 1, POINTS, 7, padding=3)
        self.bend = nn.Conv2d(width + 1, 4 * POINTS, 7, padding=3)
        nn.init.zeros_(self.bend.weight)
        with torch.no_grad():
            self.bend.bias.copy_(torch.eye(2).flatten().repeat(POINTS))  # type: ignore[union-attr]

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.look(F.avg_pool2d(frames, 2))
        weights = (self.heat(seen).flatten(2) / SHARPNESS).softmax(dim=2)  # (n, 10, h x w)
        points = weights @ grid(seen).flatten(0, 1)
        bends = self.bend(seen).reshape(len(frames), POINTS, 4, -1) * weights[:, :, None]
        return points, bends.sum(dim=3).reshape(-1, POINTS, 2, 2)
