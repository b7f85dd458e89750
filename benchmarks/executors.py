"""Times what an executor costs beside the work: to start, to send what all jobs share, and for each job.

The jobs do nothing but look at what they share. `ray` starts a cluster of this machine, or joins the one that
RAY_ADDRESS names. The ratio is that of a job's cost to `processes`'s.

    python benchmarks/executors.py [--jobs 1000] [--megabytes 100] [--workers 2]
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from fleeting.executors import executors


def looked(shared: np.ndarray, job: int) -> float:
    """One number of what all jobs share."""
    return float(shared[job % len(shared)])


def costs(name: str, jobs: int, shared: np.ndarray, workers: int) -> tuple[float, float]:
    """Seconds until the first result, and milliseconds for each further one."""
    start = time.perf_counter()
    results = executors[name](looked, shared, range(jobs), workers)
    next(results)
    first = time.perf_counter() - start
    count = sum(1 for _ in results)
    return first, 1000 * (time.perf_counter() - start - first) / count


def main() -> None:
    """Time each executor with little and with much to share, and print the costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    for megabytes in (0, chosen.megabytes):
        shared = np.zeros(1 + megabytes * 2**20 // 8)
        base = None
        for name in ("processes", "ray"):
            first, each = costs(name, chosen.jobs, shared, chosen.workers)
            base = base or each
            line = (
                f"{name:10} {megabytes:4} MB shared: first result {first:6.2f} s, then {each:6.3f} ms a job"
            )
            print(f"{line}, {each / base:.1f} times", flush=True)


if __name__ == "__main__":
    main()
