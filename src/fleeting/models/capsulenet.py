"""CapsuleNet: capsules for parts of a face vote for the class that they belong to."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Shortcut

STRIDES = {1: (1, 1, 1), 2: (1, 1, 2), 4: (1, 2, 2), 8: (2, 2, 2)}
"""The strides of the first convolution, the second stage and the third stage, by their product."""
POSE, CLASS_POSE = 8, 16
"""The length of the vectors of a primary capsule and of a class capsule."""


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2016), with torchvision's parameter names."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if before != after:
            self.downsample = nn.Sequential(Shortcut(before, after, stride), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:  # (batch, before, h, w) -> (batch, after, h / stride, w / stride)
        moved = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out: Tensor = self.relu(moved + self.downsample(x))
        return out


def stage(before: int, after: int, stride: int) -> nn.Sequential:
    """Two blocks; the first divides the map's side by ``stride``."""
    return nn.Sequential(Block(before, after, stride), Block(after, after, 1))


def squash(vectors: Tensor) -> Tensor:
    """Vectors (..., pose) with the same direction, and lengths mapped from 0 .. infinity to 0 .. 1."""
    squared = vectors.square().sum(dim=-1, keepdim=True)
    return vectors * squared / (1 + squared) / torch.sqrt(squared + 1e-8)


def route(votes: Tensor, rounds: int) -> Tensor:
    """Dynamic routing (Sabour et al. 2017): votes (batch, capsules, classes, pose) -> (batch, classes, pose).

    A capsule distributes its vote over the classes. In the next round it gives more weight to classes whose
    gathered votes agree with its own. Only the last round has a gradient, as in the authors' code.
    """
    fixed = votes.detach()
    logits = torch.zeros_like(fixed[..., 0])  # (batch, capsules, classes)
    for _ in range(rounds - 1):
        gathered = squash((logits.softmax(dim=2)[..., None] * fixed).sum(dim=1))  # (batch, classes, pose)
        logits = logits + (fixed * gathered[:, None]).sum(dim=-1)
    return squash((logits.softmax(dim=2)[..., None] * votes).sum(dim=1))


@models.register("capsulenet")
class CapsuleNet(nn.Module):
    """CapsuleNet for micro-expression recognition (Quang et al. 2019).

    It consists of the first three stages of a ResNet-18 without its pooling, a 9x9 convolution, 32 primary
    capsules of 8 numbers at each position, and class capsules of 16 numbers; the length of a class capsule's
    vector is the certainty of its class. ``conv1``, ``bn1`` and ``layer1`` to ``layer3`` have the names and
    shapes of a published ResNet-18. Our reading: the scores are ``scale`` times the lengths, and are trained
    by the recipe's loss instead of the paper's margin loss. For sides other than 224 pixels, the kernels of
    the last convolution and of the primary capsules keep their share of the map, 9 of 28. ``stride`` (1, 2, 4
    or 8) is the factor by which the trunk shrinks a picture; with stride 1 a 28x28 motion map gives the
    paper's map of 28x28.
    """

    inputs: ClassVar[dict[str, Shape]] = {"frame": (3, 224, 224)}
    paper: ClassVar[str] = "Quang et al. 2019, doi:10.1109/FG.2019.8756544"
    small: ClassVar[dict[str, Any]] = {"size": 28, "width": 8, "capsules": 4, "stride": 4}
    looks_at: ClassVar[str] = "layer3"

    def __init__(
        self,
        classes: int,
        *,
        width: int = 64,
        capsules: int = 32,
        rounds: int = 3,
        scale: float = 10.0,
        stride: int = 8,
        channels: int = 3,
        size: int = 224,
    ) -> None:
        super().__init__()
        if stride not in STRIDES or rounds < 1:
            raise OptionError(
                f"capsulenet: stride {stride} and {rounds} rounds; expected a stride of 1, 2, 4 or 8 and a"
                " round or more"
            )
        side = -(-size // stride)  # of the trunk's map: 28
        if side < 3:
            raise OptionError(
                f"capsulenet: a picture of {size} leaves a map of {side}, expected 3 or more; lower stride"
            )
        first, second, third = STRIDES[stride]
        kernel = max(1, side * 9 // 28)
        self.rounds, self.scale = rounds, scale
        self.conv1 = nn.Conv2d(channels, width, 7, first, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = stage(width, width, 1)
        self.layer2 = stage(width, 2 * width, second)
        self.layer3 = stage(2 * width, 4 * width, third)
        self.features = nn.Conv2d(4 * width, 4 * width, kernel)
        self.primary = nn.Conv2d(4 * width, capsules * POSE, kernel, stride=2)
        places = ((side - kernel + 1) - kernel) // 2 + 1
        count = places**2 * capsules  # 1152
        # 0.01 for the paper's 1152 capsules; fewer capsules start with larger weights.
        start = 0.01 * (1152 / count) ** 0.5
        self.transforms = nn.Parameter(torch.randn(count, classes, CLASS_POSE, POSE) * start)

    def forward(self, frame: Tensor) -> Tensor:  # (batch, 3, 224, 224)
        x = self.relu(self.bn1(self.conv1(frame)))  # (batch, 64, 112, 112)
        x = self.layer3(self.layer2(self.layer1(x)))  # (batch, 256, 28, 28)
        x = self.primary(self.relu(self.features(x)))  # (batch, 32 * 8, 6, 6)
        x = squash(x.permute(0, 2, 3, 1).reshape(len(x), -1, POSE))  # (batch, 1152, 8)
        votes = torch.einsum("bip,icqp->bicq", x, self.transforms)  # (batch, 1152, classes, 16)
        lengths = route(votes, self.rounds).norm(dim=-1)  # (batch, classes), 0 to 1
        scores: Tensor = self.scale * lengths
        return scores
