"""An executor carries out jobs somewhere and gives each result back as soon as it is done.

``executor(work, shared, jobs, workers)`` yields ``work(shared, job)`` for every job, in any order. ``shared``
is sent to each worker once. A result depends on its job alone, never on the worker or the time, so every
executor gives the same predictions; an executor that computes many jobs at once gives the same up to
rounding. Work that can be computed for many jobs at once has an attribute ``together``:
``work.together(shared, jobs)`` yields the result of every job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fleeting.registry import Registry

Work = Callable[[Any, Any], Any]
Executor = Callable[[Work, Any, Sequence[Any], int], Iterator[Any]]

executors: Registry[Executor] = Registry("executor", "fleeting.executors")
