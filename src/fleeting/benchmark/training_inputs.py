"""Prepares the inputs of the clips that weights were trained on, as their training did."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from fleeting.experiments.recipe import parse
from fleeting.experiments.samples import folders_of, prepare
from fleeting.recognition.recogniser import Recogniser
from fleeting.types import FloatArray, Progress


def training_inputs(
    weights: str | Path, data: Mapping[str, str | Path], progress: Progress
) -> tuple[FloatArray, ...]:
    """One array for each input of the model, (clips, channels, height, width).

    ``data`` names the folder of the dataset that the weights' recipe is on. Raises as `Recogniser.load` and
    `fleeting.run` do; damaged clips are left out.
    """
    experiment = parse(tomllib.loads(Recogniser.load(weights).facts.recipe), str(weights))
    return prepare(experiment, folders_of(data), skip_damaged=True, progress=progress).task.inputs.arrays
