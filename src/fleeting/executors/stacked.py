"""All folds at once on a GPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from fleeting.executors import Work, executors


@executors.register("stacked")
def stacked(work: Work, shared: Any, jobs: Sequence[Any], workers: int) -> Iterator[Any]:  # noqa: ARG001
    """Train many folds of a network as one computation on a GPU, and one by one where that is faster.

    Folds go in groups that fit into the GPU's memory; a group's results come when it is done. What was done,
    and why, is in each result's cost. Other work than the training of folds is done job by job.
    """
    from fleeting import evaluation, stacking  # torch, which other users of executors do without

    if work is not evaluation.evaluate or not jobs:
        yield from (work(shared, job) for job in jobs)
    elif why := stacking.why_alone(shared):
        for job in jobs:
            result = work(shared, job)
            yield replace(result, cost=replace(result.cost, how=f"one by one ({why})"))
    else:
        size = stacking.folds_at_once(shared, jobs)
        for start in range(0, len(jobs), size):
            yield from stacking.evaluate_together(shared, jobs[start : start + size])
