"""Records where a run comes from: data, code and libraries that decide its numbers, and the machine."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fleeting.augment import augmentations
from fleeting.experiments.recipe import Experiment
from fleeting.experiments.task import Task
from fleeting.files import utf8
from fleeting.modalities import modalities
from fleeting.models import models, sha256_of
from fleeting.optional import cv2
from fleeting.protocols import protocols
from fleeting.training.fitting import device_of
from fleeting.version import __version__

PACKAGE = Path(__file__).parents[1]
"""The folder of the package's source; every file in it counts as deciding a run's numbers."""
DECISIVE = ("numpy", "scipy", "scikit-learn", "torch")
"""Packages that may give other numbers in another version."""


def environment(task: Task, data: Mapping[str, Path]) -> dict[str, Any]:
    """The circumstances of a run; ``identity`` holds the values that must be the same for all its folds."""
    options = task.experiment.training
    return {
        "fleeting": __version__,
        "commit": _commit(),
        "machine": {"system": platform.platform(), "processors": os.cpu_count()},
        "seed": options.seed,
        "threads": options.threads,
        "data": {name: str(Path(path).resolve()) for name, path in data.items()},
        "samples": len(task.inputs.samples),
        "identity": {
            "data_sha256": _data_digest(task),
            "code_sha256": code_digest(task.experiment),
            "python": platform.python_version(),
            **{package: version(package) for package in DECISIVE},
            **_opencv(task),
            **_pretrained(task.experiment),
            "device": device_of(options).type,
        },
    }


def digest(experiment: Experiment, environment: Mapping[str, Any]) -> str:
    """Eight hexadecimal digits of a hash over everything that decides a run's numbers."""
    text = experiment.model_copy(update={"changed": ()}).toml() + json.dumps(
        environment["identity"], sort_keys=True
    )
    return hashlib.sha256(utf8(text)).hexdigest()[:8]


def code_digest(experiment: Experiment, package: Path = PACKAGE) -> str:
    """A hash over this package's source, and over the files of the experiment's parts from plug-ins."""
    used: list[Any] = [protocols[experiment.protocol.name]]
    for one in (experiment, *experiment.candidates()):
        used += [models[one.model.name], *(augmentations[name] for name in one.training.augment)]
    used += [modalities[name] for name in experiment.model.inputs]
    sources = {*package.rglob("*.py"), *(Path(inspect.getfile(inspect.unwrap(part))) for part in used)}
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _data_digest(task: Task) -> str:
    digest = hashlib.sha256()
    for sample in task.inputs.samples:
        digest.update(utf8(f"{sample.id}\0{sample.subject}\0{sample.label}\n"))
    for array in task.inputs.arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _opencv(task: Task) -> dict[str, str]:
    """The version of OpenCV, where frames were opened with it."""
    return {"opencv": cv2().__version__} if set(task.inputs.crops) - {"none"} else {}


def _pretrained(experiment: Experiment) -> dict[str, str]:
    """The hash of the weights that a network starts from, where there are any."""
    file = experiment.model.pretrained
    return {"pretrained_sha256": sha256_of(Path(file))} if file else {}


def _commit() -> str | None:
    """The commit of the source this runs from, None outside a checkout."""
    try:
        asked = subprocess.run(
            ["git", "-C", str(PACKAGE), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return asked.stdout.strip() or None
