"""MMNet: one branch for the motion of the skin, and one for where on this face each position lies."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Attention, Gate, Shortcut, StochasticDepth


class Residual(nn.Module):
    """A 3x3 and a 1x1 convolution beside a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
            nn.Conv2d(after, after, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(Shortcut(before, after, stride), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:  # (batch, before, h, w) -> (batch, after, h / stride, w / stride)
        return F.relu(self.convolutions(x) + self.shortcut(x))


class ContinuousAttention(nn.Module):
    """A residual block whose spatial attention is multiplied by that of the block before."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.residual = Residual(before, after, stride)
        self.weigh = nn.Sequential(nn.Conv2d(2, 1, 1, bias=False), nn.BatchNorm2d(1))
        self.gate = Gate()

    def forward(self, x: Tensor, earlier: Tensor | None) -> tuple[Tensor, Tensor]:
        x = self.residual(x)  # (batch, after, h / stride, w / stride)
        grouped = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        attention: Tensor = self.gate(self.weigh(grouped))  # (batch, 1, h / stride, w / stride)
        if earlier is not None:
            attention = attention * F.max_pool2d(earlier, 3, stride=2, padding=1)
        return x * attention, attention


class Layer(nn.Module):
    """A transformer layer with stochastic depth.

    In training, attention and perceptron are each skipped for a sample with probability ``passed``.
    """

    def __init__(self, width: int, heads: int, passed: float) -> None:
        super().__init__()
        self.heads, self.passed = heads, StochasticDepth(passed)
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.attention = Attention()
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:  # (batch, tokens, width)
        x = x + self.passed(self._attend(self.norm1(x)))
        out: Tensor = x + self.passed(self.mlp(self.norm2(x)))
        return out

    def _attend(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        split = self.qkv(x).reshape(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind(0)  # (batch, heads, tokens, width / heads)
        weights = self.attention(query @ key.transpose(-2, -1) / (width // self.heads) ** 0.5)
        joined: Tensor = self.project((weights @ value).transpose(1, 2).reshape(batch, tokens, width))
        return joined


@models.register("mmnet")
class MMNet(nn.Module):
    """Muscle motion-guided network (Li et al. 2022).

    ``motion``, apex minus onset, goes through four continuous attention blocks. ``face``, the onset frame
    shrunk to one pixel for each position of their last map (14x14), goes through three transformer layers,
    which encode where on this face each position lies. Both are added, and a linear layer classifies the sum
    over all positions and channels. Filters, depths and initial values are those of the authors' code where
    the text does not give them. The first convolution of that code has two groups, which is impossible with
    three channels: here it has one (our reading).
    """

    inputs: ClassVar[dict[str, Shape]] = {"motion": (3, 224, 224), "face": (3, 224, 224)}
    paper: ClassVar[str] = "Li et al. 2022, IJCAI 2022, Muscle motion-guided network"
    small: ClassVar[dict[str, Any]] = {"size": 32, "width": 8, "filters": 12}
    looks_at: ClassVar[str] = "block4.residual"

    def __init__(
        self,
        classes: int,
        *,
        width: int = 128,
        filters: int = 180,
        depth: int = 3,
        heads: int = 4,
        passed: float = 0.3,
        channels: tuple[int, int] = (3, 3),
        size: int = 224,
    ) -> None:
        super().__init__()
        tokens = 4 * width  # numbers in each token
        if tokens % heads or size < 16 or not 0 <= passed < 1:
            raise OptionError(
                f"mmnet: {heads} heads on {tokens} numbers, a picture of {size}, {passed} passed by; expected"
                " a divisor of the numbers, 16 pixels or more and a share from 0 to below 1"
            )
        self.side = -(-size // 16)  # 14
        self.stem = nn.Sequential(
            nn.Conv2d(channels[0], filters, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(inplace=True),
            nn.Conv2d(filters, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.block1 = ContinuousAttention(width, width, stride=1)
        self.block2 = ContinuousAttention(width, width, stride=2)
        self.block3 = ContinuousAttention(width, 2 * width, stride=2)
        self.block4 = ContinuousAttention(2 * width, 4 * width, stride=2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        self.embed = nn.Linear(channels[1], tokens)
        self.positions = nn.Parameter(torch.randn(1, self.side**2, tokens) * 0.02)
        shares = (passed * layer / max(1, depth - 1) for layer in range(depth))  # 0, 0.15, 0.3
        self.layers = nn.Sequential(*(Layer(tokens, heads, share) for share in shares))
        self.norm = nn.LayerNorm(tokens, eps=1e-6)
        self.head = nn.Linear(tokens * self.side**2, classes)

    def forward(self, motion: Tensor, face: Tensor) -> Tensor:  # (batch, 3, 224, 224) each
        x, attention = self.block1(self.stem(motion), None)  # (batch, 128, 112, 112)
        x, attention = self.block2(x, attention)  # (batch, 128, 56, 56)
        x, attention = self.block3(x, attention)  # (batch, 256, 28, 28)
        x, _ = self.block4(x, attention)  # (batch, 512, 14, 14)
        logits: Tensor = self.head((x + self._places(face)).flatten(1))  # (batch, classes)
        return logits

    def _places(self, face: Tensor) -> Tensor:
        """An encoding of where on this face each position of the last map lies: (batch, 512, 14, 14)."""
        pixels = F.adaptive_avg_pool2d(face, self.side)  # (batch, 3, 14, 14)
        tokens = self.embed(pixels.flatten(2).transpose(1, 2)) + self.positions  # (batch, 196, 512)
        placed: Tensor = self.norm(self.layers(tokens)).transpose(1, 2)  # (batch, 512, 196)
        return placed.reshape(len(face), -1, self.side, self.side)
