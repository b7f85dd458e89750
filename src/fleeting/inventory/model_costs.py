"""Counts a model's weights and operations, and measures its latency and memory on this machine."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from fleeting.errors import RunError
from fleeting.experiments.task import peak_memory_mb
from fleeting.models import Shape, build, is_network, models
from fleeting.types import FloatArray

CLASSES = 3
REPEATS = 50
"""How many predictions a measurement makes at most, the two untimed ones included."""
PATIENCE = 3.0
"""Seconds of predictions after which a measurement ends, once it has made nine."""


def counted(name: str) -> dict[str, int | None]:
    """Count a network's ``parameters`` and its ``flops`` per sample: each addition and multiplication is one.

    Nothing is computed and no memory is taken (torch's meta device). Both are None for a model that is no
    network.
    """
    if not is_network(name):
        return {"parameters": None, "flops": None}
    kind = models[name]
    with torch.device("meta"), torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network = kind(CLASSES).eval()
        network(*(torch.zeros(1, *shape) for shape in kind.inputs.values()))
    return {"parameters": sum(p.numel() for p in network.parameters()), "flops": counter.get_total_flops()}


def measured(names: Sequence[str]) -> Iterator[dict[str, float | None]]:
    """Measure, for each model, what one sample of its declared inputs costs on one core: latency and memory.

    ``latency_ms`` is the median time of a prediction, ``latency_p95_ms`` its 95th percentile.
    ``peak_memory_mb`` is the growth of a fresh process while it builds the network and predicts; it is None
    for a model that is no network, whose memory depends on the clips it learns from. Raises RunError where a
    measuring process dies.
    """
    clean = multiprocessing.get_context("forkserver")
    clean.set_forkserver_preload([__name__, *{models[name].__module__ for name in names}])
    with ProcessPoolExecutor(1, clean, max_tasks_per_child=1) as pool:
        for name in names:
            try:
                yield pool.submit(_measure, name).result()
            except BrokenProcessPool as error:
                raise RunError(
                    f"the process that measured {name} died, perhaps for lack of memory; close other programs"
                ) from error


def _measure(name: str) -> dict[str, float | None]:
    torch.set_num_threads(1)
    with threadpool_limits(1), torch.inference_mode():
        network = is_network(name)  # this imports every model
        nn.Conv2d(1, 1, 3)(torch.zeros(1, 1, 8, 8))  # takes torch's own memory, which is not the model's
        before = peak_memory_mb()
        times = _times(name)
        grown = peak_memory_mb() - before
    return {
        "latency_ms": round(float(np.median(times)), 3),
        "latency_p95_ms": round(float(np.quantile(times, 0.95)), 3),
        "peak_memory_mb": round(grown, 1) if network else None,
    }


def _times(name: str) -> list[float]:
    """Milliseconds of each prediction of a new sample; the first two are dropped, seven or more kept."""
    rng = np.random.default_rng(0)
    shapes = tuple(models[name].inputs.values())
    predict = _predictor(name, shapes, rng)
    times: list[float] = []
    while len(times) < 9 or (len(times) < REPEATS and sum(times) < 1000 * PATIENCE):
        sample = _noise(rng, shapes, 1)
        started = time.perf_counter()
        predict(sample)
        times.append(1000 * (time.perf_counter() - started))
    return times[2:]


def _predictor(
    name: str, shapes: Sequence[Shape], rng: np.random.Generator
) -> Callable[[list[FloatArray]], Any]:
    """The model as a function that predicts: an untrained network, or an estimator fitted to noise."""
    model = build(name, CLASSES, shapes, {}, seed=0)
    if not isinstance(model, nn.Module):
        model.fit(_noise(rng, shapes, 4 * CLASSES), np.arange(4 * CLASSES) % CLASSES, seed=0)
        return model.probabilities
    network: nn.Module = model.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return lambda arrays: network(
        *(torch.from_numpy(array).contiguous(memory_format=torch.channels_last) for array in arrays)
    )


def _noise(rng: np.random.Generator, shapes: Sequence[Shape], count: int) -> list[FloatArray]:
    return [rng.random((count, *shape), dtype=np.float32) for shape in shapes]
