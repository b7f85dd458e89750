"""Reads and writes a run: the folder that an experiment leaves, with its predictions and their scores.

Each fold is written under a temporary name and renamed when it is complete, so a run that is killed at any
moment holds only complete folds. A run that is started again does only the missing folds.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from fleeting.errors import LogError, RunError
from fleeting.experiments.fold import FoldResult
from fleeting.experiments.recipe import Experiment, parse
from fleeting.files import legible, utf8
from fleeting.output.owned import Owned, visible
from fleeting.scoring.predictions import predictions_csv, read_predictions
from fleeting.types import Fold, Prediction

SETTINGS = ("experiment.toml", "environment.json")
"""The files that say what a run is, written when it begins."""
RESULTS = ("predictions.csv", "log.txt", "scores.json", "looks.json", "report.html")
"""The files of a run's results, written when all folds are done."""
CURVES = ("loss", "accuracy", "validation_loss", "test_accuracy_traced")
"""Columns of a fold's ``curve.csv``, one row per epoch; the last two may be empty."""


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file of a run. Raises RunError where it is missing or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            f"{path} cannot be read ({error}); choose another --out, delete the run, or --replace"
        ) from error
    if not isinstance(found, dict):
        raise RunError(f"{path} holds no table; choose another --out, delete the run, or --replace")
    return found


def same_run(
    out: Path, experiment: Experiment, environment: Mapping[str, Any], *, replace: bool = False
) -> bool:
    """Whether a folder is a run of this experiment, or of any without a finished fold.

    Raises RunError, with what differs, where it is not; with ``replace`` it answers False.
    """
    try:
        if _begun(out):
            _refuse_other_experiment(out / "experiment.toml", experiment)
            _refuse_other_identity(out, environment)
        elif fold_folders(out):
            raise RunError(f"{out} holds folds and no experiment.toml; choose another --out, or --replace")
    except RunError:
        if replace:
            return False
        raise
    return True


def unmarked_run(
    out: Path, experiment: Experiment, environment: Mapping[str, Any], *, replace: bool = False
) -> bool:
    """Whether a folder that has no record is a run all the same; raises as `same_run` does."""
    known = {"folds", "cost.json", *SETTINGS}
    if not _begun(out) and (not known.issuperset(visible(out)) or fold_folders(out)):
        return False
    return same_run(out, experiment, environment, replace=replace)


def open_folder(own: Owned, experiment: Experiment, environment: Mapping[str, Any]) -> None:
    """Start a run in an opened folder, unless it holds finished folds of this one.

    What lies in a folder that is not ours is kept aside.
    """
    out = own.folder
    if own.foreign:
        own.give_way(["folds", "cost.json", *RESULTS])
    elif _begun(out):
        return
    (out / "folds").mkdir(parents=True, exist_ok=True)
    (out / "cost.json").unlink(missing_ok=True)
    own.write("environment.json", json.dumps(environment, indent=2) + "\n")
    own.write("experiment.toml", experiment.toml())


def _begun(out: Path) -> bool:
    return (out / "experiment.toml").exists() and bool(fold_folders(out) or (out / "scores.json").exists())


def _refuse_other_experiment(path: Path, experiment: Experiment) -> None:
    try:
        there = _flat(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise RunError(f"{path} is damaged ({error}); choose another --out, or --replace") from error
    here = _flat(tomllib.loads(experiment.toml()))
    differing = sorted(key for key in {*there, *here} - {"changed"} if there.get(key) != here.get(key))
    if not differing:
        return
    key = differing[0]
    raise RunError(
        f"{path.parent} is the run of another experiment: {key} is {there.get(key)!r} there and"
        f" {here.get(key)!r} here; choose another --out, or have that one kept aside with --replace"
    )


def _refuse_other_identity(out: Path, environment: Mapping[str, Any]) -> None:
    """Raise RunError where the folder's folds come from other data, code or libraries."""
    before, now = read_json(out / "environment.json").get("identity"), environment["identity"]
    if not isinstance(before, dict):
        raise RunError(f"{out / 'environment.json'} names no identity; choose another --out, or --replace")
    for what in sorted({*before, *now}):
        if before.get(what) != now.get(what):
            found = f"{str(before.get(what))[:12]} then, {str(now.get(what))[:12]} now"
            name = what.removesuffix("_sha256")
            raise RunError(
                f"{out} was begun with other {name} ({found}); choose another --out, or have it kept aside"
                " with --replace"
            )


def _flat(table: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return flat


def file_name(name: str) -> str:
    """A name as a file may have it: no separators, not hidden, at most 100 characters."""
    return re.sub(r"[^\w@.-]|^\.", "_", name)[:100]


def fold_folder(out: Path, fold: str, seed: int, seeds: int) -> Path:
    """The folder of a fold's results; with several seeds there is one for each seed."""
    return out / "folds" / (f"{file_name(fold)}@{seed}" if seeds > 1 else file_name(fold))


def write_fold(out: Path, result: FoldResult, seeds: int) -> None:
    """Write a fold's folder, complete or not at all. A folder that exists already is kept."""
    target = fold_folder(out, result.fold, result.seed, seeds)
    temporary = target.with_name(f".{os.getpid()}.{target.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    (temporary / "predictions.csv").write_bytes(utf8(predictions_csv(result.predictions)))
    if result.oracle:
        (temporary / "oracle.csv").write_bytes(utf8(predictions_csv(result.oracle)))
    if result.curve:
        (temporary / "curve.csv").write_bytes(utf8(_curve(result)))
    if result.weights:
        ordered = {name: np.array(array, order="C") for name, array in result.weights.items()}
        (temporary / "weights.safetensors").write_bytes(save(ordered))  # save() assumes row-major arrays
    facts = {"fold": result.fold, "seed": result.seed, "epoch": result.epoch}
    facts |= {"oracle_epoch": result.oracle_epoch, **asdict(result.cost)}
    if result.chosen:
        facts["chosen"] = asdict(result.chosen)
    (temporary / "fold.json").write_bytes(utf8(json.dumps(facts, indent=2) + "\n"))
    if target.exists():
        shutil.rmtree(temporary)
    else:
        temporary.replace(target)


def _curve(result: FoldResult) -> str:
    lines = [",".join(["epoch", *CURVES])]
    for row, line in enumerate(result.curve):
        held = "" if line.validation_loss is None else f"{line.validation_loss:.9g}"
        traced = f"{result.test_accuracy[row]:.9g}" if result.test_accuracy else ""
        lines.append(f"{line.epoch},{line.loss:.9g},{line.accuracy:.9g},{held},{traced}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Run:
    """A finished run, read back from the folder that it left."""

    path: Path
    experiment: Experiment
    scores: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path) -> Run:
        """Open a finished run. Raises RunError where the folder is no run, or not a finished one."""
        path = Path(path)
        try:
            experiment = parse(
                tomllib.loads((path / "experiment.toml").read_text(encoding="utf-8")), str(path)
            )
            scores = json.loads((path / "scores.json").read_text(encoding="utf-8"))
            if not isinstance(scores, dict) or not {"clean", "shared", "oracle", "classes"} <= set(scores):
                raise ValueError("scores.json is not whole")
        except FileNotFoundError as error:
            missing = Path(error.filename).name
            raise RunError(
                f"{path} has no {missing}: no run, or not finished; run its recipe with --out {path}"
            ) from error
        except (ValueError, OSError) as error:
            raise RunError(f"{path} cannot be read as a run ({error}); run its recipe again") from error
        return cls(path, experiment, scores)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their indices."""
        return tuple(self.scores["classes"])

    @property
    def rule(self) -> str:
        """The name of the run's own score: clean, or shared where folds share subjects."""
        return "shared" if self.scores["subjects_shared"] else "clean"

    @cached_property
    def by_seed(self) -> tuple[tuple[Prediction, ...], ...]:
        """The predictions of each seed, sorted by id."""
        try:
            return read_predictions(self.path / "predictions.csv")
        except LogError as error:
            raise RunError(f"{error}; run its recipe again with --out {self.path}") from error


def read_fold(folder: Path, which: str, fold: Fold, classes: Sequence[str]) -> tuple[Prediction, ...]:
    """A fold's ``predictions`` or ``oracle``, sorted by id.

    Raises RunError unless the file has exactly the fold's test samples with their true labels: a fold that
    lost some would otherwise be scored without them.
    """
    expected = sorted(
        (*map(legible, (s.id, s.dataset, s.subject, fold.name)), classes.index(s.label)) for s in fold.test
    )
    try:
        found = sorted(read_predictions(folder / f"{which}.csv")[0], key=lambda p: p.id)
    except LogError as error:
        raise RunError(f"{error}; delete {folder} and run again") from error
    if [(p.id, p.dataset, p.subject, p.fold, p.truth) for p in found] != expected:
        lost = f"{which}.csv has {len(found)} predictions for {len(expected)} samples, or other samples"
        raise RunError(f"{folder}: {lost}; delete it and run again")
    return tuple(found)


def read_curve(path: Path) -> dict[str, list[float]]:
    """The columns of a fold's ``curve.csv`` that have values. Raises RunError where it has none."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        found = {name: [float(row[name]) for row in rows] for name in CURVES if rows[0][name]}
    except (IndexError, KeyError, TypeError, ValueError, csv.Error):
        found = {}
    if not found:
        raise RunError(f"{path} is empty or damaged; delete the fold's folder {path.parent} and run again")
    return found


def epochs_trained(out: Path) -> int:
    """The number of epochs of the fold that was trained longest; 0 where nothing was trained in epochs."""
    curves = [folder / "curve.csv" for folder in fold_folders(out)]
    return max((path.read_text().count("\n") - 1 for path in curves if path.exists()), default=0)


def how_trained(out: Path) -> dict[str, int]:
    """The executor's remarks on how folds were trained, each with its number of folds; empty without any."""
    said = (read_json(folder / "fold.json").get("how") for folder in fold_folders(out))
    return dict(Counter(how for how in said if how))


def chosen_settings(out: Path) -> list[int]:
    """The index, from 0, of the candidate that each fold chose; empty where there was no choice."""
    said = (read_json(folder / "fold.json").get("chosen") for folder in fold_folders(out))
    return [found["candidate"] for found in said if found]


def fold_folders(out: Path) -> list[Path]:
    """The folders of finished folds."""
    return sorted(path for path in (out / "folds").glob("*") if not path.name.startswith("."))
