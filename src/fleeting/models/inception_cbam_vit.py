"""Inception-CBAM-ViT: Inception layers with CBAM for the motion, a transformer for the face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.errors import OptionError, UnknownNameError
from fleeting.models import Shape, models
from fleeting.models._blocks import Attention, Dropout, Gate
from fleeting.models._inception import CHANNELS, FILTERS, EightBranches, Inception

BRANCHES = ("inception", "inception-cbam", "vit", "dual", "dual-lstm")
"""The variants of the paper's ablation: one branch alone, both, or both with an LSTM over the frames."""
READINGS = ("two-levels", "eight-branches")
"""Two readings of the 48 channels that the paper's CBAM takes."""
GRID = 14
"""The number of transformer patches along one side; each is one pixel of a picture averaged to 14x14."""
POOLED = 7
"""The side, in pixels, to which the Inception features are averaged before they become a vector."""
VECTOR = CHANNELS * POOLED * POOLED


def _inception(reading: str, channels: int) -> nn.Module:
    """Pictures of ``channels`` to 48 maps; two levels halve the sides twice."""
    if reading == "eight-branches":
        return EightBranches(channels)
    first, second = Inception(channels, FILTERS), Inception(4 * FILTERS, 2 * FILTERS)
    return nn.Sequential(first, nn.MaxPool2d(2), second, nn.MaxPool2d(2))


class ChannelAttention(nn.Module):
    """Squeeze and excitation: each channel times a gate from 0 to 1, computed from all channels' means."""

    def __init__(self, channels: int = CHANNELS, reduction: int = 16) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // reduction, kernel_size=1)
        self.excite = nn.Conv2d(channels // reduction, channels, kernel_size=1)
        self.gate = Gate()

    def forward(self, features: Tensor) -> Tensor:
        means = features.mean(dim=(2, 3), keepdim=True)  # (batch, channels, 1, 1)
        gate: Tensor = self.gate(self.excite(F.relu(self.squeeze(means))))
        return features * gate


class SpatialAttention(nn.Module):
    """Each position times a gate from 0 to 1, computed from the mean and maximum over channels around it.

    The paper says that channels are grouped; into their mean and their maximum is our reading.
    """

    def __init__(self, kernel: int = 3) -> None:
        super().__init__()
        self.mask = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(1)
        self.gate = Gate()

    def forward(self, features: Tensor) -> Tensor:
        grouped = torch.cat([features.mean(1, keepdim=True), features.amax(1, keepdim=True)], dim=1)
        gate: Tensor = self.gate(self.norm(self.mask(grouped)))  # (batch, 1, height, width)
        return features * gate


class Moved(nn.Module):
    """The motion branch: (batch, channels, height, width) -> (batch, 2352)."""

    def __init__(self, channels: int, reading: str, *, cbam: bool) -> None:
        super().__init__()
        attention = [ChannelAttention(), SpatialAttention()] if cbam else []
        self.look = nn.Sequential(_inception(reading, channels), *attention)

    def forward(self, motion: Tensor) -> Tensor:
        maps = self.look(motion)  # (batch, 48, height, width) or a quarter of both
        return F.adaptive_avg_pool2d(maps, POOLED).flatten(1)


class MovedOverTime(Moved):
    """The motion branch on each picture of a sequence of differences, then an LSTM: (batch, hidden)."""

    def __init__(self, channels: int, reading: str, hidden: int) -> None:
        super().__init__(channels, reading, cbam=True)
        self.channels = channels
        self.lstm = nn.LSTM(VECTOR, hidden, batch_first=True)

    def forward(self, motion: Tensor) -> Tensor:  # (batch, pictures x channels, height, width)
        batch, _, height, width = motion.shape
        pictures = motion.reshape(-1, self.channels, height, width)
        vectors = super().forward(pictures).reshape(batch, -1, VECTOR)
        last: Tensor = self.lstm(vectors)[1][0][0]  # (batch, hidden), after the last picture
        return last


class HeadDropout(Dropout):
    """Dropout of whole attention heads of (batch, heads, tokens, dim), each with probability ``p``."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that nn.Dropout gives it
        return input * super().forward(torch.ones_like(input[:, :, :1, :1]))


class SelfAttention(nn.Module):
    """Multi-head self-attention with biased queries, keys and values: (batch, tokens, dim) to the same."""

    removable: ClassVar[bool] = True

    def __init__(self, dim: int, heads: int, attention_dropout: float, head_dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.weights = Attention()
        self.drop_weights = Dropout(attention_dropout)
        self.drop_heads = HeadDropout(head_dropout)
        self.project = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        split = self.qkv(tokens).unflatten(2, (3, self.heads, -1))  # (batch, tokens, 3, heads, dim / heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # (batch, heads, tokens, dim / heads) each
        query = query * query.shape[-1] ** -0.5
        weights = self.weights(query @ key.mT)  # (batch, heads, tokens, tokens)
        mixed = self.drop_heads(self.drop_weights(weights) @ value)
        projected: Tensor = self.project(mixed.transpose(1, 2).flatten(2))
        return projected


class Block(nn.Module):
    """Self-attention and a two-layer perceptron, each with a layer norm before it and a shortcut."""

    def __init__(self, attention: SelfAttention, dim: int, mlp_ratio: float) -> None:
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(dim), attention
        hidden = round(dim * mlp_ratio)
        self.mlp = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))

    def forward(self, tokens: Tensor) -> Tensor:  # (batch, tokens, dim)
        tokens = tokens + self.attention(self.norm(tokens))
        summed: Tensor = tokens + self.mlp(tokens)
        return summed


class Transformer(nn.Module):
    """Vision transformer over 14x14 patches of one pixel: a picture -> its class token (batch, features).

    A larger picture is averaged to 14x14 first. A ``pre_logits`` other than 0 is the width of a layer with
    tanh after the class token. With ``mask`` the mean of the patches, weighted by a learned mask, is added to
    the class token (our reading of the paper's optional mask layer). The paper says that weights and biases
    of linear and norm layers are set, not to what: a truncated normal of deviation 0.02 and 0, 1 and 0 (our
    reading).
    """

    def __init__(
        self, channels: int, dim: int, blocks: Sequence[Block], *, pre_logits: int, mask: bool
    ) -> None:
        super().__init__()
        self.embed = nn.Conv2d(channels, dim, kernel_size=1)
        self.class_token = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 1, dim), std=0.02))
        # As large as the embedding of one pixel; at the usual 0.02 the positions would be too weak to matter.
        self.positions = nn.Parameter(torch.randn(1, 1 + GRID * GRID, dim))
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(dim)
        self.mask = nn.Sequential(nn.Conv2d(dim, 1, kernel_size=1), Gate()) if mask else None
        self.pre_logits = nn.Sequential(nn.Linear(dim, pre_logits), nn.Tanh()) if pre_logits else None
        for linear in (module for module in self.modules() if isinstance(module, nn.Linear)):
            nn.init.trunc_normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)  # torch sets norm layers to 1 and 0

    def forward(self, picture: Tensor) -> Tensor:  # (batch, channels, height, width)
        patches = self.embed(F.adaptive_avg_pool2d(picture, GRID)).flatten(2).mT  # (batch, 196, dim)
        tokens = torch.cat([self.class_token.expand(len(picture), -1, -1), patches], dim=1)
        tokens = self.norm(self.blocks(tokens + self.positions))  # (batch, 197, dim)
        token: Tensor = tokens[:, 0]  # (batch, dim)
        if self.mask is not None:
            places = tokens[:, 1:].mT.reshape(len(picture), -1, GRID, GRID)  # (batch, dim, 14, 14)
            token = token + (places * self.mask(places)).mean(dim=(2, 3))
        if self.pre_logits is not None:
            token = self.pre_logits(token)
        return token


@models.register("inception-cbam-vit")
class InceptionCBAMViT(nn.Module):
    """Inception with CBAM for the motion, a small transformer for the face (2025 preprint, after MMNet).

    As in MMNet (Li et al. 2022) the motion is apex minus onset, or the flow between them, and the transformer
    sees the onset frame (our reading). ``branches`` is one of BRANCHES. A single branch sees the motion, and
    ``position`` is ignored, because an onset frame shows no expression (our reading). With the LSTM,
    ``motion`` is a sequence of pictures with as many channels as ``position``, each less the onset frame
    before anything is scaled: ``difference-sequence`` (our reading).

    The 48 channels of the paper's CBAM come, with the ``reading`` ``two-levels``, from two Inception levels,
    four branches of 6 channels and then four of 12, each followed by max pooling, as in the public code of
    Dual-ATME, a network of the same family (our reading); with ``eight-branches`` from a single level of
    eight branches of 6.

    Also our reading: pictures of 56x56, features averaged to 7x7 before the fully connected layers, and ReLU
    between these layers.
    """

    inputs: ClassVar[dict[str, Shape]] = {"motion": (3, 56, 56), "position": (3, 56, 56)}
    paper: ClassVar[str] = "2025 preprint (30 October), on top of MMNet (Li et al., IJCAI 2022)"
    small: ClassVar[dict[str, Any]] = {"size": 28, "dim": 32, "depth": 1, "heads": 2, "hidden": 32}
    looks_at = "motion.look"

    def __init__(
        self,
        classes: int,
        *,
        channels: tuple[int, int] = (3, 3),
        size: int = 56,
        branches: str = "dual",
        reading: str = "two-levels",
        dim: int = 512,
        depth: int = 3,
        heads: int = 4,
        mlp_ratio: float = 2.0,
        attention_dropout: float = 0.3,
        head_dropout: float = 0.3,
        pre_logits: int = 0,
        mask: bool = False,
        hidden: int = 512,
    ) -> None:
        super().__init__()
        if branches not in BRANCHES:
            raise UnknownNameError("branches of inception-cbam-vit", branches, BRANCHES)
        if reading not in READINGS:
            raise UnknownNameError("reading of inception-cbam-vit", reading, READINGS)
        if heads < 1 or dim % heads:
            raise OptionError(
                f"inception-cbam-vit: {heads} heads cannot share dim {dim}; use a divisor of it"
            )
        if size < GRID:
            raise OptionError(f"inception-cbam-vit: inputs have a side of {size}, expected {GRID} or more")
        motion, position = channels
        both, over_time = branches.startswith("dual"), branches == "dual-lstm"
        if over_time:
            refuse_no_sequence(motion, position)
            motion = position
        features = 0
        self.motion: Moved | None = None
        self.position: Transformer | None = None
        if over_time:
            self.motion = MovedOverTime(motion, reading, hidden)
            features += hidden
        elif branches == "vit":
            self.looks_at = "position.embed"
        else:
            self.motion = Moved(motion, reading, cbam=branches != "inception")
            features += VECTOR
        if both or branches == "vit":
            attend = (SelfAttention(dim, heads, attention_dropout, head_dropout) for _ in range(depth))
            blocks = [Block(attention, dim, mlp_ratio) for attention in attend]
            seen = position if both else motion
            self.position = Transformer(seen, dim, blocks, pre_logits=pre_logits, mask=mask)
            features += pre_logits or dim
        self.head = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, classes))

    def forward(self, motion: Tensor, position: Tensor) -> Tensor:  # (batch, 3, 56, 56) each
        features = []
        if self.motion is not None:
            features.append(self.motion(motion))  # (batch, 2352), or of the LSTM (batch, 512)
        if self.position is not None:
            features.append(self.position(position if features else motion))  # (batch, 512)
        logits: Tensor = self.head(torch.cat(features, dim=1))  # (batch, classes)
        return logits


def refuse_no_sequence(motion: int, position: int) -> None:
    """Raise OptionError where ``motion`` channels are not several pictures of ``position`` channels."""
    if motion == position or motion % position:
        raise OptionError(
            f"dual-lstm takes as first of its inputs a sequence of pictures of {position} channels, like the"
            f" second; found {motion} channels: choose difference-sequence"
        )
