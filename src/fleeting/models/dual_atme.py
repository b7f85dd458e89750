"""Dual-ATME: the whole motion map and its four regions, each through Inception levels, with one attention."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout, Gate
from fleeting.models._inception import CHANNELS, FILTERS, Inception


class CBAM(nn.Module):
    """Channel attention from means and maxima, then spatial attention (Woo et al. 2018): maps to the same."""

    def __init__(self, channels: int, reduction: int, kernel: int) -> None:
        super().__init__()
        self.channels = nn.Sequential(
            nn.Conv2d(channels, channels // reduction, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.Conv2d(channels // reduction, channels, kernel_size=1, bias=False),
        )
        self.places = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)
        self.channel_gate, self.place_gate = Gate(), Gate()

    def forward(self, maps: Tensor) -> Tensor:  # (batch, channels, height, width)
        mean, most = maps.mean(dim=(2, 3), keepdim=True), maps.amax(dim=(2, 3), keepdim=True)
        maps = maps * self.channel_gate(self.channels(mean) + self.channels(most))
        grouped = torch.cat([maps.mean(1, keepdim=True), maps.amax(1, keepdim=True)], dim=1)
        gated: Tensor = maps * self.place_gate(self.places(grouped))
        return gated


def stream(channels: int) -> nn.Sequential:
    """Two Inception levels, each pooled by two: (batch, 3, 28, 28) -> (batch, 48, 7, 7)."""
    return nn.Sequential(
        Inception(channels, FILTERS), nn.MaxPool2d(2), Inception(4 * FILTERS, 2 * FILTERS), nn.MaxPool2d(2)
    )


@models.register("dual-atme")
class DualATME(nn.Module):
    """Dual-branch attention network (Zhou et al. 2023).

    One stream looks where people have found movements, the other finds out where to look. Our reading of what
    they take: ``regions`` is the motion map cut into the squares around eyes and corners of the mouth (the
    hand-made choice), ``whole`` the map as it is. One CBAM, reduction 16 and kernel 3, serves both streams.
    """

    inputs: ClassVar[dict[str, Shape]] = {"whole": (3, 28, 28), "regions": (3, 28, 28)}
    paper: ClassVar[str] = "Zhou et al. 2023, Entropy 25(3), doi:10.3390/e25030460"
    small: ClassVar[dict[str, Any]] = {"hidden": 32}
    looks_at: ClassVar[str] = "whole_stream"
    real_time: ClassVar[bool] = True

    def __init__(
        self,
        classes: int,
        *,
        hidden: int = 1024,
        dropout: float = 0.5,
        channels: tuple[int, int] = (3, 3),
        size: int = 28,
    ) -> None:
        super().__init__()
        if size < 4:
            raise OptionError(f"dual-atme: maps of {size} pixels, expected 4 or more; two levels halve them")
        self.whole_stream, self.region_stream = stream(channels[0]), stream(channels[1])
        self.attention = CBAM(CHANNELS, reduction=16, kernel=3)
        self.full = nn.Linear(2 * CHANNELS * (size // 4) ** 2, hidden)  # 4704 -> 1024
        self.norm = nn.BatchNorm1d(hidden)
        self.drop = Dropout(dropout)
        self.head = nn.Linear(hidden, classes)

    def forward(self, whole: Tensor, regions: Tensor) -> Tensor:  # (batch, 3, 28, 28) each
        streams = ((self.whole_stream, whole), (self.region_stream, regions))
        seen = [self.attention(look(maps)).flatten(1) for look, maps in streams]  # (batch, 2352) each
        features = F.relu(self.norm(self.full(torch.cat(seen, dim=1))))  # (batch, 1024)
        logits: Tensor = self.head(self.drop(features))  # (batch, classes)
        return logits
