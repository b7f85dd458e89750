"""Times training folds one after another against training them as one computation, on the given device.

STSTNet and a small HTNet (one level, 4x4 places) are trained on drawn maps, with one fold for each person. On
a CPU the executor `stacked` always trains folds one after another; this shows why.

    python benchmarks/stacked.py [--epochs 10] [--folds 10] [--device auto]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from fleeting.experiments.fold import FoldResult, Job, evaluate
from fleeting.experiments.recipe import read_recipe
from fleeting.experiments.samples import prepare
from fleeting.experiments.stacked import evaluate_together
from fleeting.experiments.task import Task
from fleeting.training.fitting import device_of

NETWORKS = {
    "ststnet": (),
    "htnet": ("model.name=htnet", "model.dim=24", "model.heads=3", "model.repeats=[2]"),
}


def drawn(network: str, epochs: int, device: str) -> tuple[Task, list[Job]]:
    """The task of a network on drawn maps, and a job for each person's fold."""
    training = (f"training.epochs={epochs}", f"training.device={device}", "training.trace_oracle=false")
    experiment = read_recipe(
        "drawn/ststnet", changes=[*training, "protocol.name=loso", *NETWORKS[network]]
    ).completed()
    prepared = prepare(experiment, {}, skip_damaged=False, progress=lambda *_: None)
    return prepared.task, [Job(fold, 0) for fold in prepared.folds]


def timed(train: Callable[[], Sequence[FoldResult]]) -> tuple[float, np.ndarray]:
    """The seconds that ``train`` takes, and its probabilities, (clips, classes) in the order of clip ids."""
    start = time.perf_counter()
    rows = {p.id: p.probabilities for result in train() for p in result.predictions}
    return time.perf_counter() - start, np.array([rows[clip] for clip in sorted(rows)])


def main() -> None:
    """Time both ways for each network and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    chosen = parser.parse_args()
    for network in NETWORKS:
        task, jobs = drawn(network, chosen.epochs, chosen.device)
        jobs = jobs[: chosen.folds]
        device = device_of(task.experiment.training)
        warm, _ = drawn(network, 1, chosen.device)
        list(evaluate_together(warm, jobs[:2]))
        evaluate(warm, jobs[0])
        serial, alone = timed(lambda task=task, jobs=jobs: [evaluate(task, job) for job in jobs])
        stacked, together = timed(lambda task=task, jobs=jobs: list(evaluate_together(task, jobs)))
        print(
            f"{network:8} {len(jobs)} folds, {chosen.epochs} epochs, {device.type}: serial {serial:.1f} s,"
            f" stacked {stacked:.1f} s, serial / stacked {serial / stacked:.2f};"
            f" probabilities differ by {np.abs(alone - together).max():.1g} at most",
            flush=True,
        )
    if not torch.cuda.is_available():
        print("GPU: not run, none is here")


if __name__ == "__main__":
    main()
