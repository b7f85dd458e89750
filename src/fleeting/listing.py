"""What exists: every registered thing as a row of facts, for `fleeting list`, the docs and the page."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import numpy as np

from fleeting.apex import apex_finders
from fleeting.augment import augmentations
from fleeting.datasets import datasets
from fleeting.datasets._labels import label_sets
from fleeting.errors import UnknownNameError
from fleeting.evaluation import peak_memory_mb
from fleeting.executors import executors
from fleeting.experiment import read_recipe, recipe_names
from fleeting.modalities import modalities
from fleeting.models import is_network, models
from fleeting.protocols import protocols
from fleeting.recogniser import Recogniser, recognisers
from fleeting.registry import Registry, summary
from fleeting.spotting import spotters

Row = dict[str, Any]


def catalogue(kind: str, *, measure: bool = False) -> list[Row]:
    """One row for each thing of a kind: name, what it is, source, and what else is known of that kind.

    ``measure`` adds latency (ms a sample, median of 30) and this process's peak memory to models. Raises
    UnknownNameError on a kind there is none of.
    """
    kinds: Mapping[str, Callable[[], list[Row]]] = {
        "models": lambda: [_model(name, measure) for name in models],
        "datasets": lambda: [_dataset(name) for name in datasets],
        "recipes": lambda: [_recipe(name) for name in recipe_names()],
        "modalities": lambda: _plain(modalities),
        "apex-finders": lambda: _plain(apex_finders),
        "protocols": lambda: _plain(protocols),
        "spotters": lambda: _plain(spotters),
        "recognisers": _recognisers,
        "augmentations": lambda: _plain(augmentations),
        "executors": lambda: _plain(executors),
        "label-sets": lambda: [{"name": n, "what": summary(s), "source": ""} for n, s in label_sets.items()],
    }
    if kind not in kinds:
        raise UnknownNameError("list", kind, kinds)
    return kinds[kind]()


def _plain(registry: Registry[Any]) -> list[Row]:
    rows = []
    for name in registry:
        keyword = inspect.signature(registry[name]).parameters.values()
        options = {p.name: p.default for p in keyword if p.kind is p.KEYWORD_ONLY}
        rows.append({"name": name, "what": summary(registry[name]), "options": options})
    return rows


def _recognisers() -> list[Row]:
    return [{"name": n, "what": f"classes {', '.join(Recogniser.load(n).classes)}"} for n in recognisers()]


def _dataset(name: str) -> Row:
    dataset = datasets[name]
    return {
        "name": name,
        "what": dataset.title,
        "source": dataset.paper,
        "access": dataset.access,
        "licence": dataset.licence,
        "labels": list(dataset.label_sets),
    }


def _recipe(name: str) -> Row:
    recipe = read_recipe(name)
    return {
        "name": name,
        "what": f"{recipe.model.name} on {', '.join(recipe.model.inputs)} of {recipe.data.dataset}",
        "source": recipe.paper,
        "reported": recipe.reported.model_dump(exclude_none=True),
    }


def _model(name: str, measure: bool) -> Row:
    kind = models[name]
    inputs = {key: list(shape) for key, shape in kind.inputs.items()}
    row: Row = {"name": name, "what": summary(kind), "source": kind.paper, "inputs": inputs}
    row |= _network_facts(name, measure) if is_network(name) else {"parameters": None, "flops": None}
    return row


def _network_facts(name: str, measure: bool) -> Row:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    kind = models[name]
    network = kind(3).eval()
    sample = [torch.zeros(1, *shape) for shape in kind.inputs.values()]
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(*sample)
    row: Row = {
        "parameters": sum(p.numel() for p in network.parameters()),
        "flops": counter.get_total_flops(),
    }
    if measure:
        row["latency_ms"] = round(_latency(lambda: network(*sample)), 3)
        row["peak_memory_mb"] = round(peak_memory_mb(), 1)
    return row


def _latency(call: Callable[[], Any], repeats: int = 30) -> float:
    import torch

    times = []
    with torch.inference_mode():
        for _ in range(repeats + 3):
            started = time.perf_counter()
            call()
            times.append(1000 * (time.perf_counter() - started))
    return float(np.float64(median(times[3:])))
