"""Broadbent attention CNN: three convolutions, then an attention that selects among positions."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Attention, Dropout

FILTERS = (16, 32, 64)
"""The number of filters of each of the three convolutions."""


class BroadbentAttention(nn.Module):
    """Self-attention in which every position becomes a mixture of all positions.

    (batch, channels, height, width) -> (batch, width, height, width). Query, key and value are linear in the
    features of a position; the mixture's weights are the softmax, over all positions, of the scaled products
    of query and key.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, width, kernel_size=1)
        # A bias of the keys would shift all products of a query equally, which does not change the softmax.
        self.key = nn.Conv2d(channels, width, kernel_size=1, bias=False)
        self.value = nn.Conv2d(channels, width, kernel_size=1)
        self.filter = Attention(around=False)
        self.scale = width**-0.5

    def forward(self, features: Tensor) -> Tensor:  # (batch, channels, height, width)
        query, key, value = (
            project(features).flatten(2).mT[:, None]  # (batch, 1, places, width)
            for project in (self.query, self.key, self.value)
        )
        weights = self.filter(query * self.scale @ key.mT)  # (batch, 1, places, places)
        mixed: Tensor = weights @ value  # (batch, 1, places, width)
        batch, _, height, width = features.shape
        return mixed.mT.reshape(batch, -1, height, width)


def layer(channels: int, filters: int) -> nn.Sequential:
    """A 3x3 convolution, ReLU, batch norm and max pooling by two."""
    return nn.Sequential(
        nn.Conv2d(channels, filters, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.BatchNorm2d(filters),
        nn.MaxPool2d(2),
    )


@models.register("broadbent")
class Broadbent(nn.Module):
    """CNN with Broadbent attention over single gray frames (Ashraf et al. 2025).

    Our reading: each convolution is followed by max pooling, because attention over all 64x64 positions would
    need a matrix of 4096 x 4096. The attention's projections have ``width`` channels, so that global average
    pooling gives the 1x1x16 of the text; the 64 filters alone would give 1x1x64. The text speaks of dense
    layers and gives neither their number nor their size: ``dense`` layers of ``hidden`` units.

    Every frame is a sample of its own here. The text speaks of resizing and of no crop, which is
    ``data.crop = "as-is"``; with ``auto`` a face is searched in each single frame, which takes long, and each
    is cut by itself, so that crops of one clip need not lie on each other.
    """

    inputs: ClassVar[dict[str, Shape]] = {"frame": (1, 64, 64)}
    paper: ClassVar[str] = (
        "Ashraf et al. 2025, Enhancing Micro-Expression Recognition with Broadbent Attention"
    )
    small: ClassVar[dict[str, Any]] = {"size": 32}
    looks_at: ClassVar[str] = "attention"

    def __init__(
        self,
        classes: int,
        *,
        channels: int = 1,
        size: int = 64,
        width: int = 16,
        dense: int = 1,
        hidden: int = 128,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if size < 8:
            raise OptionError(f"broadbent: pictures have a side of {size}, expected 8 or more; choose others")
        if dense < 1:
            raise OptionError(f"broadbent: {dense} dense layers, expected 1 or more; choose others")
        first, second, third = FILTERS
        self.convolutions = nn.Sequential(
            layer(channels, first),  # (batch, 16, 32, 32)
            layer(first, second),  # (batch, 32, 16, 16)
            layer(second, third),  # (batch, 64, 8, 8)
        )
        self.attention = BroadbentAttention(third, width)
        widths = (width, *[hidden] * dense)
        layers = ([nn.Linear(*pair), nn.ReLU(), Dropout(dropout)] for pair in pairwise(widths))
        self.dense = nn.Sequential(*chain.from_iterable(layers))
        self.head = nn.Linear(hidden, classes)

    def forward(self, frame: Tensor) -> Tensor:  # (batch, 1, 64, 64)
        attended = self.attention(self.convolutions(frame))  # (batch, 16, 8, 8)
        pooled = torch.mean(attended, dim=(2, 3))  # (batch, 16)
        logits: Tensor = self.head(self.dense(pooled))  # (batch, classes)
        return logits
