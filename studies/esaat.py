"""Studies entropy-based removal of attention layers, and agent attention: choice, cost and score.

    python studies/esaat.py entropy [--data megc2019-flow=PATH] [--recipe RECIPE ...] [--figure PATH]
    python studies/esaat.py cost [--sizes 28 56 112] [--widths small published]
    python studies/esaat.py score RUN_PLAIN RUN_PRUNED

`entropy` trains whole networks on the training side of some folds, on drawn maps without --data, and chooses
layers when the recipe would: after half of the epochs. It also leaves out every other set of as many layers.
`cost` times all variants in turn, in one thread, so that other load on the machine slows all of them.
`score` compares two finished runs of the same folds and seeds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import fmean, median
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from safetensors.numpy import save
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from fleeting.display.figures import INK, OTHER, STYLE
from fleeting.errors import FleetingError, MissingExtraError, RunError
from fleeting.experiments.fold import Job
from fleeting.experiments.recipe import read_recipe
from fleeting.experiments.run_folder import Run
from fleeting.experiments.samples import prepare
from fleeting.experiments.task import Task, fold_seed, model_of, rows_of, training_set
from fleeting.files import write_atomically
from fleeting.inventory.model_costs import CLASSES
from fleeting.models.htnet import HTNet
from fleeting.recognition.onnx import Deployed, graph
from fleeting.reports.pages import compare_runs
from fleeting.training.attention_removal import (
    LayerEntropy,
    layer_entropies,
    least_telling,
    left_out,
    removable,
    silence,
)
from fleeting.training.fitted import Fitted
from fleeting.training.fitting import begun, fit
from fleeting.training.threads import threads

NETWORKS = ("htnet/small-56-lape", "compared/vit")
SMALL = (
    "training.lr=1e-3",
    "training.batch=64",
    "training.epochs=30",
    "training.schedule=cosine",
    "training.selection=fixed",
)
ON_MAPS: dict[str, tuple[str, ...]] = {
    "compared/vit": (
        'model.inputs=["flow-map"]',
        *("model.size=28", "model.patch=4", "model.dim=48", "model.depth=6", "model.heads=4", "model.mlp=96"),
        *SMALL,
    ),
    "inception-cbam-vit/vit-flow": (
        'model.inputs=["flow-map", "flow-map"]',
        *("model.size=28", "model.dim=32", "model.head_dropout=0", "model.attention_dropout=0"),
        *SMALL,
        "training.epochs=10",
    ),
}
"""Changes by which a recipe for frames becomes one that a CPU trains on motion maps in a minute."""
MOMENTS = ("before", "halfway", "after")
LEVELS = ("#0b6e4f", "#2f6f9f", "#b07d12")
WIDTHS: dict[str, tuple[dict[str, Any], int]] = {
    "small": ({"dim": 24, "repeats": (1, 1, 4)}, 3),
    "published": ({}, 5),
}
"""HTNet's options, and how many attention layers of its last level are removed (3 of 4, 5 of 8)."""


@dataclass(frozen=True)
class Followed:
    """One training: its layers' entropies at three moments, and the effect of leaving layers out.

    The moments are before training, when layers are chosen, and after training.
    """

    before: Sequence[LayerEntropy]
    halfway: Sequence[LayerEntropy]
    after: Sequence[LayerEntropy]
    chosen: frozenset[str]
    without: Mapping[frozenset[str], tuple[float, float]]
    """Training loss and accuracy at the moment of the choice, by the set of layers that are left out."""

    @property
    def most_telling(self) -> frozenset[str]:
        """The layers with the largest transfer entropy, as many as were chosen."""
        ordered = sorted(self.halfway, key=lambda layer: -layer.transfer)
        return frozenset(layer.name for layer in ordered[: len(self.chosen)])

    @property
    def sets(self) -> list[tuple[float, float]]:
        """Loss and accuracy without each set of as many layers as were chosen."""
        return [found for names, found in self.without.items() if names]

    @property
    def worse(self) -> float:
        """The share of the other sets whose removal raises the loss more than that of the chosen set."""
        own = self.without[self.chosen][0]
        return sum(loss > own for loss, _ in self.sets) / (len(self.sets) - 1)

    def as_dict(self) -> dict[str, Any]:
        """The training as a dictionary for JSON."""
        moments = {key: [vars(layer) for layer in getattr(self, key)] for key in MOMENTS}
        without = [[sorted(names), *found] for names, found in self.without.items()]
        return {**moments, "chosen": sorted(self.chosen), "without": without}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Followed:
        """The training that `as_dict` was called on."""
        moments = {key: [LayerEntropy(**layer) for layer in kept[key]] for key in MOMENTS}
        without = {frozenset(names): (loss, accuracy) for names, loss, accuracy in kept["without"]}
        return cls(**moments, chosen=frozenset(kept["chosen"]), without=without)


def opened(recipe: str, data: Mapping[str, Path], changes: Sequence[str]) -> tuple[Task, Sequence[Any]]:
    """The task of a recipe on motion maps, and its folds, one for each person."""
    source = next(iter(data), "drawn")
    fixed = ("training.trace_oracle=false", "training.remove_attention=0", f"data.dataset={source}")
    experiment = read_recipe(recipe, changes=[*ON_MAPS.get(recipe, ()), *changes, *fixed]).completed()
    prepared = prepare(experiment, data, skip_damaged=False, progress=lambda *_: None)
    return prepared.task, prepared.folds


def followed(task: Task, job: Job, count: int) -> Followed:
    """Train one fold's whole network on its training side, and measure its layers at three moments."""
    recipe, seed = task.experiment.training, fold_seed(job.seed, job.fold.name)
    data = training_set(task, rows_of(task, job.fold.train))
    model = model_of(task, seed)
    inputs = begun(model, data, recipe, seed)[0].scaled(data.arrays)
    labels = torch.from_numpy(data.labels).to(inputs[0].device)
    some = np.random.default_rng(seed).permutation(len(labels))[:256]  # as training chooses
    seen, names = [array[some] for array in inputs], list(removable(model))
    moment = int(recipe.epochs * recipe.remove_from)
    halfway: list[LayerEntropy] = []
    chosen: set[str] = set()
    without: dict[frozenset[str], tuple[float, float]] = {}

    def watch(epoch: int, _predict: object) -> None:
        if epoch == moment:
            model.eval()  # the next epoch switches back to training mode
            halfway.extend(layer_entropies(model, seen))
            chosen.update(least_telling(model, seen, count, recipe.remove_among))
            sets = [(), *combinations([n for n in names if n.startswith(recipe.remove_among)], count)]
            without.update({frozenset(left): _fares(model, inputs, labels, left) for left in sets})

    before = layer_entropies(model, seen)
    fit(model, data, recipe, seed, watch)
    return Followed(before, halfway, layer_entropies(model, seen), frozenset(chosen), without)


def kept(folder: Path | None, task: Task, job: Job, count: int) -> Followed:
    """The result of `followed`; with a ``folder`` it is kept there as a file and not computed again."""
    if folder is None:
        return followed(task, job, count)
    asked = f"{task.experiment.toml()} {job.fold.name} {job.seed} {count}"
    path = folder / f"{hashlib.sha256(asked.encode()).hexdigest()[:16]}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(followed(task, job, count).as_dict()))
    return Followed.of(json.loads(path.read_text(encoding="utf-8")))


def _fares(
    model: nn.Module, inputs: Sequence[Tensor], labels: Tensor, left: Sequence[str]
) -> tuple[float, float]:
    with torch.inference_mode(), left_out(model, left):
        logits = model(*inputs)
    return float(F.cross_entropy(logits, labels)), float((logits.argmax(dim=1) == labels).float().mean())


def short(name: str) -> str:
    """A layer's numbers, counted from 1: ``levels.2.blocks.0.attention`` is 3.1."""
    return ".".join(str(int(number) + 1) for number in re.findall(r"\d+", name))


def print_layers(trainings: Sequence[Followed], sizes: Mapping[str, int]) -> None:
    """Print a row for each layer: medians over the trainings, and in how many of them it is removed."""
    print("layer  weights   entropy: before  half way  after   transfer: before  half way  after   goes in")
    for place, (name, size) in enumerate(sizes.items()):
        layers = [[t.before[place], t.halfway[place], t.after[place]] for t in trainings]
        own, told = (
            [median(getattr(moments[m], key) for moments in layers) for m in range(3)]
            for key in ("entropy", "transfer")
        )
        goes = sum(name in training.chosen for training in trainings)
        print(
            f"{short(name):5} {size:9,}  {own[0]:15.1f} {own[1]:9.1f} {own[2]:6.1f}"
            f" {told[0]:18.2f} {told[1]:9.2f} {told[2]:6.2f}   {goes} of {len(trainings)}"
        )


def print_removals(trainings: Sequence[Followed], sizes: Mapping[str, int], whole: int) -> None:
    """Print loss and accuracy right after a removal, before further training; means over the trainings."""
    rows: dict[str, Callable[[Followed], tuple[float, float]]] = {
        "nothing": lambda t: t.without[frozenset()],
        "what the rule chooses": lambda t: t.without[t.chosen],
        "a set at random": lambda t: (fmean(x for x, _ in t.sets), fmean(a for _, a in t.sets)),
        "the most telling": lambda t: t.without[t.most_telling],
        "the best set there is": lambda t: min(t.sets),
        "the worst": lambda t: max(t.sets),
    }
    print("left out, half way          training loss   accuracy")
    for what, of in rows.items():
        found = [of(training) for training in trainings]
        print(f"{what:26} {fmean(x for x, _ in found):14.3f} {fmean(a for _, a in found):10.3f}")
    worse = [training.worse for training in trainings]
    print(
        f"of the other sets {100 * fmean(worse):.0f} % do worse than the rule's"
        f" ({100 * min(worse):.0f} to {100 * max(worse):.0f} % in single trainings)"
    )
    chosen = Counter(training.chosen for training in trainings)
    shares = sorted(100 * sum(sizes[name] for name in names) / whole for names in chosen)
    often = ", ".join(
        f"{{{' '.join(sorted(map(short, names)))}}} {times}" for names, times in chosen.most_common()
    )
    print(f"chosen sets: {often}; {shares[0]:.1f} to {shares[-1]:.1f} % of {whole:,} weights go")


def panel(axes: Any, title: str, trainings: Sequence[Followed], names: Sequence[str]) -> None:
    """Plot the transfer entropy of each layer: bars when layers are chosen, rings before training."""
    for place, name in enumerate(names):
        level = int(short(name).split(".")[0]) - 1 if short(name).count(".") else 0
        told = [training.halfway[place].transfer for training in trainings]
        goes = sum(name in training.chosen for training in trainings)
        axes.bar(
            place,
            median(told),
            color=LEVELS[level % len(LEVELS)],
            alpha=0.3 if 2 * goes > len(trainings) else 0.9,
            hatch="///" if 2 * goes > len(trainings) else None,
            edgecolor=LEVELS[level % len(LEVELS)],
        )
        axes.plot([place] * len(told), told, ".", color=INK, markersize=4)
        fresh = median(training.before[place].transfer for training in trainings)
        axes.plot(place, fresh, "o", color=OTHER, mfc="none")
        axes.annotate(
            f"{goes}/{len(told)}",
            (place, max(*told, fresh)),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=OTHER,
        )
    axes.set_xticks(range(len(names)), [short(name) for name in names])
    axes.set_title(title, fontsize=10)
    axes.margins(y=0.12)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("layer (level.block)" if short(names[0]).count(".") else "layer")


def draw(panels: Sequence[tuple[str, Sequence[Followed], Sequence[str]]], path: Path) -> None:
    """Write the figure as SVG or PNG, by the extension of ``path``."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.2 + 2.7 * len(panels), 3.6), layout="constrained")
        row = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (title, trainings, names) in zip(row, panels, strict=True):
            panel(axes, title, trainings, names)
        row[0].set_ylabel("transfer entropy, nats")
        marks = [Patch(color=color, alpha=0.9) for color in LEVELS]
        marks.append(Patch(facecolor="white", edgecolor=INK, hatch="///"))
        figure.legend(
            [*marks, *row[0].get_lines()[:2]],
            ["level 1", "level 2", "level 3", "goes in most trainings", "one training", "before training"],
            loc="outside lower center",
            ncols=3,
            frameon=False,
            fontsize=8,
        )
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)


def entropy(chosen: argparse.Namespace) -> None:
    """Train the networks, measure their layers, print the tables, draw the figure."""
    data = {name: Path(path) for name, path in (pair.split("=", 1) for pair in chosen.data)}
    panels = []
    for recipe in chosen.recipe or NETWORKS:
        task, folds = opened(recipe, data, chosen.set)
        network = model_of(task, 0)
        layers = removable(network)
        asked = read_recipe(recipe, changes=chosen.set).training.remove_attention
        count = asked or len(layers) // 2
        some = np.random.default_rng(0).permutation(len(folds))[: chosen.folds]
        jobs = [Job(folds[number], seed) for number in some for seed in range(chosen.seeds)]
        with threads(1):
            trainings = [kept(chosen.keep, task, job, count) for job in jobs]
        source, training = task.experiment.data.dataset, task.experiment.training
        print(
            f"\n{recipe} on {source}: {len(some)} folds with {chosen.seeds} seeds each; {count} of"
            f" {len(layers)} layers go after epoch {int(training.epochs * training.remove_from)} of"
            f" {training.epochs}"
        )
        sizes = {name: _weights(layer) for name, layer in layers.items()}
        print_layers(trainings, sizes)
        print_removals(trainings, sizes, _weights(network))
        panels.append((recipe, trainings, list(layers)))
    if chosen.figure:
        draw(panels, chosen.figure)


def _weights(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def variant(size: int, width: str, attention: str, pruned: bool) -> HTNet:
    """HTNet with LAPE; if ``pruned``, without the last attention layers of its last level."""
    options, count = WIDTHS[width]
    network = HTNet(CLASSES, size=size, lape=True, attention=attention, **options)
    if pruned:
        silence(network, [name for name in removable(network) if name.startswith("levels.2.")][-count:])
    return network.eval()


VARIANTS = {
    "whole": ("softmax", False),
    "pruned": ("softmax", True),
    "agents": ("agent", False),
    "pruned + agents": ("agent", True),
}


def operations(size: int, width: str, attention: str, pruned: bool) -> int:
    """Floating-point operations of one sample, counted on torch's meta device without computing any."""
    with torch.device("meta"), torch.inference_mode(), FlopCounterMode(display=False) as counter:
        variant(size, width, attention, pruned)(torch.zeros(1, 3, size, size))
    return counter.get_total_flops()


def untouched(network: HTNet, size: int) -> int:
    """The number of weights that no sample changes: their gradient over a batch of noise is exactly 0."""
    network(torch.randn(4, 3, size, size)).square().sum().backward()
    never = sum(int((weight.grad == 0).sum()) for weight in network.parameters())
    network.zero_grad(set_to_none=True)
    return never


def on_disk(network: nn.Module) -> int:
    """Bytes of a network's weights in the file that a run keeps."""
    arrays = Fitted(network, [torch.zeros(1, 3, 1, 1)], [torch.ones(1, 3, 1, 1)], torch.device("cpu")).state()
    return len(save({name: np.array(array, order="C") for name, array in arrays.items()}))


def in_torch(network: nn.Module, size: int) -> Callable[[], Any]:
    """A call that predicts one sample in torch."""
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    sample = torch.randn(1, 3, size, size).contiguous(memory_format=torch.channels_last)

    def call() -> Any:
        with torch.inference_mode():
            return network(sample)

    return call


def in_onnx(network: nn.Module, size: int) -> Callable[[], Any]:
    """A call that predicts one sample in ONNX Runtime, in one thread. Raises MissingExtraError without it."""
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError("onnxruntime", "onnx") from None
    sample = np.random.default_rng(0).standard_normal((2, 3, size, size), dtype=np.float32)
    whole = Deployed(Fitted(network, [], [], torch.device("cpu")))
    content = graph(whole, [sample], ["regions"], {})
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, settings, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"regions": sample[:1]})


def in_turn(calls: Mapping[str, Callable[[], Any]], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Milliseconds of each call in each round, after two rounds that are not counted.

    Each round has a new random order. The time is the calling thread's processor time: on an idle machine it
    is the latency, on a busy one it excludes the time that other programs took.
    """
    order, times = np.random.default_rng(0), {name: [] for name in calls}
    started = time.perf_counter()
    while len(times["whole"]) < rounds + 2 and (
        len(times["whole"]) < 12 or time.perf_counter() - started < seconds
    ):
        for name in order.permutation(list(calls)):
            before = time.thread_time()
            calls[name]()
            times[name].append(1000 * (time.thread_time() - before))
    return {name: found[2:] for name, found in times.items()}


def against_whole(times: Mapping[str, Sequence[float]], name: str) -> str:
    """The median latency, and its ratio to the whole network's: median over rounds with a 95 % interval."""
    ratios = np.array(times[name]) / np.array(times["whole"])
    drawn = np.random.default_rng(0).choice(ratios, (1000, len(ratios)))
    low, high = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
    return f"{median(times[name]):8.2f} {np.median(ratios):5.2f} ({low:.2f}-{high:.2f})"


def cost(chosen: argparse.Namespace) -> None:
    """Count weights and operations, time every variant, print the tables."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for width in chosen.widths:
        for size in chosen.sizes:
            networks = {name: variant(size, width, *made) for name, made in VARIANTS.items()}
            print_weights(networks, size, width)
            print_times(networks, size, chosen.rounds, chosen.seconds)


def print_weights(networks: Mapping[str, HTNet], size: int, width: str) -> None:
    """Print each variant's weights, and the share of weights in other sets of as many layers."""
    count, whole = WIDTHS[width][1], _weights(networks["whole"])
    sizes = sorted(_weights(layer) for layer in removable(networks["whole"]).values())
    least, most = (100 * sum(some) / whole for some in (sizes[:count], sizes[-count:]))
    print(f"\n{width} at {size}x{size}: {count} of {len(sizes)} layers go, all of the last level")
    print(f"(which layers decides: any {count} are {least:.1f} to {most:.1f} % of the weights)")
    print("                     weights                MB     MFLOP  never moved")
    for name, network in networks.items():
        weights, flops = _weights(network), operations(size, width, *VARIANTS[name])
        print(
            f"{name:16} {weights:11,} {100 * (weights / whole - 1):+5.1f} % {on_disk(network) / 1e6:9.2f}"
            f" {flops / 1e6:9.1f} {100 * untouched(network, size) / weights:10.1f} %",
            flush=True,
        )


def print_times(networks: Mapping[str, HTNet], size: int, rounds: int, seconds: float) -> None:
    """Print milliseconds per sample, and their ratio to the whole network's in the same round."""
    runtimes = {
        "torch": {name: in_torch(network, size) for name, network in networks.items()},
        "ONNX": {name: in_onnx(networks[name], size) for name in ("whole", "pruned + agents")},
    }
    for runtime, calls in runtimes.items():
        times = in_turn(calls, rounds, seconds)
        print(f"{runtime}, {len(times['whole'])} rounds: ms and ratio to the whole network (95 % interval)")
        for name in times:
            print(f"{name:16} {against_whole(times, name)}", flush=True)


def score(chosen: argparse.Namespace) -> None:
    """Compare two runs and print the result. Raises RunError if they cannot be compared."""
    plain, pruned = (Run.load(path) for path in (chosen.plain, chosen.pruned))
    refuse_unlike(plain, pruned)
    found = compare_runs([plain, pruned])
    if not found:
        raise RunError(f"{plain.path} is {plain.rule}, {pruned.path} {pruned.rule}; compare runs of one rule")
    ((_, comparison),) = found
    print(f"{comparison.n} clips of {comparison.subjects} people, seeds: {comparison.seeds[0]}, {plain.rule}")
    for run in (plain, pruned):
        own = run.scores[run.rule]
        numbers = (
            f"{name} {own[key]:.4f} {_limits(own['ci95'][key])}"
            for key, name in (("uf1", "UF1"), ("uar", "UAR"))
        )
        print(f"{run.experiment.name:32} {'; '.join(numbers)}")
    for key, name in (("uf1", "UF1"), ("uar", "UAR")):
        print(f"{name} difference {comparison.difference[key]:+.4f} {_limits(comparison.ci95[key], '+')}")
    p = comparison.permutation_p
    print("permutation p", "not made" if p is None else f"{p:.4f}", *comparison.notes)


def refuse_unlike(plain: Run, pruned: Run) -> None:
    """Raise RunError if two runs differ in data, protocol, seeds or folds, and not in the network only."""
    for what in ("data", "protocol"):
        if getattr(plain.experiment, what) != getattr(pruned.experiment, what):
            raise RunError(f"{plain.path} and {pruned.path} differ in {what}; run both on the same")
    seeds = [(run.experiment.training.seed, run.experiment.training.seeds) for run in (plain, pruned)]
    folds = [{p.id: p.fold for p in run.by_seed[0]} for run in (plain, pruned)]
    for what, (one, other) in {"seeds": seeds, "folds": folds}.items():
        if one != other:
            raise RunError(f"{plain.path} and {pruned.path} have other {what}; run both with the same")


def _limits(limits: Sequence[float] | None, sign: str = "") -> str:
    return "(no interval)" if limits is None else f"({limits[0]:{sign}.4f} to {limits[1]:{sign}.4f})"


def main() -> None:
    """Parse the arguments and carry out the chosen command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True)
    look = commands.add_parser("entropy")
    look.add_argument("--data", action="append", default=[], metavar="DATASET=PATH")
    look.add_argument("--recipe", action="append", default=[])
    look.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    look.add_argument("--seeds", type=int, default=3)
    look.add_argument("--folds", type=int, default=3)
    look.add_argument("--keep", type=Path, help="folder of finished trainings, which are not done again")
    look.add_argument("--figure", type=Path)
    look.set_defaults(do=entropy)
    count = commands.add_parser("cost")
    count.add_argument("--sizes", type=int, nargs="+", default=[28, 56, 112])
    count.add_argument("--widths", nargs="+", choices=WIDTHS, default=list(WIDTHS))
    count.add_argument("--rounds", type=int, default=300, help="at most")
    count.add_argument("--seconds", type=float, default=15, help="and not for longer; ten rounds at least")
    count.set_defaults(do=cost)
    compared = commands.add_parser("score")
    compared.add_argument("plain", type=Path)
    compared.add_argument("pruned", type=Path)
    compared.set_defaults(do=score)
    chosen = parser.parse_args()
    try:
        chosen.do(chosen)
    except FleetingError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
