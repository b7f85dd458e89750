"""Many inputs worked on, one after another or several at once in processes of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Generic, TypeVar

from threadpoolctl import threadpool_limits

from fleeting.errors import FleetingError, OptionError
from fleeting.executors import executors
from fleeting.optional import cv2
from fleeting.recognition.recogniser import Recogniser
from fleeting.types import Progress, silent

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Work:
    """What all inputs share: the recogniser's name or file (None: none), and who is told of progress.

    The recogniser is loaded once in each process, when it is first asked for.
    """

    model: str | None
    progress: Progress

    @cached_property
    def recogniser(self) -> Recogniser | None:
        """The recogniser itself. Raises what `Recogniser.load` raises."""
        return None if self.model is None else Recogniser.load(self.model)

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: another process loads a recogniser of its own."""
        return {name: value for name, value in self.__dict__.items() if name != "recogniser"}


SharedWork = TypeVar("SharedWork", bound=Work)


def refuse_none(**counts: int) -> None:
    """Raise OptionError on a count, called by its name, that is below one."""
    for name, value in counts.items():
        if value < 1:
            raise OptionError(f"{name} is {value}, expected 1 or more")


def each(
    do: Callable[[SharedWork, Job], Outcome],
    work: SharedWork,
    jobs: Sequence[Job],
    workers: int,
    failed: Callable[[Job, str], Outcome],
) -> Iterator[tuple[Job, Outcome]]:
    """Every job with what ``do`` made of it, or ``failed`` of the reason, as they are done.

    In one process the work's progress is told of what happens within a job, in several it is not. The number
    of workers decides how many threads OpenCV takes in each, and nothing else.
    """
    alone = min(workers, len(jobs)) <= 1
    shared = _Shared(
        do=do,
        failed=failed,
        work=work if alone else replace(work, progress=silent),
        jobs=jobs,
        threads=None if alone else max(1, (os.cpu_count() or 1) // workers),
    )
    executor = executors["serial" if alone else "processes"]
    for place, outcome in executor(_attempt, shared, range(len(jobs)), workers):
        yield jobs[place], outcome


@dataclass(frozen=True)
class _Shared(Generic[Job, Outcome]):
    do: Callable[[Any, Job], Outcome]
    failed: Callable[[Job, str], Outcome]
    work: Any
    jobs: Sequence[Job]
    threads: int | None
    """Of OpenCV in a process that is one of several."""


def _attempt(shared: _Shared[Job, Outcome], place: int) -> tuple[int, Outcome]:
    """What is made of one job, or why nothing can be, in one line."""
    job = shared.jobs[place]
    if shared.threads is not None:
        cv2().setNumThreads(shared.threads)
    try:
        with threadpool_limits(1):
            return place, shared.do(shared.work, job)
    except (FleetingError, OSError, MemoryError) as error:
        return place, shared.failed(job, " ".join(str(error).split()) or type(error).__name__)
