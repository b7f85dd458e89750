"""What a GPU does faster: TV-L1 flow of many pairs, and a training step of each network in bfloat16.

The flow of `fleeting.faces.tvl1` is timed beside OpenCV's in one thread, on photographs warped by known
fields; how far both lie apart is printed too. Then each network takes training steps on random arrays at the
size of its recipe, with and without `training.autocast`. Without a GPU everything runs on the processor, only
the smallest network by default, and a line says so; `benchmarks/stacked.py` trains many folds as one.

    python benchmarks/gpu.py [--pairs 64] [--networks NAME ...] [--steps 5]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np
import torch
from flow import AMPLITUDES, drawn, fields, photographs
from recipes import arrays_of

from fleeting.experiments.recipe import Experiment, read_recipe, recipe_names
from fleeting.faces.optical_flow import flow
from fleeting.faces.tvl1 import tvl1
from fleeting.models import build, is_network, models
from fleeting.types import FloatArray


def warped(count: int) -> tuple[np.ndarray, np.ndarray]:
    """So many pairs of a photograph and itself warped, each (count, 170, 139), gray."""
    kinds = [
        (photograph, *field)
        for photograph in photographs()
        for most in AMPLITUDES
        for field in fields(most).values()
    ]
    chosen = [kinds[number % len(kinds)] for number in range(count)]
    still = np.zeros_like(chosen[0][1])
    before = [drawn(photograph, still, still, 2 * n) for n, (photograph, *_) in enumerate(chosen)]
    after = [drawn(photograph, x, y, 2 * n + 1) for n, (photograph, x, y) in enumerate(chosen)]
    return np.stack(before), np.stack(after)


def seconds(call: Callable[[], object], device: str) -> float:
    """The seconds of a call, everything that it left on the device included."""
    begun = time.perf_counter()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def compare_flow(count: int, device: str) -> None:
    """Time both ways of TV-L1 and say how far they lie apart."""
    before, after = warped(count)
    found: dict[str, FloatArray] = {}
    tvl1(before[:1], after[:1], device)  # warm

    def ours() -> None:
        found["ours"] = tvl1(before, after, device)

    def opencv() -> None:
        pairs = zip(before, after, strict=True)
        found["opencv"] = np.stack([np.stack(flow(one, other, "tvl1")) for one, other in pairs])

    taken, beside = seconds(ours, device), seconds(opencv, "cpu")
    apart = np.hypot(*(found["ours"] - found["opencv"]).transpose(1, 0, 2, 3))
    middle, most, far = np.percentile(apart, [50, 95, 99])
    print(
        f"TV-L1, {count} pairs of {before.shape[2]}x{before.shape[1]}: torch on {device}"
        f" {1000 * taken / count:.0f} ms a pair, OpenCV in one thread {1000 * beside / count:.0f},"
        f" OpenCV / torch {beside / taken:.2f}; apart by {middle:.3f} px (median), {most:.3f} (95 %),"
        f" {far:.3f} (99 %)",
        flush=True,
    )


def recipe_of(network: str) -> Experiment | None:
    """The first recipe in a network's own size, None where only a test builds it."""
    recipes = (read_recipe(name) for name in recipe_names())
    return next((one for one in recipes if one.model.name == network and "small" not in one.name), None)


def compare_steps(network: str, steps: int, device: str) -> None:
    """Time a network's training steps in float32 and with products in bfloat16."""
    recipe = recipe_of(network)
    if recipe is None:
        print(f"{network:20s} has no recipe")
        return
    batch = recipe.training.batch
    arrays = [torch.from_numpy(array).to(device) / 255 for array in arrays_of(recipe, batch)]
    truth = torch.arange(batch, device=device) % 3
    taken, losses = [], []
    for halves in (False, True):
        shapes = [tuple(array.shape[1:]) for array in arrays]
        model = build(network, 3, shapes, recipe.model.model_extra or {}, 0).to(device)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)

        def step(model=model, optimizer=optimizer, halves=halves) -> float:  # noqa: ANN001
            optimizer.zero_grad()
            with torch.autocast(device, dtype=torch.bfloat16, enabled=halves):
                loss = torch.nn.functional.cross_entropy(model(*arrays), truth)
            loss.backward()
            optimizer.step()
            return loss.item()

        torch.manual_seed(0)
        losses.append(step())  # warm; the loss of the first weights
        taken.append(min(seconds(step, device) for _ in range(steps)))
    memory = f", {torch.cuda.max_memory_allocated() / 2**20:.0f} MiB at most" if device == "cuda" else ""
    print(
        f"{network:20s} a step of {batch:3d}: {1000 * taken[0]:8.1f} ms in float32, {1000 * taken[1]:8.1f} in"
        f" bfloat16, ratio {taken[0] / taken[1]:.2f}; first losses {losses[0]:.4f}, {losses[1]:.4f}{memory}",
        flush=True,
    )


def main() -> None:
    """Print what this machine is, then both comparisons."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--pairs", type=int)
    options.add_argument("--networks", nargs="+", metavar="NAME")
    options.add_argument("--steps", type=int, default=5)
    given = options.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    else:
        torch.set_num_threads(1)
        print(f"no GPU is here: these are times of one thread of the processor, torch {torch.__version__}")
    cv2.setNumThreads(1)
    compare_flow(given.pairs or (64 if device == "cuda" else 4), device)
    every = [name for name in models if is_network(name)]
    for network in given.networks or (every if device == "cuda" else ["ststnet"]):
        compare_steps(network, given.steps, device)


if __name__ == "__main__":
    main()
