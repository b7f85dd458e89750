"""Stores weights: arrays in a safetensors file, never pickle, with the facts about them in its header.

The facts are one JSON text, so that equal weights give equal bytes. A hash over facts and arrays shows
whether the file is damaged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from fleeting.errors import WeightsError
from fleeting.faces.clips import Crop
from fleeting.files import write_atomically
from fleeting.recognition.calibration import Calibration

KEY = "fleeting"
"""The only entry of the header: safetensors writes several entries in any order."""
Arrays = Mapping[str, npt.NDArray[Any]]


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputFacts(_Fact):
    """One input of the model: its modality with its options, and (channels, height, width)."""

    modality: str
    shape: tuple[int, int, int]
    options: dict[str, Any] = {}


class DataFacts(_Fact):
    """The data that weights were trained on, and its licence; ``drawn`` says whose faces drawn data show."""

    dataset: str
    labels: str
    samples: int
    subjects: int
    sha256: str
    licence: str
    ready_made: bool
    drawn: str = ""


class Score(_Fact):
    """An out-of-fold score of the recipe.

    It is not a score of these weights: they were trained on all subjects, so none is left to test them on.
    """

    n: int
    uf1: float | None
    uar: float | None
    accuracy: float | None
    ci95: dict[str, tuple[float, float] | None]
    parts: dict[str, Score] = {}


class Check(_Fact):
    """The check of how usual an input is: the arrays ``typical.*`` of the weights.

    Of real maps of people left out, the share that passed it, of all and by dataset; a map that fewer than
    the share ``least`` of them outdo is unusual.
    """

    directions: int
    least: float
    passed: dict[str, float]


class Facts(_Fact):
    """All facts about weights; ``recipe`` is the TOML that trains them again.

    ``note`` is the recipe's remark on its paper's numbers, ``warning`` must be read before the weights are
    handed on. ``apex``, ``color``, ``crop``, ``height`` and ``equalise`` say how clips were prepared in
    training. ``check`` is None where inputs are not motion maps, and in files written before there was one.
    """

    format: Literal[1] = 1
    name: str
    fleeting: str
    model: str
    options: dict[str, Any]
    classes: tuple[str, ...] = Field(min_length=2)
    inputs: tuple[InputFacts, ...] = Field(min_length=1)
    apex: str
    color: str
    crop: Crop
    height: int
    equalise: bool
    data: DataFacts
    protocol: str
    clean: Score
    note: str
    warning: str = ""
    calibration: Calibration
    check: Check | None = None
    recipe: str


@dataclass(frozen=True, eq=False)
class Weights:
    """Trained weights: arrays by name, the facts about them, and the SHA-256 of their file."""

    facts: Facts
    arrays: Arrays
    sha256: str

    def __repr__(self) -> str:
        return f"Weights({self.facts.name}: {self.facts.model}, {len(self.arrays)} arrays, {self.sha256[:8]})"


def write_weights(path: Path, facts: Facts, arrays: Arrays) -> Weights:
    """Write weights to a file, complete or not at all; equal facts and arrays give equal bytes.

    Raises WeightsError on an array that holds NaN or anything but numbers, and where the file cannot be
    written.
    """
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf" or np.isnan(array).any():
            found = f"array {name!r} of {array.dtype} holds NaN or values that are not numbers"
            raise WeightsError(f"{found}; train with a lower training.lr")
    ordered = {name: np.array(arrays[name], order="C") for name in sorted(arrays)}
    text = facts.model_dump_json()
    header = json.dumps({"facts": text, "sha256": _digest(text, ordered)}, sort_keys=True)
    content = save(ordered, metadata={KEY: header})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise WeightsError(f"{path} cannot be written ({error.strerror}); choose another --out") from error
    return Weights(facts, ordered, hashlib.sha256(content).hexdigest())


def read_weights(path: Path | Traversable) -> Weights:
    """Read weights that `write_weights` wrote.

    Raises WeightsError on a file that cannot be read, is no weights file of fleeting, is damaged, or was
    written in a form that this version does not know.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}); name a weights file") from error
    try:
        arrays = load(content)
        size = int.from_bytes(content[:8], "little")
        header = json.loads(json.loads(content[8 : 8 + size])["__metadata__"][KEY])
        text, digest = str(header["facts"]), header["sha256"]
    except (SafetensorError, ValueError, TypeError, LookupError) as error:
        what = f"{path} is no weights file of fleeting ({type(error).__name__}), or a damaged one"
        raise WeightsError(f"{what}; expected what `fleeting train` writes") from error
    if digest != _digest(text, arrays):
        raise WeightsError(f"{path} is damaged: its numbers are not those it was written with; copy it again")
    return Weights(_facts(path, text), arrays, hashlib.sha256(content).hexdigest())


def _facts(path: Path | Traversable, text: str) -> Facts:
    try:
        return Facts.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        found = f"{path}: {where} is {str(first['input'])[:60]!r} ({first['msg'].lower()})"
        raise WeightsError(f"{found}; install the fleeting it was written with, or train again") from error


def _digest(text: str, arrays: Arrays) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
