"""Maps of which parts of its inputs a model's answer came from, in every kind that the model allows.

Nothing here changes the model: hooks are removed again, no gradient stays in a weight, and every module is
left in training or evaluation mode as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from fleeting.explanations.clip_figures import Look
from fleeting.models import is_torch
from fleeting.optional import later
from fleeting.training.fitted import Fitted
from fleeting.types import FloatArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
else:
    torch = later("torch", "train")
    nn = later("torch.nn", "train")

GATE = (
    "Attention map: how much of the features was let through at each place, 0 to 1. It shows what the model"
    " could use, not what decided."
)
GRAD_CAM = (
    "Grad-CAM (Selvaraju et al. 2017): where features spoke for this class, largest 1. It is coarse, leaves"
    " out what spoke against the class, and is no proof of a cause."
)
ROLLOUT = (
    "Attention rollout (Abnar & Zuidema 2020): how much of each patch was carried through these layers, by"
    " attention and the paths around it, where there are any. It is the same for every class, and no proof of"
    " a cause."
)
CONTRIBUTION = (
    "Contributions, weight times feature: with the bias they add up to the class's score before the softmax,"
    " exactly. They say how the model counted, not why a face moved."
)


def looks_of(
    fitted: Fitted, arrays: Sequence[FloatArray], target: int, channels: Sequence[str]
) -> tuple[tuple[Look, ...], tuple[str, ...]]:
    """Every map of a model's answer to one clip, and a sentence for each kind of map that cannot be made.

    ``arrays`` are the model's inputs, (channels, height, width) each; ``target`` is the index of the class
    whose score is explained; ``channels`` names the channels of all inputs, one after the other.
    """
    model = fitted.model
    if not is_torch(model):
        return _of_estimator(model, arrays, target, channels)
    inputs = fitted.scaled([array[None] for array in arrays])
    with _at_rest(model):
        seen = _Seen(model, inputs)
        looks, notes = _gates(seen), []
        if not seen.pictures:
            notes.append("No Grad-CAM: no layer of this model gives a picture of features.")
        else:
            where = seen.named if seen.named in seen.pictures else seen.pictures[-1]
            found = grad_cam(model, inputs, target, where)
            looks.append(Look("Grad-CAM", where, found, GRAD_CAM))
            if not found.any():
                notes.append(f"Grad-CAM at {where} is zero throughout: no feature there spoke for the class.")
        for where, layers in seen.attentions.items():
            grid = _grid(layers, seen.around[where])
            if isinstance(grid, str):
                notes.append(f"No rollout of {where}: {grid}.")
            else:
                looks.append(Look("rollout", where, grid, ROLLOUT))
    return tuple(looks), tuple(notes)


def _of_estimator(
    model: Any, arrays: Sequence[FloatArray], target: int, channels: Sequence[str]
) -> tuple[tuple[Look, ...], tuple[str, ...]]:
    if not hasattr(model, "contributions"):
        return (), (f"{type(model).__name__} does not say what its inputs contributed, so there is no map.",)
    parts = model.contributions([array[None] for array in arrays])[0, target]  # (channels, height, width)
    named = [("all channels", parts.sum(axis=0)), *zip(channels, parts, strict=True)]
    return tuple(Look("contribution", name, part, CONTRIBUTION, signed=True) for name, part in named), ()


def grad_cam(model: nn.Module, inputs: Sequence[Tensor], target: int, where: str) -> FloatArray:
    """Grad-CAM of a class at the module called ``where``: (height, width) of the module's output, 0 to 1.

    The module's features, (1 or frames, channels, height, width), are summed over frames and channels, each
    weighted by the mean over the picture of the score's gradient; negative sums become zero. If the module
    is called several times, the sums of its calls are added.
    """
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _given: object, output: Tensor) -> Tensor:
        kept.append(output)
        return output.clone()  # the next module may overwrite it in place

    with torch.enable_grad(), _hooked([(model.get_submodule(where), keep)]):
        score = model(*(tensor.detach().clone().requires_grad_() for tensor in inputs))[0, target]
        gradients = torch.autograd.grad(score, kept, allow_unused=True)
    weighed = [
        (gradient.mean(dim=(2, 3), keepdim=True) * features).sum(dim=(0, 1))
        for features, gradient in zip(kept, gradients, strict=True)
        if gradient is not None and features.shape == kept[-1].shape
    ]
    if not weighed:
        return np.zeros(tuple(kept[-1].shape[2:]), np.float32)
    found = torch.stack(weighed).sum(dim=0).clamp(min=0)
    return _numpy(found / found.max().clamp(min=1e-12))


def rollout(layers: Sequence[Tensor], around: Sequence[bool] | None = None) -> Tensor:
    """Attention rollout (Abnar & Zuidema 2020): how much each token received of each other one in all layers.

    Returns (tokens, tokens), with rows that add up to 1. ``layers`` are attention weights (heads, tokens,
    tokens), first layer first. Of each layer the mean over heads plus the identity (the path around the
    attention, which ``around`` can deny for each) is taken, its rows are scaled to sum to 1, and the layers
    are multiplied.
    """
    same = torch.eye(layers[0].shape[-1], dtype=layers[0].dtype, device=layers[0].device)
    rolled = same
    for weights, passed in zip(layers, around or [True] * len(layers), strict=True):
        mixed = weights.mean(dim=0) + same * passed
        rolled = mixed / mixed.sum(dim=-1, keepdim=True) @ rolled
    return rolled


def _gates(seen: _Seen) -> list[Look]:
    """The maps of gates with one channel; gates that only weigh channels say nothing about places."""
    spatial = [(n, gate) for n, gate in seen.gates if gate.shape[1] == 1 and gate[0, 0].numel() > 1]
    return [Look("attention", name, _numpy(gate[:, 0].mean(dim=0)), GATE) for name, gate in spatial]


def _grid(layers: Sequence[Tensor], around: Sequence[bool]) -> FloatArray | str:
    """The rollout from each place to the class token, or to the mean of all tokens; or why there is none."""
    shapes = {tuple(weights.shape) for weights in layers}
    counts = sorted({shape[-1] for shape in shapes})
    if any(len(shape) != 4 or shape[0] != 1 or shape[2] != shape[3] for shape in shapes):
        return "it is within parts of the picture, or between two sets of tokens"
    if len(counts) > 1:
        return f"the number of tokens changes between layers ({', '.join(map(str, counts))})"
    if counts == [1]:
        return "it sees a single token, so it has nothing to choose"
    rolled, tokens = rollout([weights[0] for weights in layers], around), counts[0]
    side = isqrt(tokens)
    if side**2 == tokens:
        return _numpy(rolled.mean(dim=0).reshape(side, side))
    if side**2 == tokens - 1:  # the class token comes first
        return _numpy(rolled[0, 1:].reshape(side, side))
    return f"{tokens} tokens are no square of patches, with or without a class token"


class _Seen:
    """The outputs of a network's modules in one forward pass: gates, attentions by stack, pictures."""

    def __init__(self, model: nn.Module, inputs: Sequence[Tensor]) -> None:
        self.gates: list[tuple[str, Tensor]] = []
        self.attentions: dict[str, list[Tensor]] = {}
        self.around: dict[str, list[bool]] = {}
        self.pictures: list[str] = []
        """Modules whose output is a picture of features, (1, channels, height, width), in call order."""
        self.named: str = getattr(model, "looks_at", "")
        """The module that the model names for Grad-CAM; it may give one picture for each frame."""
        with torch.inference_mode(), _hooked((m, self._note(name)) for name, m in model.named_modules()):
            model(*inputs)

    def _note(self, name: str) -> Callable[[nn.Module, object, object], None]:
        from fleeting.models import Attention, Gate

        def note(module: nn.Module, _given: object, output: object) -> None:
            if not isinstance(output, torch.Tensor):
                return
            if isinstance(module, Gate):
                self.gates.append((name, output.clone()))
            elif isinstance(module, Attention):
                self.attentions.setdefault(_stack(name), []).append(output.clone())
                self.around.setdefault(_stack(name), []).append(module.around)
            elif self._is_picture(name, output) and not isinstance(module, nn.Dropout):
                self.pictures.append(name)

        return note

    def _is_picture(self, name: str, output: Tensor) -> bool:
        single = len(output) == 1 or name == self.named
        return bool(name) and single and output.ndim == 4 and min(output.shape[2:]) > 1


def _stack(name: str) -> str:
    """The name of a layer's stack: layers of one stack differ only in the last number of their names."""
    return re.sub(r"\d+(?!.*\d)", "*", name)


@contextmanager
def _hooked(hooks: Any) -> Iterator[None]:
    """Attaches forward hooks, (module, hook) pairs, inside the ``with`` block."""
    handles = [module.register_forward_hook(hook) for module, hook in hooks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _at_rest(model: nn.Module) -> Iterator[None]:
    """Puts the model into evaluation mode (no dropout, running means in batch norm) inside the block."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _numpy(tensor: Tensor) -> FloatArray:
    return tensor.detach().float().cpu().numpy()
