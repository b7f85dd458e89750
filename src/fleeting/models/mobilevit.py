"""MobileViT-S: a small convolutional network whose later stages attend to the whole picture."""

from __future__ import annotations

from collections import OrderedDict
from math import ceil
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Attention, Dropout

HEADS = 4
PATCH = 2
"""The side of a patch in pixels; attention is computed between pixels at the same position of all patches."""


@models.register("mobilevit")
class MobileViT(nn.Module):
    """MobileViT, small (Mehta and Rastegari 2022), as timm has it.

    Names, shapes and arithmetic of the weights are those of timm's ``mobilevit_s``, whose published weights
    are the authors' own, renamed. Initial weights and the dropout before the last layer are those of the
    authors' code. ``width`` is the share of the published channels. The smallest side is 32 pixels.
    """

    inputs: ClassVar[dict[str, Shape]] = {"image": (3, 224, 224)}
    paper: ClassVar[str] = "Mehta and Rastegari 2022, arXiv:2110.02178"
    looks_at: ClassVar[str] = "final_conv"
    small: ClassVar[dict[str, Any]] = {"size": 32, "width": 0.25}

    def __init__(
        self, classes: int, *, channels: int = 3, size: int = 224, width: float = 1.0, dropout: float = 0.1
    ) -> None:
        super().__init__()
        if size < 32:
            raise OptionError(f"mobilevit sees nothing in pictures of side {size}; use model.size=32 or more")
        c0, c1, c2, c3, c4, c5, last = (round(width * n) for n in (16, 32, 64, 96, 128, 160, 640))
        d3, d4, d5 = (HEADS * round(width * n / HEADS) for n in (144, 192, 240))
        self.stem = ConvNorm(channels, c0, 3, stride=2)  # (batch, 16, 112, 112)
        self.stages = nn.Sequential(
            nn.Sequential(Inverted(c0, c1, stride=1)),  # (batch, 32, 112, 112)
            nn.Sequential(Inverted(c1, c2, stride=2), Inverted(c2, c2, 1), Inverted(c2, c2, 1)),  # 64, 56
            nn.Sequential(Inverted(c2, c3, stride=2), MobileViTBlock(c3, d3, depth=2)),  # (batch, 96, 28, 28)
            nn.Sequential(
                Inverted(c3, c4, stride=2), MobileViTBlock(c4, d4, depth=4)
            ),  # (batch, 128, 14, 14)
            nn.Sequential(Inverted(c4, c5, stride=2), MobileViTBlock(c5, d5, depth=3)),  # (batch, 160, 7, 7)
        )
        self.final_conv = ConvNorm(c5, last, 1)  # (batch, 640, 7, 7)
        self.dropout = Dropout(dropout)
        self.head = nn.Sequential(OrderedDict(fc=nn.Linear(last, classes)))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out")
            elif isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)

    def forward(self, image: Tensor) -> Tensor:  # (batch, 3, 224, 224)
        features = self.final_conv(self.stages(self.stem(image))).mean(dim=(2, 3))  # (batch, 640)
        logits: Tensor = self.head(self.dropout(features))  # (batch, classes)
        return logits


class ConvNorm(nn.Module):
    """A convolution that keeps the side (or divides it by its stride), batch norm, and SiLU if ``active``."""

    def __init__(
        self, channels: int, out: int, kernel: int, *, stride: int = 1, groups: int = 1, active: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out)
        self.active = active

    def forward(self, x: Tensor) -> Tensor:  # (batch, channels, h, w) -> (batch, out, h / stride, w / stride)
        out: Tensor = self.bn(self.conv(x))
        return F.silu(out) if self.active else out


class Inverted(nn.Module):
    """MobileNetV2's block: four times as wide inside, with a shortcut if the shape stays."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        wide = 4 * channels
        self.conv1_1x1 = ConvNorm(channels, wide, 1)
        self.conv2_kxk = ConvNorm(wide, wide, 3, stride=stride, groups=wide)
        self.conv3_1x1 = ConvNorm(wide, out, 1, active=False)
        self.shortcut = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:  # (batch, channels, h, w) -> (batch, out, h / stride, w / stride)
        out: Tensor = self.conv3_1x1(self.conv2_kxk(self.conv1_1x1(x)))
        return x + out if self.shortcut else out


class MobileViTBlock(nn.Module):
    """Local filters, then attention between patches, then a convolution that joins input and result.

    The shape stays.
    """

    def __init__(self, channels: int, dim: int, depth: int) -> None:
        super().__init__()
        self.conv_kxk = ConvNorm(channels, channels, 3)
        self.conv_1x1 = nn.Conv2d(channels, dim, kernel_size=1, bias=False)
        self.transformer = nn.Sequential(*(Transformer(dim) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim)
        self.conv_proj = ConvNorm(dim, channels, 1)
        self.conv_fusion = ConvNorm(2 * channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:  # (batch, channels, h, w)
        local = self.conv_1x1(self.conv_kxk(x))  # (batch, dim, h, w)
        h, w = local.shape[2:]
        rows, columns = ceil(h / PATCH), ceil(w / PATCH)
        whole = (rows * PATCH, columns * PATCH)  # sides that are multiples of the patch
        if whole != (h, w):
            local = F.interpolate(local, size=whole, mode="bilinear", align_corners=False)
        tokens = self.norm(self.transformer(unfold(local)))  # (batch * 4, patches, dim)
        spread = fold(tokens, rows, columns)  # (batch, dim, h, w)
        if whole != (h, w):
            spread = F.interpolate(spread, size=(h, w), mode="bilinear", align_corners=False)
        joined: Tensor = self.conv_fusion(torch.cat([x, self.conv_proj(spread)], dim=1))
        return joined


def unfold(x: Tensor) -> Tensor:
    """A map (batch, dim, h, w) as rows of tokens (batch * 4, patches, dim), one row for each patch pixel."""
    batch, dim, h, w = x.shape
    cut = x.reshape(batch, dim, h // PATCH, PATCH, w // PATCH, PATCH)  # (batch, dim, rows, 2, columns, 2)
    return cut.permute(0, 3, 5, 2, 4, 1).reshape(batch * PATCH * PATCH, -1, dim)


def fold(tokens: Tensor, rows: int, columns: int) -> Tensor:
    """The map (batch, dim, h, w) from which `unfold` would make these tokens."""
    cut = tokens.reshape(-1, PATCH, PATCH, rows, columns, tokens.shape[2])
    return cut.permute(0, 5, 3, 1, 4, 2).reshape(len(cut), tokens.shape[2], rows * PATCH, columns * PATCH)


class Transformer(nn.Module):
    """Attention, then two dense layers for each token, each with a layer norm before it and a shortcut."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = SelfAttention(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(
            OrderedDict(fc1=nn.Linear(dim, 2 * dim), act=nn.SiLU(), fc2=nn.Linear(2 * dim, dim))
        )

    def forward(self, tokens: Tensor) -> Tensor:  # (rows of tokens, patches, dim)
        tokens = tokens + self.attn(self.norm1(tokens))
        out: Tensor = tokens + self.mlp(self.norm2(tokens))
        return out


class SelfAttention(nn.Module):
    """softmax(q k' / sqrt(d)) v in each of four heads."""

    removable: ClassVar[bool] = True

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.attention = Attention()

    def forward(self, tokens: Tensor) -> Tensor:  # (rows of tokens, patches, dim)
        split = self.qkv(tokens).reshape(*tokens.shape[:2], 3, HEADS, -1)
        q, k, v = split.permute(2, 0, 3, 1, 4)  # (rows of tokens, 4, patches, dim / 4) each
        weights = self.attention(q @ k.transpose(2, 3) * q.shape[3] ** -0.5)
        out: Tensor = self.proj((weights @ v).transpose(1, 2).flatten(2))
        return out
