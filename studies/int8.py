"""What a network's score, size and time become when its ONNX file computes in 8-bit integers.

Each fold's network is trained on the composite's motion maps and written as an ONNX file. ONNX Runtime then
makes the 8-bit file of it: weights a scale for each channel, activations a scale for each place in the graph,
from the range that clips of the training side have there. No clip of the test side takes part in either. Both
files predict the test side; times are of one sample in one thread, both files in turn.

    python studies/int8.py MAPS [--recipes NAME ...] [--set KEY=VALUE ...] [--folds 5] [--repeats 200]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime

from fleeting.experiments.recipe import read_recipe
from fleeting.experiments.samples import prepare
from fleeting.experiments.task import Task, arrays_of, fold_seed, labels_of, rows_of, trained
from fleeting.models import models
from fleeting.recognition.eight_bits import in_eight_bits
from fleeting.recognition.onnx import Deployed, graph
from fleeting.scoring.metrics import unweighted_f1
from fleeting.types import Fold

RECIPES = ("megc2019/ststnet", "megc2019/off-apexnet", "megc2019/rcn", "htnet/small-28")
CALIBRATED = 128
"""So many clips of the training side say in which range activations lie."""


@dataclass
class Found:
    """What one recipe's folds gave: for each of the two files its answers, bytes and milliseconds."""

    truth: list[int] = field(default_factory=list)
    answers: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    sizes: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    times: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))


def session_of(content: bytes) -> onnxruntime.InferenceSession:
    """An ONNX file, ready to run in one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # without a warning for every layer that it leaves as it is
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def follow(task: Task, fold: Fold, found: Found, repeats: int) -> None:
    """Train one fold, and add what both files of its network answer, weigh and take."""
    names = list(models[task.experiment.model.name].inputs)
    train, test = rows_of(task, fold.train), rows_of(task, fold.test)
    fitted = trained(task, train, fold_seed(0, fold.name))
    shown = np.random.default_rng(0).permutation(train)[:CALIBRATED]
    whole = graph(Deployed(fitted), [array[:4] for array in arrays_of(task, train)], names, {})
    files = whole, in_eight_bits(whole, names, arrays_of(task, shown))
    sessions = [session_of(content) for content in files]
    found.truth += labels_of(task)[test].tolist()
    inputs = dict(zip(names, arrays_of(task, test), strict=True))
    for session, content, answers, sizes in zip(sessions, files, found.answers, found.sizes, strict=True):
        answers += session.run(None, inputs)[0].argmax(axis=1).tolist()
        sizes.append(len(content))
    one = {name: array[:1] for name, array in inputs.items()}
    for _ in range(repeats):
        for session, times in zip(sessions, found.times, strict=True):
            begun = time.perf_counter()
            session.run(None, one)
            times.append(1000 * (time.perf_counter() - begun))


def told(recipe: str, found: Found, classes: int) -> str:
    """One row of the table."""
    score = [unweighted_f1(found.truth, answers, classes) for answers in found.answers]
    alike = np.mean(np.array(found.answers[0]) == np.array(found.answers[1]))
    size = [median(sizes) / 1e6 for sizes in found.sizes]
    taken = [median(times) for times in found.times]
    sizes = f"{size[0]:7.2f} {size[1]:7.2f} {size[1] / size[0]:6.2f}"
    return (
        f"{recipe:22s} {score[0]:.4f} {score[1]:.4f} {100 * alike:6.1f} {sizes}"
        f" {taken[0]:8.3f} {taken[1]:8.3f} {taken[1] / taken[0]:6.2f}"
    )


def main() -> None:
    """Train the folds of each recipe and print a row for it."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("maps", type=Path, help="the folder of the composite's motion maps")
    options.add_argument("--recipes", nargs="+", default=list(RECIPES), metavar="NAME")
    options.add_argument("--folds", type=int, default=5)
    options.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="changes to the recipes")
    options.add_argument("--repeats", type=int, default=200)
    given = options.parse_args()
    print(f"{'':22s} clean UF1      alike  MB                     ms")
    print(f"{'':22s} 32 bit  8 bit    in %  32 bit   8 bit  ratio   32 bit    8 bit  ratio")
    for recipe in given.recipes:
        changes = ["protocol.name=kfold", f"protocol.folds={given.folds}", "training.trace_oracle=false"]
        experiment = read_recipe(recipe, changes=[*changes, *given.set]).completed()
        data = {"megc2019-flow": given.maps}
        prepared = prepare(experiment, data, skip_damaged=False, progress=lambda *_: None)
        found = Found()
        for fold in prepared.folds:
            follow(prepared.task, fold, found, given.repeats)
        print(told(recipe, found, len(prepared.task.classes)), flush=True)


if __name__ == "__main__":
    main()
