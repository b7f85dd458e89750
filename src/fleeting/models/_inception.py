"""The Inception layers of Inception-CBAM-ViT, in two readings of the paper's 48 channels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FILTERS = 6
"""The number of output channels of one Inception branch, in the first level."""
CHANNELS = 48
"""The channels that CBAM takes, as in the paper."""


class Inception(nn.Module):
    """Four branches side by side: (batch, channels, height, width) -> (batch, 4 filters, height, width).

    They are a 1x1 convolution, a 3x3 and a 5x5 one after a 1x1 one, and a 1x1 one over 3x3 maxima.
    """

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [
                _convolved(channels, filters, 1),
                nn.Sequential(_convolved(channels, FILTERS, 1), _convolved(FILTERS, filters, 3)),
                nn.Sequential(_convolved(channels, FILTERS, 1), _convolved(FILTERS, filters, 5)),
                nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), _convolved(channels, filters, 1)),
            ]
        )

    def forward(self, picture: Tensor) -> Tensor:
        return torch.cat([branch(picture) for branch in self.branches], dim=1)


def _convolved(channels: int, filters: int, kernel: int) -> nn.Sequential:
    """A convolution, batch norm and ReLU; the size of the picture stays."""
    convolution = nn.Conv2d(channels, filters, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(filters), nn.ReLU())


class EightBranches(nn.Module):
    """Eight convolutions side by side: (batch, channels, height, width) -> (batch, 48, height, width).

    Kernels of 1, 3, 5 and 7 see the picture, and the same four its 3x3 maxima (our other reading; the pooled
    half is taken from the Inception transformer, which the paper cites).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.plain, self.pooled = (
            nn.ModuleList(
                nn.Conv2d(channels, FILTERS, kernel, padding=kernel // 2, bias=False)
                for kernel in (1, 3, 5, 7)
            )
            for _ in range(2)
        )
        self.pool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
        self.norm = nn.BatchNorm2d(CHANNELS)

    def forward(self, picture: Tensor) -> Tensor:
        maxima = self.pool(picture)
        seen = [*(look(picture) for look in self.plain), *(look(maxima) for look in self.pooled)]
        return F.relu(self.norm(torch.cat(seen, dim=1)))
