"""Applies one function to many inputs, one after another or several at once in processes of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Generic, TypeVar

from threadpoolctl import threadpool_limits

from fleeting.errors import FleetingError, OptionError, RunError
from fleeting.executors import executors
from fleeting.optional import cv2
from fleeting.recognition.recogniser import Recogniser
from fleeting.types import Progress, silent

PROCESSES = "processes"
"""The executor that has the workers where no other is asked for: processes of this machine."""
Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class WorkerContext:
    """What all inputs share: the recogniser's name or file (None: no recogniser), and the progress callback.

    The recogniser is loaded once in each process, when it is first asked for.
    """

    model: str | None
    progress: Progress

    @cached_property
    def recogniser(self) -> Recogniser | None:
        """The recogniser, loaded at the first access. Raises the errors of `Recogniser.load`."""
        return None if self.model is None else Recogniser.load(self.model)

    def __getstate__(self) -> dict[str, Any]:
        """The fields without the loaded recogniser: every process loads its own."""
        return {name: value for name, value in self.__dict__.items() if name != "recogniser"}


Context = TypeVar("Context", bound=WorkerContext)


def refuse_none(**counts: int) -> None:
    """Raise OptionError if a count, given by its name, is below one."""
    for name, value in counts.items():
        if value < 1:
            raise OptionError(f"{name} is {value}, expected 1 or more")


def workers_of(asked: int | None, executor: str) -> int | None:
    """How many workers an executor gets: where none are asked for, one of this machine, or all of a cluster.

    None stands for all. Raises OptionError where fewer than one are asked for.
    """
    if asked is None:
        return 1 if executor in (PROCESSES, "serial") else None
    refuse_none(workers=asked)
    return asked


def each(
    work: Callable[[Context, Job], Outcome],
    context: Context,
    jobs: Sequence[Job],
    workers: int | None,
    failed: Callable[[Job, str], Outcome],
    executor: str = PROCESSES,
) -> Iterator[tuple[Job, Outcome]]:
    """Yields every job with its outcome as it is done: ``work(context, job)``, or ``failed(job, reason)``.

    ``context.progress`` is called from within a job only if there is one process. The number of workers, and
    which of `fleeting.executors` has them, decide how many threads OpenCV uses in each process, and nothing
    else about an outcome. If a worker process dies, the jobs that are not done have failed for that reason.
    """
    alone = workers == 1 or len(jobs) <= 1
    shared = _Shared(
        work=work,
        failed=failed,
        context=context if alone else replace(context, progress=silent),
        jobs=jobs,
        threads=None if alone else max(1, (os.cpu_count() or 1) // (workers or len(jobs))),
    )
    carry_out = executors["serial" if alone else executor]
    left = dict(enumerate(jobs))
    try:
        for place, outcome in carry_out(_attempt, shared, range(len(jobs)), workers):
            yield left.pop(place), outcome
    except RunError as error:
        for job in left.values():
            yield job, failed(job, str(error))


@dataclass(frozen=True)
class _Shared(Generic[Job, Outcome]):
    work: Callable[[Any, Job], Outcome]
    failed: Callable[[Job, str], Outcome]
    context: Any
    jobs: Sequence[Job]
    threads: int | None
    """OpenCV's threads in a process that is one of several; None with a single process."""


def _attempt(shared: _Shared[Job, Outcome], place: int) -> tuple[int, Outcome]:
    """The number of a job and its outcome: what ``work`` returns, or what ``failed`` makes of the error."""
    job = shared.jobs[place]
    if shared.threads is not None:
        cv2().setNumThreads(shared.threads)
    try:
        with threadpool_limits(1):
            return place, shared.work(shared.context, job)
    except (FleetingError, OSError, MemoryError) as error:
        return place, shared.failed(job, " ".join(str(error).split()) or type(error).__name__)
