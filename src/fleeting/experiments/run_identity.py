"""Begins a run's folder, and tells whether a folder is the run of the same experiment on the same data."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleeting.errors import RunError
from fleeting.experiments.recipe import Experiment
from fleeting.experiments.run_folder import RESULTS, SETTINGS, fold_folders, read_json
from fleeting.output.owned import Owned, visible


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
