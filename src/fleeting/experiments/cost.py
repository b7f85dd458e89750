"""Measures the time and memory that a run takes, over all its starts."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from fleeting.experiments.fold import FoldResult
from fleeting.experiments.run_folder import read_json
from fleeting.experiments.task import peak_memory_mb
from fleeting.files import write_atomically


class Meter:
    """The cost of a run so far, over all its starts, kept in ``cost.json``."""

    def __init__(self, out: Path) -> None:
        self._path = out / "cost.json"
        nothing = {"seconds": 0.0, "cpu_seconds": 0.0, "peak_memory_mb": 0.0}
        self._before = {**nothing, **(read_json(self._path) if self._path.exists() else {})}
        self._started, self._cpu = time.perf_counter(), 0.0
        self._peaks: dict[int, float] = {}

    def add(self, result: FoldResult) -> None:
        """Add the cost of one fold, and save."""
        cost = result.cost
        self._cpu += cost.cpu_seconds
        self._peaks[cost.process] = max(self._peaks.get(cost.process, 0.0), cost.peak_memory_mb)
        self.save()

    def save(self) -> None:
        """Write the cost so far: wall and processor seconds, and all processes' peak memory together (MB)."""
        peaks = {**self._peaks, os.getpid(): peak_memory_mb()}
        total = {
            "seconds": self._before["seconds"] + time.perf_counter() - self._started,
            "cpu_seconds": self._before["cpu_seconds"] + self._cpu,
            "peak_memory_mb": max(self._before["peak_memory_mb"], sum(peaks.values())),
        }
        if self._cpu or not self._path.exists():
            write_atomically(self._path, json.dumps(total) + "\n")
