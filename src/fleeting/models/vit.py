"""ViT-B/16: a vision transformer, in which each patch of a picture attends to all others."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.models import Shape, models
from fleeting.models._blocks import Attention, Dropout


@models.register("vit")
class ViT(nn.Module):
    """Vision transformer, base size with patches of 16 (Dosovitskiy et al. 2021), as torchvision has it.

    Names, shapes and arithmetic of the weights are those of torchvision's ``vit_b_16``. Position embeddings
    are learnt for one side and never interpolated, so weights of another ``size`` do not fit.
    """

    inputs: ClassVar[dict[str, Shape]] = {"image": (3, 224, 224)}
    paper: ClassVar[str] = "Dosovitskiy et al. 2021, arXiv:2010.11929"
    older_names: ClassVar[dict[str, str]] = {".mlp.linear_1.": ".mlp.0.", ".mlp.linear_2.": ".mlp.3."}
    small: ClassVar[dict[str, Any]] = {"size": 32, "dim": 32, "depth": 2, "heads": 4, "mlp": 64}

    def __init__(
        self,
        classes: int,
        *,
        channels: int = 3,
        size: int = 224,
        patch: int = 16,
        dim: int = 768,
        depth: int = 12,
        heads: int = 12,
        mlp: int = 3072,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if size % patch:
            raise OptionError(
                f"vit cannot cut side {size} into patches of {patch}; use a multiple of {patch}"
            )
        if dim % heads:
            raise OptionError(f"vit cannot share dim {dim} among {heads} heads; use a multiple of {heads}")
        first = ("class_token", "conv_proj", "encoder.pos_embedding")
        self.layer_order = (first, *(f"encoder.layers.encoder_layer_{i}" for i in range(depth)))
        self.class_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.conv_proj = nn.Conv2d(channels, dim, kernel_size=patch, stride=patch)
        self.encoder = Encoder((size // patch) ** 2 + 1, dim, depth, heads, mlp, dropout, attention_dropout)
        head = nn.Linear(dim, classes)
        self.heads = nn.Sequential(OrderedDict(head=head))
        nn.init.trunc_normal_(self.conv_proj.weight, std=(channels * patch * patch) ** -0.5)
        nn.init.zeros_(self.conv_proj.bias)  # type: ignore[arg-type]
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)

    def forward(self, image: Tensor) -> Tensor:  # (batch, 3, 224, 224)
        patches = self.conv_proj(image).flatten(2).transpose(1, 2)  # (batch, 196, 768)
        tokens = torch.cat([self.class_token.expand(len(image), -1, -1), patches], dim=1)  # (batch, 197, 768)
        logits: Tensor = self.heads(self.encoder(tokens)[:, 0])  # (batch, classes)
        return logits


class Encoder(nn.Module):
    """Adds position embeddings to the tokens, then applies the transformer layers and a last layer norm."""

    def __init__(
        self,
        tokens: int,
        dim: int,
        depth: int,
        heads: int,
        mlp: int,
        dropout: float,
        attention_dropout: float,
    ) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.empty(1, tokens, dim).normal_(std=0.02))
        self.dropout = Dropout(dropout)
        layers = (EncoderLayer(dim, heads, mlp, dropout, attention_dropout) for _ in range(depth))
        self.layers = nn.Sequential(
            OrderedDict((f"encoder_layer_{i}", layer) for i, layer in enumerate(layers))
        )
        self.ln = nn.LayerNorm(dim, eps=1e-6)

    def forward(self, tokens: Tensor) -> Tensor:  # (batch, 197, 768)
        encoded: Tensor = self.ln(self.layers(self.dropout(tokens + self.pos_embedding)))
        return encoded


class EncoderLayer(nn.Module):
    """Attention, then two dense layers for each token, each with a layer norm before it and a shortcut."""

    def __init__(self, dim: int, heads: int, mlp: int, dropout: float, attention_dropout: float) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(dim, eps=1e-6)
        self.self_attention = SelfAttention(dim, heads, attention_dropout)
        self.dropout = Dropout(dropout)
        self.ln_2 = nn.LayerNorm(dim, eps=1e-6)
        into, back = nn.Linear(dim, mlp), nn.Linear(mlp, dim)
        self.mlp = nn.Sequential(into, nn.GELU(), Dropout(dropout), back, Dropout(dropout))
        for layer in (into, back):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.normal_(layer.bias, std=1e-6)

    def forward(self, tokens: Tensor) -> Tensor:  # (batch, 197, 768)
        tokens = tokens + self.dropout(self.self_attention(self.ln_1(tokens)))
        out: Tensor = tokens + self.mlp(self.ln_2(tokens))
        return out


class SelfAttention(nn.Module):
    """softmax(q k' / sqrt(d)) v in each head, with the parameters of `torch.nn.MultiheadAttention`."""

    removable: ClassVar[bool] = True

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.head_count = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out_proj = nn.Linear(dim, dim)
        self.attention = Attention()
        self.dropout = Dropout(dropout)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, tokens: Tensor) -> Tensor:  # (batch, 197, 768)
        projected = nn.functional.linear(tokens, self.in_proj_weight, self.in_proj_bias)
        split = projected.reshape(*tokens.shape[:2], 3, self.head_count, -1)  # (batch, 197, 3, 12, 64)
        q, k, v = split.permute(2, 0, 3, 1, 4)  # (batch, 12, 197, 64) each
        weights = self.attention(q @ k.transpose(2, 3) * q.shape[3] ** -0.5)  # (batch, 12, 197, 197)
        seen = self.dropout(weights) @ v  # (batch, 12, 197, 64)
        out: Tensor = self.out_proj(seen.transpose(1, 2).flatten(2))  # (batch, 197, 768)
        return out
