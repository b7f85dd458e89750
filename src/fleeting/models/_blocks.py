"""Layers that several models share."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Dropout(nn.Dropout):
    """Dropout whose mask comes from uniform numbers: it works like nn.Dropout and is faster on a CPU.

    torch draws its mask with `Tensor.bernoulli_`, which is slow when a small network is trained.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that nn.Dropout gives it
        """In training, zero each value with probability ``p`` and scale the rest; else change nothing."""
        if not self.training or self.p == 0:
            return input
        return input * (torch.rand_like(input) >= self.p) / (1 - self.p)


class ChannelDropout(Dropout):
    """The same for whole channels of (batch, channels, height, width), in the place of nn.Dropout2d."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that nn.Dropout gives it
        """In training, zero each channel with probability ``p`` and scale the rest; else change nothing."""
        if not self.training or self.p == 0:
            return input
        return input * (torch.rand_like(input[:, :, :1, :1]) >= self.p) / (1 - self.p)


class StochasticDepth(nn.Module):
    """Leaves out a branch for a sample with probability ``p`` in training (Huang et al. 2016)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, branch: Tensor) -> Tensor:
        """(batch, ...) -> the same."""
        if not self.training or self.p == 0:
            return branch
        kept = torch.rand(len(branch), *(1 for _ in branch.shape[1:]), device=branch.device) >= self.p
        return branch * kept / (1 - self.p)


class Shortcut(nn.Conv2d):
    """A 1x1 convolution at every ``stride``-th pixel, with the parameters of nn.Conv2d.

    The input is strided before the convolution, because on up to a dozen channels oneDNN (torch 2.13)
    corrupts memory in the backward pass of a strided 1x1 filter.
    """

    def __init__(self, channels: int, out: int, stride: int, *, bias: bool = False) -> None:
        super().__init__(channels, out, kernel_size=1, bias=bias)
        self.every = stride

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that nn.Conv2d gives it
        """(batch, channels, h, w) -> (batch, out, h / stride, w / stride)."""
        return super().forward(input[:, :, :: self.every, :: self.every])


class Gate(nn.Sigmoid):
    """The sigmoid of an attention that multiplies features: (batch, 1 or channels, height, width), 0 to 1.

    It is a module of its own so that `fleeting.explain` can read its output.
    """


class Attention(nn.Softmax):
    """The softmax of a self-attention: (batch, heads, queries, keys), each row adding up to 1.

    It is a module of its own so that attention rollout and entropy can read its weights. ``around`` is
    whether what the attention looks at is added to what it gives, so that there is a path around it.
    """

    def __init__(self, *, around: bool = True) -> None:
        super().__init__(dim=-1)
        self.around = around


class Layer(nn.Module):
    """A transformer's layer: self-attention and a perceptron, each with a shortcut and a norm after it.

    ``inner`` is the width of queries, keys and values of all heads together, ``hidden`` the perceptron's.
    """

    def __init__(self, width: int, heads: int, inner: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.scale = heads, (inner // heads) ** -0.5
        self.qkv, self.project = nn.Linear(width, 3 * inner), nn.Linear(inner, width)
        self.attention = Attention()
        self.drop = Dropout(dropout)
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), Dropout(dropout), nn.Linear(hidden, width)
        )
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, tokens, width) to the same."""
        split = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind(0)  # (batch, heads, tokens, inner / heads) each
        weights = self.attention(query @ key.mT * self.scale)
        mixed = self.project((weights @ value).transpose(1, 2).flatten(2))
        x = self.norm1(x + self.drop(mixed))
        normed: Tensor = self.norm2(x + self.drop(self.mlp(x)))
        return normed
