"""Landmarks of a face at rest in the canonical crop, and patches of a map around them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BROWS = (
    *((0.0, 0.15), (0.05, 0.11), (0.13, 0.08), (0.24, 0.09), (0.36, 0.10)),
    *((0.63, 0.10), (0.75, 0.08), (0.87, 0.08), (0.95, 0.11), (1.0, 0.15)),
)
"""Five points of each brow, x and y in shares of the crop: medians of twelve real faces."""
MOUTH = (
    *((0.28, 0.76), (0.32, 0.74), (0.43, 0.72), (0.49, 0.73), (0.56, 0.72), (0.67, 0.74)),
    *((0.72, 0.77), (0.67, 0.81), (0.57, 0.85), (0.50, 0.86), (0.44, 0.85), (0.33, 0.81)),
    *((0.31, 0.75), (0.40, 0.76), (0.50, 0.77), (0.59, 0.76), (0.69, 0.76)),
    *((0.60, 0.78), (0.50, 0.79), (0.40, 0.78)),
)
"""The lips' outer and inner edge, twelve and eight points, likewise."""
PLACES = (*BROWS, *MOUTH)


def around(reach: float, side: int) -> Tensor:
    """Where patches of ``side`` samples lie around each place: (1, places x side, side, 2), -1 to 1.

    ``reach`` is a patch's side as a share of the map's.
    """
    places = torch.tensor(PLACES) * 2 - 1  # as grid_sample counts
    steps = torch.linspace(-reach, reach, side)
    offsets = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1)  # (side, side, x and y)
    grid = places[:, None, None] + offsets  # (places, side, side, 2)
    return grid.reshape(1, len(places) * side, side, 2)


def sampled(maps: Tensor, grid: Tensor) -> Tensor:
    """Patches of maps (batch, channels, h, w) where `around` says: (batch, places, channels, side, side)."""
    patches = F.grid_sample(
        maps, grid.expand(len(maps), -1, -1, -1), padding_mode="border", align_corners=False
    )
    batch, channels, _, side = patches.shape
    return patches.reshape(batch, channels, len(PLACES), side, side).transpose(1, 2)
