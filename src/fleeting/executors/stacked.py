"""An executor that computes many jobs at once, where the work can do that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fleeting.executors import Work, executors


@executors.register("stacked")
def stacked(
    work: Work,
    shared: Any,
    jobs: Sequence[Any],
    workers: int | None,  # noqa: ARG001
) -> Iterator[Any]:
    """Do many jobs as one computation (folds of a network on a GPU), one by one where the work cannot.

    Work that can has an attribute ``together``: ``together(shared, jobs)`` yields every job's result.
    """
    together = getattr(work, "together", None)
    if together is None or not jobs:
        yield from (work(shared, job) for job in jobs)
    else:
        yield from together(shared, jobs)
