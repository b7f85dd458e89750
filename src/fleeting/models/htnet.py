"""HTNet: a transformer on four regions of a face that first attends within small blocks, then across them."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.errors import OptionError, UnknownNameError
from fleeting.models import Shape, models
from fleeting.models._blocks import Attention, Dropout

ATTENTIONS = ("softmax", "agent", "agent-after-removal")
"""Self-attention; with agents; and first the one and then, once layers have been removed, the other."""


class ChannelNorm(nn.Module):
    """Layer norm over the channels of each position: (batch, dim, height, width) to the same."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1, dim, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, dim, 1, 1))

    def forward(self, maps: Tensor) -> Tensor:
        variance, mean = torch.var_mean(maps, dim=1, unbiased=False, keepdim=True)
        normed: Tensor = (maps - mean) * torch.rsqrt(variance + 1e-5) * self.gain + self.bias
        return normed


class SelfAttention(nn.Module):
    """A norm, then self-attention within a block: (batch, dim, height, width) to the same.

    The kind ``agent`` puts a few agents between queries and keys: ``softmax(Q A^T) softmax(A K^T) V`` plus a
    depth-wise convolution of V (Han et al. 2024). The agents A are pooled from Q to half as many rows and
    columns, at least one (our reading). The position biases of Han et al. are left out (our reading).
    ``agent-after-removal`` is ``softmax`` as long as it is ``waiting``; then its convolution starts at 0, so
    that only the agents are new (our reading).
    """

    removable: ClassVar[bool] = True

    def __init__(self, dim: int, heads: int, dropout: float, kind: str) -> None:
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        inner = dim // heads * heads  # 255 of 256: three heads, as in the authors' code
        self.norm = ChannelNorm(dim)
        self.qkv = nn.Conv2d(dim, 3 * inner, kernel_size=1, bias=False)
        self.weights = Attention()
        self.waiting = kind == "agent-after-removal"
        self.local = nn.Conv2d(inner, inner, 3, padding=1, groups=inner) if kind != "softmax" else None
        if self.waiting and self.local is not None:
            nn.init.zeros_(self.local.weight)
            nn.init.zeros_(self.local.bias)  # type: ignore[arg-type]
        self.project = nn.Sequential(nn.Conv2d(inner, dim, kernel_size=1), Dropout(dropout))

    def forward(self, maps: Tensor) -> Tensor:
        query, key, value = self.qkv(self.norm(maps)).chunk(3, dim=1)  # (batch, inner, height, width) each
        if self.local is None or self.waiting:
            mixed = self._mixed(query, key, value)
        else:
            mixed = self._through_agents(query, key, value) + self.local(value)
        projected: Tensor = self.project(mixed)
        return projected

    def _mixed(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        q, k, v = (self._tokens(maps) for maps in (query, key, value))
        mixed: Tensor = self.weights(q @ k.mT * self.scale) @ v  # (batch, heads, places, dim / heads)
        return mixed.mT.reshape(query.shape)

    def _through_agents(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        q, k, v = (self._tokens(maps) for maps in (query, key, value))
        half = max(1, query.shape[2] // 2)
        agents = self._tokens(F.adaptive_avg_pool2d(query, half))  # (batch, heads, agents, dim / heads)
        heard = self.weights(agents @ k.mT * self.scale) @ v
        mixed: Tensor = self.weights(q @ agents.mT * self.scale) @ heard
        return mixed.mT.reshape(query.shape)

    def _tokens(self, maps: Tensor) -> Tensor:
        """Split the channels into heads and flatten the positions: (batch, heads, places, dim / heads)."""
        batch, inner, height, width = maps.shape
        return maps.reshape(batch, self.heads, inner // self.heads, height * width).mT


class Block(nn.Module):
    """Self-attention and a two-layer perceptron on each position, each with a shortcut."""

    def __init__(self, attention: SelfAttention, dim: int, mlp_ratio: int, dropout: float) -> None:
        super().__init__()
        self.attention = attention
        self.mlp = nn.Sequential(
            ChannelNorm(dim),
            nn.Conv2d(dim, mlp_ratio * dim, kernel_size=1),
            nn.GELU(),
            Dropout(dropout),
            nn.Conv2d(mlp_ratio * dim, dim, kernel_size=1),
            Dropout(dropout),
        )

    def forward(self, maps: Tensor) -> Tensor:
        maps = maps + self.attention(maps)
        summed: Tensor = maps + self.mlp(maps)
        return summed


class Level(nn.Module):
    """One level of the hierarchy: the map is cut into ``parts`` x ``parts`` blocks, each attended alone."""

    def __init__(self, blocks: list[Block], parts: int, side: int) -> None:
        super().__init__()
        self.parts, self.side = parts, side
        self.positions = nn.Parameter(torch.randn(side, side))  # one number for each position of a block
        self.blocks = nn.Sequential(*blocks)

    def forward(self, maps: Tensor) -> Tensor:  # (batch, dim, parts x side, parts x side)
        batch, dim, height, width = maps.shape
        cut = maps.reshape(batch, dim, self.parts, self.side, self.parts, self.side)
        cut = cut.permute(0, 2, 4, 1, 3, 5).reshape(-1, dim, self.side, self.side)
        seen: Tensor = self.blocks(cut + self.positions)
        seen = seen.reshape(batch, self.parts, self.parts, dim, self.side, self.side)
        return seen.permute(0, 3, 1, 4, 2, 5).reshape(batch, dim, height, width)


def joining(dim: int, wider: int) -> nn.Sequential:
    """The layer between two levels, which halves the sides of the map and widens it to ``wider`` channels."""
    return nn.Sequential(
        nn.Conv2d(dim, wider, kernel_size=3, padding=1), ChannelNorm(wider), nn.MaxPool2d(3, 2, padding=1)
    )


@models.register("htnet")
class HTNet(nn.Module):
    """Hierarchical transformer over four facial regions (Wang et al. 2024), with LAPE and agents (2025).

    Its input is a motion map assembled from the squares around the eyes and the corners of the mouth
    (`fleeting.faces.four_regions`). With the default options it is the published network of 114.4 million
    parameters. Note that at 28x28, with patches of 7 and three levels, every block has a single position: its
    softmax is 1 for any weights, so queries and keys never learn, and agent attention has no choice either.
    56x56 (4 positions a block) is the smallest input on which softmax attention has an effect. There a block
    has only one agent, which gives all positions the same values; agent attention needs 112x112 (16
    positions, 4 agents).

    The ``positions`` of a level are one number for each position, as in the base network; ``lape`` adds a
    learned vector to the embedding of each patch. ``attention`` is one of ATTENTIONS: the paper of 2025
    measures the layers, removes some and then puts agents in, which is ``agent-after-removal``. ``dim`` is
    the width of the first level; ``dim`` and ``heads`` double with each further level.
    """

    inputs: ClassVar[dict[str, Shape]] = {"regions": (3, 28, 28)}
    paper: ClassVar[str] = (
        "Wang et al. 2024, Neurocomputing 602; with LAPE and ESAAT: Scientific Reports 2025"
    )
    small: ClassVar[dict[str, Any]] = {"size": 56, "dim": 24, "repeats": (1, 1, 2)}
    looks_at: ClassVar[str] = "levels.0"
    real_time: ClassVar[bool] = True

    def __init__(
        self,
        classes: int,
        *,
        channels: int = 3,
        size: int = 28,
        dim: int = 256,
        heads: int = 3,
        repeats: tuple[int, ...] = (2, 2, 8),
        patch: int = 7,
        mlp_ratio: int = 4,
        dropout: float = 0.0,
        attention: str = "softmax",
        lape: bool = False,
    ) -> None:
        super().__init__()
        if attention not in ATTENTIONS:
            raise UnknownNameError("attention of htnet", attention, ATTENTIONS)
        levels = len(repeats)
        if size % (patch * 2 ** (levels - 1)) or not levels:
            raise OptionError(
                f"htnet cannot cut side {size} into patches of {patch} on {levels} levels;"
                f" use a multiple of {patch * 2 ** max(levels - 1, 0)}"
            )
        if dim < heads:
            raise OptionError(f"htnet cannot share dim {dim} among {heads} heads; use {heads} or more")
        patches = size // patch
        side = patches >> (levels - 1)
        self.patch = patch
        self.embed = nn.Conv2d(channels * patch * patch, dim, kernel_size=1)
        self.lape = nn.Parameter(0.02 * torch.randn(1, dim, patches, patches)) if lape else None
        self.levels, self.joins = nn.ModuleList(), nn.ModuleList()
        for level, repeat in enumerate(repeats):
            width = dim << level
            blocks = [
                Block(SelfAttention(width, heads << level, dropout, attention), width, mlp_ratio, dropout)
                for _ in range(repeat)
            ]
            self.levels.append(Level(blocks, parts=2 ** (levels - 1 - level), side=side))
            last = level == levels - 1
            self.joins.append(nn.Identity() if last else joining(width, 2 * width))
        self.norm = ChannelNorm(dim << (levels - 1))
        self.head = nn.Linear(dim << (levels - 1), classes)

    def forward(self, regions: Tensor) -> Tensor:  # (batch, 3, 28, 28)
        maps = self.embed(F.pixel_unshuffle(regions, self.patch))  # (batch, 256, 4, 4)
        if self.lape is not None:
            maps = maps + self.lape
        for level, join in zip(self.levels, self.joins, strict=True):
            maps = join(level(maps))  # (batch, 512, 2, 2), then (batch, 1024, 1, 1)
        logits: Tensor = self.head(self.norm(maps).mean(dim=(2, 3)))  # (batch, classes)
        return logits
