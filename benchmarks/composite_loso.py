"""Times STSTNet's composite LOSO: this project against a plain loop, as ratios measured in one run.

The plain loop does what public code does: one fold after another, a DataLoader that opens a picture file for
every sample of every epoch, three separate streams, torch's own choice of threads, and a score of the test
subject after every epoch. Both sides train the same folds for the same number of epochs. Without a folder of
real maps, drawn maps are used.

    python benchmarks/composite_loso.py [MAPS] [--folds 8] [--epochs 20]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from fleeting.executors import executors
from fleeting.experiments.fold import Job, evaluate
from fleeting.experiments.recipe import read_recipe
from fleeting.experiments.samples import prepare
from fleeting.experiments.task import Task


class Files(Dataset):
    """A dataset that opens a picture file for every sample, every time."""

    def __init__(self, paths: list[Path], labels: list[int]) -> None:
        self.paths, self.labels = paths, labels

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with Image.open(self.paths[index]) as picture:
            array = np.asarray(picture.convert("RGB"), dtype=np.float32)
        return torch.from_numpy(array.transpose(2, 0, 1) / 255), self.labels[index]


class ThreeStreams(nn.Module):
    """STSTNet with its three streams computed separately."""

    def __init__(self) -> None:
        super().__init__()
        self.streams = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(3, filters, 3, padding=1),
                nn.ReLU(),
                nn.BatchNorm2d(filters),
                nn.MaxPool2d(3, 3, 1),
                nn.Dropout(0.5),
            )
            for filters in (3, 5, 8)
        )
        self.pool, self.head = nn.AvgPool2d(2, 2), nn.Linear(400, 3)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.head(self.pool(torch.cat([stream(maps) for stream in self.streams], 1)).flatten(1))


def plain_fold(train: Dataset, test: Dataset, epochs: int, batch: int, rate: float) -> None:
    """Train one fold as the plain loop does."""
    model = ThreeStreams()
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(epochs):
        model.train()
        for maps, labels in DataLoader(train, batch, shuffle=True):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(maps), labels).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            for maps, _ in DataLoader(test, batch):
                model(maps).argmax(1)


def as_files(task: Task, folder: Path) -> dict[str, Path]:
    """Write each sample's map as a PNG, so that both sides start from the same pixels; its path by id."""
    paths = {}
    for number, (sample, array) in enumerate(zip(task.inputs.samples, task.inputs.arrays[0], strict=True)):
        paths[sample.id] = folder / f"{number}.png"
        Image.fromarray(np.rint(array).astype(np.uint8).transpose(1, 2, 0)).save(paths[sample.id])
    return paths


def plain(task: Task, jobs: list[Job], sides: Callable[[Job], tuple[Dataset, Dataset]]) -> float:
    """Seconds that the plain loop takes over these folds."""
    recipe = task.experiment.training
    started = time.perf_counter()
    for job in jobs:
        plain_fold(*sides(job), recipe.epochs, recipe.batch, recipe.lr)
    return time.perf_counter() - started


def ours(task: Task, jobs: list[Job], executor: str, workers: int) -> float:
    """Seconds that this project's executor takes over these folds, including the start of its processes."""
    started = time.perf_counter()
    for _ in executors[executor](evaluate, task, jobs, workers):
        pass
    return time.perf_counter() - started


def where_time_goes(task: Task, job: Job, most: int = 8) -> None:
    """Print the ``most`` operations that take the most time in one fold, by torch's profiler."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        evaluate(task, job)
    rows = sorted(profile.key_averages(), key=lambda row: -row.self_cpu_time_total)
    total = sum(row.self_cpu_time_total for row in rows)
    for row in rows[:most]:
        print(f"    {row.key:36s} {100 * row.self_cpu_time_total / total:4.0f} %")


def main() -> None:
    """Measure both sides and print the ratios."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("maps", nargs="?", type=Path, help="folder of the real motion maps")
    options.add_argument("--folds", type=int, default=8)
    options.add_argument("--epochs", type=int, default=20)
    options.add_argument("--workers", type=int, default=os.cpu_count())
    chosen = options.parse_args()
    source = "megc2019-flow" if chosen.maps else "drawn"
    recipe = read_recipe(
        "megc2019/ststnet", changes=[f"training.epochs={chosen.epochs}", f"data.dataset={source}"]
    )
    data = {source: chosen.maps} if chosen.maps else {}
    prepared = prepare(recipe.completed(), data, skip_damaged=False, progress=lambda *_: None)
    task = prepared.task
    jobs = [Job(fold, 0) for fold in prepared.folds[:: max(1, len(prepared.folds) // chosen.folds)]]
    index = {sample.id: row for row, sample in enumerate(task.inputs.samples)}
    labels = [task.classes.index(sample.label) for sample in task.inputs.samples]
    with tempfile.TemporaryDirectory() as folder:
        paths = as_files(task, Path(folder))

        def from_files(job: Job) -> tuple[Dataset, Dataset]:
            return tuple(
                Files([paths[s.id] for s in side], [labels[index[s.id]] for s in side])
                for side in (job.fold.train, job.fold.test)
            )

        def from_memory(job: Job) -> tuple[Dataset, Dataset]:
            rows = [[index[s.id] for s in side] for side in (job.fold.train, job.fold.test)]
            arrays = torch.from_numpy(task.inputs.arrays[0] / 255)
            return tuple(TensorDataset(arrays[r], torch.tensor(labels)[r]) for r in rows)

        plain(task, jobs[:1], from_memory)  # warm up
        rows = {
            "plain loop, DataLoader over files": plain(task, jobs, from_files),
            "plain loop, maps in memory": plain(task, jobs, from_memory),
            "fleeting, serial": ours(task, jobs, "serial", 1),
            f"fleeting, {chosen.workers} processes": ours(task, jobs, "processes", chosen.workers),
        }
    slowest = next(iter(rows.values()))
    print(f"{len(jobs)} of {len(prepared.folds)} folds, {len(labels)} maps, {chosen.epochs} epochs")
    for name, seconds in rows.items():
        print(f"{name:36s} {seconds:7.1f} s   {slowest / seconds:5.1f} times")
    print("where the time of one fold goes here:")
    where_time_goes(task, jobs[0])


if __name__ == "__main__":
    main()
