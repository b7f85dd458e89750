"""HSTA: a transformer on onset and apex and one on six frames, whose class tokens visit each other."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Attention, Dropout, StochasticDepth

FRAMES, TUBELET = 6, 2
"""How many frames the longer branch sees, and how many of them a token covers."""
PATCHES = 12, 16
"""The side of a token in the shorter and in the longer branch, in pixels."""


def sinusoids(tokens: int, dim: int) -> Tensor:
    """Fixed positions (Vaswani et al. 2017), sines and cosines by turns: (1, tokens, dim)."""
    places = torch.arange(tokens)[:, None] / 10_000 ** (2 * torch.arange((dim + 1) // 2) / dim)
    return torch.stack([places.sin(), places.cos()], dim=2).flatten(1)[None, :, :dim]


class Tokens(nn.Module):
    """Cuts pairs of frames into patches and puts a class token before them: (batch, tokens, dim)."""

    places: Tensor

    def __init__(self, colours: int, side: int, pairs: int, patch: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.colours = TUBELET * colours
        self.cut = nn.Conv2d(self.colours, dim, patch, stride=patch)  # a 3-D filter over all its frames
        self.first = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
        self.register_buffer("places", sinusoids(pairs * (side // patch) ** 2 + 1, dim), persistent=False)
        self.dropout = Dropout(dropout)

    def forward(self, frames: Tensor) -> Tensor:  # (batch, frames x colours, h, w)
        batch, _, height, width = frames.shape
        patches = self.cut(frames.reshape(-1, self.colours, height, width)).flatten(2).mT
        patches = patches.reshape(batch, -1, patches.shape[2])  # those of one pair after those of another
        tokens = torch.cat([self.first.expand(batch, -1, -1), patches], dim=1)
        out: Tensor = self.dropout(tokens + self.places)
        return out


class Attend(nn.Module):
    """Queries (batch, m, dim) attend to tokens (batch, n, dim) in several heads."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.v, self.out = (nn.Linear(dim, dim) for _ in range(3))
        self.k = nn.Linear(dim, dim, bias=False)  # a key's bias would change no softmax
        self.attention = Attention()
        self.dropout = Dropout(dropout)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        q, k, v = (
            layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer, x in ((self.q, queries), (self.k, tokens), (self.v, tokens))
        )  # (batch, heads, m or n, dim / heads) each
        weights = self.attention(q @ k.mT * q.shape[3] ** -0.5)
        seen: Tensor = self.dropout(self.out((weights @ v).transpose(1, 2).flatten(2)))
        return seen


class Block(nn.Module):
    """Self-attention and a perceptron behind layer norms, each with a path around it."""

    def __init__(self, dim: int, heads: int, dropout: float, skip: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attend = Attend(dim, heads, dropout)
        inner = nn.Linear(dim, 4 * dim), nn.GELU(), Dropout(dropout)
        self.mlp = nn.Sequential(*inner, nn.Linear(4 * dim, dim), Dropout(dropout))
        self.skip = StochasticDepth(skip)

    def forward(self, x: Tensor) -> Tensor:  # (batch, tokens, dim)
        normed = self.norm1(x)
        x = x + self.skip(self.attend(normed, normed))
        out: Tensor = x + self.skip(self.mlp(self.norm2(x)))
        return out


class Visit(nn.Module):
    """A class token, made as wide as the other branch, looks at that branch's patches and comes back."""

    def __init__(self, own: int, other: int, heads: int) -> None:
        super().__init__()
        self.there = nn.Sequential(nn.LayerNorm(own), nn.GELU(), nn.Linear(own, other))
        self.norm = nn.LayerNorm(other)
        self.attend = Attend(other, heads, dropout=0.0)
        self.back = nn.Sequential(nn.LayerNorm(other), nn.GELU(), nn.Linear(other, own))

    def forward(self, own: Tensor, other: Tensor) -> Tensor:  # (batch, tokens, dim) of either branch
        token = self.there(own[:, :1])
        seen = self.norm(torch.cat([token, other[:, 1:]], dim=1))
        returned = self.back(token + self.attend(seen[:, :1], seen))
        return torch.cat([returned, own[:, 1:]], dim=1)


class Stage(nn.Module):
    """One block of the shorter branch, several of the longer one, then each class token visits the other."""

    def __init__(self, dim: int, depth: int, heads: int, dropout: float, skip: float) -> None:
        super().__init__()
        self.short = Block(dim, heads, dropout, skip)
        self.long = nn.Sequential(*(Block(2 * dim, heads, dropout, skip) for _ in range(depth)))
        self.from_short, self.from_long = Visit(dim, 2 * dim, heads), Visit(2 * dim, dim, heads)

    def forward(self, short: Tensor, long: Tensor) -> tuple[Tensor, Tensor]:
        short, long = self.short(short), self.long(long)
        return self.from_short(short, long), self.from_long(long, short)


@models.register("hsta")
class HSTA(nn.Module):
    """Hierarchical space-time attention: CrossViT over time (compared in the HTNet + LAPE paper).

    ``ends`` are onset and apex, ``frames`` pictures in order of which six are seen: in training any six,
    drawn anew each time, else six evenly spaced. Its public code lacks modules. Our reading: the frames to
    draw from are evenly spaced, a class token's visit draws no dropout, and layers count by stage where
    their learning rates differ. A tiny one has ``dim = 96, stages = 3, depth = 4``.
    """

    inputs: ClassVar[dict[str, Shape]] = {"ends": (6, 224, 224), "frames": (36, 224, 224)}
    paper: ClassVar[str] = (
        "compared in Zhang et al. 2025 (HTNet + LAPE), its Tables 1 and 2; OceanSummerDay/HSTA_MER"
    )
    small: ClassVar[dict[str, Any]] = {
        "size": 32,
        "dim": 24,
        "stages": 2,
        "heads": 4,
        "dropout": 0.0,
        "skip": 0.0,
    }

    def __init__(
        self,
        classes: int,
        *,
        dim: int = 384,
        stages: int = 4,
        depth: int = 2,
        heads: int = 12,
        dropout: float = 0.2,
        skip: float = 0.2,
        head_dropout: float = 0.4,
        channels: tuple[int, int] = (6, 36),
        size: int = 224,
    ) -> None:
        super().__init__()
        self.colours = channels[0] // TUBELET
        given = channels[1] // self.colours
        if size < max(PATCHES) or dim % heads or given < FRAMES:
            raise OptionError(
                f"hsta: pictures of {size}, {dim} numbers for {heads} heads, {given} frames to draw from;"
                f" expected {max(PATCHES)} pixels or more, a multiple of the heads, {FRAMES} frames or more"
            )
        short, long = PATCHES
        self.begin = nn.ModuleList(
            [
                Tokens(self.colours, size, 1, short, dim, dropout),
                Tokens(self.colours, size, FRAMES // TUBELET, long, 2 * dim, dropout),
            ]
        )
        self.stages = nn.ModuleList(Stage(dim, depth, heads, dropout, skip) for _ in range(stages))
        self.layer_order = ("begin", *(f"stages.{number}" for number in range(stages)))
        self.norms = nn.ModuleList([nn.LayerNorm(dim), nn.LayerNorm(2 * dim)])
        self.head = nn.Sequential(Dropout(head_dropout), nn.Linear(3 * dim, classes))

    def forward(self, ends: Tensor, frames: Tensor) -> Tensor:  # (batch, 6 and 36, 224, 224)
        short = self.begin[0](ends)  # (batch, 325, 384)
        long = self.begin[1](self.drawn(frames))  # (batch, 589, 768)
        for stage in self.stages:
            short, long = stage(short, long)
        both = [norm(x[:, 0]) for norm, x in zip(self.norms, (short, long), strict=True)]
        logits: Tensor = self.head(torch.cat(both, dim=1))  # (batch, 1152) -> (batch, classes)
        return logits

    def drawn(self, frames: Tensor) -> Tensor:
        """Six of the frames in their order: (batch, frames x colours, h, w) -> (batch, 6 x colours, h, w)."""
        batch, channels, height, width = frames.shape
        count = channels // self.colours
        given = frames.reshape(batch, count, self.colours, height, width)
        if not self.training:
            evenly = torch.linspace(0, count - 1, FRAMES, device=frames.device).round().long()
            return given[:, evenly].flatten(1, 2)
        lots = torch.rand(batch, count, device=frames.device)
        chosen = lots.argsort(dim=1)[:, :FRAMES].sort(dim=1).values
        return given.take_along_dim(chosen[:, :, None, None, None], dim=1).flatten(1, 2)
