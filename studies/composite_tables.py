"""Runs the composite's tables: networks and baselines on the 442 published motion maps, clean and oracle.

There are four sizes. `reduced` takes under ten minutes on two cores of a laptop, and `small` takes hours.
`lape` is the ablation of HTNet's additions at a tenth of its width and inputs of 56 and 112 pixels. `full`
trains the published HTNet of 114 million parameters 68 times and needs a GPU (`--executor stacked` trains
many folds there as one computation). If a run is killed and started again, it continues where it was.
The page that is written has every number with the command that makes it again.

    python studies/composite_tables.py MAPS [--size reduced] [--folds N] [--executor processes]
                                            [--out runs/composite]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import fleeting
from fleeting.experiments.recipe import read_recipe
from fleeting.experiments.run_folder import Run, file_name
from fleeting.reports.markdown import write_results
from fleeting.scoring.metrics import unweighted_f1

BASELINES = ("megc2019/linear-flow", "megc2019/symmetric-flow", "megc2019/svm-flow")
SMALL_HTNETS = ("htnet/small-28", "htnet/small-56", "htnet/small-56-lape", "htnet/small-56-lape-esaat")
SIZES: dict[str, tuple[int, tuple[str, ...]]] = {
    "reduced": (1, (*BASELINES, "megc2019/ststnet", "htnet/small-28")),
    "small": (
        3,
        (
            *BASELINES,
            "megc2019/chosen",
            *(f"megc2019/{name}" for name in ("ststnet", "off-apexnet", "rcn", "capsulenet")),
            *SMALL_HTNETS,
        ),
    ),
    "lape": (3, (*SMALL_HTNETS[1:], "htnet/small-112-lape", "htnet/small-112-lape-esaat")),
    "full": (1, (*BASELINES, "htnet/base", "htnet/lape", "htnet/lape-esaat")),
}
"""Number of seeds and recipes of each size; the others are tested against the first recipe."""


def agreement(runs: Sequence[Run]) -> str:
    """A sentence on how many clips all trainings get right or wrong, and on the best UF1 they could reach."""
    right = np.array([[p.truth == p.predicted for p in seed] for run in runs for seed in run.by_seed])
    truth, classes = [p.truth for p in runs[0].by_seed[0]], len(runs[0].classes)
    missed = ~right.any(axis=0)
    wrong = np.where(missed, (np.array(truth) + 1) % classes, truth)
    return (
        f"of {len(truth)} clips every one of {len(right)} trainings gets {int(right.all(axis=0).sum())}"
        f" right and {int(missed.sum())} wrong; right wherever any was right would be UF1"
        f" {unweighted_f1(truth, wrong, classes):.3f}"
    )


def main() -> None:
    """Run the recipes that are missing, print the score of each, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("maps", type=Path, help="the folder of the composite's motion maps")
    parser.add_argument("--size", choices=sorted(SIZES), default="reduced")
    parser.add_argument("--folds", type=int, help="so many folds of people; without it, one for each")
    parser.add_argument("--executor", default="processes", help="serial, processes or stacked")
    parser.add_argument("--out", type=Path, default=Path("runs/composite"))
    given = parser.parse_args()
    runs, begun = list[Run](), time.perf_counter()
    seeds, names = SIZES[given.size]
    folds = ["protocol.name=kfold", f"protocol.folds={given.folds}"] if given.folds else []
    size = f"{seeds}-{given.folds}" if given.folds else f"{seeds}"
    for name in names:
        folder = given.out / f"{file_name(name)}-{size}"
        experiment = read_recipe(name, changes=[f"training.seeds={seeds}", *folds])
        done = fleeting.run(experiment, {"megc2019-flow": given.maps}, folder, executor=given.executor)
        clean, oracle = done.scores["clean"], done.scores["oracle"]
        kept = f", oracle {oracle['uf1']:.4f}" if oracle else ""
        passed = (time.perf_counter() - begun) / 60
        print(f"{name:28s} clean UF1 {clean['uf1']:.4f}{kept}   {passed:.1f} min so far", flush=True)
        runs.append(done)
    print(agreement(runs))
    print(write_results(runs, given.out / f"{given.size}-{size}.md"))


if __name__ == "__main__":
    main()
