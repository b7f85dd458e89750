"""Judges diffusion augmentation on motion maps: how its samples look, how good they are, what they add.

    python studies/diffusion.py sheet [--data megc2019-flow=PATH] [--epochs N] [--out FILE.png]
    python studies/diffusion.py sheet --input apex --size 56 --data casme2=PATH     # faces instead of maps
    python studies/diffusion.py effect --data megc2019-flow=PATH [--seeds 3] [--out FOLDER]

Every fold and seed trains a diffusion model of its own. So there are four folds by subject: with one fold for
each of the composite's 68 people, a seed would take 68 diffusion models. `sheet` trains one on the training
side of the first fold, on drawn maps without --data; the people held out are used at the end only.
`effect` runs STSTNet in three ways over the same folds and seeds: as it is, with rare classes weighted up,
and with rare classes filled up by diffusion. Its run folders are kept; a second start does what is missing.
"""

from __future__ import annotations

import argparse
import time
from itertools import combinations, product
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from scipy.spatial.distance import cdist

import fleeting
from fleeting.benchmark.run import run
from fleeting.cli.parsing import named_paths
from fleeting.display.figures import STYLE
from fleeting.errors import FleetingError
from fleeting.experiments.recipe import Experiment, read_recipe
from fleeting.experiments.samples import prepare
from fleeting.experiments.task import fold_seed, rows_of, training_set
from fleeting.explanations.clip_figures import picture_of, png
from fleeting.models.linear_flow import LinearFlow
from fleeting.reports.pages import compare_runs
from fleeting.scoring.metrics import confusion, measures, over_seeds
from fleeting.training.diffusion import drawn
from fleeting.training.fitting import device_of
from fleeting.training.threads import threads
from fleeting.training.training_set import TrainingSet
from fleeting.types import FloatArray, IntArray

EPOCHS = 50
DIFFUSION = tuple(
    f"training.diffusion.{setting}"
    for setting in (f"epochs={EPOCHS}", "lr=2e-3", "batch=32", "width=16", "sampling_steps=25")
)
"""About a minute of one core on 330 maps; chosen by looking at samples and maps of training people only."""
WAYS = {"plain": (), "balanced": ("training.class_weights=balanced",), "diffusion": DIFFUSION}
SHOWN = 12
"""Maps in a row of the sheet, without the mean."""


def experiment(dataset: str, *changes: str) -> Experiment:
    """The experiment: STSTNet over four folds by subject."""
    folds = ("protocol.name=kfold", "protocol.folds=4", f"data.dataset={dataset}")
    return read_recipe("megc2019/ststnet", changes=[*folds, "training.trace_oracle=false", *changes])


def sheet(chosen: argparse.Namespace) -> None:
    """Train a diffusion model on one training side, draw samples, judge them, and write the picture."""
    data = named_paths(chosen.data)
    changes = (
        *DIFFUSION,
        *of_pictures(chosen),
        "training.diffusion.fill=2.0",
        f"training.diffusion.epochs={chosen.epochs}",
    )
    recipe = experiment(next(iter(data), "drawn"), *changes).completed()
    prepared = prepare(recipe, data, skip_damaged=False, progress=lambda *_: None)
    task, fold = prepared.task, prepared.folds[0]
    train, held = (training_set(task, rows_of(task, side)) for side in (fold.train, fold.test))
    started = time.process_time()
    with threads(1):
        (maps,), labels = drawn(
            train.arrays,
            train.labels,
            train.classes,
            recipe.training.diffusion,
            fold_seed(recipe.training.seed, fold.name),
            device_of(recipe.training),
        )
    took = time.process_time() - started
    print(f"{len(train.labels)} maps to learn from, {len(labels)} samples drawn, {took:.0f} s of one core")
    chosen.out.write_bytes(png(picture(train, maps, labels, task.classes)))
    judge(train, held, maps, labels)
    print(chosen.out)


def of_pictures(chosen: argparse.Namespace) -> tuple[str, ...]:
    """The changes by which the experiment is about other inputs than motion maps."""
    if chosen.input == "flow-map":
        return ()
    return (f'model.inputs=["{chosen.input}"]', "model.name=resnet18", f"model.size={chosen.size}")


def picture(train: TrainingSet, maps: FloatArray, labels: IntArray, classes: tuple[str, ...]) -> Figure:
    """For each class a row of training maps above a row of samples; the last map of a row is the mean of all.

    Each map is stretched to its own range: horizontal flow is red, vertical flow green, strain blue.
    """
    rng = np.random.default_rng(0)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(SHOWN + 2.4, 2 * len(classes) + 0.4), layout="constrained")
        grid = figure.subplots(2 * len(classes), SHOWN + 1)
        for axes in grid.flat:
            axes.axis("off")
        for row, (name, (source, arrays, given)) in enumerate(
            product(classes, (("map", train.arrays[0], train.labels), ("sample", maps, labels)))
        ):
            own = arrays[given == classes.index(name)]
            for axes, array in zip(grid[row, :-1], rng.permutation(own), strict=False):
                axes.imshow(picture_of(array))
            grid[row, -1].imshow(picture_of(own.mean(axis=0)))
            grid[row, 0].text(
                -0.1, 0.5, f"{name}\n{source}", transform=grid[row, 0].transAxes, ha="right", va="center"
            )
        grid[0, -1].set_title("mean")
        return figure


def judge(train: TrainingSet, held: TrainingSet, maps: FloatArray, labels: IntArray) -> None:
    """Print measures that tell good samples from noise, from copies, and from samples without a class.

    Maps of held-out people show the values that perfect samples would have.
    """
    (known,), (unseen,) = train.arrays, held.arrays
    print("grey levels                      held out  samples")
    for name, of_held, of_samples in (
        ("nearest map learnt from", nearest(unseen, known), nearest(maps, known)),
        ("neighbouring pixels", roughness(unseen), roughness(maps)),
        ("spread within a class", spread(unseen, held.labels), spread(maps, labels)),
        (
            "class mean, off that learnt from",
            off(unseen, held.labels, known, train.labels),
            off(maps, labels, known, train.labels),
        ),
    ):
        print(f"{name:32} {of_held:8.1f} {of_samples:8.1f}")
    if known.shape[1:] != LinearFlow.inputs["maps"]:
        return  # pictures, of which linear-flow knows nothing
    print("linear-flow, UF1 / UAR")
    for name, learnt, asked in (
        ("from maps, on held-out maps", (known, train.labels), (unseen, held.labels)),
        ("from maps, on samples", (known, train.labels), (maps, labels)),
        ("from samples, on held-out maps", (maps, labels), (unseen, held.labels)),
    ):
        uf1, uar = linear(*learnt, *asked, train.classes)
        print(f"{name:32} {uf1:.3f} / {uar:.3f}, from {len(learnt[1])} on {len(asked[1])}")


def nearest(maps: FloatArray, others: FloatArray) -> float:
    """Median over maps of the distance to the nearest of the others, rms per pixel; near 0 for copies."""
    one, two = (array.reshape(len(array), -1) for array in (maps, others))
    return float(np.median(cdist(one, two).min(axis=1)) / np.sqrt(one.shape[1]))


def roughness(maps: FloatArray) -> float:
    """Mean absolute difference of neighbouring pixels, which is larger in noise than in skin."""
    return float(np.mean([np.abs(np.diff(maps, axis=axis)).mean() for axis in (2, 3)]))


def spread(maps: FloatArray, labels: IntArray) -> float:
    """Mean standard deviation of a pixel over the maps of a class; near 0 if all samples look the same."""
    return float(np.mean([maps[labels == label].std(axis=0).mean() for label in np.unique(labels)]))


def off(maps: FloatArray, labels: IntArray, others: FloatArray, their: IntArray) -> float:
    """Mean absolute difference between a class's mean map in ``maps`` and its mean map in ``others``."""
    pairs = ((maps[labels == label], others[their == label]) for label in np.unique(labels))
    return float(np.mean([np.abs(one.mean(axis=0) - two.mean(axis=0)).mean() for one, two in pairs]))


def linear(
    maps: FloatArray, labels: IntArray, asked: FloatArray, truth: IntArray, classes: int
) -> tuple[float, float]:
    """UF1 and UAR on the maps ``asked`` of a linear-flow trained on ``maps``."""
    model = LinearFlow(classes)
    model.fit([maps], labels, seed=0)
    found = measures(confusion(truth, model.probabilities([asked]).argmax(axis=1), classes))
    return float(found["uf1"]), float(found["uar"])


def effect(chosen: argparse.Namespace) -> None:
    """Run STSTNet in every way and print each comparison; p is of the permutation test on UF1."""
    data = named_paths(chosen.data)
    common = (f"training.epochs={chosen.epochs}", f"training.seeds={chosen.seeds}")
    runs = []
    for way, changes in WAYS.items():
        done = run(experiment(next(iter(data)), *common, *changes), data, chosen.out / way)
        seeds = [over_seeds([found], done.classes, draws=0) for found in done.by_seed]
        each = ", ".join(f"{seed.uf1:.4f} / {seed.uar:.4f}" for seed in seeds)
        score = done.scores[done.rule]
        print(f"{way:9}  UF1 / UAR {score['uf1']:.4f} / {score['uar']:.4f}, by seed {each}", flush=True)
        runs.append(done)
    for first, second in combinations(runs, 2):
        ((_, found),) = compare_runs([first, second])
        gaps = (
            f"{key.upper()} {found.difference[key]:+.4f} ({low:+.4f} to {high:+.4f})"
            for key, (low, high) in found.ci95.items()
        )
        print(f"{second.path.name} less {first.path.name}: {', '.join(gaps)}, p {found.permutation_p:.3f}")
    print(fleeting.report([done.path for done in runs], chosen.out / "comparison.html"))


def main() -> None:
    """Parse the arguments and carry out the chosen command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True)
    look = commands.add_parser("sheet")
    look.add_argument("--data", action="append", default=[], metavar="DATASET=PATH")
    look.add_argument("--epochs", type=int, default=EPOCHS, help="of the diffusion model")
    look.add_argument("--input", default="flow-map", help="the modality that is drawn; apex: faces")
    look.add_argument("--size", type=int, default=56, help="its side in pixels, where it is no flow-map")
    look.add_argument("--out", type=Path, default=Path("diffusion-sheet.png"))
    look.set_defaults(do=sheet)
    compared = commands.add_parser("effect")
    compared.add_argument("--data", action="append", required=True, metavar="DATASET=PATH")
    compared.add_argument("--seeds", type=int, default=3)
    compared.add_argument("--epochs", type=int, default=150)
    compared.add_argument("--out", type=Path, default=Path("runs/diffusion"))
    compared.set_defaults(do=effect)
    chosen = parser.parse_args()
    try:
        chosen.do(chosen)
    except FleetingError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
