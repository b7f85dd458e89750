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
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save

from fleeting.errors import LogError, RunError
from fleeting.experiments.fold import FoldResult
from fleeting.experiments.recipe import Experiment, parse
from fleeting.files import legible, path_of, utf8
from fleeting.scoring.predictions import predictions_csv, read_predictions
from fleeting.types import Fold, Prediction

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SETTINGS = ("experiment.toml", "environment.json")
"""The files that say what a run is, written when it begins."""
RESULTS = ("predictions.csv", "log.txt", "scores.json", "looks.json", "report.html")
"""The files of a run's results, written when all folds are done."""
CURVES = ("loss", "accuracy", "validation_loss", "test_accuracy_traced", "test_loss_traced")
"""Columns of a fold's ``curve.csv``, one row per epoch; the last three may be empty."""


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
        traced = (f"{found[row]:.9g}" if found else "" for found in (result.test_accuracy, result.test_loss))
        lines.append(f"{line.epoch},{line.loss:.9g},{line.accuracy:.9g},{held},{','.join(traced)}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Run:
    """A finished run, read back from the folder that it left.

    >>> done = fleeting.run("drawn/linear-flow", out="run")
    >>> again = fleeting.Run.load("run")
    >>> again.rule, again.classes, again.scores == done.scores
    ('clean', ('negative', 'positive', 'surprise'), True)
    """

    path: Path
    experiment: Experiment
    scores: Mapping[str, Any]

    @classmethod
    def load(cls, path: str | Path) -> Run:
        """Open a finished run. Raises RunError where the folder is no run, or not a finished one."""
        path = path_of(path, "a run")
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

    def table(self) -> Any:
        """A pandas table with a row for each prediction: who, truth, answer, each class's probability.

        With several seeds it has the column ``seed``. Raises MissingExtraError without the extra ``tables``.
        """
        from fleeting.experiments.showing import predictions_table

        return predictions_table(self)

    def plot(self) -> Figure:
        """The confusion matrix by the run's own rule and, where traced, the oracle's beside it."""
        from fleeting.experiments.showing import confusion_figure

        return confusion_figure(self)

    def __repr__(self) -> str:
        score = self.scores[self.rule]
        number = "none" if score["uf1"] is None else f"{score['uf1']:.4f}"
        return f"Run({self.path}: {self.experiment.name}, {self.rule} UF1 {number}, {score['n']} clips)"

    def _repr_html_(self) -> str:
        from fleeting.experiments.showing import run_html

        return run_html(self)


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
        found = {name: [float(row[name]) for row in rows] for name in CURVES if rows[0].get(name)}
    except (IndexError, KeyError, TypeError, ValueError, csv.Error):
        found = {}
    if "loss" not in found:
        raise RunError(f"{path} is empty or damaged; delete the fold's folder {path.parent} and run again")
    return found


def training_loss(out: Path, which: str) -> float | None:
    """The training loss of each fold's ``epoch`` (the one kept) or ``oracle_epoch``, the mean over folds.

    None where nothing was trained in epochs. Raises RunError on a fold whose files are damaged.
    """
    losses = []
    for folder in fold_folders(out):
        if not (number := read_json(folder / "fold.json").get(which)):
            return None
        losses.append(read_curve(folder / "curve.csv")["loss"][number - 1])
    return float(np.mean(losses))


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
