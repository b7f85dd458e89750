"""An executor carries out jobs somewhere and gives each result back as soon as it is there.

``executor(work, shared, jobs, workers)`` yields ``work(shared, job)`` for every job, in any order. ``shared``
reaches each worker once. Results depend on the job alone, never on who did it or when, so every executor
gives the same predictions; one that computes many jobs as one gives them up to rounding. Work that can do so
has an attribute ``together``: ``work.together(shared, jobs)`` yields the result of every job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fleeting.registry import Registry

Work = Callable[[Any, Any], Any]
Executor = Callable[[Work, Any, Sequence[Any], int], Iterator[Any]]

executors: Registry[Executor] = Registry("executor", "fleeting.executors")
