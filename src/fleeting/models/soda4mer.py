"""SODA4MER: a clip is split where its key points have moved farthest, and either half is read by an LSTM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Dropout
from fleeting.models._key_points import LEVELS, POINTS, Animation, Motion, bell, convolved, grid
from fleeting.models._places import PLACES

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
