"""Pools the predictions of all folds, scores them, and writes ``scores.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fleeting.experiments.fold import Job
from fleeting.experiments.recipe import Experiment
from fleeting.experiments.run_folder import (
    Run,
    chosen_settings,
    epochs_trained,
    fold_folder,
    how_trained,
    read_fold,
    read_json,
    training_loss,
)
from fleeting.experiments.samples import Prepared
from fleeting.experiments.task import begins_with
from fleeting.files import sweep, write_atomically
from fleeting.scoring import megc_log
from fleeting.scoring.metrics import over_seeds
from fleeting.scoring.null import lift, null_oracle
from fleeting.scoring.predictions import predictions_csv
from fleeting.scoring.scores import Scores
from fleeting.training.optimisation import mean_loss
from fleeting.training.options import Training
from fleeting.types import Prediction


def _pooled(
    out: Path, which: str, prepared: Prepared, jobs: Sequence[Job]
) -> dict[int, tuple[Prediction, ...]]:
    """The predictions of all jobs by seed, sorted by id; empty for an oracle that was not traced."""
    options = prepared.task.experiment.training
    if which == "oracle" and not options.trace_oracle:
        return {}
    pooled: dict[int, list[Prediction]] = {}
    for job in jobs:
        folder = fold_folder(out, job.fold.name, job.seed, options.seeds)
        pooled.setdefault(job.seed, []).extend(read_fold(folder, which, job.fold, prepared.task.classes))
    return {seed: tuple(sorted(found, key=lambda p: p.id)) for seed, found in pooled.items()}


def _scores(
    out: Path,
    prepared: Prepared,
    seeds: Mapping[int, Sequence[Prediction]],
    oracle: Mapping[int, Sequence[Prediction]],
) -> dict[str, Any]:
    """The content of ``scores.json``. Raises ScoreError where the predictions cannot be scored."""
    experiment, classes = prepared.task.experiment, prepared.task.classes
    shared = any(fold.subjects_shared for fold in prepared.folds)
    options = experiment.training
    own = over_seeds(list(seeds.values()), classes)
    best = over_seeds(list(oracle.values()), classes) if oracle else None
    score = _with_loss(own, options, seeds, training_loss(out, "epoch"))
    one = next(iter(seeds.values()))
    cost = read_json(out / "cost.json")
    return {
        "clean": None if shared else score,
        "shared": score if shared else None,
        "oracle": _with_loss(best, options, oracle, training_loss(out, "oracle_epoch")) if best else None,
        "protocol": experiment.protocol.name,
        "selection": options.selection,
        "apex": None if prepared.ready_made else experiment.data.apex,
        "apexes": None if prepared.ready_made else dict(prepared.task.inputs.apexes),
        "crops": None if prepared.ready_made else dict(prepared.task.inputs.crops),
        "subjects_shared": shared,
        "incomplete": bool(prepared.skipped),
        "skipped": [{"clip": p.clip, "what": p.what, "do": p.do} for p in prepared.skipped],
        "folds": len(prepared.folds),
        "subjects": len({p.subject for p in one}),
        "seeds": options.seeds,
        "classes": list(classes),
        "drawn": bool(prepared.drawn_people),
        "drawn_people": prepared.drawn_people,
        "shuffled_labels": experiment.data.shuffle_labels,
        "pretrained": begins_with(prepared.task),
        "null": _null(best, one, epochs_trained(out)) if best else None,
        "executor": how_trained(out),
        "chosen": _chosen(experiment, out),
        "seconds": round(cost["seconds"], 3),
        "peak_memory_mb": round(cost["peak_memory_mb"], 1),
        "cpu_percent": round(100 * cost["cpu_seconds"] / max(cost["seconds"], 1e-9), 1),
    }


def _with_loss(
    scores: Scores,
    options: Training,
    seeds: Mapping[int, Sequence[Prediction]],
    training: float | None,
) -> dict[str, Any]:
    """Scores as a value for JSON, with ``training_loss`` and ``test_loss``: the recipe's loss, on each side.

    That of training has the recipe's class weights, and is what training itself saw. The parts have none: a
    model learns from all of them together.
    """
    samples = [p for of_seed in seeds.values() for p in of_seed]

    def test_loss(chosen: Sequence[Prediction]) -> float:
        truth = np.array([p.truth for p in chosen])
        return mean_loss(options, np.array([p.probabilities for p in chosen]), truth)

    found = scores.as_dict() | {"training_loss": training, "test_loss": test_loss(samples)}
    for name, part in found["parts"].items():
        of_part = [p for p in samples if p.dataset == name]
        part |= {"training_loss": None, "test_loss": test_loss(of_part)}
    return found


def _chosen(experiment: Experiment, out: Path) -> list[dict[str, Any]] | None:
    """Each candidate with the number of folds that chose it; None where there was no choice."""
    if not experiment.choose.among:
        return None
    found = chosen_settings(out)
    return [{"settings": s, "folds": found.count(i)} for i, s in enumerate(experiment.choose.among)]


def _null(oracle: Scores, predictions: Sequence[Prediction], epochs: int) -> dict[str, Any]:
    """The score of guessing under the oracle with as many epochs, and how far the oracle is above it."""
    truth, folds = [p.truth for p in predictions], [p.fold for p in predictions]
    null = null_oracle(truth, folds, oracle.classes, epochs)
    return {"epochs": epochs, "uf1": null.uf1, "uar": null.uar, "lift": lift(oracle, null)}


def write_scores(out: Path, prepared: Prepared, jobs: Sequence[Job]) -> Run:
    """Pool and score all folds; write predictions, log and scores only when scoring has succeeded."""
    sweep(out)
    sweep(out / "folds")
    seeds, oracle = (_pooled(out, which, prepared, jobs) for which in ("predictions", "oracle"))
    scores = _scores(out, prepared, seeds, oracle)
    everything = [p for of_seed in seeds.values() for p in of_seed]
    numbers = [seed for seed, of_seed in seeds.items() for _ in of_seed] if len(seeds) > 1 else []
    write_atomically(out / "predictions.csv", predictions_csv(everything, numbers))
    write_atomically(out / "log.txt", megc_log.write(next(iter(seeds.values()))))
    write_atomically(out / "scores.json", json.dumps(scores, indent=2) + "\n")
    return Run.load(out)
