"""DFR-Net: motion, apex frame and difference are fused by attention and fed to a ResNet with attention."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Attention, Gate, Shortcut

BRANCHES = ("temporal", "spatial", "differential")
VITS = {"vit": (3, 6, 3), "vit-base": (12, 12, 12)}
"""Of each transformer backbone: the dimension over the width, the layers, the heads."""
FUSIONS = ("attention", "add", "multiply", "concatenate")
GATES: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "sigmoid": Gate}
"""What the attention of the fusion ends in."""


@models.register("dfrnet")
class DFRNet(nn.Module):
    """DynamicFusionResNet over u, v and strain, the apex frame, and |apex - onset| (Li et al. 2025).

    Motion is used for attention only: averaged over the picture, it weights the channels of the fused apex
    frame and difference. Our reading: pictures of 112x112; ``width`` channels in every map before the
    backbone; the backbone is a ResNet-18 with its stem, cut after ``stages`` of its four stages: three give
    the paper's "just over 3 million" parameters.

    The attention A ends in a ReLU like the maps of equation 9, as printed: about half of its channels are
    exactly 0 for every clip before training (``studies/dfrnet.py`` counts them), and what is 0 for every clip
    gets no gradient, so it stays. A ``gate`` of ``sigmoid`` shuts no channel.

    The options follow the paper's tables (numbers in brackets): ``branches`` (3) are the inputs that are
    used, together with the parts that fuse them; ``fusion`` (4) is attention, add, multiply or concatenate;
    ``backbone`` (5) is residual, alexnet (its convolutions), vit-base (of ViT-Base's dimension, layers and
    heads: the paper gives no size, but the longest time by far) or vit (ViT-Tiny's width, half its depth);
    ``channel_attention`` and ``spatial_attention`` (6, 7) can be switched off; ``stages`` (8, 9) are 1 to 4.
    Note that at 112 pixels most operations are those of the fusion, so that, unlike in the paper's Table 9, a
    fourth stage adds to the parameters and hardly to the time.
    """

    inputs: ClassVar[dict[str, Shape]] = dict.fromkeys(BRANCHES, (3, 112, 112))
    paper: ClassVar[str] = (
        "Li et al. 2025, Computers, Materials & Continua 84(1), doi:10.32604/cmc.2025.062621"
    )
    small: ClassVar[dict[str, Any]] = {"width": 8, "size": 28}
    looks_at: ClassVar[str] = "backbone"
    real_time: ClassVar[bool] = True

    def __init__(
        self,
        classes: int,
        *,
        stages: int = 3,
        fusion: str = "attention",
        branches: tuple[str, ...] = BRANCHES,
        gate: str = "relu",
        channel_attention: bool = True,
        spatial_attention: bool = True,
        backbone: str = "residual",
        width: int = 64,
        channels: tuple[int, ...] = (3, 3, 3),
        size: int = 112,
    ) -> None:
        super().__init__()
        if not 1 <= stages <= 4 or width < 1:
            raise OptionError(f"dfrnet: {stages} stages, width {width}; expected 1 to 4, and 1 or more")
        chosen = _in_order(branches)
        colours = dict(zip(BRANCHES, channels, strict=True))
        self.shallow = nn.ModuleDict({name: _convolved(colours[name], width, 3) for name in chosen})
        self.fusion = _fusion(fusion, chosen, width, gate)
        fused = width * len(chosen) if fusion == "concatenate" else width
        self.backbone, features = _backbone(
            backbone, fused, width, size, stages, channel_attention, spatial_attention
        )
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, temporal: Tensor, spatial: Tensor, differential: Tensor) -> Tensor:
        # (batch, 3, 112, 112) each; gray pictures give the last two 1 channel
        given = {"temporal": temporal, "spatial": spatial, "differential": differential}
        maps = {name: shallow(given[name]) for name, shallow in self.shallow.items()}  # (batch, 64, 112, 112)
        fused = self.fusion(maps)  # (batch, 64, 112, 112)
        features = self.backbone(fused)  # (batch, 256, 7, 7) after three stages
        logits: Tensor = self.head(features)  # (batch, classes)
        return logits


def _convolved(channels: int, out: int, kernel: int, then: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, kernel, padding=kernel // 2), then())


def _in_order(branches: tuple[str, ...]) -> tuple[str, ...]:
    if not branches or not set(branches) <= set(BRANCHES):
        raise OptionError(f"dfrnet: branches {branches}; expected one or more of {', '.join(BRANCHES)}")
    return tuple(name for name in BRANCHES if name in branches)


def _fusion(name: str, branches: tuple[str, ...], width: int, gate: str) -> nn.Module:
    if name not in FUSIONS or gate not in GATES:
        raise OptionError(
            f"dfrnet: fusion {name!r}, gate {gate!r}; expected {', '.join(FUSIONS)} and {', '.join(GATES)}"
        )
    return AttentionFusion(branches, width, GATES[gate]) if name == "attention" else PlainFusion(name)


class AttentionFusion(nn.Module):
    """Fuses apex frame and difference into one map, whose channels motion weights (equations 9 and 10)."""

    def __init__(self, branches: tuple[str, ...], width: int, gate: type[nn.Module] = nn.ReLU) -> None:
        super().__init__()
        both = {"spatial", "differential"} <= set(branches)
        self.join = (
            nn.Sequential(_convolved(2 * width, width, 3), _convolved(width, width, 3)) if both else None
        )
        weighed = "temporal" in branches and len(branches) > 1
        self.weigh = (
            nn.Sequential(_convolved(2 * width, width, 1), _convolved(width, width, 1, gate))
            if weighed
            else None
        )

    def forward(self, maps: dict[str, Tensor]) -> Tensor:  # (batch, 64, 112, 112) each
        still = [maps[name] for name in ("spatial", "differential") if name in maps]
        if not still:
            return maps["temporal"]
        fused: Tensor = self.join(torch.cat(still, dim=1)) if self.join else still[0]  # (batch, 64, 112, 112)
        if self.weigh is None:
            return fused
        pooled = [map_.mean(dim=(2, 3), keepdim=True) for map_ in (fused, maps["temporal"])]
        attention: Tensor = self.weigh(torch.cat(pooled, dim=1))  # (batch, 64, 1, 1)
        return fused * attention


class PlainFusion(nn.Module):
    """The simple fusions with which the paper compares: sum, product and concatenation."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, maps: dict[str, Tensor]) -> Tensor:  # (batch, 64, 112, 112) each
        if self.how == "concatenate":
            return torch.cat(list(maps.values()), dim=1)  # (batch, 192, 112, 112)
        stacked = torch.stack(list(maps.values()))
        return stacked.sum(dim=0) if self.how == "add" else stacked.prod(dim=0)


class ChannelAttention(nn.Module):
    """x times sigmoid(conv(relu(conv(mean over the picture + maximum over it)))) (equation 13)."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1)
        self.gate = Gate()

    def forward(self, x: Tensor) -> Tensor:  # (batch, channels, height, width)
        pooled = x.mean(dim=(2, 3), keepdim=True) + x.amax(dim=(2, 3), keepdim=True)
        weights: Tensor = self.gate(self.excite(self.squeeze(pooled).relu()))  # (batch, channels, 1, 1)
        return x * weights


class SpatialAttention(nn.Module):
    """x times sigmoid(conv([mean over the channels, maximum over them])) (equation 14), 7x7 (our reading)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel_size=7, padding=3)
        self.gate = Gate()

    def forward(self, x: Tensor) -> Tensor:  # (batch, channels, height, width)
        seen = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        weights: Tensor = self.gate(self.conv(seen))  # (batch, 1, height, width)
        return x * weights


class ResidualBlock(nn.Module):
    """relu(x + SA(CA(conv(relu(conv(x)))))), batch norm after each convolution (equation 12)."""

    def __init__(self, channels: int, out: int, stride: int, *, channel: bool, spatial: bool) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(channels, out, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(),
            nn.Conv2d(out, out, 3, padding=1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.channel = ChannelAttention(out, inner=max(8, out // 16)) if channel else nn.Identity()
        self.spatial = SpatialAttention() if spatial else nn.Identity()
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or channels != out:
            self.shortcut = nn.Sequential(Shortcut(channels, out, stride), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:  # (batch, channels, height, width)
        attended = self.spatial(self.channel(self.convs(x)))  # (batch, out, height / stride, width / stride)
        return torch.relu(self.shortcut(x) + attended)


def _backbone(
    name: str, channels: int, width: int, size: int, stages: int, channel: bool, spatial: bool
) -> tuple[nn.Module, int]:
    """The network from fused maps (batch, channels, size, size) to feature maps, and its output channels."""
    if name == "residual":
        return _residual(channels, width, stages, channel=channel, spatial=spatial)
    if name == "alexnet":
        return _alexnet(channels, width, size)
    if name in VITS:
        times, depth, heads = VITS[name]
        return ViT(channels, times * width, size, depth, heads), times * width
    raise OptionError(f"dfrnet: backbone {name!r}; expected residual, alexnet, {' or '.join(VITS)}")


def _residual(
    channels: int, width: int, stages: int, *, channel: bool, spatial: bool
) -> tuple[nn.Module, int]:
    layers: list[nn.Module] = [
        nn.Conv2d(channels, width, 7, stride=2, padding=3, bias=False),  # (batch, 64, 56, 56)
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),  # (batch, 64, 28, 28)
    ]
    before = width
    for stage in range(
        stages
    ):  # (batch, 64, 28, 28), (batch, 128, 14, 14), (batch, 256, 7, 7), (batch, 512, 4, 4)
        out, stride = width << stage, 1 if stage == 0 else 2
        layers.append(ResidualBlock(before, out, stride, channel=channel, spatial=spatial))
        layers.append(ResidualBlock(out, out, 1, channel=channel, spatial=spatial))
        before = out
    return nn.Sequential(*layers), before


def _alexnet(channels: int, width: int, size: int) -> tuple[nn.Module, int]:
    if size < 63:
        raise OptionError(
            f"dfrnet: backbone alexnet has nothing left of {size} pixels; use a size of 63 or more"
        )
    layers = nn.Sequential(
        nn.Conv2d(channels, width, 11, stride=4, padding=2),  # (batch, 64, 27, 27)
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),  # (batch, 64, 13, 13)
        nn.Conv2d(width, 3 * width, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),  # (batch, 192, 6, 6)
        _convolved(3 * width, 6 * width, 3),
        _convolved(6 * width, 4 * width, 3),
        _convolved(4 * width, 4 * width, 3),
        nn.MaxPool2d(3, stride=2),  # (batch, 256, 2, 2)
    )
    return layers, 4 * width


class ViT(nn.Module):
    """A vision transformer (Dosovitskiy et al. 2020) whose tokens are returned as a map.

    112 pixels give 14x14 tokens, 28 pixels 7x7. There is no class token: the head uses the mean of the
    tokens.
    """

    def __init__(self, channels: int, dim: int, size: int, depth: int, heads: int) -> None:
        super().__init__()
        patch = max(4, size // 14)
        self.embed = nn.Conv2d(channels, dim, patch, stride=patch)
        side = size // patch
        self.positions = nn.Parameter(0.02 * torch.randn(1, dim, side, side))
        self.layers = nn.Sequential(*(TransformerLayer(dim, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:  # (batch, 64, 112, 112)
        picture = self.embed(x) + self.positions  # (batch, 192, 14, 14)
        tokens = self.norm(self.layers(picture.flatten(2).transpose(1, 2)))  # (batch, 196, 192)
        laid: Tensor = tokens.transpose(1, 2).unflatten(2, picture.shape[2:])  # (batch, 192, 14, 14)
        return laid


class TransformerLayer(nn.Module):
    """Self-attention and an MLP of four times the width, each with a layer norm before it and a shortcut."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(2))
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.attention = Attention()
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:  # (batch, 196, 192)
        split = self.qkv(self.norms[0](x)).unflatten(2, (3, self.heads, -1))  # (batch, 196, 3, heads, 64)
        q, k, v = split.permute(2, 0, 3, 1, 4)  # (batch, heads, 196, 64) each
        weights = self.attention(q @ k.transpose(2, 3) / q.shape[-1] ** 0.5)  # (batch, heads, 196, 196)
        x = x + self.out((weights @ v).transpose(1, 2).flatten(2))
        attended: Tensor = x + self.mlp(self.norms[1](x))
        return attended
