"""Removing attention layers that a network hardly needs: entropy-based selection (Lin et al., CVPR 2024).

A network can take part if its attention modules set ``removable = True`` and their output is added to their
input, so that the input passes unchanged without them. Features are assumed Gaussian: their entropy is the
sum over channels of the logarithm of the standard deviation. The transfer entropy of a set of layers is how
much the entropy of the class scores changes between the complete network and the network without the whole
set. A set grows by the layer with which it has the least. A layer that is ``waiting`` (agents that are put
in after the removal) is told when the others are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fleeting.errors import OptionError


@dataclass(frozen=True)
class LayerEntropy:
    """An attention layer: the entropy of its output, and its own transfer entropy to the scores (in nats)."""

    name: str
    entropy: float
    transfer: float


class Silent(nn.Module):
    """The replacement of a removed attention layer: it adds zeros and has no parameters."""

    def forward(self, seen: Tensor) -> Tensor:
        """Zeros in the shape of the input."""
        return torch.zeros_like(seen)


def removable(model: nn.Module) -> dict[str, nn.Module]:
    """The attention layers that can be removed, by name, in the model's order."""
    return {name: module for name, module in model.named_modules() if getattr(module, "removable", False)}


def silence(model: nn.Module, names: Collection[str]) -> None:
    """Replace these layers by `Silent`, whereupon no other waits any longer; their weights are lost."""
    for name in names:
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, Silent())
    for layer in _waiting(model):
        layer.waiting = False


def entropy(features: Tensor) -> float:
    """The sum over channels of the log standard deviation.

    ``features`` are (n, channels), (n, tokens, channels) or a map (n, channels, height, width).
    """
    rows = features.movedim(1, -1) if features.ndim == 4 else features
    deviation = rows.reshape(-1, rows.shape[-1]).double().std(dim=0, unbiased=False)
    return float(torch.log(deviation + 1e-6).sum())


def layer_entropies(model: nn.Module, inputs: Sequence[Tensor]) -> list[LayerEntropy]:
    """Measure every attention layer on these inputs, in the model's order."""
    added: dict[str, float] = {}

    def note(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        return lambda _module, _given, output: added.update({name: entropy(output)})

    with torch.inference_mode(), _evaluating(model):
        hooks = [layer.register_forward_hook(note(name)) for name, layer in removable(model).items()]
        try:
            whole = entropy(model(*inputs))
        finally:
            for hook in hooks:
                hook.remove()
        return [
            LayerEntropy(name, added[name], abs(whole - _without(model, inputs, [name])))
            for name in removable(model)
        ]


def least_telling(model: nn.Module, inputs: Sequence[Tensor], count: int, among: str = "") -> list[str]:
    """Names of ``count`` attention layers, in the order in which they make the set that tells least.

    Only layers whose names begin with ``among`` are considered. Raises OptionError where there are fewer
    than ``count``.
    """
    refuse_too_many(model, count, among)
    left = [name for name in removable(model) if name.startswith(among)]
    chosen: list[str] = []
    with torch.inference_mode(), _evaluating(model):
        whole = entropy(model(*inputs))
        for _ in range(count):
            told = {name: abs(whole - _without(model, inputs, [*chosen, name])) for name in left}
            chosen.append(min(left, key=told.__getitem__))
            left.remove(chosen[-1])
    return chosen


def refuse_waiting(model: nn.Module) -> None:
    """Raise OptionError where layers wait for a removal; call it where none is asked for."""
    if _waiting(model):
        raise OptionError(
            "this attention gets its agents once layers are removed, and none are; set"
            " training.remove_attention, or choose attention=agent"
        )


def refuse_too_many(model: nn.Module, count: int, among: str = "") -> None:
    """Raise OptionError where fewer than ``count`` layers whose names begin with ``among`` are removable."""
    names = list(removable(model))
    if count > (found := sum(name.startswith(among) for name in names)):
        where = f" whose name begins with {among!r}, of {', '.join(names)}" if among and names else ""
        raise OptionError(
            f"{count} attention layers are to go, the model has {found} that can{where}; ask for fewer"
        )


class Fading:
    """Layers whose outputs are scaled down from 1 to 0 during training and then replaced by `Silent`."""

    def __init__(self, model: nn.Module, names: Collection[str]) -> None:
        self._model, self.names, self.share = model, tuple(names), 1.0
        layers = removable(model)
        self._hooks = [
            layers[name].register_forward_hook(lambda _module, _given, added: added * self.share)
            for name in self.names
        ]

    def fade(self, share: float) -> None:
        """Set the factor on the layers' outputs; at 0 the layers are removed for good."""
        self.share = share
        if share <= 0:
            for hook in self._hooks:
                hook.remove()
            silence(self._model, self.names)


@contextmanager
def left_out(model: nn.Module, names: Collection[str]) -> Iterator[None]:
    """Run the body of the ``with`` statement as if these layers of the model added nothing."""
    layers = removable(model)
    hooks = [layers[name].register_forward_hook(lambda _m, _g, added: added * 0) for name in names]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def _without(model: nn.Module, inputs: Sequence[Tensor], names: Collection[str]) -> float:
    """The entropy of the class scores when these layers add nothing."""
    with left_out(model, names):
        return entropy(model(*inputs))


def _waiting(model: nn.Module) -> list[Any]:
    return [layer for layer in removable(model).values() if getattr(layer, "waiting", False)]
