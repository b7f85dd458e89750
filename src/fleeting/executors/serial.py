"""An executor that does one job after another, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fleeting.executors import Work, executors


@executors.register("serial")
def serial(
    work: Work,
    shared: Any,
    jobs: Sequence[Any],
    workers: int | None,  # noqa: ARG001
) -> Iterator[Any]:
    """Do the jobs one after another in this process."""
    for job in jobs:
        yield work(shared, job)
