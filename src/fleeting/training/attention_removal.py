"""Removing attention layers that a network hardly needs: entropy-based selection (Lin et al., CVPR 2024).

A network can take part if its attention modules set ``removable = True`` and their output is added to their
input, so that the input passes unchanged without them. Features are assumed Gaussian: their entropy is the
sum over channels of the logarithm of the standard deviation. A layer's transfer entropy is how much the
entropy of the vector before the last linear layer changes when the layer is left out. The layers with the
least transfer entropy are removed one after the other; each is chosen with the earlier ones already removed
(our reading).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fleeting.errors import OptionError


@dataclass(frozen=True)
class LayerEntropy:
    """An attention layer: the entropy of its output, and its transfer entropy to the network's (in nats)."""

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
    """Replace these layers by `Silent`; their weights are lost."""
    for name in names:
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, Silent())


def entropy(features: Tensor) -> float:
    """The sum over channels of the log standard deviation.

    ``features`` are (n, channels), (n, tokens, channels) or a map (n, channels, height, width).
    """
    rows = features.movedim(1, -1) if features.ndim == 4 else features
    deviation = rows.reshape(-1, rows.shape[-1]).double().std(dim=0, unbiased=False)
    return float(torch.log(deviation + 1e-6).sum())


def layer_entropies(
    model: nn.Module, inputs: Sequence[Tensor], without: Collection[str] = ()
) -> list[LayerEntropy]:
    """Measure every attention layer on these inputs, in the model's order.

    The layers named in ``without`` are left out of the network and not measured.
    """
    names = [name for name in removable(model) if name not in without]
    with torch.inference_mode(), _evaluating(model), left_out(model, without):
        added, whole = _watched(model, inputs, names)
        changes = []
        for name in names:
            with left_out(model, [name]):
                changes.append(abs(whole - _watched(model, inputs, [])[1]))
    return [LayerEntropy(*facts) for facts in zip(names, added, changes, strict=True)]


def least_telling(model: nn.Module, inputs: Sequence[Tensor], count: int, among: str = "") -> list[str]:
    """Names of the ``count`` attention layers with the least transfer entropy, the least first.

    Only layers whose names begin with ``among`` are considered. Raises OptionError where there are fewer
    than ``count``.
    """
    refuse_too_many(model, count, among)
    chosen: list[str] = []
    for _ in range(count):
        left = [one for one in layer_entropies(model, inputs, chosen) if one.name.startswith(among)]
        chosen.append(min(left, key=lambda layer: layer.transfer).name)
    return chosen


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


def _watched(model: nn.Module, inputs: Sequence[Tensor], names: Sequence[str]) -> tuple[list[float], float]:
    """The entropy of each layer's output, and that of the vector before the last linear layer."""
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise OptionError("the model has no linear layer at its end; its output has no entropy to look at")
    layers = removable(model)
    added: dict[str, float] = {}
    vector: list[float] = []
    hooks = [
        layers[name].register_forward_hook(lambda _m, _g, out, name=name: added.update({name: entropy(out)}))
        for name in names
    ]
    hooks.append(linear[-1].register_forward_pre_hook(lambda _m, given: vector.append(entropy(given[0]))))
    try:
        model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return [added[name] for name in names], vector[-1]
