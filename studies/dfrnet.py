"""Counts what DFR-Net's printed gate shuts; times it in torch and ONNX Runtime at four input sizes.

The printed attention of the fusion ends in a ReLU. Counted are the channels that are exactly 0 for each of 16
random samples before training, for ten seeds.

The paper reports "around 50 ms" and "around 60 ms" per sample on an Intel i7-1165G7 with four cores. It does
not say how many threads or which input size. Only the network is timed: flow and faces are extra. To show
what the speed of smaller inputs costs in accuracy, a network of a quarter of the width (the whole one takes
hours to train) is trained and scored at each size on drawn clips: CASME II's layout, folds by subject, all
faces warped from two photographs.

    python studies/dfrnet.py [--repeats 100] [--data FOLDER] [--subjects 5] [--epochs 30] [--no-score]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch

import fleeting
from fleeting.models import build
from fleeting.recognition.onnx import Deployed, graph
from fleeting.training.fitted import Fitted
from fleeting.types import FloatArray

SIZES = (112, 84, 56, 28)
NAMES = ("temporal", "spatial", "differential")


def shut(seed: int, gate: str) -> float:
    """The share of the fusion's channels that the attention sets to exactly 0 for each of 16 samples."""
    side = 28
    network = build("dfrnet", 3, [(3, side, side)] * 3, {"gate": gate}, seed=seed).eval()
    found: list[torch.Tensor] = []
    network.fusion.weigh.register_forward_hook(lambda _module, _given, out: found.append(out))
    generator = torch.Generator().manual_seed(seed)
    with torch.inference_mode():
        network(*(torch.randn(16, 3, side, side, generator=generator) for _ in NAMES))
    return float((found[0] == 0).all(dim=0).float().mean())


def latency(call: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median and 95th percentile of the time of a call in ms, after five calls that are not counted."""
    times = []
    for number in range(repeats + 5):
        start = time.perf_counter()
        call()
        if number >= 5:
            times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times)), float(np.quantile(times, 0.95))


def deployed(size: int) -> tuple[Deployed, list[FloatArray]]:
    """DFR-Net at full width, ready for export, and one random sample of ``size`` pixels."""
    shapes = [(3, size, size)] * 3
    network = build("dfrnet", 3, shapes, {}, seed=0)
    scaling = [torch.zeros(1, 3, 1, 1)] * 3, [torch.ones(1, 3, 1, 1)] * 3
    network.to(memory_format=torch.channels_last)
    generator = np.random.default_rng(0)
    sample = [generator.standard_normal((1, *shape), dtype=np.float32) for shape in shapes]
    return Deployed(Fitted(network, *scaling, torch.device("cpu"))), sample


def in_torch(whole: Deployed, sample: Sequence[FloatArray], threads: int) -> Callable[[], object]:
    """A call that runs the network in torch with ``threads`` threads."""
    arrays = [torch.from_numpy(a).contiguous(memory_format=torch.channels_last) for a in sample]

    def call() -> object:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            return whole(*arrays)

    return call


def in_onnx(content: bytes, sample: Sequence[FloatArray], threads: int) -> Callable[[], object]:
    """A call that runs the network in ONNX Runtime with ``threads`` threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, dict(zip(NAMES, sample, strict=True)))


def score(size: int, data: Path, epochs: int, out: Path) -> float:
    """Clean UF1 of the network of a quarter of the width at an input of ``size`` pixels."""
    changes = [
        "data.dataset=casme2",
        f"model.size={size}",
        f"training.epochs={epochs}",
        "protocol.name=loso",
        "training.device=cpu",
    ]
    experiment = fleeting.read_recipe("dfrnet/casme2", quick=True, changes=changes)
    return float(fleeting.run(experiment, {"casme2": data}, out / str(size)).scores["clean"]["uf1"])


def main() -> None:
    """Time each size, then train and score each size, and print the results."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--repeats", type=int, default=100)
    options.add_argument("--data", type=Path, help="a folder in CASME II's layout; without it, one is drawn")
    options.add_argument("--subjects", type=int, default=5, help="people that are drawn, of six clips each")
    options.add_argument("--epochs", type=int, default=30)
    options.add_argument("--no-score", action="store_true", help="only the times")
    chosen = options.parse_args()
    for gate in ("relu", "sigmoid"):
        shares = sorted(100 * shut(seed, gate) for seed in range(10))
        print(f"{gate}: {shares[0]:.0f} to {shares[-1]:.0f} % of channels shut for every sample at the start")
    print("The paper: 50 to 60 ms a sample on an Intel i7-1165G7. Here, batch 1, milliseconds:")
    print(f"{'size':>4} {'threads':>7}{'torch':>9}{'p95':>8}{'ONNX':>9}{'p95':>8}{'torch / ONNX':>14}")
    for size in SIZES:
        whole, sample = deployed(size)
        content = graph(whole, [a.repeat(2, axis=0) for a in sample], NAMES, {})
        for threads in (1, 2):
            ours, ours95 = latency(in_torch(whole, sample, threads), chosen.repeats)
            theirs, theirs95 = latency(in_onnx(content, sample, threads), chosen.repeats)
            numbers = f"{ours:9.1f}{ours95:8.1f}{theirs:9.1f}{theirs95:8.1f}{ours / theirs:14.2f}"
            print(f"{size:4} {threads:7}{numbers}", flush=True)
    if chosen.no_score:
        return
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        data = chosen.data or Path(folder, "casme2")
        if chosen.data is None:
            drawn = fleeting.draw(data, layout="casme2", subjects=chosen.subjects, clips=6, flows=0)
            print(drawn["people"])
        print("Clean UF1 of a quarter of the width on drawn clips, comparable with no published score:")
        for size in SIZES:
            print(f"{size:4} {score(size, data, chosen.epochs, Path(folder)):.3f}", flush=True)


if __name__ == "__main__":
    main()
