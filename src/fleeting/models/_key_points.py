"""Key points of a face that nobody annotated, as in the First Order Motion Model, and how they are learnt."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POINTS, LEVELS = 10, 3
"""How many key points there are, and how often their network halves its picture."""
SHARPNESS, SPREAD = 0.1, 0.01
"""Temperature of a key point's heat, and variance of its mark in pretraining, as in the First Order Motion
Model; the face's picture is 2 wide."""
FLAT = 0.01
"""The least determinant with which a bend is inverted."""


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


def inverse(bends: Tensor) -> Tensor:
    """The inverse of 2x2 matrices (..., 2, 2), of which flat ones count as nearly flat."""
    a, b, c, d = bends.flatten(-2).unbind(dim=-1)
    area = a * d - b * c
    area = torch.where(area.abs() < FLAT, FLAT * torch.where(area < 0, -1.0, 1.0), area)
    return torch.stack([d, -b, -c, a], dim=-1).reshape(bends.shape) / area[..., None, None]


Moved = tuple[Tensor, Tensor]  # key points of frames, (n, 10, 2), and how they are bent, (n, 10, 2, 2)


def origins(source: Moved, target: Moved, places: Tensor) -> Tensor:
    """Where in the source each place (h, w, 2) of the target comes from, by each point: (n, 10, h, w, 2)."""
    turned = (source[1] @ inverse(target[1]))[:, :, None, None]
    offsets = places - target[0][:, :, None, None]
    return (turned @ offsets[..., None])[..., 0] + source[0][:, :, None, None]


class Animation(nn.Module):
    """A clip's onset is to be animated into another of its frames by the key points of both (pretraining).

    As in the First Order Motion Model, a second network says which point each place follows, or none, and how
    much of the source is visible there; features of the source are carried along and drawn. The loss is the
    mean difference of pixels, and how far key points and bends fail to follow a picture that is shifted and
    turned. Our reading: no perceptual loss, because its network would come trained on other pictures.
    """

    def __init__(self, motion: Motion, width: int) -> None:
        super().__init__()
        self.motion = motion
        self.dense = Hourglass(2 * (POINTS + 1), width)
        inside = width + 2 * (POINTS + 1)
        self.follows = nn.Conv2d(inside, POINTS + 1, 7, padding=3)
        self.visible = nn.Conv2d(inside, 1, 7, padding=3)
        self.read = convolved(1, width, stride=2)
        self.draw = nn.Sequential(
            convolved(width, width), nn.Upsample(scale_factor=2.0), nn.Conv2d(width, 1, 3, padding=1)
        )

    def forward(self, frames: Tensor) -> Tensor:  # (batch, 16, 128, 128) -> the loss
        batch, time = frames.shape[:2]
        chosen = 1 + (torch.rand(batch, device=frames.device) * (time - 1)).long()
        source, target = frames[:, :1], frames.take_along_dim(chosen[:, None, None, None], dim=1)
        before, after = self.motion(source), self.motion(target)
        drawn = self._animated(source, before, after)
        return F.l1_loss(drawn, target) + self._unfaithful(target, after)

    def _animated(self, source: Tensor, before: Moved, after: Moved) -> Tensor:
        small = F.avg_pool2d(source, 2)  # (batch, 1, 64, 64)
        places = grid(small)
        still = places.expand(len(source), 1, *places.shape)
        ways = torch.cat([still, origins(before, after, places)], dim=1)  # (batch, 11, 64, 64, 2)
        carried = F.grid_sample(
            small.expand(-1, POINTS + 1, -1, -1).reshape(-1, 1, *small.shape[2:]),
            ways.flatten(0, 1),
            padding_mode="border",
            align_corners=False,
        ).reshape(len(source), POINTS + 1, *small.shape[2:])
        marks = F.pad(bell(after[0], SPREAD, places) - bell(before[0], SPREAD, places), (0, 0, 0, 0, 1, 0))
        seen = self.dense(torch.cat([marks, carried], dim=1))
        way = (self.follows(seen).softmax(dim=1)[..., None] * ways).sum(dim=1)  # (batch, 64, 64, 2)
        features = F.grid_sample(self.read(source), way, padding_mode="border", align_corners=False)
        drawn: Tensor = self.draw(features * self.visible(seen).sigmoid())
        return drawn

    def _unfaithful(self, frame: Tensor, motion: Moved) -> Tensor:
        """How far points and bends are from those of the same frame shifted and turned, led back."""
        turned = torch.eye(2, device=frame.device) + 0.1 * torch.randn(len(frame), 2, 2, device=frame.device)
        shift = 0.1 * torch.randn(len(frame), 2, 1, device=frame.device)
        ways = F.affine_grid(torch.cat([turned, shift], dim=2), list(frame.shape), align_corners=False)
        points, bends = self.motion(F.grid_sample(frame, ways, padding_mode="border", align_corners=False))
        back: Tensor = motion[0] - points @ turned.mT - shift.mT
        bent: Tensor = inverse(motion[1]) @ turned[:, None] @ bends - torch.eye(2, device=frame.device)
        return back.abs().mean() + bent.abs().mean()
