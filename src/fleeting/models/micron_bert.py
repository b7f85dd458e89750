"""Micron-BERT: a transformer on two frames, and how much each patch finds itself in the other frame."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Attention

STUDENT, TEACHER = 0.1, 0.04
"""Temperatures of the DINO loss; the teacher's is DINO's own (our reading)."""
MOMENTUM, CENTRING = 0.996, 0.9
"""How much the teacher and the centre of its answers keep at each step, as in DINO (our reading)."""


def sinusoids(side: int, dim: int) -> Tensor:
    """Fixed positions of a square of patches behind a class token, as in MAE: (1, side x side + 1, dim).

    Half of the numbers tell the row and half the column; the class token has zeros.
    """
    steps = torch.arange(side)[:, None] / 10_000 ** (torch.arange(dim // 4) / (dim / 4))
    line = torch.cat([steps.sin(), steps.cos()], dim=1)  # (side, dim / 2)
    rows, columns = line[:, None].expand(-1, side, -1), line[None].expand(side, -1, -1)
    square = torch.cat([rows, columns], dim=2).flatten(0, 1)
    return torch.cat([torch.zeros(1, dim), square])[None]


class Block(nn.Module):
    """Self-attention and a perceptron behind layer norms, each with a path around it."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.attention = Attention()
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:  # (batch, tokens, dim)
        split = self.qkv(self.norm1(x)).unflatten(2, (3, self.heads, -1))
        q, k, v = split.permute(2, 0, 3, 1, 4)  # (batch, heads, tokens, dim / heads) each
        weights = self.attention(q @ k.mT * q.shape[3] ** -0.5)
        x = x + self.out((weights @ v).transpose(1, 2).flatten(2))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class Encoder(nn.Module):
    """A vision transformer: a frame (batch, colours, h, w) to its class token and patches."""

    places: Tensor

    def __init__(self, colours: int, size: int, patch: int, dim: int, depth: int, heads: int) -> None:
        super().__init__()
        self.cut = nn.Conv2d(colours, dim, patch, stride=patch)
        self.first = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
        self.register_buffer("places", sinusoids(size // patch, dim), persistent=False)
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim)

    def forward(self, frame: Tensor) -> Tensor:
        patches = self.cut(frame).flatten(2).mT  # (batch, 784, 512)
        tokens = torch.cat([self.first.expand(len(frame), -1, -1), patches], dim=1)
        out: Tensor = self.norm(self.blocks(tokens + self.places))
        return out  # (batch, 785, 512)


class MicroAttention(nn.Module):
    """Diagonal micro-attention: each token of a frame weighed by how much it finds itself in the other frame.

    A softmax over all of the other frame's tokens is taken, and of it the token at the same place is kept,
    times the number of tokens, so that attention that tells nothing apart weighs 1 (our reading: of 785
    tokens each weighed by a 785th, nothing would be left).
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.q, self.v, self.out = (nn.Linear(dim, dim) for _ in range(3))
        self.k = nn.Linear(dim, dim, bias=False)  # a key's bias would change no softmax
        self.attention = Attention(around=False)

    def forward(self, current: Tensor, reference: Tensor) -> Tensor:  # (batch, tokens, dim) each
        scores = self.q(current) @ self.k(reference).mT * current.shape[2] ** -0.5
        same = self.attention(scores[:, None]).diagonal(dim1=2, dim2=3)[:, 0]  # (batch, tokens)
        out: Tensor = self.out(same[..., None] * same.shape[1] * self.v(current))
        return out


class Decoder(nn.Module):
    """Tokens (batch, tokens, dim) back to the pixels of each patch: (batch, tokens - 1, pixels)."""

    places: Tensor

    def __init__(self, size: int, patch: int, colours: int, dim: int, depth: int, heads: int) -> None:
        super().__init__()
        self.embed = nn.Linear(dim, dim)
        self.register_buffer("places", sinusoids(size // patch, dim), persistent=False)
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(depth)))
        self.norm, self.pixels = nn.LayerNorm(dim), nn.Linear(dim, colours * patch * patch)

    def forward(self, tokens: Tensor) -> Tensor:
        made: Tensor = self.pixels(self.norm(self.blocks(self.embed(tokens) + self.places)))
        return made[:, 1:]


class Pretext(nn.Module):
    """Patches of the current frame are swapped for the reference's, and its own pixels are to be made again.

    Beside that loss stands DINO's (Caron et al. 2021) on the class token of the reference frame: the student
    is the encoder, the teacher follows it slowly. Our reading: the decoder sees what micro-attention gives of
    the mixed frame and the reference, every patch counts, and class tokens are compared as they are.
    """

    centre: Tensor

    def __init__(self, model: MicronBERT, swapped: float) -> None:
        super().__init__()
        self.model, self.swapped = model, swapped
        self.decoder = Decoder(*model.decoding)
        self.teacher = copy.deepcopy(model.encoder).requires_grad_(False)
        self.register_buffer("centre", torch.zeros(1, model.encoder.first.shape[2]))

    def forward(self, frames: Tensor) -> Tensor:  # (batch, 6, 224, 224) -> the loss
        of_pixels, of_classes = self.losses(frames)
        return of_pixels + of_classes

    def losses(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of pixels, and that of class tokens."""
        model = self.model
        reference, current = frames.chunk(2, dim=1)
        side = current.shape[2] // model.patch
        lots = torch.rand(len(current), 1, side, side, device=current.device) < self.swapped
        mixed = torch.where(F.interpolate(lots.float(), scale_factor=model.patch) > 0, reference, current)
        seen = model.encoder(reference)
        made = self.decoder(model.micro(model.encoder(mixed), seen))
        pixels = F.unfold(current, model.patch, stride=model.patch).mT  # (batch, 784, 192)
        return F.mse_loss(made, pixels), self._dino(seen[:, 0], self.teacher(reference)[:, 0])

    def _dino(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Cross-entropy of the student's class token (batch, dim) with the teacher's, which is centred."""
        wanted = ((teacher - self.centre) / TEACHER).softmax(dim=1)
        loss = -(wanted * (student / STUDENT).log_softmax(dim=1)).sum(dim=1).mean()
        with torch.no_grad():
            self.centre.lerp_(teacher.mean(dim=0, keepdim=True).to(self.centre.dtype), 1 - CENTRING)
        return loss

    @torch.no_grad()
    def follow(self) -> None:
        """Move the teacher a little towards the student."""
        pairs = zip(self.teacher.parameters(), self.model.encoder.parameters(), strict=True)
        for slow, fast in pairs:
            slow.lerp_(fast, 1 - MOMENTUM)


@models.register("micron-bert")
class MicronBERT(nn.Module):
    """Micron-BERT, as its public code describes it (Nguyen et al. 2023).

    ``frames`` are onset and apex, the first of which is the reference. Its encoder, micro-attention and
    pretraining are those of the code, without the patch-of-interest module, of which too little is known. Our
    reading: the class is read from the mean token behind a layer norm. ``swapped`` is the share of patches
    that pretraining takes from the reference frame.
    """

    inputs: ClassVar[dict[str, Shape]] = {"frames": (6, 224, 224)}
    paper: ClassVar[str] = "Nguyen et al. 2023, Micron-BERT, CVPR 2023; arXiv:2304.03195"
    small: ClassVar[dict[str, Any]] = {"size": 32, "dim": 32, "depth": 2, "heads": 4}

    def __init__(
        self,
        classes: int,
        *,
        patch: int = 8,
        dim: int = 512,
        depth: int = 4,
        heads: int = 4,
        swapped: float = 0.5,
        channels: int = 6,
        size: int = 224,
    ) -> None:
        super().__init__()
        if size % patch or dim % heads or dim % 4 or channels % 2 or not 0 <= swapped <= 1:
            raise OptionError(
                f"micron-bert: patches of {patch} in {size} pixels, {heads} heads for {dim} numbers,"
                f" {channels} channels, {swapped} swapped; expected divisors, numbers that 4 divides, two"
                " frames and a share from 0 to 1"
            )
        self.patch, self.swapped = patch, swapped
        self.decoding = size, patch, channels // 2, dim, depth, heads
        self.encoder = Encoder(channels // 2, size, patch, dim, depth, heads)
        self.layer_order = (
            ("encoder.cut", "encoder.first"),
            *(f"encoder.blocks.{number}" for number in range(depth)),
        )
        self.micro = MicroAttention(dim)
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, classes))

    def forward(self, frames: Tensor) -> Tensor:  # (batch, 6, 224, 224)
        reference, current = frames.chunk(2, dim=1)
        moved = self.micro(self.encoder(current), self.encoder(reference))  # (batch, 785, 512)
        logits: Tensor = self.head(moved.mean(dim=1))  # (batch, classes)
        return logits

    def pretext(self) -> Pretext:
        """The task of its pretraining."""
        return Pretext(self, self.swapped)
