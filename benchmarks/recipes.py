"""Estimates the cost of each recipe at full size: seconds per step, and the projected time of a fold.

A few real training steps (forward, backward, optimiser, augmentation) run on random arrays of the recipe's
own size and batch, in one thread. The time of a fold is projected over all epochs; with early stopping it is
shorter. The number of training clips in a fold follows from the datasets' published counts.

    python benchmarks/recipes.py [GROUP ...] [--steps 2]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
import torch

from fleeting.experiments.recipe import Experiment, read_recipe, recipe_names
from fleeting.inputs.view import PROBE
from fleeting.modalities import kind_of, modalities
from fleeting.models import build, is_network, models
from fleeting.training.fitting import fit
from fleeting.training.training_set import TrainingSet
from fleeting.types import Clip, FloatArray

TRAINING_CLIPS = {
    ("casme2", "megc3"): 139,
    ("casme2", "casme2-5"): 238,
    ("samm", "megc3"): 128,
    ("samm", "samm-5"): 154,
    ("samm", "samm-8"): 139,
    ("smic", "megc3"): 155,
    ("casme2", "megc3-broad"): 148,
    ("casme2", "casme2-5-all"): 229,
    ("casme3", "megc3"): 692,
    ("samm", "samm-5-own"): 131,
    ("samm", "megc3-broad"): 128,
    ("megc2019", "megc3-broad"): 444,
    ("megc2019-casme3", "megc3"): 442,
    ("megc2019", "megc3"): 435,
    ("megc2019-flow", "megc3"): 435,
    ("drawn", "megc3"): 108,
}
"""Mean number of clips on the training side of a fold, by dataset and label set."""
FRAMES = 10257
"""Training frames of a recipe that cuts by frames: seven eighths of SAMM's 11,722 frames."""


def arrays_of(recipe: Experiment, count: int) -> tuple[FloatArray, ...]:
    """Random inputs of the recipe's shapes for ``count`` samples."""
    rng = np.random.default_rng(0)
    arrays = []
    for name, shape in zip(recipe.model.inputs, models[recipe.model.name].inputs.values(), strict=True):
        probe = PROBE if recipe.data.color == "gray" else _coloured()
        channels = modalities[name](probe, **recipe.modality.get(name, {})).shape[0]
        side = (recipe.model.size,) * 2 if recipe.model.size else shape[1:]
        arrays.append(rng.uniform(0, 255, (count, channels, *side)).astype(np.float32))
    return tuple(arrays)


def _coloured() -> Clip:
    return replace(PROBE, frames=np.repeat(PROBE.frames, 3, axis=3))


def cost(name: str, steps: int) -> str:
    """The table's line for one recipe."""
    recipe = read_recipe(name)
    if not is_network(recipe.model.name):
        return f"{name:42s} learns at once, without steps"
    training, rng = recipe.training, np.random.default_rng(0)
    arrays = arrays_of(recipe, steps * training.batch)
    labels = rng.integers(0, 3, len(arrays[0]))
    kinds = tuple(
        kind_of(item, array.shape[1]) for item, array in zip(recipe.model.inputs, arrays, strict=True)
    )
    data = TrainingSet(arrays, kinds, labels, ("d/s",) * len(labels), 3)
    model = build(
        recipe.model.name, 3, [array.shape[1:] for array in arrays], recipe.model.model_extra or {}, 0
    )
    changes = {"epochs": 1, "selection": "fixed", "remove_attention": 0, "trace_oracle": False}
    once = training.model_copy(update=changes)
    fit(model, data.only(np.arange(len(labels)) < training.batch), once, 0)  # warm
    started = time.process_time()
    fit(model, data, once, 0)
    step = (time.process_time() - started) / steps
    clips = FRAMES if recipe.data.unit == "frame" else TRAINING_CLIPS[recipe.data.dataset, recipe.data.labels]
    batches = -(-clips // training.batch)
    fold = step * batches * training.epochs
    parameters = sum(weight.numel() for weight in model.parameters())
    return (
        f"{name:42s} {parameters / 1e6:7.2f} M {step:8.2f} s a step of {training.batch:3d}"
        f" {batches:4d} x {training.epochs:3d} steps {fold / 60:8.1f} min a fold"
    )


def main() -> None:
    """Measure the recipes of the chosen groups, or all, and print a line for each."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("groups", nargs="*")
    options.add_argument("--steps", type=int, default=2)
    chosen = options.parse_args()
    torch.set_num_threads(1)
    for name in recipe_names():
        if not chosen.groups or name.partition("/")[0] in chosen.groups:
            print(cost(name, chosen.steps), flush=True)


if __name__ == "__main__":
    main()
