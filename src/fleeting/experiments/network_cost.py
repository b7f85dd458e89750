"""Counts the weights and operations of a recipe's network, and times it: a table's cost columns."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from fleeting.datasets import label_sets
from fleeting.experiments.recipe import Experiment
from fleeting.inputs.view import PROBE
from fleeting.modalities import modalities
from fleeting.models import Shape, build, is_network, models
from fleeting.optional import later
from fleeting.training.threads import threads
from fleeting.types import Progress, silent

if TYPE_CHECKING:
    import torch
    from torch import nn
else:
    torch = later("torch", "train")

RUNS = 100
"""How many predictions a time is the mean of, as in DFR-Net's paper; five more come before, untimed."""


@dataclass(frozen=True)
class NetworkCost:
    """What one sample costs: weights, operations (an addition or a multiplication is one), mean milliseconds.

    The time is that of one sample in one thread, without its inputs being made.
    """

    parameters: int
    flops: int
    milliseconds: float

    def as_dict(self) -> dict[str, float]:
        """The three numbers by name."""
        return asdict(self)


def cost_of(recipe: Experiment) -> NetworkCost | None:
    """The cost of a recipe's network at full size; None for a model that is no network.

    Attention layers that a recipe removes while it trains are gone: of those that it may remove the last, for
    which ones go is found in training.
    """
    return _cost(_described(recipe)) if is_network(recipe.model.name) else None


def costs_of(recipes: Sequence[Experiment], progress: Progress = silent) -> Mapping[str, NetworkCost]:
    """The costs of these recipes' networks by recipe name; networks that are alike are measured once."""
    known: dict[str, NetworkCost | None] = {}
    found: dict[str, NetworkCost] = {}
    for number, recipe in enumerate(recipes):
        progress("networks", number, len(recipes))
        network = repr(_described(recipe))
        if network not in known:
            known[network] = cost_of(recipe)
        if cost := known[network]:
            found[recipe.name] = cost
    progress("networks", len(recipes), len(recipes))
    return found


@dataclass(frozen=True)
class _Network:
    """Everything that decides a network's cost."""

    name: str
    classes: int
    shapes: tuple[Shape, ...]
    options: Mapping[str, Any]
    removed: int
    among: str


def _described(recipe: Experiment) -> _Network:
    choice, training = recipe.model, recipe.training
    frames = PROBE.frames if recipe.data.color == "gray" else np.repeat(PROBE.frames, 3, axis=3)
    probe = replace(PROBE, frames=frames)
    shapes = []
    for name, (_, height, width) in zip(choice.inputs, models[choice.name].inputs.values(), strict=True):
        channels = modalities[name](probe, **recipe.modality.get(name, {})).shape[0]
        shapes.append((channels, choice.size or height, choice.size or width))
    classes = len(label_sets[recipe.data.labels].classes) or 3
    given = choice.model_extra or {}
    return _Network(
        choice.name, classes, tuple(shapes), given, training.remove_attention, training.remove_among
    )


def _cost(asked: _Network) -> NetworkCost:
    from torch.utils.flop_counter import FlopCounterMode

    from fleeting.training.attention_removal import removable, silence

    network: nn.Module = build(asked.name, asked.classes, asked.shapes, asked.options, seed=0)  # type: ignore[assignment]
    allowed = [name for name in removable(network) if name.startswith(asked.among)]
    silence(network, allowed[len(allowed) - asked.removed :])
    network.eval()
    sample = [torch.zeros(1, *shape) for shape in asked.shapes]
    with threads(1), torch.inference_mode():
        with FlopCounterMode(display=False) as counter:
            network(*sample)
        times = []
        for _ in range(RUNS + 5):
            started = time.perf_counter()
            network(*sample)
            times.append(1000 * (time.perf_counter() - started))
    parameters = sum(weight.numel() for weight in network.parameters())
    return NetworkCost(parameters, counter.get_total_flops(), round(fmean(times[5:]), 3))
