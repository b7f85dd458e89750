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
from types import CodeType
from typing import Any

import numpy as np

from fleeting.augment import augmentations
from fleeting.experiments.recipe import Experiment
from fleeting.experiments.task import Task
from fleeting.files import utf8
from fleeting.modalities import modalities
from fleeting.models import models, sha256_of, weights_file
from fleeting.optional import cv2, has_torch
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
            **{package: version(package) for package in DECISIVE if package != "torch" or has_torch()},
            **_opencv(task),
            **_pretrained(task.experiment),
            "device": device_of(options).type if has_torch() else "cpu",
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
    files = [(part, _file(part)) for part in used]
    digest = hashlib.sha256()
    for path in sorted({*package.rglob("*.py"), *(path for _, path in files if path)}):
        digest.update(path.read_bytes())
    for part in (part for part, path in files if path is None):
        digest.update(utf8(repr(_instructions(part))))
    return digest.hexdigest()


def _file(part: Any) -> Path | None:
    """The file in which a part is defined; None where that is a notebook or a terminal."""
    try:
        path = Path(inspect.getfile(inspect.unwrap(part)))
    except (OSError, TypeError):
        return None
    return path if path.is_file() else None


def _instructions(part: Any) -> Any:
    """What the functions of a part do and its settings, without sources; the same in every process."""
    if inspect.isclass(part):
        own = {name: value for name, value in vars(part).items() if name == "__init__" or name[:2] != "__"}
        return [(name, _instructions(own[name])) for name in sorted(own)]
    if inspect.isfunction(part):
        return _instructions(part.__code__), part.__defaults__, part.__kwdefaults__
    if isinstance(part, CodeType):
        return part.co_code, part.co_names, part.co_varnames, [_instructions(one) for one in part.co_consts]
    if isinstance(part, frozenset):
        return sorted(map(repr, part))
    plain = isinstance(part, str | bytes | int | float | tuple | list | dict)
    return part if plain else type(part).__name__


def _data_digest(task: Task) -> str:
    digest = hashlib.sha256()
    for sample in (*task.inputs.samples, *(task.moments.samples if task.moments else ())):
        units = f"\0{sample.action_units}" if task.experiment.training.units else ""
        digest.update(utf8(f"{sample.id}\0{sample.subject}\0{sample.label}{units}\n"))
    for array in (*task.inputs.arrays, *(task.moments.arrays if task.moments else ())):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _opencv(task: Task) -> dict[str, str]:
    """The version of OpenCV, where frames were opened with it."""
    return {"opencv": cv2().__version__} if set(task.inputs.crops) - {"none"} else {}


def _pretrained(experiment: Experiment) -> dict[str, str]:
    """The hash of the weights that a network starts from, where there are any."""
    choice = experiment.model
    if not choice.pretrained:
        return {}
    return {"pretrained_sha256": sha256_of(weights_file(choice.name, choice.pretrained))}


def _commit() -> str | None:
    """The commit of the source this runs from, None outside a checkout."""
    try:
        asked = subprocess.run(
            ["git", "-C", str(PACKAGE), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return asked.stdout.strip() or None
