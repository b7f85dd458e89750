"""AU-GCN: patches of nine flow fields, weighed by a graph that the clip's own action units draw."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout, Layer
from fleeting.models._places import BROWS, MOUTH, PLACES, around, sampled

BROW_UNITS, MOUTH_UNITS = 3, 6
UNITS = BROW_UNITS + MOUTH_UNITS
SIDE = 7
DEPTHS = (3, 4, 6, 3)
"""Blocks of the four stages of P3D-63, three to four convolutions each."""
Kind = Literal["after", "beside", "both", "flat"]
KINDS: tuple[Kind, ...] = ("after", "beside", "both")
"""P3D's blocks, in turn: time after space, time beside space, and space plus time after it."""


def each(layer: nn.Module, x: Tensor) -> Tensor:
    """A layer of pictures, on every field: (batch, time, channels, h, w)."""
    found: Tensor = layer(x.flatten(0, 1))
    return found.reshape(*x.shape[:2], *found.shape[1:])


def convolved(channels: int, out: int, kernel: int = 1, stride: int = 1) -> nn.Sequential:
    """A convolution of pictures with batch norm."""
    layer = nn.Conv2d(channels, out, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(out))


class OverTime(nn.Module):
    """A convolution of three fields at each pixel, with batch norm: (batch, time, channels, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        batch, time, channels, h, w = x.shape
        courses = x.permute(0, 3, 4, 2, 1).reshape(-1, channels, time)
        seen = self.convolution(courses).reshape(batch, h, w, channels, time).permute(0, 4, 3, 1, 2)
        return each(self.norm, seen)


class Pseudo3D(nn.Module):
    """A bottleneck whose 3x3x3 convolution is one of space and one of time (Qiu et al. 2017)."""

    def __init__(self, before: int, width: int, stride: int, kind: Kind) -> None:
        super().__init__()
        self.kind: Kind = kind
        self.narrow, self.space = convolved(before, width, stride=stride), convolved(width, width, 3)
        self.time = nn.Identity() if kind == "flat" else OverTime(width)
        self.widen = convolved(width, 4 * width)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or before != 4 * width:
            self.shortcut = convolved(before, 4 * width, stride=stride)

    def forward(self, x: Tensor) -> Tensor:  # (batch, time, before, h, w) -> h / stride, w / stride
        narrow = each(self.narrow, x).relu()
        space = each(self.space, narrow).relu()
        if self.kind == "beside":
            seen = space + self.time(narrow).relu()
        elif self.kind == "both":
            seen = space + self.time(space).relu()
        else:
            seen = self.time(space).relu()
        return (each(self.widen, seen) + each(self.shortcut, x)).relu()


class P3D(nn.Module):
    """Whole fields in, logits of the action units out: (batch, time, 2, h, w) -> (batch, 9)."""

    def __init__(self, width: int, depths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = nn.Sequential(convolved(2, width, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1))
        self.stages = nn.ModuleList()
        before = width
        for number, depth in enumerate(depths):
            blocks = []
            for block in range(depth):
                kind = "flat" if number == len(depths) - 1 else KINDS[block % len(KINDS)]
                stride = 2 if number and not block else 1
                blocks.append(Pseudo3D(before, width << number, stride, kind))
                before = 4 * (width << number)
            self.stages.append(nn.Sequential(*blocks))
        self.full = nn.Linear(before, UNITS)

    def forward(self, fields: Tensor) -> Tensor:
        x = each(self.stem, fields)  # (batch, 9, 64, 16, 16)
        for stage in self.stages:
            x = halved(stage(x))  # (batch, 5, 256, 16, 16), (3, 512, 8, 8), (2, 1024, 4, 4), (1, 2048, 2, 2)
        logits: Tensor = self.full(x.mean(dim=(1, 3, 4)))
        return logits


def halved(x: Tensor) -> Tensor:
    """The larger of each two fields, rounded up: (batch, time, channels, h, w) -> (batch, time / 2, ...)."""
    joined = F.max_pool1d(x.transpose(1, 2).flatten(3).transpose(2, 3).flatten(0, 2), 2, ceil_mode=True)
    batch, _, channels, h, w = x.shape
    return joined.reshape(batch, channels, h, w, -1).permute(0, 4, 1, 2, 3)


class Patches(nn.Module):
    """One map of 7x7 for each landmark: first over u and v of a field, then over all fields."""

    def __init__(self, fields: int) -> None:
        super().__init__()
        count = len(PLACES)
        self.motion = nn.Conv2d(2 * fields * count, fields * count, 3, padding=1, groups=fields * count)
        self.time = nn.Conv2d(fields * count, count, 3, padding=1, groups=count, bias=False)
        self.norm = nn.BatchNorm2d(count)

    def forward(self, patches: Tensor) -> Tensor:  # (batch, 30 x 9 x 2, 7, 7) -> (batch, 30, 7, 7)
        return F.relu(self.norm(self.time(self.motion(patches).relu())))


def part(patches: int, layers: int, heads: int, width: int, dropout: float) -> nn.Sequential:
    """The patches of a part of the face as one vector: (batch, patches, 49) -> (batch, width)."""
    encoder = (Layer(SIDE**2, heads, 16 * heads, 128, dropout) for _ in range(layers))
    full = nn.Linear(patches * SIDE**2, 2 * width), nn.ReLU(), Dropout(dropout)
    return nn.Sequential(*encoder, nn.Flatten(), *full, nn.Linear(2 * width, width), nn.ReLU())


@models.register("au-gcn")
class AUGCN(nn.Module):
    """Graph network whose edges follow from action units (compared in the MESTI-MEGANet paper).

    From a description of its public code: patches of nine flow fields go through 3-D convolutions, over u and
    v and then over time; a P3D-63 names nine action units, whose loss is added; a transformer of six layers
    turns the diagonal matrix of these logits into the graph's edges. Our reading: the rest is as in FGRL-AUF
    (30 landmarks, those of a face at rest; a brow vector times three unit vectors, a mouth vector times six);
    a 3-D convolution that spans all that it joins is a 2-D one over these as channels; the nine units are 1,
    2, 4, 10, 12, 14, 15, 17 and 25; the fields lie between the onset and nine later moments.
    """

    inputs: ClassVar[dict[str, Shape]] = {"fields": (18, 64, 64)}
    paper: ClassVar[str] = "compared in Nguyen et al. 2025, MESTI-MEGANet, its Table IV"
    small: ClassVar[dict[str, Any]] = {
        "size": 32,
        "layers": 1,
        "edges": 1,
        "heads": 2,
        "width": 8,
        "depth": 4,
        "depths": (1, 1),
    }
    looks_at: ClassVar[str] = "patches"
    units: ClassVar[int] = UNITS

    def __init__(
        self,
        classes: int,
        *,
        layers: int = 6,
        edges: int = 6,
        heads: int = 8,
        width: int = 40,
        depth: int = 64,
        depths: tuple[int, ...] = DEPTHS,
        reach: float = 0.1,
        dropout: float = 0.1,
        channels: int = 18,
        size: int = 64,  # noqa: ARG002 - patches are sampled from any size
    ) -> None:
        super().__init__()
        if channels % 2 or not 0 < reach <= 1 or not depths:
            raise OptionError(
                f"au-gcn: {channels} channels, patches of {reach} of their side, stages of {list(depths)}"
                " blocks; expected u and v of each field, a share from 0 to 1, and one stage or more"
            )
        self.grid: Tensor
        self.register_buffer("grid", around(reach, SIDE), persistent=False)
        self.patches = Patches(channels // 2)
        how = (layers, heads, 4 * width, dropout)
        self.brows, self.mouth = part(len(BROWS), *how), part(len(MOUTH), *how)
        self.named = P3D(depth, depths)
        self.edges = nn.Sequential(*(Layer(UNITS, 3, UNITS, 4 * UNITS, dropout) for _ in range(edges)))
        self.vectors = nn.Parameter(torch.randn(UNITS, width) * width**-0.5)
        self.first, self.second = nn.Linear(width, 2 * width), nn.Linear(2 * width, 4 * width)
        self.head = nn.Sequential(nn.LayerNorm(UNITS), nn.Linear(UNITS, classes))

    def with_units(self, fields: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the classes, and of the nine action units."""
        batch, _, side, _ = fields.shape
        named = self.named(fields.reshape(batch, -1, 2, side, side))  # (batch, 9)
        graph = self.edges(torch.diag_embed(named)).softmax(dim=2)  # (batch, 9, 9)
        mixed = F.leaky_relu(self.first(graph @ self.vectors), 0.2)  # (batch, 9, 80)
        units = F.leaky_relu(self.second(graph @ mixed), 0.2)  # (batch, 9, 160)
        patches = self.patches(sampled(fields, self.grid).flatten(1, 2)).flatten(2)  # (batch, 30, 49)
        brow = self.brows(patches[:, : len(BROWS)])[:, None]  # (batch, 1, 160)
        mouth = self.mouth(patches[:, len(BROWS) :])[:, None]  # (batch, 1, 160)
        agreed = torch.cat([brow @ units[:, :BROW_UNITS].mT, mouth @ units[:, BROW_UNITS:].mT], dim=2)
        return self.head(agreed[:, 0]), named

    def forward(self, fields: Tensor) -> Tensor:  # (batch, 18, 64, 64)
        return self.with_units(fields)[0]  # (batch, classes)
