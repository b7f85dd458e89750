"""SODA4MER: a clip is split where its key points have moved farthest, and either half is read by an LSTM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout
from fleeting.models._key_points import LEVELS, POINTS, Hourglass, Motion, bell, convolved, grid
from fleeting.models._places import PLACES

SPREAD = 0.01
"""Variance of a key point's mark in pretraining, as in the First Order Motion Model; a picture is 2 wide."""
FLAT = 0.01
"""The least determinant with which a bend is inverted."""
MARGIN = 0.1
"""How much farther the pseudo-apex is to be from the onset than the offset is (our reading)."""


class Mask(nn.Module):
    """Features (batch, time, channels, h, w) weighed where they change over time and landmarks are.

    A landmark counts by a gain of its own, in a Gaussian of a width of its own. Our reading: landmarks are
    those of a face at rest, and the variance counts relative to the clip's largest.
    """

    landmarks: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("landmarks", torch.tensor(PLACES) * 2 - 1, persistent=False)
        self.gains = nn.Parameter(torch.full((len(PLACES),), 0.5))
        self.log_widths = nn.Parameter(torch.full((len(PLACES),), 0.2).log())

    def forward(self, features: Tensor) -> Tensor:
        changing = features.var(dim=1, unbiased=False, keepdim=True).mean(dim=2, keepdim=True)
        changing = changing / changing.amax(dim=(3, 4), keepdim=True).clamp(min=1e-6)
        variance = self.log_widths.exp().square()[:, None, None]
        near = bell(self.landmarks, variance, grid(features))  # (30, h, w)
        return features * changing * torch.einsum("l,lhw->hw", self.gains, near)


def apart(points: Tensor, bends: Tensor) -> Tensor:
    """How much farther a frame is from the onset than the offset, by points and bends: (batch, time, 2)."""
    steps = [
        (motion - motion[:, :1]).flatten(3).norm(dim=3).mean(dim=2) for motion in (points[..., None], bends)
    ]
    far = torch.stack(steps, dim=2)
    return far - far[:, -1:]


def halves(vectors: Tensor, apex: Tensor) -> tuple[Tensor, Tensor]:
    """Vectors (batch, time, n) up to each clip's apex (batch,), and from it on: (batch, time / 2, n) each.

    Either half is stretched to the same number of frames (our reading).
    """
    last = vectors.shape[1] - 1
    share = torch.linspace(0, 1, (last + 1) // 2, device=vectors.device)
    rising = (apex[:, None] * share).round().long()
    falling = apex[:, None] + ((last - apex[:, None]) * share).round().long()
    return vectors.take_along_dim(rising[..., None], dim=1), vectors.take_along_dim(falling[..., None], dim=1)


class BiLSTM(nn.Module):
    """An LSTM forth and one back over vectors (batch, time, n): both last states, (batch, 2 x hidden)."""

    def __init__(self, told: int, hidden: int) -> None:
        super().__init__()
        self.forth, self.back = nn.LSTMCell(told, hidden), nn.LSTMCell(told, hidden)

    def forward(self, vectors: Tensor) -> Tensor:
        states = []
        for cell, way in ((self.forth, 1), (self.back, -1)):
            state: Any = None
            for step in vectors.unbind(dim=1)[::way]:
                state = cell(step, state)
            states.append(state[0])
        return torch.cat(states, dim=1)


@models.register("soda4mer")
class SODA4MER(nn.Module):
    """SODA4MER (compared in the MESTI-MEGANet paper): activation and decay around a pseudo-apex.

    ``frames`` are gray. There is no public code. Our reading: all widths; a frame is told by its masked
    features and by how its key points have moved and bent since the onset, both z-scored; the pseudo-apex is
    the frame between the ends that is farthest from the onset, in points and bends; and the triplet losses
    that `Triplets` adds, one of points and one of bends, are those of onset, offset and pseudo-apex.
    """

    inputs: ClassVar[dict[str, Shape]] = {"frames": (16, 128, 128)}
    paper: ClassVar[str] = (
        "SODA4MER 2025, compared in Nguyen et al. 2025 (MESTI-MEGANet), its Tables III and IV"
    )
    small: ClassVar[dict[str, Any]] = {"size": 32, "width": 4, "hidden": 16}
    looks_at: ClassVar[str] = "look"

    def __init__(
        self,
        classes: int,
        *,
        width: int = 32,
        hidden: int = 64,
        dropout: float = 0.2,
        channels: int = 16,
        size: int = 128,
    ) -> None:
        super().__init__()
        if size % 2 ** (LEVELS + 1) or channels < 4:
            raise OptionError(
                f"soda4mer: {channels} frames of {size} pixels; expected four or more, and a multiple of"
                f" {2 ** (LEVELS + 1)}"
            )
        self.width, self.motion, self.mask = width, Motion(width), Mask()
        self.look = nn.Sequential(
            convolved(1, width, 2), convolved(width, 2 * width, 2), convolved(2 * width, 2 * width, 2)
        )
        told = 2 * width + 6 * POINTS
        self.scale = nn.BatchNorm1d(told)
        self.activation, self.decay = BiLSTM(told, hidden), BiLSTM(told, hidden)
        self.head = nn.Sequential(
            nn.Linear(4 * hidden, hidden), nn.ReLU(), Dropout(dropout), nn.Linear(hidden, classes)
        )

    def forward(self, frames: Tensor) -> Tensor:  # (batch, 16, 128, 128)
        return self.seen(frames)[0]

    def objective(self) -> Triplets:
        """The loss of the classes and of both triplets."""
        return Triplets(self)

    def pretext(self) -> Animation:
        """The task of its pretraining."""
        return Animation(self.motion, self.width)

    def seen(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (batch, classes), and by how much the pseudo-apex is farther than the offset: (batch, 2)."""
        batch, time, height, side = frames.shape
        single = frames.reshape(-1, 1, height, side)
        points, bends = (motion.unflatten(0, (batch, time)) for motion in self.motion(single))
        features = self.look(single)  # (batch x 16, 64, 16, 16)
        masked = self.mask(features.reshape(batch, time, *features.shape[1:])).mean(dim=(3, 4))
        moved = [(motion - motion[:, :1]).flatten(2) for motion in (points, bends)]
        vectors = torch.cat([masked, *moved], dim=2)  # (batch, 16, 124)
        vectors = self.scale(vectors.flatten(0, 1)).reshape(vectors.shape)
        far = apart(points, bends)  # (batch, 16, 2)
        apex = far.sum(dim=2)[:, 1:-1].argmax(dim=1) + 1
        rising, falling = halves(vectors, apex)
        read = [self.activation(rising), self.decay(falling)]  # (batch, 128) each
        logits: Tensor = self.head(torch.cat(read, dim=1))
        return logits, far.take_along_dim(apex[:, None, None], dim=1)[:, 0]


class Triplets(nn.Module):
    """What `SODA4MER` is trained by: the loss of the classes, and those of both triplets."""

    def __init__(self, model: SODA4MER) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, inputs: list[Tensor], labels: Tensor, loss_of: Callable[[Tensor, Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The logits, and the sum of all losses."""
        logits, far = self.model.seen(*inputs)
        return logits, loss_of(logits.float(), labels) + (MARGIN - far).relu().mean(dim=0).sum()


def inverse(bends: Tensor) -> Tensor:
    """The inverse of 2x2 matrices (..., 2, 2), of which flat ones count as nearly flat."""
    a, b, c, d = bends.flatten(-2).unbind(dim=-1)
    area = a * d - b * c
    area = torch.where(area.abs() < FLAT, FLAT * torch.where(area < 0, -1.0, 1.0), area)
    return torch.stack([d, -b, -c, a], dim=-1).reshape(bends.shape) / area[..., None, None]


Moved = tuple[Tensor, Tensor]  # key points of frames, (n, 10, 2), and how they are bent, (n, 10, 2, 2)


def origins(source: Moved, target: Moved, places: Tensor) -> Tensor:
    """Where in the source each place (h, w, 2) of the target comes from, by each point: (n, 10, h, w, 2)."""
    turned = (source[1] @ inverse(target[1]))[:, :, None, None]
    offsets = places - target[0][:, :, None, None]
    return (turned @ offsets[..., None])[..., 0] + source[0][:, :, None, None]


class Animation(nn.Module):
    """A clip's onset is to be animated into another of its frames by the key points of both (pretraining).

    As in the First Order Motion Model, a second network says which point each place follows, or none, and how
    much of the source is visible there; features of the source are carried along and drawn. The loss is the
    mean difference of pixels, and how far key points and bends fail to follow a picture that is shifted and
    turned. Our reading: no perceptual loss, because its network would come trained on other pictures.
    """

    def __init__(self, motion: Motion, width: int) -> None:
        super().__init__()
        self.motion = motion
        self.dense = Hourglass(2 * (POINTS + 1), width)
        inside = width + 2 * (POINTS + 1)
        self.follows = nn.Conv2d(inside, POINTS + 1, 7, padding=3)
        self.visible = nn.Conv2d(inside, 1, 7, padding=3)
        self.read = convolved(1, width, stride=2)
        self.draw = nn.Sequential(
            convolved(width, width), nn.Upsample(scale_factor=2.0), nn.Conv2d(width, 1, 3, padding=1)
        )

    def forward(self, frames: Tensor) -> Tensor:  # (batch, 16, 128, 128) -> the loss
        batch, time = frames.shape[:2]
        chosen = 1 + (torch.rand(batch, device=frames.device) * (time - 1)).long()
        source, target = frames[:, :1], frames.take_along_dim(chosen[:, None, None, None], dim=1)
        before, after = self.motion(source), self.motion(target)
        drawn = self._animated(source, before, after)
        return F.l1_loss(drawn, target) + self._unfaithful(target, after)

    def _animated(self, source: Tensor, before: Moved, after: Moved) -> Tensor:
        small = F.avg_pool2d(source, 2)  # (batch, 1, 64, 64)
        places = grid(small)
        still = places.expand(len(source), 1, *places.shape)
        ways = torch.cat([still, origins(before, after, places)], dim=1)  # (batch, 11, 64, 64, 2)
        carried = F.grid_sample(
            small.expand(-1, POINTS + 1, -1, -1).reshape(-1, 1, *small.shape[2:]),
            ways.flatten(0, 1),
            padding_mode="border",
            align_corners=False,
        ).reshape(len(source), POINTS + 1, *small.shape[2:])
        marks = F.pad(bell(after[0], SPREAD, places) - bell(before[0], SPREAD, places), (0, 0, 0, 0, 1, 0))
        seen = self.dense(torch.cat([marks, carried], dim=1))
        way = (self.follows(seen).softmax(dim=1)[..., None] * ways).sum(dim=1)  # (batch, 64, 64, 2)
        features = F.grid_sample(self.read(source), way, padding_mode="border", align_corners=False)
        drawn: Tensor = self.draw(features * self.visible(seen).sigmoid())
        return drawn

    def _unfaithful(self, frame: Tensor, motion: Moved) -> Tensor:
        """How far points and bends are from those of the same frame shifted and turned, led back."""
        turned = torch.eye(2, device=frame.device) + 0.1 * torch.randn(len(frame), 2, 2, device=frame.device)
        shift = 0.1 * torch.randn(len(frame), 2, 1, device=frame.device)
        ways = F.affine_grid(torch.cat([turned, shift], dim=2), list(frame.shape), align_corners=False)
        points, bends = self.motion(F.grid_sample(frame, ways, padding_mode="border", align_corners=False))
        back: Tensor = motion[0] - points @ turned.mT - shift.mT
        bent: Tensor = inverse(motion[1]) @ turned[:, None] @ bends - torch.eye(2, device=frame.device)
        return back.abs().mean() + bent.abs().mean()
