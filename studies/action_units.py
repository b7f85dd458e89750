"""How well does a system find action units in a dataset that it has never seen, by CD6ME's protocol?

Twelve units, each learnt alone as there or not there; every dataset is left out in its turn, and the F1 of
"there" on it counts. The mean over units and datasets is the number that CD6ME prints: over six datasets
SSSNet 40.5, OFF-ApexNet 39.5, ResNet18 37.2, flow + SVM 36.2, STSTNet 31.8. Two of its six, CASME and 4DME,
cannot be read here, so no number of this script compares with those. Clips whose sheet does not say whether a
unit is there are left out for that unit; a unit of which a side has no clip is marked with a dash. Beside the
mean stands that of answering "there" always.

    python studies/action_units.py casme2=PATH samm=PATH [mmew=PATH casme3=PATH]
                                   [--recipe compared/sssnet] [--quick] [--units 1 2 4 ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from fleeting.datasets import datasets, unit_targets
from fleeting.errors import OptionError
from fleeting.experiments.fold import Job, evaluate
from fleeting.experiments.recipe import Experiment, read_recipe
from fleeting.experiments.samples import view_of
from fleeting.experiments.task import Task
from fleeting.inputs.loading import Inputs, load
from fleeting.protocols import protocols
from fleeting.types import IntArray

UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17)
CLASSES = ("absent", "there")


def together(experiment: Experiment, roots: dict[str, Path]) -> Inputs:
    """The micro-expressions of all datasets that can be opened, as one."""
    view, found = view_of(experiment), []
    for name, root in roots.items():
        micro = [sample for sample in datasets[name].samples(root) if sample.kind == "micro"]
        found.append(load(datasets[name], root, micro, view))
    return replace(
        found[0],
        samples=tuple(sample for one in found for sample in one.samples),
        arrays=tuple(np.concatenate(column) for column in zip(*(one.arrays for one in found), strict=True)),
    )


def of_unit(experiment: Experiment, inputs: Inputs, unit: int) -> Task:
    """The clips of which it is known whether the unit is there, with that for their classes."""
    targets = unit_targets([sample.action_units for sample in inputs.samples], (unit,))[:, 0]
    known = np.flatnonzero(~np.isnan(targets))
    samples = tuple(replace(inputs.samples[row], label=CLASSES[int(targets[row])]) for row in known)
    arrays = tuple(array[known] for array in inputs.arrays)
    return Task(experiment, replace(inputs, samples=samples, arrays=arrays), CLASSES)


def f1(truth: IntArray, said: IntArray) -> float:
    """F1 of "there"."""
    return float(2 * (truth & said).sum() / (truth.sum() + said.sum()))


def scores(task: Task) -> Iterator[tuple[str, float, float]]:
    """Each dataset that can be left out, with the F1 on it and that of always answering "there"."""
    for fold in protocols["leave-one-dataset-out"](task.inputs.samples):
        sides = ({sample.label for sample in side} for side in (fold.train, fold.test))
        if not all("there" in classes for classes in sides) or len({s.label for s in fold.train}) < 2:
            continue
        found = evaluate(task, Job(fold, task.experiment.training.seed)).predictions
        truth = np.array([one.truth for one in found])
        yield fold.name, f1(truth, np.array([one.predicted for one in found])), f1(truth, np.ones_like(truth))


def main() -> None:
    """Print the F1 of each unit on each dataset, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", nargs="+", metavar="NAME=PATH", help="two datasets or more")
    parser.add_argument("--recipe", default="compared/sssnet")
    parser.add_argument("--quick", action="store_true", help="small and short")
    parser.add_argument("--units", nargs="+", type=int, default=UNITS)
    given = parser.parse_args()
    roots = {name: Path(path) for name, _, path in (one.partition("=") for one in given.data)}
    if len(roots) < 2:
        raise OptionError(f"found only {', '.join(roots)}, and one dataset is left out; name two or more")
    whole = ("training.trace_oracle=false", "training.selection=fixed", "training.units=[]")
    experiment = read_recipe(given.recipe, quick=given.quick, changes=whole).completed()
    inputs = together(experiment, roots)
    print(f"{given.recipe}, {len(inputs.samples)} clips; F1 of each unit on the dataset left out, in percent")
    print("unit  " + "".join(f"{name:>10s}" for name in roots))
    every: list[tuple[float, float]] = []
    for unit in given.units:
        found = {name: pair for name, *pair in scores(of_unit(experiment, inputs, unit))}
        cells = (f"{100 * found[name][0]:.1f}" if name in found else "–" for name in roots)
        print(f"{unit:<6d}" + "".join(f"{cell:>10s}" for cell in cells), flush=True)
        every += [(ours, always) for ours, always in found.values()]
    ours, always = 100 * np.mean(every, axis=0) if every else (np.nan, np.nan)
    print(f"mean  {ours:.1f} over {len(every)} of {len(roots) * len(given.units)}; always: {always:.1f}")


if __name__ == "__main__":
    main()
